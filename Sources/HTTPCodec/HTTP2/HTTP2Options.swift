/// Which end of the connection a session plays.
public enum HTTP2Role: Sendable {
    /// Receives requests: a downstream connection.
    case server
    /// Sends requests: an upstream connection.
    case client
}

/// What `http2_protocol_options` says about one connection, plus limits that Envoy keeps elsewhere.
///
/// The defaults are those that Envoy recommends at the edge; a configuration may set each.
public struct HTTP2Options: Sendable, Equatable {
    /// Streams that the peer may have open at once (`SETTINGS_MAX_CONCURRENT_STREAMS`).
    public var maxConcurrentStreams: UInt32 = 100
    /// Bytes of one stream that may be under way to us, not yet passed on.
    public var initialStreamWindow: Int32 = 64 * 1024
    /// Bytes of all streams that may be under way to us, not yet passed on; at least 65,535.
    public var initialConnectionWindow: Int32 = 1024 * 1024
    /// Size of the HPACK table of either direction, in bytes as RFC 7541 section 4.1 counts them.
    public var headerTableSize: UInt32 = 4096
    /// Decoded names and values of one header or trailer section, in bytes.
    public var maxHeaderBytes = 60 * 1024
    /// Fields of one header or trailer section; each cookie crumb is one.
    public var maxHeaderCount = 100
    /// Interim (1xx) responses to one request.
    public var maxInterimResponses = 16
    /// Whether CONNECT and extended CONNECT (RFC 8441) requests are taken.
    public var allowConnect = false
    /// A message that breaks the rules ends its stream alone (`stream_error_on_invalid_http_message`); else it ends the
    /// connection.
    public var keepsMalformed = true
    /// What becomes of fields of requests with an underscore in their name (`headers_with_underscores_action`).
    public var underscores = HTTP1Options.Underscores.allow
    /// What one peer may do before its connection is closed.
    public var abuse = AbuseLimits()

    public init() {}
}

/// Bounds on what is cheap to send and dear to receive. Names and defaults are Envoy's where Envoy has them.
public struct AbuseLimits: Sendable, Equatable {
    /// Frames of all kinds but DATA that wait to be written.
    public var maxOutboundFrames = 10_000
    /// Of these, frames that are not HEADERS: PING and SETTINGS acknowledgements, RST_STREAM, WINDOW_UPDATE.
    public var maxOutboundControlFrames = 1_000
    /// HEADERS, CONTINUATION and DATA frames in a row that carry nothing and end nothing.
    public var maxConsecutiveInboundFramesWithEmptyPayload = 1
    /// PRIORITY and PRIORITY_UPDATE frames, for each stream opened so far and one more.
    public var maxInboundPriorityFramesPerStream = 100
    /// WINDOW_UPDATE frames, for each DATA frame sent so far.
    public var maxInboundWindowUpdateFramesPerDataFrameSent = 10
    /// Requests after which more premature resets than completions close the connection.
    public var prematureResetStreamCount = 500
    /// A stream that lived at least this long was not reset prematurely; nanoseconds.
    public var prematureResetLifetime: UInt64 = 1_000_000_000
    /// Odd but legal frames (SETTINGS, PING, unknown types, our own RST_STREAM) that may come at once.
    public var glitchBurst = 1_000
    /// How many of them are forgiven each second.
    public var glitchesPerSecond = 100

    public init() {}
}
