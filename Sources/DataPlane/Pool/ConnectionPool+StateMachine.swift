/// The decisions of a connection pool: which connection a request gets, when to open another, who waits.
///
/// Connections and requests are known by small numbers that the shell gives; a connection carries up to its capacity of
/// requests at once (1 for HTTP/1, the peer's limit for HTTP/2). Whether the cluster's limits allow another connection
/// or another waiting request is the shell's knowledge and comes as an argument.
package struct ConnectionPoolStateMachine: ~Copyable {
    /// A small number, used again after the connection has closed.
    package typealias Connection = Int
    /// A number that is never used again.
    package typealias Request = UInt64

    /// What is to be done with a request that wants a connection.
    package enum Acquisition: Equatable, Sendable {
        /// It goes out on this connection now.
        case use(Connection)
        /// It waits; `connect`: open a connection of this number too.
        case wait(connect: Connection?)
        /// Neither is allowed.
        case refuse
    }

    /// What follows from the end of a request or of a connection.
    package enum FollowUp: Equatable, Sendable {
        case nothing
        /// This waiting request goes out on the connection.
        case assign(Request, Connection)
        /// The connection is done with: close it. `replace`: open one of this number for those who wait.
        case close(Connection, replace: Connection?)
        /// Open a connection of this number for those who wait.
        case connect(Connection)
    }

    /// States of a connection. `connecting` → `ready` | gone; `ready` ⇄ `full` by load; both → `draining` → gone.
    private enum Phase: Equatable {
        case free
        case connecting
        /// Listed in `ready`: has room.
        case ready
        /// Has no room for now.
        case full
        /// Takes no new request; closed when its last one has ended.
        case draining
    }

    private struct Entry {
        var phase = Phase.free
        var active = 0
        var capacity = 0
        var served: UInt64 = 0
    }

    private var entries: [Entry] = []
    private var free: [Connection] = []
    /// Connections with room; the one used last is used first, so that idle ones can time out.
    private var ready: [Connection] = []
    private var waiting: [Request] = []
    private var firstWaiting = 0
    private var isDraining = false
    private let maximumRequests: UInt64

    /// Connections under way.
    package private(set) var connecting = 0
    /// Connections of all states.
    package private(set) var count = 0
    /// Requests on connections.
    package private(set) var active = 0

    /// - Parameter maximumRequests: requests that one connection may serve in its life; 0 means any number.
    package init(maximumRequests: UInt64 = 0) {
        self.maximumRequests = maximumRequests
    }

    /// Requests that wait.
    package var waitingCount: Int { waiting.count - firstWaiting }

    /// A request wants a connection.
    /// - Parameters:
    ///   - mayConnect: whether the cluster's limit allows one more connection.
    ///   - mayWait: whether the cluster's limit allows one more waiting request.
    ///   - expectedCapacity: requests that a connection under way is expected to carry.
    package mutating func acquire(
        _ request: Request, mayConnect: Bool, mayWait: Bool, expectedCapacity: Int
    ) -> Acquisition {
        guard !isDraining else { return .refuse }
        if let connection = ready.last {
            take(connection)
            return .use(connection)
        }
        guard mayWait else { return .refuse }
        waiting.append(request)
        let covered = connecting * max(expectedCapacity, 1) >= waitingCount
        // A pool without any connection may always open one: else requests would wait for what never comes.
        guard !covered, mayConnect || count == 0 else { return .wait(connect: nil) }
        return .wait(connect: open())
    }

    /// A waiting request does not wait any longer.
    /// - Returns: false when it is not waiting.
    package mutating func cancel(_ request: Request) -> Bool {
        guard let index = waiting[firstWaiting...].firstIndex(of: request) else { return false }
        waiting.remove(at: index)
        compact()
        return true
    }

    /// A connection is up and carries `capacity` requests at once. Call ``next()`` until it has nothing more.
    package mutating func connected(_ connection: Connection, capacity: Int) {
        precondition(entries[connection].phase == .connecting, "connected twice")
        connecting -= 1
        entries[connection].capacity = max(capacity, 1)
        entries[connection].phase = .ready
        ready.append(connection)
    }

    /// The next waiting request that there is room for; in a pool that drains, a connection that has come too late.
    package mutating func next() -> FollowUp {
        guard let connection = ready.last else { return .nothing }
        guard waitingCount > 0 else {
            guard isDraining else { return .nothing }
            beginDraining(connection)
            return entries[connection].active == 0 ? .close(connection, replace: nil) : .nothing
        }
        take(connection)
        return .assign(popWaiting(), connection)
    }

    /// Another connection for those who wait, when those under way are not enough for them. Ask until there is none.
    package mutating func cover(mayConnect: Bool, expectedCapacity: Int) -> Connection? {
        guard lacksConnections(expectedCapacity: expectedCapacity), ready.isEmpty, mayConnect || count == 0 else { return nil }
        return open()
    }

    /// Whether more requests wait than the connections under way will carry.
    package func lacksConnections(expectedCapacity: Int) -> Bool { waitingCount > connecting * max(expectedCapacity, 1) }

    /// The peer changed how many requests a connection carries at once.
    package mutating func capacityChanged(_ connection: Connection, to capacity: Int) {
        entries[connection].capacity = max(capacity, 1)
        relist(connection)
    }

    /// A request on this connection has ended.
    /// - Parameter reusable: whether the connection can carry another one.
    package mutating func ended(_ connection: Connection, reusable: Bool, mayConnect: Bool) -> FollowUp {
        precondition(entries[connection].active > 0, "a request ended on a connection without any")
        entries[connection].active -= 1
        active -= 1
        // Those who waited when the pool began to drain are served yet.
        if !reusable || isSpent(connection) || isDraining && waitingCount == 0 { beginDraining(connection) }
        guard entries[connection].phase != .draining else { return close(connection, mayConnect: mayConnect) }
        relist(connection)
        return next()
    }

    /// The connection takes no new request from here on (GOAWAY, `Connection: close`).
    package mutating func drained(_ connection: Connection, mayConnect: Bool) -> FollowUp {
        guard entries[connection].phase != .free, entries[connection].phase != .connecting else { return .nothing }
        beginDraining(connection)
        return close(connection, mayConnect: mayConnect)
    }

    /// Closes a draining connection without requests, and opens one in its place for those who wait.
    private mutating func close(_ connection: Connection, mayConnect: Bool) -> FollowUp {
        let replacement = connecting == 0 ? cover(mayConnect: mayConnect, expectedCapacity: 1) : nil
        if entries[connection].active == 0 { return .close(connection, replace: replacement) }
        return replacement.map { .connect($0) } ?? .nothing
    }

    /// The connection is gone. Requests on it have been told and are not counted any more.
    /// - Returns: `.connect` when requests still wait and nothing is under way for them.
    package mutating func closed(_ connection: Connection, mayConnect: Bool) -> FollowUp {
        forget(connection)
        guard waitingCount > 0, connecting == 0, mayConnect || count == 0 else { return .nothing }
        return .connect(open())
    }

    private mutating func forget(_ connection: Connection) {
        let entry = entries[connection]
        precondition(entry.phase != .free, "closed twice")
        if entry.phase == .connecting { connecting -= 1 }
        if entry.phase == .ready { unlist(connection) }
        active -= entry.active
        entries[connection] = Entry()
        free.append(connection)
        count -= 1
    }

    /// A connection could not be made: those who wait for it fail with it.
    /// - Returns: the requests to be told.
    package mutating func failed(_ connection: Connection) -> [Request] {
        forget(connection)
        guard connecting == 0, ready.isEmpty else { return [] }
        let requests = Array(waiting[firstWaiting...])
        waiting.removeAll(keepingCapacity: true)
        firstWaiting = 0
        return requests
    }

    /// The pool takes no new requests, and serves those that wait already; returns the connections that can be closed
    /// at once.
    package mutating func drain() -> [Connection] {
        isDraining = true
        var idle: [Connection] = []
        guard waitingCount == 0 else { return idle }
        for connection in entries.indices where entries[connection].phase == .ready || entries[connection].phase == .full {
            beginDraining(connection)
            if entries[connection].active == 0 { idle.append(connection) }
        }
        return idle
    }

    /// Requests on this connection.
    package func active(on connection: Connection) -> Int { entries[connection].active }

    // MARK: Private parts

    private mutating func open() -> Connection {
        let connection: Connection
        if let reused = free.popLast() {
            connection = reused
        } else {
            connection = entries.count
            entries.append(Entry())
        }
        entries[connection] = Entry(phase: .connecting)
        connecting += 1
        count += 1
        return connection
    }

    private mutating func take(_ connection: Connection) {
        entries[connection].active += 1
        entries[connection].served += 1
        active += 1
        if entries[connection].active >= entries[connection].capacity || isSpent(connection) {
            unlist(connection)
            entries[connection].phase = .full
        }
    }

    /// Whether the connection has got the last request that it may serve.
    package func isSpent(_ connection: Connection) -> Bool {
        maximumRequests > 0 && entries[connection].served >= maximumRequests
    }

    private mutating func relist(_ connection: Connection) {
        let hasRoom = entries[connection].active < entries[connection].capacity && !isSpent(connection)
        switch entries[connection].phase {
        case .full where hasRoom:
            entries[connection].phase = .ready
            ready.append(connection)
        case .ready where !hasRoom:
            unlist(connection)
            entries[connection].phase = .full
        default: break
        }
    }

    private mutating func beginDraining(_ connection: Connection) {
        if entries[connection].phase == .ready { unlist(connection) }
        entries[connection].phase = .draining
    }

    private mutating func unlist(_ connection: Connection) {
        if ready.last == connection {
            ready.removeLast()
        } else if let index = ready.firstIndex(of: connection) {
            ready.remove(at: index)
        }
    }

    private mutating func popWaiting() -> Request {
        let request = waiting[firstWaiting]
        firstWaiting += 1
        compact()
        return request
    }

    /// Gives up the room of those who have gone once it is more than half: no request is moved more than once on average.
    private mutating func compact() {
        if firstWaiting == waiting.count {
            waiting.removeAll(keepingCapacity: true)
            firstWaiting = 0
        } else if firstWaiting > 32, firstWaiting > waiting.count / 2 {
            waiting.removeFirst(firstWaiting)
            firstWaiting = 0
        }
    }
}
