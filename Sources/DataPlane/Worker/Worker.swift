import Bytes
package import Observability
package import ProxyModel
package import Reactor
package import TrafficPolicy

/// Everything that one configuration comes to in one worker; made by ``Worker/prepare(_:)`` and put in force as a whole
/// by ``Worker/commit(_:sockets:)``.
@WorkerActor package final class WorkerSnapshot {
    let listeners: [ListenerConfig]
    let clusters: [PreparedCluster]
    /// Names of the clusters whose endpoints must be resolved by name: they come by ``Worker/setEndpoints(_:_:)``.
    package let resolvedClusters: [String]

    struct PreparedCluster {
        let config: ClusterConfig
        let fingerprint: [UInt8]
        let endpoints: [Endpoint]?
    }

    init(listeners: [ListenerConfig], clusters: [PreparedCluster], resolvedClusters: [String]) {
        self.listeners = listeners
        self.clusters = clusters
        self.resolvedClusters = resolvedClusters
    }
}

/// What a worker is given by whoever runs it.
@WorkerActor package struct WorkerResources {
    package var context: WorkerContext
    package var stats: StatsSegment
    package var registry: HTTPFilterRegistry
    /// Writes access logs, on a thread beside the loop.
    package var logWriter: LogFileWriter
    /// The proxy's own log.
    package var log: Log
    /// What formats say of this machine.
    package var environment: FormatEnvironment
    /// The counters of a cluster's circuit breaker in the region that all workers share.
    package var limits: @WorkerActor (_ cluster: String) -> LimitCounters
    package var balancer: (any ConnectionBalancer)?

    package init(
        context: WorkerContext, stats: StatsSegment, registry: HTTPFilterRegistry, logWriter: LogFileWriter, log: Log,
        environment: FormatEnvironment, limits: @escaping @WorkerActor (_ cluster: String) -> LimitCounters, balancer: (any ConnectionBalancer)? = nil
    ) {
        self.context = context
        self.stats = stats
        self.registry = registry
        self.logWriter = logWriter
        self.log = log
        self.environment = environment
        self.limits = limits
        self.balancer = balancer
    }
}

/// One worker of the proxy: takes configurations in two steps, serves connections by the one in force, and drains.
@WorkerActor package final class Worker {
    package let resources: WorkerResources
    private var sockets: [String: ListenerSocket] = [:]
    private var draining: [ListenerSocket] = []
    private var clusters: [String: (cluster: Cluster, fingerprint: [UInt8])] = [:]
    /// Whether nothing new is accepted any more.
    package private(set) var isDraining = false

    package init(_ resources: WorkerResources) {
        self.resources = resources
    }

    /// First step: compiles a configuration. Nothing changes; what is wrong is thrown, with its path.
    package func prepare(_ bootstrap: Envoy_Config_Bootstrap_V3_Bootstrap) throws(ConfigProblem) -> WorkerSnapshot {
        try SnapshotCompiler(
            resources: resources, node: bootstrap.node, runtime: RuntimeValues(bootstrap.layeredRuntime),
            secrets: Dictionary(bootstrap.staticResources.secrets.map { ($0.name, $0) }) { first, _ in first }
        ).compile(bootstrap)
    }

    /// Second step: puts a compiled configuration in force. Requests under way end under the one they began with.
    /// - Parameter sockets: listening descriptors by listener name; a listener that this worker has already keeps its own.
    package func commit(_ snapshot: WorkerSnapshot, sockets descriptors: [String: [Int32]]) throws(SystemError) {
        commitClusters(snapshot)
        var kept: Set<String> = []
        for config in snapshot.listeners {
            kept.insert(config.name)
            if let present = sockets[config.name], descriptors[config.name] == nil {
                present.replace(config)
                continue
            }
            if let replaced = sockets.removeValue(forKey: config.name) { retire(replaced) }
            let socket = ListenerSocket(
                listener: Listener(config), worker: resources.context, sockets: descriptors[config.name] ?? [],
                balancer: resources.balancer)
            sockets[config.name] = socket
            if !isDraining { try socket.start() }
        }
        for (name, socket) in sockets where !kept.contains(name) {
            sockets[name] = nil
            retire(socket)
        }
    }

    private func commitClusters(_ snapshot: WorkerSnapshot) {
        let directory = resources.context.clusters
        var kept: Set<String> = []
        for prepared in snapshot.clusters {
            let name = prepared.config.name.text
            kept.insert(name)
            // A cluster whose configuration is the same keeps its connections and its resolved hosts.
            if let present = clusters[name], present.fingerprint == prepared.fingerprint { continue }
            let thresholds = prepared.config
            let cluster = Cluster(
                config: prepared.config, stats: resources.stats.cluster(name), worker: resources.context,
                limits: ClusterLimits(
                    CircuitBreaker(
                        counters: resources.limits(name), normal: thresholds.thresholds, high: thresholds.highThresholds)))
            if let endpoints = prepared.endpoints { cluster.replace(endpoints) }
            clusters[name]?.cluster.drain()
            clusters[name] = (cluster, prepared.fingerprint)
            directory.set(name, cluster)
        }
        for (name, entry) in clusters where !kept.contains(name) {
            clusters[name] = nil
            directory.set(name, nil)
            resources.context.http2Counters.forget(name)
            entry.cluster.drain()
        }
    }

    private func retire(_ socket: ListenerSocket) {
        socket.drain()
        draining.removeAll { $0.connectionCount == 0 }
        if socket.connectionCount > 0 { draining.append(socket) }
    }

    /// What name resolution found for a cluster of a DNS type.
    package func setEndpoints(_ cluster: String, _ endpoints: [Endpoint]) {
        clusters[cluster]?.cluster.replace(endpoints)
    }

    /// Takes a connection that another worker accepted.
    package func take(_ descriptor: consuming Descriptor, listener: String) {
        let remote = Socket.peerAddress(descriptor.raw) ?? SocketAddress(unixPath: "")
        sockets[listener]?.take(descriptor, remote)
    }

    /// Takes nothing new and lets what is under way come to its end.
    package func drain() {
        guard !isDraining else { return }
        isDraining = true
        for socket in sockets.values { socket.drain() }
    }

    /// Stops accepting without draining what is open.
    package func stopAccepting() {
        for socket in sockets.values { socket.stopAccepting() }
    }

    /// Brings what is counted beside the statistics into them; to be called now and then.
    package func publishStatistics() {
        resources.context.http2Counters.publish(to: resources.stats)
    }

    /// Downstream connections of all listeners.
    package var connectionCount: Int {
        sockets.values.reduce(0) { $0 + $1.connectionCount } + draining.reduce(0) { $0 + $1.connectionCount }
    }

    /// Ends every connection now.
    package func closeAll() {
        for socket in sockets.values { socket.closeAll() }
        for socket in draining { socket.closeAll() }
    }

    /// The clusters in force, for admin.
    package var activeClusters: [Cluster] { resources.context.clusters.clusters }
}
