/// How a statistic is stored, merged over workers and shown. The raw values are part of the region's layout.
public enum StatType: UInt8, Sendable {
    /// Only grows; summed.
    case counter = 0
    /// A level of this worker; summed.
    case gauge = 1
    /// A level that every worker sees alike (members of a cluster, uptime); the largest counts.
    case sharedGauge = 2
    /// A distribution of times: recorded in microseconds, shown in milliseconds as Envoy does.
    case timing = 3
    /// A distribution of plain numbers.
    case distribution = 4
    /// Counters by response status, made when a status is first seen; the code follows the statistic's name.
    case codes = 5
}

/// One statistic of a kind.
public struct StatDefinition: Hashable, Sendable {
    /// Envoy's name, without that of its group.
    public let name: String
    public let type: StatType
}

/// A table of statistics that belong to one thing: a cluster, a listener …
public struct StatKind: Hashable, Sendable {
    /// Envoy's name of a group with a label's name in braces for each part that differs: `cluster.{envoy_cluster_name}.`
    /// An empty part goes together with the dot behind it. `{+name}` is a part of the metric's own name instead of a
    /// label, and `{*}` stands for labels with their values (``StatLabels``).
    public let pattern: String
    public let stats: [StatDefinition]
}

/// One statistic's place in its kind. Conformers are enums without payloads whose raw values are Envoy's names.
protocol StatKey: CaseIterable, RawRepresentable, Sendable where RawValue == String {}

/// Gauges that every worker sees alike say so.
protocol GaugeKey: StatKey {
    var isShared: Bool { get }
}

/// Distributions say what they are of.
protocol HistogramKey: StatKey {
    var isTiming: Bool { get }
}

/// For kinds without gauges or distributions.
public enum NoGauges: String, GaugeKey {
    case none = ""
    /// None.
    public static let allCases: [NoGauges] = []
    public var isShared: Bool { false }
}

/// For kinds without distributions.
public enum NoHistograms: String, HistogramKey {
    case none = ""
    /// None.
    public static let allCases: [NoHistograms] = []
    public var isTiming: Bool { false }
}

extension StatKind {
    /// Lays counters out first, then gauges, distributions and the status codes. The views know where each part begins
    /// as literals, which cost nothing to use; here they are checked, once.
    init<C: StatKey, G: GaugeKey, H: HistogramKey>(
        _ pattern: String, counters: C.Type, gauges: G.Type = NoGauges.self, histograms: H.Type = NoHistograms.self,
        codes: String? = nil, starts: (gauges: Int, histograms: Int, codes: Int) = (0, 0, 0)
    ) {
        self.pattern = pattern
        var stats: [StatDefinition] = []
        for (index, key) in C.allCases.enumerated() {
            precondition(ordinal(key) == index, "cases are not stored as their ordinals")
            stats.append(StatDefinition(name: key.rawValue, type: .counter))
        }
        precondition(G.allCases.isEmpty || starts.gauges == stats.count, "gauges begin elsewhere")
        for (index, key) in G.allCases.enumerated() {
            precondition(ordinal(key) == index, "cases are not stored as their ordinals")
            stats.append(StatDefinition(name: key.rawValue, type: key.isShared ? .sharedGauge : .gauge))
        }
        precondition(H.allCases.isEmpty || starts.histograms == stats.count, "distributions begin elsewhere")
        for (index, key) in H.allCases.enumerated() {
            precondition(ordinal(key) == index, "cases are not stored as their ordinals")
            stats.append(StatDefinition(name: key.rawValue, type: key.isTiming ? .timing : .distribution))
        }
        precondition(codes == nil || starts.codes == stats.count, "status codes begin elsewhere")
        if let codes { stats.append(StatDefinition(name: codes, type: .codes)) }
        self.stats = stats
    }
}

/// The position of a case among its siblings.
func ordinal<Key: StatKey>(_ key: Key) -> Int {
    guard MemoryLayout<Key>.size == 1 else { return 0 }
    // Safety: an enum without payloads and with 2...256 cases is one byte with the ordinal of its case; `StatKind.init`
    // checks it for every case at start.
    return Int(unsafeBitCast(key, to: UInt8.self))
}
