/// What happened on a connection, in order. Drained with ``HTTP2Session/nextEvent()`` after each `receive` and `produce`.
public struct HTTP2Event {
    /// What happened.
    public enum Kind {
        /// A request or final response head is in ``HTTP2Stream/fields``; a server hears of the stream for the first time.
        case headers(endStream: Bool)
        /// An interim (1xx) response head is in ``HTTP2Stream/fields``.
        case interim
        /// A piece of the body, valid until the next `receive`. Give its count back with ``HTTP2Session/consumed(_:_:)``.
        case data(UnsafeRawBufferPointer, endStream: Bool)
        /// Trailers are in ``HTTP2Stream/fields``; they end the stream's inbound side.
        case trailers
        /// ``HTTP2Stream/outboundCount`` fell to ``HTTP2Stream/writableBelow``, which is unset now.
        case writable
        /// The last event of a stream: drop every reference to it before the next `nextEvent`.
        case closed(HTTP2ErrorCode, HTTP2CloseCause)
        /// The peer opens no more streams and serves none of ours above `lastStreamID`.
        case goAway(lastStreamID: Int32, HTTP2ErrorCode)
        /// The peer sent SETTINGS; it takes this many streams at once.
        case settingsChanged(maxConcurrentStreams: UInt32)
        /// The peer answered the PING that carried these eight bytes.
        case pingAck(UInt64)
    }

    /// What happened.
    public let kind: Kind
    /// The stream concerned; nil for what concerns the connection.
    public let stream: HTTP2Stream?
}

/// Who ended a stream.
public enum HTTP2CloseCause: UInt8, Sendable {
    /// Both sides ended it, or a reset with NO_ERROR came when all of the message was there.
    case complete
    /// The peer sent RST_STREAM.
    case peerReset
    /// The peer did not process the request at all: it may be tried elsewhere (RFC 9113 section 8.7).
    case unprocessed
    /// This session reset it, because the peer broke a rule or a limit.
    case violation
    /// The connection is gone.
    case connectionLost
}

/// An event as it waits: a trivial value, so that the queue moves plain memory.
struct HTTP2EventRecord {
    enum Kind: UInt8 {
        case headers, interim, data, trailers, writable, closed, goAway, settingsChanged, pingAck
    }

    var kind: Kind
    var endStream = false
    var cause = HTTP2CloseCause.complete
    var code: UInt32 = 0
    /// A stream id, a byte count or an opaque value, by `kind`.
    var number: UInt64 = 0
    var bytes: UnsafeRawPointer?
    // Safety: a stream outlives its records: it goes back to the pool when its `closed` record is drained.
    var stream: Unmanaged<HTTP2Stream>?
    // Safety: owned by the record until it is drained or dropped.
    var section: Unmanaged<HTTP2FieldSection>?
}
