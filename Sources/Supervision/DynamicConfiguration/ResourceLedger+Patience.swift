import Observability
import ProxyModel

/// What keeps requests from falling between clusters and routes that change together.
///
/// A source sends clusters before the routes to them, each type in a response of its own. So for a while the old routes
/// are in force and their clusters gone, or the new ones are there and their clusters have no endpoints yet. Neither is
/// let happen, for as long as such a change may take: a cluster that is taken away stays while something in force sends
/// requests to it, and new routes wait until the clusters that came with them can serve.
extension ResourceLedger {
    /// How long: Envoy's default of `initial_fetch_timeout`, after which what is missing is not waited for either.
    static let patienceTime: UInt64 = 15_000_000_000

    /// Whether a change of a cluster is put off: its removal, while the cluster is in use.
    func keeps(_ key: ResourceKey, _ body: [UInt8]?, _ origin: Origin) -> Bool {
        // Another form of it may be refused yet; only when it is taken the cluster is there again.
        guard body == nil, origin == .source else { return false }
        defer { schedulePatience() }
        guard let active = store.active[key], active.origin != .bootstrap, users.isUsed(key.name) else {
            patience.end(key)
            return false
        }
        // Its source has spoken of it, though it was read from the disk.
        store.touch(key, version: active.version, origin: .source, now: active.updated)
        // Another source may say so once more, whose routes come after it.
        patience.end(key)
        patience.begin(key, now: now)
        return true
    }

    /// Whether a cluster that nobody used has come into use while the workers were asked about its removal.
    func keeps(_ candidate: Candidate) -> Bool {
        let key = candidate.change.key
        guard candidate.goesUnused, store.active[key] != nil, users.isUsed(key.name) else { return false }
        patience.begin(key, now: now)
        schedulePatience()
        return true
    }

    /// What routes wait for beside what they cannot do without: clusters that are known and cannot serve yet.
    func patiently(_ key: ResourceKey, _ reading: ResourceReading, _ batch: Batch) -> [ResourceNeed] {
        let coming = batch.origin == .source ? reading.clusters.filter(isComing) : []
        if key.type == .cluster { stays(key) }
        // Changes that follow each other do not wait longer than one.
        if coming.isEmpty { patience.end(key) } else { patience.begin(key, now: now) }
        schedulePatience()
        return coming.map { .serving(cluster: $0) }
    }

    /// Whether a cluster was accepted and cannot serve yet, and nobody has waited for it in vain.
    func isComing(_ cluster: String) -> Bool {
        let key = ResourceKey(.cluster, cluster)
        return store.warming[key] != nil && store.active[key] == nil && !late.contains(cluster)
    }

    /// Removes the clusters that were kept for somebody, when there is nobody any more.
    func letGo() {
        let free = patience.items.filter { $0.type == .cluster && !users.isUsed($0.name) }.sorted()
        for key in free { patience.end(key) }
        schedulePatience()
        drop(free, expired: false)
    }

    /// A listener has another form or is gone, or routes are: connections that began with it end with their next
    /// request, and until then they need its clusters.
    func retire(_ number: UInt32) {
        guard users.isKnown(number) else { return }
        draining.begin(number, now: now)
        schedulePatience()
    }

    /// A cluster was taken away and is there again.
    func stays(_ key: ResourceKey) {
        patience.end(key)
        leaving[key] = nil
    }

    /// Whether what was to be removed because nobody wanted it has been asked for while its removal waited for its turn.
    func isWantedAgain(_ key: ResourceKey) -> Bool {
        guard key.type == .cluster else { return !key.type.isWildcard && wants.names[key] != nil }
        guard let isExpired = leaving.removeValue(forKey: key) else { return true }
        guard !isExpired, users.isUsed(key.name) else { return false }
        patience.begin(key, now: now)
        schedulePatience()
        return true
    }

    /// What was to come with a change did not come with it.
    func patienceEnded(now: UInt64) {
        for number in draining.takeExpired(now: now) { users.remove(number) }
        letGo()
        let expired = patience.takeExpired(now: now)
        for key in expired where key.type == .cluster {
            log.warning(.config, "\(key) was taken away by its source and is removed, though routes name it still")
        }
        for key in expired where key.type != .cluster {
            log.warning(.config, "\(key) comes into force, though clusters that it names cannot serve yet")
        }
        schedulePatience()
        for key in expired {
            for case .serving(let cluster) in warming.missing(key) { late.insert(cluster) }
        }
        activate(expired.filter { $0.type != .cluster && warming.patienceEnded($0) }, removals: [])
        drop(expired.filter { $0.type == .cluster }, expired: true)
    }

    private func drop(_ clusters: [ResourceKey], expired: Bool) {
        guard !clusters.isEmpty else { return }
        for key in clusters { leaving[key] = expired }
        apply(
            Batch(origin: .unwanted, changes: clusters.map { ResourceChange($0, version: "", body: nil) }) {
                [unowned self] refusals in
                // Their source knows nothing of them any more, so that nobody else will come back to them.
                for refusal in refusals { self.patience.begin(refusal.key, now: self.now) }
                self.schedulePatience()
            })
    }
}
