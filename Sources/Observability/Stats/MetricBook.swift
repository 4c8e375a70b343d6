/// The metrics of the business that scripts have made in one process: one type a name, and a bound on their labels.
public final class MetricBook {
    /// Names of metrics.
    public static let maximumNames = 256
    /// Series of one metric; what comes after them counts as one series with the label `overflow`.
    public static let maximumSeries = 200

    /// What a metric is.
    public enum Kind: Sendable {
        case counter, gauge, histogram
    }

    private struct Metric {
        let kind: Kind
        var series: Set<StatLabels> = []
    }

    private var metrics: [String: Metric] = [:]
    private static let overflow = StatLabels([("overflow", "true")])

    init() {}

    /// The labels to count under; nil when the name is of another kind, no name of a metric, or one too many.
    public func labels(_ name: String, _ kind: Kind, _ labels: StatLabels) -> StatLabels? {
        guard var metric = metrics[name] ?? newMetric(name, kind), metric.kind == kind else { return nil }
        if metric.series.contains(labels) { return labels }
        guard metric.series.count < Self.maximumSeries else { return Self.overflow }
        metric.series.insert(labels)
        metrics[name] = metric
        return labels
    }

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
