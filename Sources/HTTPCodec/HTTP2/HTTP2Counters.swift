/// What happened on all connections that share this object, under Envoy's names (`http2.*`).
///
/// A worker has one for each stat prefix and adds it to its statistics; nothing here is shared between threads.
public final class HTTP2Counters {
    public var goawaySent: UInt64 = 0
    /// Fields left out, and requests refused, for an underscore in a name.
    public var droppedFieldsWithUnderscores: UInt64 = 0
    public var requestsRejectedForUnderscores: UInt64 = 0
    /// Streams reset because their header or trailer section was past a limit (`header_overflow`).
    public var headerOverflow: UInt64 = 0
    public var inboundEmptyFramesFlood: UInt64 = 0
    public var inboundPriorityFramesFlood: UInt64 = 0
    public var inboundWindowUpdateFramesFlood: UInt64 = 0
    public var outboundFlood: UInt64 = 0
    public var outboundControlFlood: UInt64 = 0
    /// Connections closed because most of their requests were reset early; Envoy keeps it with the connection manager.
    public var prematureResetFlood: UInt64 = 0
    /// Connections closed for too many odd frames; Envoy has no such limit.
    public var glitchFlood: UInt64 = 0
    /// Messages or frames that broke a rule (`rx_messaging_error`).
    public var receivedMessagingError: UInt64 = 0
    public var receivedReset: UInt64 = 0
    public var sentReset: UInt64 = 0
    /// Streams reset because the peer gave no window for the rest of a complete message (`tx_flush_timeout`).
    public var sentFlushTimeout: UInt64 = 0
    /// Streams refused because too many were at work (`stream_refused_errors`).
    public var streamRefusedErrors: UInt64 = 0
    public var trailers: UInt64 = 0
    /// Connections closed because a PING was not answered in time.
    public var keepaliveTimeout: UInt64 = 0
    /// A gauge: streams open now.
    public var streamsActive: Int = 0

    public init() {}

    /// Every counter with the name that follows `http2.` in Envoy's statistics.
    public var all: [(name: StaticString, value: UInt64)] {
        [
            ("goaway_sent", goawaySent),
            ("dropped_headers_with_underscores", droppedFieldsWithUnderscores),
            ("requests_rejected_with_underscores_in_headers", requestsRejectedForUnderscores),
            ("header_overflow", headerOverflow),
            ("inbound_empty_frames_flood", inboundEmptyFramesFlood),
            ("inbound_priority_frames_flood", inboundPriorityFramesFlood),
            ("inbound_window_update_frames_flood", inboundWindowUpdateFramesFlood),
            ("outbound_flood", outboundFlood),
            ("outbound_control_flood", outboundControlFlood),
            ("premature_reset_flood", prematureResetFlood),
            ("inbound_glitch_flood", glitchFlood),
            ("rx_messaging_error", receivedMessagingError),
            ("rx_reset", receivedReset),
            ("tx_reset", sentReset),
            ("tx_flush_timeout", sentFlushTimeout),
            ("stream_refused_errors", streamRefusedErrors),
            ("trailers", trailers),
            ("keepalive_timeout", keepaliveTimeout),
        ]
    }

    func count(_ flood: HTTP2Flood) {
        switch flood {
        case .outboundFrames: outboundFlood += 1
        case .outboundControlFrames: outboundControlFlood += 1
        case .inboundEmptyFrames: inboundEmptyFramesFlood += 1
        case .inboundPriorityFrames: inboundPriorityFramesFlood += 1
        case .inboundWindowUpdateFrames: inboundWindowUpdateFramesFlood += 1
        case .prematureResets: prematureResetFlood += 1
        case .glitches: glitchFlood += 1
        }
    }
}
