/// Gives each cluster a group of counters in the limit region and keeps it while the cluster is configured.
struct LimitGroups: Equatable, Sendable {
    let capacity: Int
    private var groups: [String: Int] = [:]
    private var free: [Int] = []
    /// Groups that were ever given away.
    private(set) var used = 0

    init(capacity: Int) { self.capacity = capacity }

    /// The group of a cluster; nil when there are more clusters than the region has room for.
    mutating func assign(_ cluster: String) -> Int? {
        if let group = groups[cluster] { return group }
        guard let group = free.popLast() ?? (used < capacity ? used : nil) else { return nil }
        if group == used { used += 1 }
        groups[cluster] = group
        return group
    }

    /// The group of a cluster that has one.
    func group(of cluster: String) -> Int? { groups[cluster] }

    /// The cluster is not configured any more.
    mutating func release(_ cluster: String) {
        if let group = groups.removeValue(forKey: cluster) { free.append(group) }
    }
}
