import Bytes
import DataPlane
import Glibc
import Observability
import Reactor
import TrafficPolicy

/// Keeps the addresses of all clusters whose endpoints are names, once for the proxy: asks, asks again in time, keeps
/// the last good answer while nobody answers, and tells what changed.
@WorkerActor final class NameDirectory {
    /// Addresses of one cluster; more are cut.
    static let maximumAddresses = 256

    private final class Entry {
        let plan: NamePlan
        var refresh: [NameRefresh]
        /// The last good answer of each target.
        var answers: [[ResolvedAddress]?]
        var timers: [LoopTimer] = []
        /// Targets that were neither answered nor failed yet.
        var cold: Set<Int>
        var endpoints: [Endpoint] = []
        /// Called once when every name was answered or failed.
        var warmed: (@WorkerActor () -> Void)?
        let stats: ClusterStats

        init(_ plan: NamePlan, stats: ClusterStats) {
            self.plan = plan
            self.stats = stats
            refresh = plan.targets.map { _ in NameRefresh(plan.refresh) }
            answers = plan.targets.map { _ in nil }
            cold = Set(plan.targets.indices)
        }
    }

    private let loop: EventLoop
    private var random: FastRandom
    private let log: Log
    private let stats: StatsSegment
    /// For the names of control planes too.
    let resolver: NameResolver
    private var entries: [String: Entry] = [:]
    private var staged: [String: Entry] = [:]
    /// A cluster has other addresses than before.
    var changed: (@WorkerActor (_ cluster: String, [Endpoint]) -> Void)?

    /// - Parameter seed: of the jitter between two questions.
    init(
        loop: EventLoop, log: Log, stats: StatsSegment, seed: UInt64, settings: NameResolver.Settings
    ) throws(NameFailure) {
        self.loop = loop
        random = FastRandom(seed: seed)
        self.log = log
        self.stats = stats
        resolver = try NameResolver(loop: loop, settings: settings)
    }

    /// Begins with a cluster; one that is known with the same plan keeps what is known.
    /// - Parameter warmed: called, maybe at once, when every name was answered or failed.
    func stage(_ plan: NamePlan, warmed: @escaping @WorkerActor () -> Void) {
        discard(plan.cluster)
        if let present = entries[plan.cluster], present.plan == plan {
            staged[plan.cluster] = present
        } else {
            staged[plan.cluster] = Entry(plan, stats: stats.cluster(plan.cluster))
        }
        guard let entry = staged[plan.cluster] else { return }
        entry.warmed = warmed
        if !entry.cold.isEmpty, entry.timers.isEmpty { begin(entry) }
        checkWarm(entry)
    }

    /// The staged form of a cluster is in force now.
    func commit(_ cluster: String) {
        guard let entry = staged.removeValue(forKey: cluster) else { return }
        if let old = entries.updateValue(entry, forKey: cluster), old !== entry { stop(old) }
    }

    /// Forgets what was staged of a cluster.
    func discard(_ cluster: String) {
        guard let entry = staged.removeValue(forKey: cluster) else { return }
        entry.warmed = nil
        if entries[cluster] !== entry { stop(entry) }
    }

    /// The cluster is gone, or its endpoints are no names any more.
    func remove(_ cluster: String) {
        discard(cluster)
        if let entry = entries.removeValue(forKey: cluster) { stop(entry) }
    }

    /// Whether a form of the cluster waits to be in force.
    func isStaged(_ cluster: String) -> Bool { staged[cluster] != nil }

    /// The addresses of a cluster that is staged, or else in force; nil when its endpoints are no names.
    func known(_ cluster: String) -> [Endpoint]? { (staged[cluster] ?? entries[cluster])?.endpoints }

    /// The addresses of all clusters in force.
    var known: [(cluster: String, endpoints: [Endpoint])] {
        entries.map { ($0.key, $0.value.endpoints) }.sorted { $0.cluster < $1.cluster }
    }

    // MARK: Asking

    private func begin(_ entry: Entry) {
        for index in entry.plan.targets.indices {
            entry.timers.append(LoopTimer(loop: loop) { [weak entry, weak self] in
                guard let entry, let self else { return }
                self.ask(entry, index)
            })
        }
        for index in entry.plan.targets.indices { ask(entry, index) }
    }

    private func stop(_ entry: Entry) {
        for timer in entry.timers { timer.cancel() }
        entry.timers = []
    }

    private func ask(_ entry: Entry, _ index: Int) {
        let target = entry.plan.targets[index]
        if let ip = SocketAddress.IP(target.host) {
            settle(entry, index, [ResolvedAddress(ip: ip, ttl: 0)])
            return
        }
        entry.stats[.updateAttempt].add()
        let families: [Int32] =
            switch entry.plan.family {
            case .v4: [AF_INET]
            case .v6: [AF_INET6]
            case .v6Preferred: [AF_INET6, AF_INET]
            case .v4Preferred: [AF_INET, AF_INET6]
            case .all: [AF_UNSPEC]
            }
        ask(entry, index, families[...])
    }

    private func ask(_ entry: Entry, _ index: Int, _ families: ArraySlice<Int32>) {
        guard let family = families.first else { return }
        resolver.resolve(entry.plan.targets[index].host, family: family) { [weak entry, weak self] result in
            // A cluster that is gone has no timers.
            guard let self, let entry, !entry.timers.isEmpty else { return }
            switch result {
            case .success(let addresses) where !addresses.isEmpty: self.answered(entry, index, addresses)
            case .success where families.count > 1, .failure where families.count > 1:
                self.ask(entry, index, families.dropFirst())
            case .success: self.failed(entry, index, "no addresses")
            case .failure(let failure): self.failed(entry, index, failure.description)
            }
        }
    }

    private func answered(_ entry: Entry, _ index: Int, _ addresses: [ResolvedAddress]) {
        entry.stats[.updateSuccess].add()
        let ttl = addresses.map(\.ttl).min()
        entry.timers[index].schedule(after: entry.refresh[index].answered(ttl: ttl, random: random.next()))
        settle(entry, index, addresses)
    }

    private func failed(_ entry: Entry, _ index: Int, _ reason: String) {
        entry.stats[.updateFailure].add()
        let name = entry.plan.targets[index].host
        log.warning(.dns, "cluster \(entry.plan.cluster): \(name) cannot be resolved: \(reason)")
        entry.timers[index].schedule(after: entry.refresh[index].failed(random: random.next()))
        // The last good answer stays.
        settle(entry, index, entry.answers[index] ?? [])
    }

    private func settle(_ entry: Entry, _ index: Int, _ addresses: [ResolvedAddress]) {
        entry.answers[index] = addresses
        let wasCold = !entry.cold.isEmpty
        entry.cold.remove(index)
        guard entry.cold.isEmpty else { return }
        let endpoints = Self.endpoints(entry.plan, entry.answers)
        if endpoints != entry.endpoints || wasCold {
            entry.endpoints = endpoints
            // Those of a configuration that is not in force yet come with its commit.
            if entries[entry.plan.cluster] === entry { changed?(entry.plan.cluster, endpoints) }
        } else {
            entry.stats[.updateNoRebuild].add()
        }
        checkWarm(entry)
    }

    private func checkWarm(_ entry: Entry) {
        guard entry.cold.isEmpty, let warmed = entry.warmed else { return }
        entry.warmed = nil
        warmed()
    }

    /// The endpoints that answers come to.
    static func endpoints(_ plan: NamePlan, _ answers: [[ResolvedAddress]?]) -> [Endpoint] {
        var endpoints: [Endpoint] = []
        var seen: Set<SocketAddress> = []
        for (target, answer) in zip(plan.targets, answers) {
            let sorted = (answer ?? []).sorted { ($0.ip.isIPv6 ? 1 : 0, $0.ip.high, $0.ip.low) < ($1.ip.isIPv6 ? 1 : 0, $1.ip.high, $1.ip.low) }
            // A logical cluster has one host: the first address of the answer as it came.
            for resolved in plan.isLogical ? Array((answer ?? []).prefix(1)) : sorted {
                let address = SocketAddress(resolved.ip, port: target.port)
                guard endpoints.count < maximumAddresses, seen.insert(address).inserted else { continue }
                endpoints.append(
                    Endpoint(
                        address: address, hostname: target.hostname, weight: target.weight, priority: target.priority,
                        health: target.isDisabled ? .unhealthyByDiscovery : []))
            }
            if plan.isLogical { break }
        }
        return endpoints
    }
}
