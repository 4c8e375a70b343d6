import Bytes
package import Observability
import ProxyModel
package import Reactor
package import TrafficPolicy

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
    /// What scripts of all workers share.
    package var store: KeyValueRegion

    package init(
        context: WorkerContext, stats: StatsSegment, registry: HTTPFilterRegistry, logWriter: LogFileWriter, log: Log,
        environment: FormatEnvironment, limits: @escaping @WorkerActor (_ cluster: String) -> LimitCounters, balancer: (any ConnectionBalancer)? = nil,
        store: KeyValueRegion = KeyValueRegion(privateBuckets: 1)
    ) {
        self.store = store
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

/// One worker of the proxy: takes resources in two steps, serves connections by those in force, and drains.
@WorkerActor package final class Worker {
    package let resources: WorkerResources
    /// Nanoseconds that connections of a filter chain or listener that is gone have to come to their end
    /// (`--drain-time-s`); then they are closed, as in Envoy.
    package var chainDrainTime: UInt64 = 10_000_000_000
    /// What resources that are prepared from now on are compiled with.
    package var settings = CompileSettings()
    var sockets: [String: ListenerSocket] = [:]
    var members = ClusterMembers()
    var staged: [UInt32: StagedResource] = [:]
    private var draining: [ListenerSocket] = []
    private var early = EarlyConnections()
    private var earlyTimer: LoopTimer?
    /// Whether nothing new is accepted any more.
    package private(set) var isDraining = false

    package init(_ resources: WorkerResources) {
        self.resources = resources
    }

    func retire(_ socket: ListenerSocket) {
        resources.context.listeners.remove(socket)
        socket.drain()
        draining.removeAll { $0.connectionCount == 0 }
        guard socket.connectionCount > 0 else { return }
        draining.append(socket)
        socket.closeAll(after: chainDrainTime)
    }

    /// Takes a connection that another worker accepted.
    package func take(_ descriptor: consuming Descriptor, listener: String) {
        guard let socket = sockets[listener] else { return keep(descriptor, for: listener) }
        let remote = Socket.peerAddress(descriptor.raw) ?? SocketAddress(unixPath: "")
        socket.take(descriptor, remote)
    }

    /// The listener is not in force here yet, or no longer.
    private func keep(_ descriptor: consuming Descriptor, for listener: String) {
        guard !isDraining, !draining.contains(where: { $0.listener.name == listener }) else { return }
        let raw = descriptor.release()
        guard early.wait(raw, listener: listener, now: resources.context.loop.now) else {
            _ = Descriptor(raw)
            return
        }
        scheduleEarly()
    }

    /// A listener is in force: what came before it is served.
    func serveEarly(_ listener: String) {
        for descriptor in early.take(listener) { take(Descriptor(descriptor), listener: listener) }
    }

    private func scheduleEarly() {
        if earlyTimer == nil {
            earlyTimer = LoopTimer(loop: resources.context.loop) { [unowned self] in
                for descriptor in self.early.takeExpired(now: self.resources.context.loop.now) { _ = Descriptor(descriptor) }
                self.scheduleEarly()
            }
        }
        if let next = early.next { earlyTimer?.schedule(at: next) }
    }

    /// Tells clients, with what they are answered next, that their connections end.
    package func retire() {
        for socket in sockets.values { socket.retireConnections() }
    }

    /// Takes nothing new and lets what is under way come to its end.
    package func drain() {
        guard !isDraining else { return }
        isDraining = true
        for socket in sockets.values { socket.drain() }
    }

    /// Stops accepting without draining what is open.
    /// - Parameter listeners: only these; nil for all.
    package func stopAccepting(_ listeners: Set<String>? = nil) {
        for (name, socket) in sockets where listeners?.contains(name) ?? true { socket.stopAccepting() }
    }

    /// Whether the proxy answers health checks with failure, so that connections should go elsewhere.
    package func setHealth(fails: Bool) {
        resources.context.failsHealthCheck = fails
        if fails { for socket in sockets.values { socket.healthFailed() } }
    }

    /// The listeners in force.
    package var listenerNames: Set<String> { Set(sockets.keys) }

    /// Brings what is counted beside the statistics into them; to be called now and then.
    package func publishStatistics() {
        resources.context.http1Counters.publish(to: resources.stats)
        resources.context.http2Counters.publish(to: resources.stats)
    }

    /// Downstream connections of all listeners.
    package var connectionCount: Int {
        sockets.values.reduce(0) { $0 + $1.connectionCount } + draining.reduce(0) { $0 + $1.connectionCount }
    }

    /// Requests that are under way.
    package var streamCount: Int { resources.context.activeStreams }

    /// Memory that bodies and output wait in, in bytes.
    package var bufferedBytes: Int { resources.context.blocks.bytesInUse }

    /// Ends every connection now.
    package func closeAll() {
        for socket in sockets.values { socket.closeAll() }
        for socket in draining { socket.closeAll() }
    }

    /// The clusters in force, for admin.
    package var activeClusters: [Cluster] { resources.context.clusters.clusters }
}
