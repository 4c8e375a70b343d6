/// What the workers that live have counted of single hosts.
public struct HostStatistics: Equatable, Sendable {
    let groups: [String: StatsSnapshot.Group]

    /// The counts of a host, with Envoy's names in their order; zeros for one that nobody has used.
    /// - Parameter cluster: as statistics call it.
    public func counts(cluster: String, host: String) -> [(name: String, level: Int64, isGauge: Bool)] {
        let values = groups[GroupName.join([cluster, host])]?.values
        var result: [(name: String, level: Int64, isGauge: Bool)] = []
        for (index, stat) in HostStats.kind.stats.enumerated() {
            let level: Int64
            switch values?[index] {
            case .counter(let count): level = Int64(clamping: count)
            case .gauge(let count): level = count
            default: level = 0
            }
            result.append((stat.name, level, stat.type == .gauge))
        }
        return result.sorted { $0.name < $1.name }
    }
}
