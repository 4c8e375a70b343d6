import ProxyModel

/// What must be there before a resource may be in force.
enum ResourceNeed: Hashable, Sendable {
    /// A resource of this name is in force, or its source says that there is none.
    case resource(ResourceKey)
    /// The names of this cluster's endpoints were resolved, or cannot be.
    case names(cluster: String)
    /// This cluster can serve, or is gone. Not waited for for ever.
    case serving(cluster: String)
}

extension ResourceNeed: CustomStringConvertible {
    var description: String {
        switch self {
        case .resource(let key): "\(key)"
        case .serving(let cluster): "\(ResourceKey(.cluster, cluster))"
        case .names(let cluster): "dns of cluster \"\(cluster)\""
        }
    }
}

/// Which accepted resources wait for what (Envoy's warming). It knows no time: who asks for resources says when asking
/// has ended.
struct Warming: Equatable, Sendable {
    private var needs: [ResourceKey: Set<ResourceNeed>] = [:]
    private var waiters: [ResourceNeed: Set<ResourceKey>] = [:]

    /// Whether something waits for what is not there.
    var isEmpty: Bool { needs.isEmpty }

    func isWaiting(_ key: ResourceKey) -> Bool { needs[key] != nil }

    /// A resource waits from now on; what its last form waited for does not matter any more.
    mutating func begin(_ key: ResourceKey, _ needs: Set<ResourceNeed>) {
        end(key)
        guard !needs.isEmpty else { return }
        self.needs[key] = needs
        for need in needs { waiters[need, default: []].insert(key) }
    }

    /// Something is there, or will not come.
    /// - Returns: who has everything now and waits no more, in the order in which they are put in force.
    mutating func met(_ need: ResourceNeed) -> [ResourceKey] {
        var ready: [ResourceKey] = []
        for key in waiters.removeValue(forKey: need) ?? [] {
            needs[key]?.remove(need)
            if needs[key]?.isEmpty ?? false {
                needs[key] = nil
                ready.append(key)
            }
        }
        return ready.sorted()
    }

    /// A resource waits no longer for clusters that cannot serve yet.
    /// - Returns: whether it waits for nothing else.
    mutating func patienceEnded(_ key: ResourceKey) -> Bool {
        guard let all = needs[key] else { return false }
        for case .serving(let cluster) in all {
            let need = ResourceNeed.serving(cluster: cluster)
            needs[key]?.remove(need)
            waiters[need]?.remove(key)
            if waiters[need]?.isEmpty ?? false { waiters[need] = nil }
        }
        guard needs[key]?.isEmpty ?? false else { return false }
        needs[key] = nil
        return true
    }

    /// The resource is gone or has another form.
    mutating func end(_ key: ResourceKey) {
        for need in needs.removeValue(forKey: key) ?? [] {
            waiters[need]?.remove(key)
            if waiters[need]?.isEmpty ?? false { waiters[need] = nil }
        }
    }

    /// What still keeps a resource from being in force, for `/init_dump`.
    func missing(_ key: ResourceKey) -> Set<ResourceNeed> { needs[key] ?? [] }
}
