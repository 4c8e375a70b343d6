package import Bytes
import HTTPModel
import Observability
package import Reactor
import SecureTransport

/// What a listener does with connections, compiled. A newer one takes over the filter chains that it has as well.
@WorkerActor package final class ListenerConfig {
    package let name: String
    package let matcher: FilterChainMatcher
    package let chains: [FilterChain]
    package let defaultChain: FilterChain?
    package let stats: ListenerCounters
    package var inspectsClientHello = false
    package var readsProxyProtocol = false
    package var usesOriginalDestination = false
    /// `use_original_dst`: connections go to the listener of the address that they were made to, where there is one.
    var handsOver = false
    /// `http_inspector`
    var inspectsHTTP = false
    /// Where it listens, or stands for connections that others accept.
    var addresses: [SocketAddress] = []
    /// Nanoseconds for the listener filters together; 0 switches off.
    package var inspectionTimeout: UInt64 = 15_000_000_000
    package var continuesAfterTimeout = false
    package var bufferLimit = 1024 * 1024
    package var maxConnections = Int.max
    package var keepalive: (probes: Int32?, time: Int32?, interval: Int32?)?

    private let chainIDs: Set<ObjectIdentifier>

    /// - Parameter chains: as `matcher` counts them.
    package init(
        name: String, matcher: FilterChainMatcher, chains: [FilterChain], defaultChain: FilterChain?, stats: ListenerCounters
    ) {
        self.name = name
        self.matcher = matcher
        self.chains = chains
        self.defaultChain = defaultChain
        self.stats = stats
        chainIDs = Set((chains + (defaultChain.map { [$0] } ?? [])).map { ObjectIdentifier($0) })
    }

    /// Whether connections of the chain stay under this configuration.
    func holds(_ chain: FilterChain) -> Bool { chainIDs.contains(ObjectIdentifier(chain)) }

    /// All chains, for those that a newer configuration has as well.
    var allChains: [FilterChain] { chains + (defaultChain.map { [$0] } ?? []) }
}

/// Spreads accepted connections over the workers of the proxy.
@WorkerActor package protocol ConnectionBalancer: AnyObject {
    /// A worker that should take the next connection instead of this one; nil when this one should.
    func lessLoadedWorker() -> Int?
    /// Gives an accepted socket to another worker.
    /// - Returns: false when it could not be given; it is still the caller's then.
    func handOver(_ descriptor: Int32, listener: String, to worker: Int) -> Bool
    /// This worker has so many connections more (or less).
    func connectionsChanged(by amount: Int)
}

/// A listening address of one worker: which connections it has, and whether it takes more.
///
/// The actor owns what outlives a connection; ``ListenerSocket`` does the accepting.
package actor Listener: LoopActor {
    /// What is to be done with a new connection.
    enum Admission: Sendable {
        case take(ListenerConfig)
        /// Over the listener's limit: closed at once.
        case refuse
    }

    /// The listener's name in the configuration.
    package nonisolated let name: String
    private var config: ListenerConfig
    private var active = 0
    private var isDraining = false

    /// A listener that does not accept yet.
    @WorkerActor package init(_ config: ListenerConfig) {
        name = config.name
        self.config = config
    }

    private func admit(limit: Int) -> Admission {
        guard active < limit, !isDraining else { return .refuse }
        active += 1
        return .take(config)
    }

    /// The synchronous door for an accepted connection; one that is taken must be given back with ``ended()``.
    @WorkerActor func admit() -> Admission {
        let limit = current.maxConnections
        return enter { $0.admit(limit: limit) }
    }

    @WorkerActor func ended() {
        enter { $0.active -= 1 }
    }

    /// The configuration that the next connection is accepted with.
    @WorkerActor package var current: ListenerConfig { enter { $0.config } }

    /// Connections that were admitted and have not ended.
    @WorkerActor package var activeConnections: Int { enter { $0.active } }

    /// New connections get the new configuration.
    @WorkerActor package func replace(_ config: ListenerConfig) {
        enter { $0.config = config }
    }

    @WorkerActor func beginDraining() {
        enter { $0.isDraining = true }
    }
}

/// The sockets of a listener and the connections that came by them.
@WorkerActor package final class ListenerSocket: EventHandler, DownstreamConnectionHost {
    /// Connections accepted in one event: then others get their turn.
    private static let acceptBatch = 16
    /// How long accepting pauses when descriptors run out, in nanoseconds.
    private static let exhaustedPause: UInt64 = 100_000_000

    /// The listener that the socket belongs to.
    package let listener: Listener
    private let worker: WorkerContext
    private let sockets: [Int32]
    private let balancer: (any ConnectionBalancer)?
    private var connections: [DownstreamConnection] = []
    private var inspections: [ObjectIdentifier: ConnectionInspection] = [:]
    private var isAccepting = false
    private var pauseTimer: LoopTimer?
    private var retireTimer: LoopTimer?

    /// - Parameter sockets: listening descriptors; they stay the caller's.
    package init(listener: Listener, worker: WorkerContext, sockets: [Int32], balancer: (any ConnectionBalancer)?) {
        self.listener = listener
        self.worker = worker
        self.sockets = sockets
        self.balancer = balancer
    }

    /// Begins to accept.
    package func start() throws(SystemError) {
        guard !isAccepting else { return }
        isAccepting = true
        for socket in sockets { try worker.loop.watch(socket, .listener, self) }
    }

    /// Ends accepting and leaves what was accepted.
    package func stopAccepting() {
        guard isAccepting else { return }
        isAccepting = false
        for socket in sockets { worker.loop.unwatch(socket) }
    }

    /// Connections of this socket, those that are still being inspected included.
    package var connectionCount: Int { connections.count + inspections.count }

    // MARK: Accepting

    /// Accepts a bounded batch, so that one listener does not starve the loop.
    package func ready(_ readiness: Readiness) {
        worker.eventBegan()
        defer { worker.eventEnded() }
        for socket in sockets { acceptBatch(socket) }
    }

    private func acceptBatch(_ socket: Int32) {
        for _ in 0..<Self.acceptBatch {
            switch Socket.accept(socket) {
            case .connection(let descriptor, let remote): accepted(descriptor, remote)
            case .wouldBlock: return
            case .passing: continue
            case .exhausted:
                pause()
                return
            case .failed:
                pause()
                return
            }
        }
    }

    private func accepted(_ descriptor: consuming Descriptor, _ remote: SocketAddress) {
        if let balancer, let other = balancer.lessLoadedWorker() {
            if balancer.handOver(descriptor.raw, listener: listener.name, to: other) { return }
        }
        take(descriptor, remote)
    }

    /// Serves a connection that was accepted here or by another worker.
    package func take(_ descriptor: consuming Descriptor, _ remote: SocketAddress) {
        guard case .take(let config) = listener.admit() else {
            listener.current.stats.refused()
            return
        }
        balancer?.connectionsChanged(by: 1)
        config.stats.accepted()
        if remote.ip != nil { Socket.setNoDelay(descriptor.raw) }
        if let keepalive = config.keepalive {
            // A refused option is no reason to refuse the client.
            try? Socket.setKeepalive(
                descriptor.raw, probes: keepalive.probes, time: keepalive.time, interval: keepalive.interval)
        }
        let original = config.usesOriginalDestination ? Socket.originalDestination(descriptor.raw) : nil
        let local = original ?? Socket.localAddress(descriptor.raw) ?? remote
        var facts = ConnectionFacts(local: local, remote: remote, directRemote: remote)
        facts.isRestored = original != nil
        inspect(descriptor, facts, config)
    }

    private func inspect(_ descriptor: consuming Descriptor, _ facts: ConnectionFacts, _ config: ListenerConfig) {
        guard config.inspectsClientHello || config.readsProxyProtocol || config.inspectsHTTP else {
            serve(descriptor, facts, config, began: worker.loop.now)
            return
        }
        let inspection = ConnectionInspection(
            worker: worker, descriptor: descriptor, facts: facts, config: config, listener: self)
        inspections[ObjectIdentifier(inspection)] = inspection
        inspection.start()
    }

    /// Serves a connection that another listener accepted, because it was made to this one's address.
    private func takeOver(_ descriptor: consuming Descriptor, _ facts: ConnectionFacts) {
        guard case .take(let config) = listener.admit() else {
            listener.current.stats.refused()
            return
        }
        balancer?.connectionsChanged(by: 1)
        config.stats.accepted()
        var own = ConnectionFacts(local: facts.local, remote: facts.remote, directRemote: facts.directRemote)
        own.isRestored = true
        inspect(descriptor, own, config)
    }

    /// The listener filters are done.
    func inspected(_ inspection: ConnectionInspection, _ descriptor: consuming Descriptor, _ facts: ConnectionFacts) {
        inspections[ObjectIdentifier(inspection)] = nil
        serve(descriptor, facts, inspection.config, began: inspection.began)
    }

    /// The listener filters, or the client, gave up.
    func inspectionFailed(_ inspection: ConnectionInspection) {
        inspections[ObjectIdentifier(inspection)] = nil
        ended(inspection.config, began: inspection.began)
    }

    /// - Parameter config: the one that the connection was accepted and counted under; its chain comes from the present.
    private func serve(_ descriptor: consuming Descriptor, _ facts: ConnectionFacts, _ config: ListenerConfig, began: UInt64) {
        let current = listener.current
        if config.handsOver, facts.isRestored, let other = worker.listeners.find(facts.local), other !== self {
            ended(config, began: began)
            other.takeOver(descriptor, facts)
            return
        }
        guard let chain = current.matcher.match(facts).map({ current.chains[$0] }) ?? current.defaultChain else {
            config.stats.noFilterChain()
            ended(config, began: began)
            return
        }
        var session: TLSSession?
        if let reference = chain.tls {
            guard let tls = reference.current else {
                config.stats.handshakeFailed(nil)
                ended(config, began: began)
                return
            }
            do {
                session = try TLSSession(context: tls, descriptor: descriptor.raw)
            } catch {
                config.stats.handshakeFailed(error)
                ended(config, began: began)
                return
            }
        }
        let transport = Transport(
            worker: worker, descriptor: descriptor, connected: true, tls: session, bufferLimit: config.bufferLimit)
        let connection = DownstreamConnection(
            worker: worker, chain: chain, transport: transport, facts: facts, host: self, config: config)
        connection.slot = connections.count
        connections.append(connection)
        do {
            try connection.start()
        } catch {
            connectionEnded(connection)
        }
    }

    /// Out of descriptors: the clients wait in the kernel's queue for a while instead of being looked at in vain.
    private func pause() {
        guard isAccepting else { return }
        stopAccepting()
        // Safety: as above: the timer goes with this object.
        let timer = LoopTimer(loop: worker.loop) { [unowned(unsafe) self] in
            self.pauseTimer = nil
            try? self.start()
        }
        timer.schedule(after: Self.exhaustedPause)
        pauseTimer = timer
    }

    // MARK: Connections

    /// The connection has closed and is nobody's any more.
    package func connectionEnded(_ connection: DownstreamConnection) {
        let slot = connection.slot
        guard slot < connections.count, connections[slot] === connection else { return }
        connections.swapAt(slot, connections.count - 1)
        connections.removeLast()
        if slot < connections.count { connections[slot].slot = slot }
        ended(connection.listenerConfig, began: worker.loop.now - connection.age)
    }

    private func ended(_ config: ListenerConfig, began: UInt64) {
        listener.ended()
        balancer?.connectionsChanged(by: -1)
        config.stats.closed(age: worker.loop.now - began)
    }

    /// Puts another configuration in force. Connections of chains that it has too stay as they are; the others end at the
    /// next moment that costs no request, and at the latest after `drainTime` nanoseconds.
    package func replace(_ config: ListenerConfig, drainTime: UInt64) {
        listener.replace(config)
        let now = worker.loop.now
        // A connection that closes takes itself off the list.
        for connection in connections.filter({ !config.holds($0.chain) && $0.retiredUntil == nil }) {
            connection.retire(until: now + drainTime)
        }
        if retireTimer == nil { scheduleRetirement() }
    }

    private func scheduleRetirement() {
        retireTimer = nil
        guard let next = connections.compactMap(\.retiredUntil).min() else { return }
        // Safety: as below: the timer goes with this object.
        let timer = LoopTimer(loop: worker.loop) { [unowned(unsafe) self] in self.endRetired() }
        timer.schedule(after: next > worker.loop.now ? next - worker.loop.now : 1)
        retireTimer = timer
    }

    private func endRetired() {
        let now = worker.loop.now
        for connection in connections.filter({ $0.retiredUntil.map { $0 <= now } ?? false }) {
            connection.retiredUntil = .max
            connection.drain()
        }
        retireTimer = nil
        if connections.contains(where: { $0.retiredUntil.map { $0 < .max } ?? false }) { scheduleRetirement() }
    }

    /// Takes nothing new and lets what is there come to its end.
    package func drain() {
        pauseTimer = nil
        stopAccepting()
        listener.beginDraining()
        for connection in connections { connection.drain() }
    }

    /// Ends every connection now.
    package func closeAll() {
        for connection in connections { connection.transport.closeNow() }
    }
}
