package import Bytes
package import Observability
import Reactor

/// Where a finished request or connection is written down: a file, standard output.
@WorkerActor protocol AccessLogSink: AnyObject {
    func write(_ stream: Stream)
    func write(_ connection: ConnectionRecord, scratch: inout ByteWriter)
}

extension Stream {
    /// Appends what `format` makes of this stream.
    package func format(_ format: SubstitutionFormat, into writer: inout ByteWriter) {
        format.append(
            to: &writer, request: requestHeaders, response: responseHeaders, trailers: responseTrailers, info: info)
    }
}
