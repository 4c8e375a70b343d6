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
        let resolver: NameResolver
        /// Called once when every name was answered or failed.
        var warmed: (@WorkerActor () -> Void)?
        let stats: ClusterStats

        /// - Parameter before: the cluster as it was; what its names came to is the last good answer of this one, too.
        init(_ plan: NamePlan, before: Entry?, resolver: NameResolver, stats: ClusterStats) {
            self.plan = plan
            self.resolver = resolver
            self.stats = stats
            refresh = plan.targets.map { _ in NameRefresh(plan.refresh) }
            answers = plan.targets.map { target in before?.answer(target.host, plan.family) }
            cold = Set(plan.targets.indices)
        }

        private func answer(_ host: String, _ family: NamePlan.Family) -> [ResolvedAddress]? {
            guard plan.family == family, let index = plan.targets.firstIndex(where: { $0.host == host }) else { return nil }
            return answers[index]
        }
    }

    private let loop: EventLoop
    private var random: FastRandom
    private let log: Log
    private let stats: StatsSegment
    /// For clusters that name no servers of their own, and for the names of control planes.
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
            staged[plan.cluster] = Entry(
                plan, before: entries[plan.cluster], resolver: resolver(for: plan), stats: stats.cluster(plan.statName))
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

    /// The proxy's resolver, or that of a cluster which asks the same servers, or a new one.
    private func resolver(for plan: NamePlan) -> NameResolver {
        guard let settings = plan.resolver else { return resolver }
        for entry in [entries, staged].joined().map(\.value) where entry.plan.resolver == settings { return entry.resolver }
        do throws(NameFailure) {
            return try NameResolver(loop: loop, settings: settings)
        } catch {
            log.error(.dns, "cluster \(plan.cluster) asks the proxy's own servers, for its resolver cannot be made: \(error)")
            return resolver
        }
    }

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
        ask(entry, index, families[...], outage: nil)
    }

    /// - Parameter outage: why a family before these is not known.
    private func ask(_ entry: Entry, _ index: Int, _ families: ArraySlice<Int32>, outage: NameFailure?) {
        guard let family = families.first else { return }
        entry.resolver.resolve(entry.plan.targets[index].host, family: family) { [weak entry, weak self] result in
            // A cluster that is gone has no timers.
            guard let self, let entry, !entry.timers.isEmpty else { return }
            var outage = outage
            switch result {
            case .success(let addresses) where !addresses.isEmpty: return self.answered(entry, index, addresses)
            case .failure(let failure) where !failure.isAnswer: outage = outage ?? failure
            case .success, .failure: break
            }
            if families.count > 1 { return self.ask(entry, index, families.dropFirst(), outage: outage) }
            if let outage { return self.failed(entry, index, outage.description) }
            self.answeredWithNothing(entry, index)
        }
    }

    private func answered(_ entry: Entry, _ index: Int, _ addresses: [ResolvedAddress]) {
        entry.stats[.updateSuccess].add()
        let ttl = addresses.map(\.ttl).min()
        entry.timers[index].schedule(after: entry.refresh[index].answered(ttl: ttl, random: random.next()))
        if !settle(entry, index, addresses) { entry.stats[.updateNoRebuild].add() }
    }

    /// The servers say that there is no such name, or no address of it: a cluster of all its addresses has none then. One
    /// that is known by one address keeps it, as in Envoy.
    private func answeredWithNothing(_ entry: Entry, _ index: Int) {
        if entry.plan.isLogical { return failed(entry, index, "it has no addresses") }
        let name = entry.plan.targets[index].host
        log.warning(.dns, "cluster \(entry.plan.cluster): \(name) has no addresses")
        answered(entry, index, [])
    }

    private func failed(_ entry: Entry, _ index: Int, _ reason: String) {
        entry.stats[.updateFailure].add()
        let name = entry.plan.targets[index].host
        log.warning(.dns, "cluster \(entry.plan.cluster): \(name) cannot be resolved: \(reason)")
        entry.timers[index].schedule(after: entry.refresh[index].failed(random: random.next()))
        // The last good answer stays.
        settle(entry, index, entry.answers[index] ?? [])
    }

    /// - Returns: whether the cluster has other addresses than before.
    @discardableResult
    private func settle(_ entry: Entry, _ index: Int, _ addresses: [ResolvedAddress]) -> Bool {
        entry.answers[index] = addresses
        let wasCold = !entry.cold.isEmpty
        entry.cold.remove(index)
        guard entry.cold.isEmpty else { return true }
        let endpoints = Self.endpoints(entry.plan, entry.answers)
        let isChange = endpoints != entry.endpoints || wasCold
        if isChange {
            entry.endpoints = endpoints
            // Those of a configuration that is not in force yet come with its commit.
            if entries[entry.plan.cluster] === entry { changed?(entry.plan.cluster, endpoints) }
        }
        checkWarm(entry)
        return isChange
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
                        health: target.isDisabled ? .unhealthyByDiscovery : [], labels: target.labels))
            }
            if plan.isLogical { break }
        }
        return endpoints
    }
}
