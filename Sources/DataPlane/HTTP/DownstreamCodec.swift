import Bytes
package import HTTPModel
package import Reactor

/// Why a stream is reset.
package enum StreamReset: Equatable, Sendable {
    /// We end it: timeout, local reply that cannot be sent, response broken off.
    case local
    /// The peer reset it.
    case remote
    /// The peer reset it and did not process it (REFUSED_STREAM, above GOAWAY).
    case remoteRefused
    /// The peer broke the protocol.
    case protocolError
    /// The connection ended.
    case connectionTermination
    /// The connection could not be made, or not in time.
    case connectionFailure, connectionTimeout
    /// The limits of the cluster refuse it.
    case overflow
}

/// The side of a downstream connection that speaks to the client: HTTP/1 or HTTP/2.
@WorkerActor package protocol DownstreamCodec: AnyObject {
    var version: HTTPVersion { get }
    /// Bytes from the client; see ``TransportOwner``.
    func receive(_ bytes: UnsafeRawBufferPointer) -> Int
    /// The client ended its direction.
    func inputEnded()
    /// Sends 100 Continue, or the interim head in the stream's response headers.
    func sendInterim(_ stream: Stream, status: Int)
    /// Sends ``Stream/responseHeaders``.
    func sendHeaders(_ stream: Stream, endStream: Bool)
    func sendData(_ stream: Stream, _ bytes: UnsafeRawBufferPointer, endStream: Bool)
    /// Sends ``Stream/responseTrailers`` and ends the stream.
    func sendTrailers(_ stream: Stream)
    func reset(_ stream: Stream, _ reason: StreamReset)
    /// The request's sender is to be slowed down, or may go on.
    func pauseRequest(_ stream: Stream)
    func resumeRequest(_ stream: Stream)
    /// Both directions are over and nothing of the stream will be used again.
    func streamFinished(_ stream: Stream)
    /// No new requests from here on: GOAWAY, or `Connection: close` on the next response.
    func drain()
    /// As ``drain()``, but the connection stays open while it is idle: its client may be sending a request already.
    func retire()
    /// The connection's output crossed its watermark.
    func outputCrossed(_ crossing: Watermark.Crossing)
    /// The connection is gone; every stream ends.
    func connectionClosed(_ reason: TransportClose)
}
