/// One host of a cluster, as `/clusters` shows it; not among the statistics, as in Envoy.
public struct HostStats: StatView, Sendable {
    /// What only grows; a raw value is Envoy's name.
    public enum Counters: String, StatKey {
        case cxConnectFail = "cx_connect_fail"
        case cxTotal = "cx_total"
        case rqError = "rq_error"
        case rqSuccess = "rq_success"
        case rqTimeout = "rq_timeout"
        case rqTotal = "rq_total"
    }

    /// What rises and falls; a raw value is Envoy's name.
    public enum Gauges: String, GaugeKey {
        case cxActive = "cx_active"
        case rqActive = "rq_active"

        /// Whether all workers see the same level, so that the largest counts instead of the sum.
        public var isShared: Bool { false }
    }

    static let kind = StatKind(
        "host.{envoy_cluster_name}.{address}.", counters: Counters.self, gauges: Gauges.self, starts: (firstGauge, 0, 0))
    static let id = StatKindID.host

    let group: StatGroup

    /// The handle of one counter; free to make, costs a load and a store to use.
    public subscript(counter: Counters) -> Counter { group.counter(ordinal(counter)) }
    /// The handle of one gauge.
    public subscript(gauge: Gauges) -> Gauge { group.gauge(Self.firstGauge + ordinal(gauge)) }

    /// Counts the answer to a request: of the server's own fault, or not.
    public func countAnswer(_ status: Int) { self[status >= 500 ? .rqError : .rqSuccess].add() }

    private static let firstGauge = 6
}
