package import Bytes
import HTTPModel
package import Observability
package import Reactor
package import TrafficPolicy

/// One endpoint in the form in which configuration and name resolution give it.
package struct Endpoint: Equatable, Sendable {
    package var address: SocketAddress
    package var hostname: String?
    package var weight: UInt32
    package var priority: Int
    package var health: HostHealthFlags
    /// Decides its transport socket where the cluster has several.
    package var labels: SocketLabels?

    package init(
        address: SocketAddress, hostname: String? = nil, weight: UInt32 = 1, priority: Int = 0, health: HostHealthFlags = [],
        labels: SocketLabels? = nil
    ) {
        self.address = address
        self.hostname = hostname
        self.weight = weight
        self.priority = priority
        self.health = health
        self.labels = labels
    }
}

/// A group of hosts that serve the same requests, as this worker sees it: its members, its load balancer, its limits.
package actor Cluster: LoopActor {
    /// What came of asking for a host.
    package enum Pick: Sendable {
        case host(Host)
        /// The cluster has no host that may be used (UH).
        case noHealthyHost
        /// The cluster's limit on requests is reached (UO).
        case overflow
    }

    /// What the cluster was compiled from, where it counts, the worker that it belongs to, and the limits that all
    /// workers share.
    package nonisolated let config: ClusterConfig
    package nonisolated let stats: ClusterStats
    /// Nil where no host is spoken to by TLS.
    package nonisolated let tlsStats: ClusterTLSStats?
    package nonisolated let worker: WorkerContext
    package nonisolated let limits: ClusterLimits
    /// Of routes with `priority: HIGH`.
    private nonisolated let highLimits: ClusterLimits
    nonisolated let hostCounters: HostCounterBook
    // Safety: touched by the verbs below alone. They run on `WorkerActor`, whose executor is this actor's own; going
    // through `enter` would allocate twice for each pick and each end of a request.
    private nonisolated(unsafe) var balancer: LoadBalancer
    private nonisolated(unsafe) var hosts: [Host?] = []
    /// In the place of a list of hosts, for clusters of type ORIGINAL_DST.
    nonisolated let destinations: OriginalDestinations?

    /// A cluster without hosts; they come with the first update.
    @WorkerActor package init(config: ClusterConfig, segment: StatsSegment, worker: WorkerContext, breaker: CircuitBreaker) {
        self.config = config
        hostCounters = HostCounterBook(segment, cluster: config.statName)
        stats = segment.cluster(config.statName)
        tlsStats = config.sockets.usesTLS ? segment.clusterTLS(config.statName) : nil
        self.worker = worker
        limits = ClusterLimits(breaker)
        highLimits = ClusterLimits(breaker, .high)
        balancer = LoadBalancer(settings: config.balancing)
        destinations = config.originalDestination.map { OriginalDestinations($0) }
    }

    // MARK: Members

    /// Takes a new list of endpoints; hosts that stay keep their connections and counts, others drain.
    @WorkerActor package func replace(_ endpoints: [Endpoint]) {
        var gone = replaceMembers(endpoints)
        for (slot, endpoint, socket) in missingHosts(endpoints) {
            // One whose socket is another now: its connections end like those of a host that is gone.
            if let replaced = hosts[slot] { gone.append(replaced) }
            hosts[slot] = Host(
                address: endpoint.address, hostname: endpoint.hostname, socket: socket, slot: slot, cluster: self)
        }
        for host in gone { host.drain() }
        countMembers()
        stats[.membershipChange].add()
    }

    @WorkerActor private func replaceMembers(_ endpoints: [Endpoint]) -> [Host] {
        let before = balancer.hosts.listed
        let keysBefore = Dictionary(before.map { (balancer.hosts.key(of: $0), $0) }, uniquingKeysWith: { first, _ in first })
        _ = balancer.hosts.replace(
            with: endpoints.map {
                HostConfig(key: $0.address.description, weight: $0.weight, priority: $0.priority, health: $0.health)
            })
        var gone: [Host] = []
        let kept = Set(balancer.hosts.listed.map { balancer.hosts.key(of: $0) })
        for (key, slot) in keysBefore where !kept.contains(key) {
            if let host = hosts[slot] { gone.append(host) }
            hosts[slot] = nil
        }
        while hosts.count < balancer.hosts.slotCount { hosts.append(nil) }
        return gone
    }

    @WorkerActor private func missingHosts(_ endpoints: [Endpoint]) -> [(Int, Endpoint, UpstreamSocket)] {
        var missing: [(Int, Endpoint, UpstreamSocket)] = []
        // Of two endpoints with one address the first counts.
        var seen = Set<Int>()
        for endpoint in endpoints {
            guard let slot = balancer.hosts.slot(of: endpoint.address.description), seen.insert(slot).inserted else { continue }
            let socket = config.sockets.socket(for: endpoint.labels)
            let host = hosts[slot]
            if host?.address != endpoint.address || host?.socket !== socket { missing.append((slot, endpoint, socket)) }
        }
        return missing
    }

    @WorkerActor private func countMembers() {
        let listed = balancer.hosts.listed
        stats[.membershipTotal].set(listed.count)
        stats[.membershipHealthy].set(listed.count { balancer.hosts.flags(of: $0).health == .healthy })
        stats[.membershipDegraded].set(listed.count { balancer.hosts.flags(of: $0).health == .degraded })
        stats[.maxHostWeight].set(listed.map { Int(balancer.hosts.weight(of: $0)) }.max() ?? 0)
    }

    // MARK: Requests

    /// Admits a request and chooses a host for it. A request that got one must be given back with ``ended(_:)``.
    /// - Parameter wanted: the host that a filter asked for, which comes first if it is there and not unhealthy.
    @WorkerActor package func pick(_ wanted: HostOverride? = nil, priority: RoutingPriority = .default) -> Pick {
        let limits = limits(priority)
        guard limits.tryBeginRequest() else {
            stats[.upstreamRqActiveOverflow].add()
            return .overflow
        }
        let random = worker.random.next()
        let host = if let wanted { pickHost(wanted, random) } else { pickHost(random) }
        guard let host else {
            limits.requestEnded()
            stats[.upstreamCxNoneHealthy].add()
            return .noHealthyHost
        }
        stats[.upstreamRqTotal].add()
        stats[.upstreamRqActive].add()
        host.stats[.rqTotal].add()
        host.stats[.rqActive].add()
        return .host(host)
    }

    /// The limits for requests of one routing priority.
    @WorkerActor func limits(_ priority: RoutingPriority) -> ClusterLimits { priority == .high ? highLimits : limits }

    /// A request to `host` has ended.
    @WorkerActor package func ended(_ host: Host, priority: RoutingPriority = .default) {
        limits(priority).requestEnded()
        stats[.upstreamRqActive].subtract()
        host.stats[.rqActive].subtract()
        giveBack(host)
    }

    @WorkerActor private func giveBack(_ host: Host) {
        if host.slot == Host.noSlot { host.useCount -= 1 } else { balancer.hosts.requestEnded(host.slot) }
    }

    @WorkerActor private func pickHost(_ seed: UInt64) -> Host? {
        var random = FastRandom(seed: seed)
        guard let slot = balancer.pick(random: &random), let host = hosts[slot] else { return nil }
        if balancer.isInPanic(slot) { stats[.lbHealthyPanic].add() }
        balancer.hosts.requestStarted(slot)
        return host
    }

    @WorkerActor private func pickHost(_ wanted: HostOverride, _ seed: UInt64) -> Host? {
        if let destinations {
            let host = destinations.host(at: wanted.address, of: self)
            host?.useCount += 1
            return host
        }
        for slot in balancer.hosts.listed {
            guard let host = hosts[slot], host.address == wanted.address, balancer.hosts.flags(of: slot).health != .unhealthy
            else { continue }
            balancer.hosts.requestStarted(slot)
            return host
        }
        return wanted.isStrict ? nil : pickHost(seed)
    }

    /// Chooses a host for a TCP connection, which counts as a connection, not as a request.
    /// - Parameter destination: where the client was going before it was redirected to this proxy.
    @WorkerActor package func pickForConnection(to destination: SocketAddress? = nil) -> Host? {
        let random = worker.random.next()
        let host =
            if destinations != nil, let destination {
                pickHost(HostOverride(address: destination, isStrict: true), random)
            } else {
                pickHost(random)
            }
        if host == nil { stats[.upstreamCxNoneHealthy].add() }
        return host
    }

    /// A TCP connection to the host has ended; the last one lets go of a host that is not listed any more.
    @WorkerActor package func connectionEnded(_ host: Host) {
        giveBack(host)
    }

    /// All hosts of the present list, for admin.
    @WorkerActor package var members: [Host] {
        destinations?.hosts ?? balancer.hosts.listed.compactMap { hosts[$0] }
    }

    /// On what grounds a request just got this host, for an explanation.
    /// - Parameter wanted: what was asked of ``pick(_:priority:)``.
    @WorkerActor package func grounds(for host: Host, _ wanted: HostOverride?) -> String {
        if destinations != nil { return "original destination" }
        if let wanted, wanted.address == host.address { return "asked for by a filter" }
        let listed = balancer.hosts.listed
        let healthy = listed.count { balancer.hosts.flags(of: $0).health == .healthy }
        let policy =
            switch config.balancing.policy {
            case .roundRobin: "round robin"
            // Its own request counts already.
            case .leastRequest: "least request, \(max(balancer.hosts.activeRequests(of: host.slot), 1) - 1) active there"
            case .random: "random"
            }
        let priority = balancer.hosts.priority(of: host.slot)
        let isInPanic = priority < balancer.load.isInPanic.count && balancer.load.isInPanic[priority]
        var grounds = "\(policy), \(healthy) of \(listed.count) healthy"
        if priority > 0 { grounds += ", priority \(priority)" }
        if isInPanic { grounds += ", panic" }
        if let wanted { grounds += ", \(wanted.address) is not there" }
        return grounds
    }

    /// The cluster goes away: its hosts drain.
    @WorkerActor package func drain() {
        for host in members { host.drain() }
    }
}

/// A host that a filter chose in the load balancer's place.
package struct HostOverride: Sendable {
    package let address: SocketAddress
    /// Whether no other host will do.
    package let isStrict: Bool

    package init(address: SocketAddress, isStrict: Bool) {
        self.address = address
        self.isStrict = isStrict
    }
}

/// A name of a cluster that routes refer to, and the cluster that has it at present. Routes hold the reference, so that
/// clusters come and go without a new route table.
@WorkerActor package final class ClusterReference {
    package let name: NamedText
    package internal(set) var cluster: Cluster?

    package nonisolated init(name: String) { self.name = NamedText(name) }
}

/// The clusters of a worker by name.
@WorkerActor package final class ClusterDirectory {
    private var references: [String: ClusterReference] = [:]

    package init() {}

    /// The reference for a name, made when nobody has asked for it before.
    package func reference(_ name: String) -> ClusterReference {
        if let reference = references[name] { return reference }
        let reference = ClusterReference(name: name)
        references[name] = reference
        return reference
    }

    /// The cluster of a name that a request brought; nil when there is none. Makes no reference, so that clients cannot
    /// fill the table.
    package func find(_ name: UnsafeRawBufferPointer) -> Cluster? {
        references[name.text]?.cluster
    }

    /// The reference for a name that something else than the configuration gave; nil when nobody refers to such a name.
    package func present(_ name: UnsafeRawBufferPointer) -> ClusterReference? { references[name.text] }

    /// The cluster of a name of the configuration; nil when there is none.
    package func cluster(_ name: String) -> Cluster? { references[name]?.cluster }

    /// Puts a cluster under its name, or takes the name away.
    package func set(_ name: String, _ cluster: Cluster?) {
        reference(name).cluster = cluster
    }

    /// All clusters, by name.
    package var clusters: [Cluster] {
        references.values.compactMap(\.cluster).sorted { $0.config.name.text < $1.config.name.text }
    }
}
