import Bytes
import HTTPModel
import Reactor

/// Whoever has requests answered by hosts: the router, for a stream, or an ``UpstreamCall``, for the proxy itself. Gives
/// its ``UpstreamRequest`` the message to send and takes what comes back.
@WorkerActor protocol UpstreamRequestOwner: AnyObject {
    /// Whether somebody still waits for the answer.
    var isActive: Bool { get }
    /// The request asks for another protocol on its connection.
    var isUpgrade: Bool { get }
    /// That protocol as the request's head names it (`Upgrade`); nil for none, and for CONNECT.
    var upgradeToken: UnsafeRawBufferPointer? { get }
    /// Bytes of body that may wait for a connection before the sender is slowed down.
    var bufferLimit: Int { get }

    /// The request has its connection.
    func connected(_ codec: any UpstreamCodec)
    /// Hands the request's head to the codec.
    /// - Returns: why it cannot be sent; nil when it is under way.
    func sendHead(_ request: UpstreamRequest, to codec: any UpstreamCodec, endStream: Bool) -> StreamReset?
    /// Hands the request's trailers to the codec.
    func sendTrailers(_ request: UpstreamRequest, to codec: any UpstreamCodec)
    /// So many bytes of head went out.
    func headWritten(_ bytes: Int)
    /// The request's sender is to be slowed down, or may go on.
    func pauseRequest()
    func resumeRequest()

    /// No connection could be had.
    func attemptFailed(_ reason: StreamReset, reason text: StaticString, detail: String?)
    /// The attempt broke off on its connection.
    func attemptReset(_ reason: StreamReset, afterHead: Bool, onReusedConnection: Bool)

    func responseInterim(_ fields: inout HeaderBlock)
    func responseHeaders(_ fields: inout HeaderBlock, endStream: Bool)
    func responseData(_ bytes: UnsafeRawBufferPointer, endStream: Bool)
    func responseTrailers(_ fields: inout HeaderBlock)
}
