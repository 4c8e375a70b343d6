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

    private struct Metric {
        let kind: Kind
        var series: Set<StatLabels> = []
    }

    private var metrics: [String: Metric] = [:]
    private var room = 0
    private static let overflow = StatLabels([("overflow", "true")])

    init() {}

    /// The labels to count under; nil when the name is of another kind, no name of a metric, or one too many.
    public func labels(_ name: String, _ kind: Kind, _ labels: StatLabels) -> StatLabels? {
        guard var metric = metrics[name] ?? newMetric(name, kind), metric.kind == kind else { return nil }
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

    private func newMetric(_ name: String, _ kind: Kind) -> Metric? {
        guard metrics.count < Self.maximumNames, Self.isName(name) else { return nil }
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
