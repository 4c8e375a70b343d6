/// The statistics of one process or of several, as values.
///
/// Merging is associative and commutative: counters, gauges, distributions and status codes are added, of shared gauges
/// the largest stays.
public struct StatsSnapshot: Equatable, Sendable {
    /// What a group is known by.
    public struct GroupKey: Hashable, Sendable {
        public let pattern: String
        /// The parts that fill the pattern's braces.
        public let name: String
    }

    /// One statistic's value.
    public enum Value: Equatable, Sendable {
        case counter(UInt64)
        case gauge(Int64)
        case sharedGauge(Int64)
        case histogram(HistogramCounts)
        case codes([Int: UInt64])
    }

    /// One group's statistics, in the order of its kind.
    public struct Group: Equatable, Sendable {
        public var stats: [StatDefinition]
        public var values: [Value]
    }

    /// All groups that were read, by name.
    public private(set) var groups: [GroupKey: Group] = [:]

    /// Envoy's text readouts, by full name. They are a proxy's, not a process's: whoever shows the statistics sets them.
    public var texts: [String: String] = [:]

    public init() {}

    init(groups: [GroupKey: Group]) { self.groups = groups }

    /// Adds another process's statistics.
    public mutating func merge(_ other: StatsSnapshot) {
        groups.merge(other.groups) { mine, theirs in mine.merging(theirs) }
    }

    mutating func insert(_ group: Group, at key: GroupKey) {
        groups[key] = groups[key]?.merging(group) ?? group
    }

    mutating func remove(where isGone: (GroupKey) -> Bool) {
        groups = groups.filter { !isGone($0.key) }
    }

    /// Only what does not go away with the process: no gauges.
    public var withoutGauges: StatsSnapshot { dropping { $0.isGauge } }

    /// Without levels that another process knows better.
    public var withoutSharedGauges: StatsSnapshot {
        dropping { if case .sharedGauge = $0 { true } else { false } }
    }

    private func dropping(_ isDropped: (Value) -> Bool) -> StatsSnapshot {
        StatsSnapshot(groups: groups.mapValues { group in
            let kept = group.values.indices.filter { !isDropped(group.values[$0]) }
            return Group(stats: kept.map { group.stats[$0] }, values: kept.map { group.values[$0] })
        })
    }

    /// Takes the counts of single hosts out, which are no statistics of the proxy.
    public mutating func takeHosts() -> HostStatistics {
        let hosts = groups.filter { $0.key.pattern == HostStats.kind.pattern }
        if !hosts.isEmpty { groups = groups.filter { $0.key.pattern != HostStats.kind.pattern } }
        return HostStatistics(groups: Dictionary(hosts.map { ($0.key.name, $0.value) }) { first, _ in first })
    }

    /// Only what `admits` says yes to, by Envoy's full name.
    public func keeping(_ admits: (String) -> Bool) -> StatsSnapshot {
        var kept: [GroupKey: Group] = [:]
        for (key, group) in groups {
            let prefix = StatName.text(pattern: key.pattern, name: key.name)
            var part = Group(stats: [], values: [])
            for (stat, value) in zip(group.stats, group.values) {
                var value = value
                if case .codes(let codes) = value {
                    value = .codes(codes.filter { admits(prefix + stat.name + String($0.key)) })
                    if value.isZero { continue }
                } else if !admits(prefix + stat.name) {
                    continue
                }
                part.stats.append(stat)
                part.values.append(value)
            }
            if !part.stats.isEmpty { kept[key] = part }
        }
        var result = StatsSnapshot(groups: kept)
        result.texts = texts.filter { admits($0.key) }
        return result
    }

    /// Sets levels of a cluster that are counted elsewhere than in the statistics' regions; those that are unknown yet are
    /// added.
    public mutating func setCluster(_ name: String, _ levels: [(stat: String, level: Int)]) {
        let key = GroupKey(pattern: ClusterStats.kind.pattern, name: GroupName.join([name]))
        guard var group = groups[key] else { return }
        for (stat, level) in levels {
            let definition = StatDefinition(name: stat, type: .sharedGauge)
            if let index = group.stats.firstIndex(of: definition) {
                group.values[index] = .sharedGauge(Int64(level))
            } else {
                group.stats.append(definition)
                group.values.append(.sharedGauge(Int64(level)))
            }
        }
        groups[key] = group
    }

    /// Visits all counters: Envoy's full name, the name within its kind (empty where the group itself is the counter), value.
    public func forEachCounter(_ visit: (String, String, UInt64) -> Void) {
        for (key, group) in groups {
            let prefix = StatName.text(pattern: key.pattern, name: key.name)
            for (stat, value) in zip(group.stats, group.values) {
                if case .counter(let count) = value { visit(prefix + stat.name, stat.name, count) }
            }
        }
    }

    /// A value by Envoy's full name, for instance `cluster.web.upstream_rq_total`; for tests and admin, not fast.
    public subscript(name: String) -> Value? {
        for (key, group) in groups {
            let prefix = StatName.text(pattern: key.pattern, name: key.name)
            guard name.hasPrefix(prefix) else { continue }
            let rest = name.dropFirst(prefix.count)
            if let index = group.stats.firstIndex(where: { $0.name == rest }) { return group.values[index] }
        }
        return nil
    }
}

extension StatsSnapshot.Group {
    /// Both together. Groups of two versions of the program may have different statistics: they are matched by name.
    func merging(_ other: StatsSnapshot.Group) -> StatsSnapshot.Group {
        var result = self
        if stats == other.stats {
            for index in values.indices { result.values[index] = values[index].merging(other.values[index]) }
            return result
        }
        for (stat, value) in zip(other.stats, other.values) {
            if let index = result.stats.firstIndex(of: stat) {
                result.values[index] = result.values[index].merging(value)
            } else {
                result.stats.append(stat)
                result.values.append(value)
            }
        }
        return result
    }
}

extension StatsSnapshot.Value {
    var isGauge: Bool {
        switch self {
        case .gauge, .sharedGauge: true
        case .counter, .histogram, .codes: false
        }
    }

    /// Zero or empty: never used, as far as the value tells.
    var isZero: Bool {
        switch self {
        case .counter(let value): value == 0
        case .gauge(let value), .sharedGauge(let value): value == 0
        case .histogram(let counts): counts.count == 0
        case .codes(let codes): codes.isEmpty
        }
    }

    /// Values of two types do not mix; the first one stays.
    func merging(_ other: Self) -> Self {
        switch (self, other) {
        case (.counter(let left), .counter(let right)): .counter(left &+ right)
        case (.gauge(let left), .gauge(let right)): .gauge(left &+ right)
        case (.sharedGauge(let left), .sharedGauge(let right)): .sharedGauge(max(left, right))
        case (.histogram(let left), .histogram(let right)): .histogram(left.merging(right))
        case (.codes(let left), .codes(let right)): .codes(left.merging(right, uniquingKeysWith: &+))
        default: self
        }
    }
}

/// How often each bucket of a distribution was hit.
public struct HistogramCounts: Equatable, Sendable {
    /// Empty when nothing was recorded, else ``HistogramBuckets/count`` of them.
    public private(set) var buckets: [UInt64]
    public private(set) var sum: UInt64

    public init() {
        buckets = []
        sum = 0
    }

    init(buckets: [UInt64], sum: UInt64) {
        self.buckets = buckets
        self.sum = sum
    }

    /// Values recorded.
    public var count: UInt64 { buckets.reduce(0, &+) }

    func merging(_ other: HistogramCounts) -> HistogramCounts {
        if buckets.isEmpty { return other }
        if other.buckets.isEmpty { return self }
        return HistogramCounts(buckets: zip(buckets, other.buckets).map { $0 &+ $1 }, sum: sum &+ other.sum)
    }

    /// Records a value, for those who make distributions up.
    public mutating func record(_ value: UInt64, times: UInt64 = 1) {
        if buckets.isEmpty { buckets = [UInt64](repeating: 0, count: HistogramBuckets.count) }
        buckets[HistogramBuckets.index(of: value)] &+= times
        sum &+= value &* times
    }

    /// The value below which `fraction` of all values lie, within 10 %; nil when nothing was recorded.
    public func quantile(_ fraction: Double) -> Double? {
        let total = count
        guard total > 0 else { return nil }
        let wanted = max(1, UInt64((fraction * Double(total)).rounded(.up)))
        var seen: UInt64 = 0
        for (index, hits) in buckets.enumerated() {
            seen &+= hits
            if seen >= wanted { return HistogramBuckets.representative(index) }
        }
        return nil
    }

    /// How many values are at most `bound`, which must be an edge of a bucket.
    public func count(atMost bound: UInt64) -> UInt64 {
        guard !buckets.isEmpty else { return 0 }
        return buckets[...HistogramBuckets.index(of: bound)].reduce(0, &+)
    }
}
