/// Why a stream or a connection ended, as RST_STREAM and GOAWAY say it (RFC 9113 section 7).
package struct HTTP2ErrorCode: RawRepresentable, Equatable, Hashable, Sendable {
    package let rawValue: UInt32

    package init(rawValue: UInt32) { self.rawValue = rawValue }

    init(_ rawValue: UInt32) { self.rawValue = rawValue }

    /// The codes of RFC 9113 section 7, in its order.
    package static let noError = HTTP2ErrorCode(0)
    package static let protocolError = HTTP2ErrorCode(1)
    package static let internalError = HTTP2ErrorCode(2)
    package static let flowControlError = HTTP2ErrorCode(3)
    package static let settingsTimeout = HTTP2ErrorCode(4)
    package static let streamClosed = HTTP2ErrorCode(5)
    package static let frameSizeError = HTTP2ErrorCode(6)
    package static let refusedStream = HTTP2ErrorCode(7)
    package static let cancel = HTTP2ErrorCode(8)
    package static let compressionError = HTTP2ErrorCode(9)
    package static let connectError = HTTP2ErrorCode(10)
    package static let enhanceYourCalm = HTTP2ErrorCode(11)
    package static let inadequateSecurity = HTTP2ErrorCode(12)
    package static let http11Required = HTTP2ErrorCode(13)
}

/// Which limit of ``AbuseLimits`` a peer went past.
package enum HTTP2Flood: Sendable, Equatable {
    case outboundFrames
    case outboundControlFrames
    case inboundEmptyFrames
    case inboundPriorityFrames
    case inboundWindowUpdateFrames
    case prematureResets
    case glitches
}

/// Why a whole connection cannot go on. What waits in the session (a GOAWAY) should still be written, then it closes.
package enum HTTP2Failure: Error, Sendable, Equatable {
    /// The first bytes were not the connection preface (RFC 9113 section 3.4): this is no HTTP/2 client.
    case notHTTP2
    /// The peer broke the protocol; GOAWAY says so with this code.
    case protocolViolation(HTTP2ErrorCode)
    /// The peer went past a limit; GOAWAY says ENHANCE_YOUR_CALM.
    case flood(HTTP2Flood)
    /// The library gave up (its error number): out of memory, or a call that it did not expect.
    case library(Int)
}
