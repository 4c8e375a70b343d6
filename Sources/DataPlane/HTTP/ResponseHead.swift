import Bytes
import HTTPModel
import Observability
import Reactor

/// What the connection manager does to every response head after the last filter: who answered, when, and the numbers
/// that the response is counted by.
@WorkerActor enum ResponseHead {
    static func complete(_ stream: Stream, endStream: Bool) {
        let config = stream.config
        var status = stream.responseHeaders.status
        if status < 100 || status > 599 {
            // A filter took the status away, or wrote nonsense in its place.
            status = 502
            stream.responseHeaders.set(.status, decimal: status)
        }
        stream.info.responseCode = UInt16(clamping: status)
        switch config.serverHeader {
        case .overwrite: stream.responseHeaders.set(.server, config.serverName.bytes)
        case .appendIfAbsent:
            if !stream.responseHeaders.has(.server) { stream.responseHeaders.append(.server, config.serverName.bytes) }
        case .passThrough: break
        }
        if !stream.responseHeaders.has(.date) { stream.responseHeaders.append(.date, stream.worker.httpDate()) }
        if config.alwaysSetRequestIDInResponse, let id = stream.requestHeaders.get(.xRequestID) {
            stream.responseHeaders.set(.xRequestID, id)
        }
        if let via = config.via { stream.responseHeaders.append(.via, via.bytes) }
        if stream.isGRPC, endStream, let code = stream.responseHeaders.get(.grpcStatus)?.decimal {
            stream.info.grpcStatus = UInt32(clamping: code)
        }
        if let explain = stream.config.explainHeader, let recorder = stream.recorder {
            stream.responseHeaders.set(explain, recorder.summary)
        }
    }
}
