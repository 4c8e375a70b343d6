/// The metrics of the business that scripts have made in one process: one type a name, and a bound on their labels.
public final class MetricBook {
    /// Names of metrics.
    public static let maximumNames = 256
    /// Series of one metric; what comes after them counts as one series with the label `overflow`.
    public static let maximumSeries = 200
    /// Bytes of a set of labels, separators included.
    public static let maximumLabels = 512
    /// Bytes that all series together take of the statistics, in which those of the proxy's own need their place.
    public static let maximumRoom = 8 << 20

    /// What a metric is.
    public enum Kind: Sendable {
        case counter, gauge, histogram
    }

    /// Why there is no such metric.
    public enum Refusal: Error, Equatable, CustomStringConvertible {
        /// The name cannot be one.
        case name
        /// It is of this kind.
        case kind(Kind)
        /// There are ``maximumNames`` already.
        case tooMany

        public var description: String {
            switch self {
            case .name: "is no name of a metric: at most 100 letters, digits and \"_\", no digit first and not envoy_"
            case .kind(let kind): "is a \(kind) already"
            case .tooMany: "is one metric too many: there are \(maximumNames)"
            }
        }
    }

    private struct Metric {
        let kind: Kind
        var series: Set<StatLabels> = []
    }

    private var metrics: [String: Metric] = [:]
    private var room = 0
    private static let overflow = StatLabels([("overflow", "true")])

    init() {}

    /// The labels to count under.
    public func labels(_ name: String, _ kind: Kind, _ labels: StatLabels) throws(Refusal) -> StatLabels {
        var metric: Metric
        if let known = metrics[name] { metric = known } else { metric = try newMetric(name, kind) }
        guard metric.kind == kind else { throw .kind(metric.kind) }
        if metric.series.contains(labels) { return labels }
        let size = labels.encoded.utf8.count
        let needed = Self.seriesRoom + size + name.utf8.count + (kind == .histogram ? HistogramBuckets.words * 8 : 0)
        guard metric.series.count < Self.maximumSeries, size <= Self.maximumLabels, room + needed <= Self.maximumRoom else {
            metrics[name] = metric
            return Self.overflow
        }
        room += needed
        metric.series.insert(labels)
        metrics[name] = metric
        return labels
    }

    /// What a series takes besides its names: a record's head, and its value.
    private static let seriesRoom = 64

    private func newMetric(_ name: String, _ kind: Kind) throws(Refusal) -> Metric {
        guard Self.isName(name) else { throw .name }
        guard metrics.count < Self.maximumNames else { throw .tooMany }
        return Metric(kind: kind)
    }

    /// Prometheus' rule; names like Envoy's own are not for scripts.
    private static func isName(_ name: String) -> Bool {
        guard let first = name.utf8.first, !(first >= 0x30 && first <= 0x39), name.utf8.count <= 100, !name.hasPrefix("envoy_") else {
            return false
        }
        return StatName.metric(name) == name
    }
}
