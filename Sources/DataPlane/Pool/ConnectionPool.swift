import Bytes
import HTTPCodec
import HTTPModel
import Observability
import Reactor
import SecureTransport
import TrafficPolicy

/// The connections of one worker to one host in one protocol.
///
/// The actor owns the decisions, a pure machine; ``PoolConnections`` holds the sockets and those who wait. The verbs
/// below run on the worker, ask the machine through one synchronous door and perform what it says, with nothing in
/// between.
package actor ConnectionPool: LoopActor {
    // Safety: touched by the verbs below alone. They run on `WorkerActor`, whose executor is this actor's own; going
    // through `enter` would allocate twice for each request.
    private nonisolated(unsafe) var machine: ConnectionPoolStateMachine
    nonisolated let connections: PoolConnections

    /// - Parameters:
    ///   - version: nil: what each connection agrees on by ALPN.
    ///   - serverName: the name by which the host is asked for and known; nil: as the cluster says.
    @WorkerActor init(
        host: Host, cluster: Cluster, version: HTTPVersion?, priority: RoutingPriority = .default,
        serverName: UpstreamServerName? = nil
    ) {
        machine = ConnectionPoolStateMachine(maximumRequests: cluster.config.maxRequestsPerConnection)
        connections = PoolConnections(
            host: host, cluster: cluster, version: version, serverName: serverName, limits: cluster.limits(priority))
    }

    /// Whether nothing is under way or waits here.
    nonisolated var isEmpty: Bool {
        machine.count == 0 && machine.waitingCount == 0
    }

    // MARK: Requests

    /// Gives the request a connection now, later, or tells it that it gets none.
    @WorkerActor func acquire(_ request: UpstreamRequest) {
        let limits = connections.limits
        let ticket = connections.nextTicket()
        let mayConnect = limits.canOpenConnection
        let mayWait = limits.canWait
        let capacity = connections.expectedCapacity
        let decision = machine.acquire(ticket, mayConnect: mayConnect, mayWait: mayWait, expectedCapacity: capacity)
        switch decision {
        case .use(let number):
            assign(request, number)
        case .wait(let connect):
            connections.wait(request, ticket)
            if !mayConnect, connect != nil || machine.lacksConnections(expectedCapacity: capacity) {
                connections.cluster.stats[.upstreamCxOverflow].add()
            }
            if let connect { open(connect) }
        case .refuse:
            connections.cluster.stats[.upstreamRqPendingOverflow].add()
            request.poolRefused()
        }
    }

    /// A waiting request has been given up.
    @WorkerActor func cancel(_ request: UpstreamRequest, ticket: UInt64) {
        guard machine.cancel(ticket) else { return }
        connections.cluster.stats[.upstreamRqCancelled].add()
        connections.stopWaiting(ticket)
    }

    /// A request on connection `number` has ended.
    @WorkerActor func ended(_ number: Int, reusable: Bool) {
        let mayConnect = connections.limits.canOpenConnection
        perform(machine.ended(number, reusable: reusable, mayConnect: mayConnect))
    }

    // MARK: Connections

    @WorkerActor func connected(_ number: Int, capacity: Int) {
        machine.connected(number, capacity: capacity)
        connections.noteCapacity(capacity)
        serveWaiting()
    }

    @WorkerActor func capacityChanged(_ number: Int, to capacity: Int) {
        machine.capacityChanged(number, to: capacity)
        serveWaiting()
    }

    /// Sends out whoever there is room for, and opens what the others need: a connection may carry less than was hoped.
    @WorkerActor private func serveWaiting() {
        while true {
            let next = machine.next()
            guard next != .nothing else { break }
            perform(next)
        }
        let expected = connections.expectedCapacity
        while true {
            let mayConnect = connections.limits.canOpenConnection
            guard let number = machine.cover(mayConnect: mayConnect, expectedCapacity: expected) else { return }
            open(number)
        }
    }

    @WorkerActor func drained(_ number: Int) {
        let mayConnect = connections.limits.canOpenConnection
        perform(machine.drained(number, mayConnect: mayConnect))
    }

    @WorkerActor func closed(_ number: Int) {
        connections.remove(number)
        let mayConnect = connections.limits.canOpenConnection
        perform(machine.closed(number, mayConnect: mayConnect))
    }

    @WorkerActor func connectFailed(_ number: Int, _ failure: ConnectFailure) {
        connections.remove(number)
        connections.host.stats[.cxConnectFail].add()
        let tickets = machine.failed(number)
        if !tickets.isEmpty { connections.cluster.stats[.upstreamRqPendingFailureEject].add(UInt64(tickets.count)) }
        for ticket in tickets { connections.stopWaiting(ticket)?.connectFailed(failure) }
    }

    /// Nothing new goes to this host: idle connections close, the others after their last request.
    @WorkerActor func drain() {
        for number in machine.drain() { connections.close(number) }
    }

    @WorkerActor private func perform(_ action: ConnectionPoolStateMachine.FollowUp) {
        switch action {
        case .nothing: break
        case .assign(let ticket, let number):
            if let request = connections.stopWaiting(ticket) { assign(request, number) }
        case .close(let number, let replace):
            connections.close(number)
            if let replace { open(replace) }
        case .connect(let number): open(number)
        }
    }

    @WorkerActor private func open(_ number: Int) {
        connections.open(number, pool: self)
    }

    @WorkerActor private func assign(_ request: UpstreamRequest, _ number: Int) {
        if machine.isSpent(number) { connections.cluster.stats[.upstreamCxMaxRequests].add() }
        connections.assign(request, number)
    }
}

/// Why a connection to a host could not be made.
struct ConnectFailure: Sendable {
    /// As in Envoy's local reply: `connection timeout`, `remote connection failure` …
    var reason: StaticString
    /// `%UPSTREAM_TRANSPORT_FAILURE_REASON%`.
    var detail: String?
    var isTimeout = false
}

/// What a pool's machine speaks of by number: the connections, and the requests that wait.
@WorkerActor final class PoolConnections {
    // A host that drains lets go of its pools, which ends this circle.
    let host: Host
    let cluster: Cluster
    let version: HTTPVersion?
    let serverName: UpstreamServerName?
    let limits: ClusterLimits
    /// What the latest connection carries, where that is not known before.
    private var negotiatedCapacity = 1
    private var connections: [UpstreamConnection?] = []
    /// By connection: whether the circuit breaker counts it.
    private var counted: [Bool] = []
    private var waiting: [UInt64: UpstreamRequest] = [:]
    private var lastTicket: UInt64 = 0

    nonisolated init(host: Host, cluster: Cluster, version: HTTPVersion?, serverName: UpstreamServerName?, limits: ClusterLimits) {
        self.host = host
        self.cluster = cluster
        self.version = version
        self.serverName = serverName
        self.limits = limits
    }

    /// Requests that a connection carries until its peer says otherwise.
    var expectedCapacity: Int {
        guard let version else { return negotiatedCapacity }
        return version == .http2 ? Int(clamping: cluster.config.http2.maxConcurrentStreams) : 1
    }

    func noteCapacity(_ capacity: Int) {
        negotiatedCapacity = capacity
    }

    func nextTicket() -> UInt64 {
        lastTicket += 1
        return lastTicket
    }

    func wait(_ request: UpstreamRequest, _ ticket: UInt64) {
        waiting[ticket] = request
        request.ticket = ticket
        request.countsAsWaiting = limits.waitBegan()
        cluster.stats[.upstreamRqPendingTotal].add()
        cluster.stats[.upstreamRqPendingActive].add()
    }

    @discardableResult
    func stopWaiting(_ ticket: UInt64) -> UpstreamRequest? {
        guard let request = waiting.removeValue(forKey: ticket) else { return nil }
        request.ticket = nil
        if request.countsAsWaiting { limits.waitEnded() }
        request.countsAsWaiting = false
        cluster.stats[.upstreamRqPendingActive].subtract()
        return request
    }

    func assign(_ request: UpstreamRequest, _ number: Int) {
        guard let connection = connections[number] else { preconditionFailure("a request for a connection that is gone") }
        request.poolReady(connection.codec)
    }

    func open(_ number: Int, pool: ConnectionPool) {
        while connections.count <= number {
            connections.append(nil)
            counted.append(false)
        }
        counted[number] = limits.connectionOpened()
        cluster.stats[.upstreamCxTotal].add()
        cluster.stats[.upstreamCxActive].add()
        host.stats[.cxTotal].add()
        host.stats[.cxActive].add()
        do {
            let connection = try UpstreamConnection(pool: pool, connections: self, number: number)
            connections[number] = connection
            try connection.start()
        } catch {
            if (error as? SystemError)?.call.description == "bind" { cluster.stats[.bindErrors].add() }
            let worker = cluster.worker
            worker.loop.atTurnEnd(FailedConnect(pool: pool, number: number, detail: "\(error)"))
        }
    }

    func close(_ number: Int) {
        connections[number]?.codec.drain()
    }

    func remove(_ number: Int) {
        connections[number] = nil
        if counted[number] { limits.connectionClosed() }
        counted[number] = false
        cluster.stats[.upstreamCxActive].subtract()
        cluster.stats[.upstreamCxDestroy].add()
        host.stats[.cxActive].subtract()
    }
}

/// A connect that failed at once is told of at the end of the turn, never from inside `acquire`.
@WorkerActor private final class FailedConnect: TurnEndHandler {
    private let pool: ConnectionPool
    private let number: Int
    private let detail: String

    init(pool: ConnectionPool, number: Int, detail: String) {
        self.pool = pool
        self.number = number
        self.detail = detail
    }

    func turnEnded() {
        pool.connections.cluster.stats[.upstreamCxConnectFail].add()
        pool.connections.cluster.stats[.upstreamCxDestroyRemote].add()
        pool.connectFailed(number, ConnectFailure(reason: "remote connection failure", detail: detail))
    }
}
