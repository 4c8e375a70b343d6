/// `tcp.STAT_PREFIX.`: one TCP proxy.
public struct TCPStats: StatView, Sendable {
    /// What only grows; a raw value is the rest of Envoy's name.
    public enum Counters: String, StatKey {
        case downstreamCxTotal = "downstream_cx_total"
        case downstreamCxNoRoute = "downstream_cx_no_route"
        case downstreamCxDrainClose = "downstream_cx_drain_close"
        case downstreamCxRxBytesTotal = "downstream_cx_rx_bytes_total"
        case downstreamCxTxBytesTotal = "downstream_cx_tx_bytes_total"
        case downstreamFlowControlPausedReadingTotal = "downstream_flow_control_paused_reading_total"
        case downstreamFlowControlResumedReadingTotal = "downstream_flow_control_resumed_reading_total"
        case idleTimeout = "idle_timeout"
        case maxDownstreamConnectionDuration = "max_downstream_connection_duration"
        case upstreamFlushTotal = "upstream_flush_total"
    }

    /// What rises and falls; a raw value is the rest of Envoy's name.
    public enum Gauges: String, GaugeKey {
        case downstreamCxRxBytesBuffered = "downstream_cx_rx_bytes_buffered"
        case downstreamCxTxBytesBuffered = "downstream_cx_tx_bytes_buffered"
        case upstreamFlushActive = "upstream_flush_active"

        /// Whether all workers see the same level, so that the largest counts instead of the sum.
        public var isShared: Bool { false }
    }

    static let kind = StatKind(
        "tcp.{envoy_tcp_prefix}.", counters: Counters.self, gauges: Gauges.self,
        starts: (firstGauge, 0, 0))
    static let id = StatKindID.tcp

    let group: StatGroup

    /// The handle of one counter; free to make, costs a load and a store to use.
    public subscript(counter: Counters) -> Counter { group.counter(ordinal(counter)) }
    /// The handle of one gauge.
    public subscript(gauge: Gauges) -> Gauge { group.gauge(Self.firstGauge + ordinal(gauge)) }

    private static let firstGauge = 10
}
