/// Why a stream or a connection ended, as RST_STREAM and GOAWAY say it (RFC 9113 section 7).
public struct HTTP2ErrorCode: RawRepresentable, Equatable, Hashable, Sendable {
    public let rawValue: UInt32

    public init(rawValue: UInt32) { self.rawValue = rawValue }

    init(_ rawValue: UInt32) { self.rawValue = rawValue }

    /// The codes of RFC 9113 section 7, in its order.
    public static let noError = HTTP2ErrorCode(0)
    public static let protocolError = HTTP2ErrorCode(1)
    public static let internalError = HTTP2ErrorCode(2)
    public static let flowControlError = HTTP2ErrorCode(3)
    public static let settingsTimeout = HTTP2ErrorCode(4)
    public static let streamClosed = HTTP2ErrorCode(5)
    public static let frameSizeError = HTTP2ErrorCode(6)
    public static let refusedStream = HTTP2ErrorCode(7)
    public static let cancel = HTTP2ErrorCode(8)
    public static let compressionError = HTTP2ErrorCode(9)
    public static let connectError = HTTP2ErrorCode(10)
    public static let enhanceYourCalm = HTTP2ErrorCode(11)
    public static let inadequateSecurity = HTTP2ErrorCode(12)
    public static let http11Required = HTTP2ErrorCode(13)
}

/// Which limit of ``AbuseLimits`` a peer went past.
public enum HTTP2Flood: Sendable, Equatable {
    case outboundFrames
    case outboundControlFrames
    case inboundEmptyFrames
    case inboundPriorityFrames
    case inboundWindowUpdateFrames
    case prematureResets
    case glitches
}

/// Why a whole connection cannot go on. What waits in the session (a GOAWAY) should still be written, then it closes.
public enum HTTP2Failure: Error, Sendable, Equatable {
    /// The first bytes were not the connection preface (RFC 9113 section 3.4): this is no HTTP/2 client.
    case notHTTP2
    /// The peer broke the protocol; GOAWAY says so with this code.
    case protocolViolation(HTTP2ErrorCode)
    /// The peer went past a limit; GOAWAY says ENHANCE_YOUR_CALM.
    case flood(HTTP2Flood)
    /// The library gave up (its error number): out of memory, or a call that it did not expect.
    case library(Int)
}
