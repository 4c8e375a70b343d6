import Bytes
import HTTPModel
import Observability
import Reactor

/// The side of an upstream connection that speaks to the host: HTTP/1 or HTTP/2.
@WorkerActor protocol UpstreamCodec: AnyObject {
    var version: HTTPVersion { get }
    /// The pool's number of this connection.
    var number: Int { get }
    var transport: Transport { get }
    var connectionID: UInt64 { get }
    /// What the handshake with the host came to; nil without TLS.
    var tlsFacts: TLSFacts? { get }
    /// Requests that this connection has begun.
    var requestCount: UInt64 { get }
    /// Sends a request's head, which lies in the stream's request headers and is lent for the length of the call: nobody
    /// is told of an end from inside it.
    /// - Returns: why the request cannot be sent; the pool has been told, the request has not. Nil when it is under way.
    func sendHeaders(_ request: UpstreamRequest, _ fields: inout HeaderBlock, endStream: Bool) -> StreamReset?
    func sendData(_ request: UpstreamRequest, _ bytes: UnsafeRawBufferPointer, endStream: Bool)
    func sendTrailers(_ request: UpstreamRequest, _ fields: borrowing HeaderBlock)
    /// Gives the request up; nothing is told of it any more.
    func abandon(_ request: UpstreamRequest)
    func pauseResponse(_ request: UpstreamRequest)
    func resumeResponse(_ request: UpstreamRequest)
    /// Ends the connection when its requests have ended.
    func drain()
}
