/// `tcp.STAT_PREFIX.`: one TCP proxy.
public struct TCPStats: StatView, Sendable {
    /// What only grows; a raw value is the rest of Envoy's name.
    public enum Counters: String, StatKey {
        case downstreamCxTotal = "downstream_cx_total"
        case downstreamCxNoRoute = "downstream_cx_no_route"
        case downstreamCxRxBytesTotal = "downstream_cx_rx_bytes_total"
        case downstreamCxTxBytesTotal = "downstream_cx_tx_bytes_total"
        case downstreamFlowControlPausedReadingTotal = "downstream_flow_control_paused_reading_total"
        case downstreamFlowControlResumedReadingTotal = "downstream_flow_control_resumed_reading_total"
        case idleTimeout = "idle_timeout"
        case maxDownstreamConnectionDuration = "max_downstream_connection_duration"
    }

    static let kind = StatKind(
        "tcp.{envoy_tcp_prefix}.", counters: Counters.self)
    static let id = StatKindID.tcp

    let group: StatGroup

    /// The handle of one counter; free to make, costs a load and a store to use.
    public subscript(counter: Counters) -> Counter { group.counter(ordinal(counter)) }
}
