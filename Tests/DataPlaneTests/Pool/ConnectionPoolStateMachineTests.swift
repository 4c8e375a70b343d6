import DataPlane
import Testing

/// The decisions one by one; `ConnectionPoolSimulationTests` has them at random.
struct ConnectionPoolStateMachineTests {
    typealias Machine = ConnectionPoolStateMachine

    /// Asks for a connection with nothing in the way.
    private func acquire(
        _ machine: inout Machine, _ request: UInt64, mayConnect: Bool = true, mayWait: Bool = true, capacity: Int = 1
    ) -> Machine.Acquisition {
        machine.acquire(request, mayConnect: mayConnect, mayWait: mayWait, expectedCapacity: capacity)
    }

    /// Opens connection 0, which then carries request 1.
    private func serving(_ machine: inout Machine, capacity: Int = 1) {
        let wait = acquire(&machine, 1, capacity: capacity)
        #expect(wait == .wait(connect: 0))
        machine.connected(0, capacity: capacity)
        let next = machine.next()
        #expect(next == .assign(1, 0))
    }

    @Test("the first request opens a connection and goes out when it is up")
    func first() {
        var machine = Machine()
        serving(&machine)
        let counts = (machine.count, machine.connecting, machine.active, machine.waitingCount)
        #expect(counts == (1, 0, 1, 0))
    }

    @Test("an idle connection is used again")
    func reuse() {
        var machine = Machine()
        serving(&machine)
        let end = machine.ended(0, reusable: true, mayConnect: true)
        #expect(end == .nothing)
        let again = acquire(&machine, 2)
        #expect(again == .use(0))
    }

    @Test("of idle connections, the one used last is used first")
    func lastFirst() {
        var machine = Machine()
        serving(&machine)
        let second = acquire(&machine, 2)
        #expect(second == .wait(connect: 1))
        machine.connected(1, capacity: 1)
        _ = machine.next()
        _ = machine.ended(1, reusable: true, mayConnect: true)
        _ = machine.ended(0, reusable: true, mayConnect: true)
        let next = acquire(&machine, 3)
        #expect(next == .use(0))
    }

    @Test("as many connections are opened as those who wait need", arguments: [(1, 4), (2, 2), (3, 2), (4, 1), (100, 1)])
    func opens(capacity: Int, connections: Int) {
        var machine = Machine()
        for request in 1...4 { _ = acquire(&machine, UInt64(request), capacity: capacity) }
        let connecting = machine.connecting
        #expect(connecting == connections)
    }

    @Test("without leave to connect a request waits, but never for a pool without any connection")
    func limits() {
        var machine = Machine()
        let first = acquire(&machine, 1, mayConnect: false)
        #expect(first == .wait(connect: 0))
        let second = acquire(&machine, 2, mayConnect: false)
        #expect(second == .wait(connect: nil))
        let third = acquire(&machine, 3, mayWait: false)
        #expect(third == .refuse)
        let waiting = machine.waitingCount
        #expect(waiting == 2)
    }

    @Test("whoever has waited longest is served first")
    func order() {
        var machine = Machine()
        serving(&machine)
        for request in UInt64(2)...4 { _ = acquire(&machine, request, mayConnect: false) }
        let isCancelled = machine.cancel(3)
        #expect(isCancelled)
        let next = machine.ended(0, reusable: true, mayConnect: false)
        #expect(next == .assign(2, 0))
        let then = machine.ended(0, reusable: true, mayConnect: false)
        #expect(then == .assign(4, 0))
    }

    @Test("a request that does not wait cannot be given up")
    func cancelUnknown() {
        var machine = Machine()
        serving(&machine)
        let isCancelled = machine.cancel(1)
        #expect(!isCancelled)
    }

    @Test("a connection that cannot be used again is closed after its last request")
    func notReusable() {
        var machine = Machine()
        serving(&machine, capacity: 2)
        let second = acquire(&machine, 2)
        #expect(second == .use(0))
        let first = machine.ended(0, reusable: false, mayConnect: true)
        #expect(first == .nothing)
        let third = acquire(&machine, 3)
        #expect(third == .wait(connect: 1), "a draining connection takes no request")
        let last = machine.ended(0, reusable: true, mayConnect: true)
        #expect(last == .close(0, replace: nil))
    }

    @Test("a connection serves as many requests as it may in its life, not one more")
    func maximumRequests() {
        var machine = Machine(maximumRequests: 2)
        serving(&machine)
        _ = machine.ended(0, reusable: true, mayConnect: true)
        let second = acquire(&machine, 2)
        #expect(second == .use(0))
        let end = machine.ended(0, reusable: true, mayConnect: true)
        #expect(end == .close(0, replace: nil))
    }

    @Test("fewer streams than are open: nothing new until there is room")
    func capacityShrinks() {
        var machine = Machine()
        serving(&machine, capacity: 3)
        let second = acquire(&machine, 2, capacity: 3)
        #expect(second == .use(0))
        machine.capacityChanged(0, to: 1)
        let third = acquire(&machine, 3, mayConnect: false)
        #expect(third == .wait(connect: nil))
        let still = machine.ended(0, reusable: true, mayConnect: false)
        #expect(still == .nothing)
        let room = machine.ended(0, reusable: true, mayConnect: false)
        #expect(room == .assign(3, 0))
    }

    @Test("more streams than before: those who wait go out")
    func capacityGrows() {
        var machine = Machine()
        serving(&machine)
        _ = acquire(&machine, 2, mayConnect: false)
        machine.capacityChanged(0, to: 2)
        let next = machine.next()
        #expect(next == .assign(2, 0))
    }

    @Test("a connection that goes with others waiting is replaced, where the limit allows one or none is left")
    func replaced() {
        var machine = Machine()
        serving(&machine)
        _ = acquire(&machine, 2, mayConnect: false)
        let next = machine.closed(0, mayConnect: false)
        #expect(next == .connect(0))
        let active = machine.active
        #expect(active == 0)
    }

    @Test("whoever waits for a connection fails with the last one under way")
    func failed() {
        var machine = Machine()
        _ = acquire(&machine, 1)
        _ = acquire(&machine, 2)
        let none = machine.failed(0)
        #expect(none == [], "another one is still under way")
        let both = machine.failed(1)
        #expect(both == [1, 2])
        let counts = (machine.count, machine.connecting, machine.waitingCount)
        #expect(counts == (0, 0, 0))
    }

    @Test("GOAWAY: nothing new, and closed when the last request has ended")
    func goaway() {
        var machine = Machine()
        serving(&machine, capacity: 10)
        let drained = machine.drained(0, mayConnect: true)
        #expect(drained == .nothing)
        let next = acquire(&machine, 2, capacity: 10)
        #expect(next == .wait(connect: 1))
        let end = machine.ended(0, reusable: true, mayConnect: true)
        #expect(end == .close(0, replace: nil))
    }

    @Test("GOAWAY while others wait: another connection is opened for them")
    func goawayWithWaiting() {
        var machine = Machine()
        serving(&machine, capacity: 1)
        let wait = acquire(&machine, 2, mayConnect: false)
        #expect(wait == .wait(connect: nil))
        let drained = machine.drained(0, mayConnect: true)
        #expect(drained == .connect(1))
        let again = machine.ended(0, reusable: true, mayConnect: true)
        #expect(again == .close(0, replace: nil), "one is under way already")
    }

    @Test("who waited when the pool began to drain is served, and a connection that comes too late is closed")
    func drainWithWaiting() {
        var machine = Machine()
        serving(&machine)
        _ = acquire(&machine, 2)
        _ = acquire(&machine, 3)
        let idle = machine.drain()
        #expect(idle == [])
        let next = machine.ended(0, reusable: true, mayConnect: true)
        #expect(next == .assign(2, 0))
        machine.connected(1, capacity: 1)
        let third = machine.next()
        #expect(third == .assign(3, 1))
        machine.connected(2, capacity: 1)
        let late = machine.next()
        #expect(late == .close(2, replace: nil))
        let last = machine.ended(1, reusable: true, mayConnect: true)
        #expect(last == .close(1, replace: nil))
    }

    @Test("a connection that carries less than was hoped is joined by others")
    func cover() {
        var machine = Machine()
        for request in 1...3 { _ = acquire(&machine, UInt64(request), capacity: 10) }
        machine.connected(0, capacity: 1)
        let next = machine.next()
        #expect(next == .assign(1, 0))
        let second = machine.cover(mayConnect: true, expectedCapacity: 1)
        #expect(second == 1)
        let third = machine.cover(mayConnect: true, expectedCapacity: 1)
        #expect(third == 2)
        let enough = machine.cover(mayConnect: true, expectedCapacity: 1)
        #expect(enough == nil)
    }

    @Test("the order holds over many that come and go")
    func compaction() {
        var machine = Machine()
        serving(&machine)
        for request in UInt64(2)...200 { _ = acquire(&machine, request, mayConnect: false) }
        for request in UInt64(2)...150 {
            let next = machine.ended(0, reusable: true, mayConnect: false)
            #expect(next == .assign(request, 0))
        }
        let isCancelled = machine.cancel(151)
        #expect(isCancelled)
        let next = machine.ended(0, reusable: true, mayConnect: false)
        #expect(next == .assign(152, 0))
        let waiting = machine.waitingCount
        #expect(waiting == 48)
    }

    @Test("draining closes what is idle, lets requests end, and takes no new ones")
    func drain() {
        var machine = Machine()
        serving(&machine)
        _ = acquire(&machine, 2)
        machine.connected(1, capacity: 1)
        _ = machine.next()
        _ = machine.ended(1, reusable: true, mayConnect: true)
        let idle = machine.drain()
        #expect(idle == [1])
        let refused = acquire(&machine, 3)
        #expect(refused == .refuse)
        let last = machine.ended(0, reusable: true, mayConnect: true)
        #expect(last == .close(0, replace: nil))
    }
}
