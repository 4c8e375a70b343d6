package import Bytes
package import Observability
package import Reactor

/// Where a finished request is written down: a file, standard output.
@WorkerActor package protocol AccessLogSink: AnyObject {
    func write(_ stream: Stream)
}

extension Stream {
    /// Appends what `format` makes of this stream.
    package func format(_ format: SubstitutionFormat, into writer: inout ByteWriter) {
        format.append(
            to: &writer, request: requestHeaders, response: responseHeaders, trailers: responseTrailers, info: info)
    }
}
