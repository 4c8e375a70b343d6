package import Bytes
import HTTPModel
import Observability
package import Reactor
import SecureTransport

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
    private var endTimer: LoopTimer?

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
        pauseTimer = nil
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
        let config = listener.current
        let count = accept(socket, atMost: config.acceptBatch)
        if count > 0 { config.stats.accepted(inOneEvent: count) }
    }

    /// - Returns: how many connections there were.
    private func accept(_ socket: Int32, atMost limit: Int) -> Int {
        var count = 0
        for _ in 0..<limit {
            switch Socket.accept(socket) {
            case .connection(let descriptor, let remote):
                count += 1
                accepted(descriptor, remote)
            case .wouldBlock: return count
            case .passing: continue
            case .exhausted:
                pause()
                return count
            case .failed:
                pause()
                return count
            }
        }
        return count
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
        let own = Socket.localAddress(descriptor.raw) ?? remote
        var facts = ConnectionFacts(local: own, remote: remote, directRemote: remote)
        if config.originalDestination.applies(to: facts), let original = Socket.originalDestination(descriptor.raw) {
            facts.local = original
            facts.isRestored = true
        }
        inspect(descriptor, facts, config)
    }

    private func inspect(_ descriptor: consuming Descriptor, _ facts: ConnectionFacts, _ config: ListenerConfig) {
        guard config.inspects(facts) else {
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
        note(inspection.facts, inspection.config, began: inspection.began) { _ in }
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
            note(facts, config, began: began) {
                $0.responseFlags.insert(.noRouteFound)
                $0.responseCodeDetails = "filter_chain_not_found"
            }
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
            if worker.failsHealthCheck, config.drainsOnFailedHealth { connection.closeAfterResponse() }
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

    /// Writes the line of a connection that no network filter has seen.
    private func note(
        _ facts: ConnectionFacts, _ config: ListenerConfig, began: UInt64, _ fill: @WorkerActor (inout StreamInfo) -> Void
    ) {
        guard !config.accessLogs.isEmpty else { return }
        let record = ConnectionRecord(worker: worker, facts: facts, age: worker.loop.now - began)
        record.info.connectionID = worker.nextConnectionID()
        fill(&record.info)
        record.write(to: config.accessLogs)
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

    /// Puts another configuration in force. Connections of chains that it has too stay as they are, and those of chains whose
    /// routes and HTTP filters alone differ go on under the new form. The others end at the next moment that costs no
    /// request, and at the latest after `drainTime` nanoseconds.
    package func replace(_ config: ListenerConfig, drainTime: UInt64) {
        listener.replace(config)
        let now = worker.loop.now
        // A connection that closes takes itself off the list.
        for connection in connections.filter({ !config.holds($0.chain) && $0.retiredUntil == nil }) {
            if let next = config.successor(of: connection.chain) {
                connection.adopt(next)
            } else {
                connection.retire(until: now + drainTime)
            }
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
        // As in Envoy, nothing outlives the drain time: of other protocols nobody knows when it would cost nothing.
        for connection in connections.filter({ $0.retiredUntil.map { $0 <= now } ?? false }) { connection.transport.closeNow() }
        retireTimer = nil
        scheduleRetirement()
    }

    /// `/healthcheck/fail` was asked for: connections end with their next response, so that clients go elsewhere.
    func healthFailed() {
        guard listener.current.drainsOnFailedHealth else { return }
        for connection in connections { connection.closeAfterResponse() }
    }

    /// The worker is about to drain.
    func retireConnections() {
        for connection in connections { connection.closeAfterResponse() }
    }

    /// Takes nothing new and lets what is there come to its end.
    package func drain() {
        pauseTimer = nil
        stopAccepting()
        listener.beginDraining()
        for connection in connections { connection.drain() }
    }

    /// Ends in so many nanoseconds what has not come to its end by then.
    func closeAll(after drainTime: UInt64) {
        // Safety: as above: the timer goes with this object.
        let timer = LoopTimer(loop: worker.loop) { [unowned(unsafe) self] in self.closeAll() }
        timer.schedule(after: drainTime)
        endTimer = timer
    }

    /// Ends every connection now.
    package func closeAll() {
        for connection in connections { connection.transport.closeNow() }
    }
}
