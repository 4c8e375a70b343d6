/// `vhost.VIRTUAL_HOST.vcluster.NAME.`: the requests of a virtual host that look alike to whoever watches it.
public struct VirtualClusterStats: StatView, Sendable {
    /// What only grows; a raw value is the rest of Envoy's name.
    public enum Counters: String, StatKey {
        case upstreamRqTotal = "upstream_rq_total"
        case upstreamRqCompleted = "upstream_rq_completed"
        case upstreamRqTimeout = "upstream_rq_timeout"
        case upstreamRqRetry = "upstream_rq_retry"
        case upstreamRq1xx = "upstream_rq_1xx"
        case upstreamRq2xx = "upstream_rq_2xx"
        case upstreamRq3xx = "upstream_rq_3xx"
        case upstreamRq4xx = "upstream_rq_4xx"
        case upstreamRq5xx = "upstream_rq_5xx"
    }

    /// What is recorded as a distribution; a raw value is the rest of Envoy's name.
    public enum Histograms: String, HistogramKey {
        case upstreamRqTime = "upstream_rq_time"

        /// Whether times in microseconds are recorded, shown in milliseconds.
        public var isTiming: Bool { true }
    }

    static let kind = StatKind(
        "vhost.{envoy_virtual_host}.vcluster.{envoy_virtual_cluster}.", counters: Counters.self,
        histograms: Histograms.self, codes: "upstream_rq_", starts: (0, firstHistogram, firstCodes))
    static let id = StatKindID.virtualCluster

    let group: StatGroup

    /// The handle of one counter; free to make, costs a load and a store to use.
    public subscript(counter: Counters) -> Counter { group.counter(ordinal(counter)) }

    /// The handle of one distribution.
    public subscript(histogram: Histograms) -> Histogram { group.histogram(Self.firstHistogram + ordinal(histogram)) }

    /// Counts one response, or what was answered in its place; statuses outside 100...599 are not counted by class and code.
    public func countAnswer(_ status: Int) {
        self[.upstreamRqCompleted].add()
        guard status >= 100, status < 600 else { return }
        group.counter(ordinal(Counters.upstreamRq1xx) + status / 100 - 1).add()
        group.codes(Self.firstCodes).add(status)
    }

    private static let firstHistogram = 9
    private static let firstCodes = 10
}
