/// `http1.`: what the HTTP/1 codec of the downstream side met.
public struct HTTP1CodecStats: StatView, Sendable {
    /// What only grows; a raw value is the rest of Envoy's name.
    public enum Counters: String, StatKey {
        case droppedHeadersWithUnderscores = "dropped_headers_with_underscores"
        case requestsRejectedWithUnderscoresInHeaders = "requests_rejected_with_underscores_in_headers"
    }

    static let kind = StatKind(
        "http1.", counters: Counters.self)
    static let id = StatKindID.http1

    let group: StatGroup

    /// The handle of one counter; free to make, costs a load and a store to use.
    public subscript(counter: Counters) -> Counter { group.counter(ordinal(counter)) }
}

/// `http2.`: what the HTTP/2 codec of the downstream side met.
public struct HTTP2CodecStats: StatView, Sendable {
    /// What only grows; a raw value is the rest of Envoy's name.
    public enum Counters: String, StatKey {
        case droppedHeadersWithUnderscores = "dropped_headers_with_underscores"
        case goawaySent = "goaway_sent"
        case headerOverflow = "header_overflow"
        case inboundEmptyFramesFlood = "inbound_empty_frames_flood"
        case inboundPriorityFramesFlood = "inbound_priority_frames_flood"
        case inboundWindowUpdateFramesFlood = "inbound_window_update_frames_flood"
        case keepaliveTimeout = "keepalive_timeout"
        case outboundControlFlood = "outbound_control_flood"
        case outboundFlood = "outbound_flood"
        case requestsRejectedWithUnderscoresInHeaders = "requests_rejected_with_underscores_in_headers"
        case rxMessagingError = "rx_messaging_error"
        case rxReset = "rx_reset"
        case streamRefusedErrors = "stream_refused_errors"
        case trailers
        case txFlushTimeout = "tx_flush_timeout"
        case txReset = "tx_reset"
    }

    /// What rises and falls; a raw value is the rest of Envoy's name.
    public enum Gauges: String, GaugeKey {
        case streamsActive = "streams_active"

        /// Whether all workers see the same level, so that the largest counts instead of the sum.
        public var isShared: Bool { false }
    }

    static let kind = StatKind(
        "http2.", counters: Counters.self, gauges: Gauges.self,
        starts: (firstGauge, 0, 0))
    static let id = StatKindID.http2

    let group: StatGroup

    /// The handle of one counter; free to make, costs a load and a store to use.
    public subscript(counter: Counters) -> Counter { group.counter(ordinal(counter)) }
    /// The handle of one gauge.
    public subscript(gauge: Gauges) -> Gauge { group.gauge(Self.firstGauge + ordinal(gauge)) }

    private static let firstGauge = 16
}

/// `cluster.NAME.http2.`: what the HTTP/2 codec met on the side of one cluster.
public struct ClusterHTTP2CodecStats: StatView, Sendable {
    /// What only grows; a raw value is the rest of Envoy's name.
    public enum Counters: String, StatKey {
        case droppedHeadersWithUnderscores = "dropped_headers_with_underscores"
        case goawaySent = "goaway_sent"
        case headerOverflow = "header_overflow"
        case inboundEmptyFramesFlood = "inbound_empty_frames_flood"
        case inboundPriorityFramesFlood = "inbound_priority_frames_flood"
        case inboundWindowUpdateFramesFlood = "inbound_window_update_frames_flood"
        case keepaliveTimeout = "keepalive_timeout"
        case outboundControlFlood = "outbound_control_flood"
        case outboundFlood = "outbound_flood"
        case requestsRejectedWithUnderscoresInHeaders = "requests_rejected_with_underscores_in_headers"
        case rxMessagingError = "rx_messaging_error"
        case rxReset = "rx_reset"
        case streamRefusedErrors = "stream_refused_errors"
        case trailers
        case txFlushTimeout = "tx_flush_timeout"
        case txReset = "tx_reset"
    }

    /// What rises and falls; a raw value is the rest of Envoy's name.
    public enum Gauges: String, GaugeKey {
        case streamsActive = "streams_active"

        /// Whether all workers see the same level, so that the largest counts instead of the sum.
        public var isShared: Bool { false }
    }

    static let kind = StatKind(
        "cluster.{envoy_cluster_name}.http2.", counters: Counters.self, gauges: Gauges.self,
        starts: (firstGauge, 0, 0))
    static let id = StatKindID.clusterHTTP2

    let group: StatGroup

    /// The handle of one counter; free to make, costs a load and a store to use.
    public subscript(counter: Counters) -> Counter { group.counter(ordinal(counter)) }
    /// The handle of one gauge.
    public subscript(gauge: Gauges) -> Gauge { group.gauge(Self.firstGauge + ordinal(gauge)) }

    private static let firstGauge = 16
}
