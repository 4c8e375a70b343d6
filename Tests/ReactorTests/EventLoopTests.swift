import Glibc
import Reactor
import Synchronization
import Testing

struct EventLoopTests {
    private let poller = ScriptedPoller()
    private let clock = ManualClock()
    private let loop: EventLoop

    init() {
        loop = EventLoop(poller: poller, clock: clock)
        loop.adopt()
    }

    private func event(_ descriptor: Int32, _ readiness: Readiness = .readable) throws -> PollEvent {
        PollEvent(token: try #require(poller.tokens[descriptor]), readiness: readiness)
    }

    /// Runs `body` on a thread of its own and waits for its end.
    private func onOtherThread(_ body: @escaping @Sendable () -> Void) {
        final class Body: Sendable {
            let run: @Sendable () -> Void
            init(_ run: @escaping @Sendable () -> Void) { self.run = run }
        }
        var thread = pthread_t()
        let argument = Unmanaged.passRetained(Body(body)).toOpaque()
        let status = pthread_create(
            &thread, nil,
            { raw in
                guard let raw else { return nil }
                Unmanaged<Body>.fromOpaque(raw).takeRetainedValue().run()
                return nil
            }, argument)
        #expect(status == 0)
        pthread_join(thread, nil)
    }

    // MARK: Descriptors

    @Test("what became ready is handed to the handler of its descriptor")
    func dispatch() throws {
        try onLoop {
            let (three, seven) = (RecordingHandler(), RecordingHandler())
            try loop.watch(3, .connection, three)
            try loop.watch(7, .connection, seven)
            poller.script = [try event(7, .writable), try event(3), try event(7)]
            loop.turn(maximumWait: 0)
            #expect(three.seen == [.readable])
            #expect(seven.seen == [.writable, .readable])
        }
    }

    @Test("an event taken from the kernel before its descriptor was unwatched is dropped")
    func staleEvent() throws {
        try onLoop {
            let (first, second) = (RecordingHandler(), RecordingHandler())
            try loop.watch(3, .connection, first)
            try loop.watch(4, .connection, second)
            let loop = self.loop
            first.action = { loop.unwatch(4) }
            poller.script = [try event(3), try event(4)]
            loop.turn(maximumWait: 0)
            #expect(first.seen.count == 1)
            #expect(second.seen.isEmpty)
            #expect(poller.removed == [4])
        }
    }

    @Test("an event of a closed descriptor does not reach whoever got its number next")
    func reusedNumber() throws {
        try onLoop {
            let (closer, old, new) = (RecordingHandler(), RecordingHandler(), RecordingHandler())
            try loop.watch(3, .connection, closer)
            try loop.watch(4, .connection, old)
            poller.script = [try event(3), try event(4)]
            let loop = self.loop
            closer.action = {
                loop.unwatch(4)
                do { try loop.watch(4, .connection, new) } catch { Issue.record("\(error)") }
            }
            loop.turn(maximumWait: 0)
            #expect(old.seen.isEmpty && new.seen.isEmpty)
            poller.script = [try event(4)]
            loop.turn(maximumWait: 0)
            #expect(new.seen == [.readable])
        }
    }

    @Test("a descriptor that the poller refuses has no handler")
    func refused() throws {
        onLoop {
            let handler = RecordingHandler()
            poller.failsToAdd = true
            #expect(throws: SystemError("epoll_ctl", code: 28)) { try loop.watch(3, .connection, handler) }
            loop.unwatch(3)
            #expect(poller.removed.isEmpty)
        }
    }

    // MARK: The end of a turn

    @Test("ends of a turn come after events, in the order asked for, and new ones wait for the next turn")
    func turnEnds() throws {
        try onLoop {
            var order: [String] = []
            let (ready, one, two) = (RecordingHandler(), RecordingHandler(), RecordingHandler())
            let loop = self.loop
            one.action = {
                order.append("one")
                if one.turnEnds == 1 { loop.atTurnEnd(one) }
            }
            two.action = { order.append("two") }
            ready.action = {
                order.append("ready")
                loop.atTurnEnd(one)
                loop.atTurnEnd(two)
            }
            try loop.watch(3, .connection, ready)
            poller.script = [try event(3)]
            loop.turn(maximumWait: nil)
            #expect(order == ["ready", "one", "two"])
            loop.turn(maximumWait: nil)
            #expect(order == ["ready", "one", "two", "one"])
            #expect(poller.timeouts == [nil, 0], "a loop with an end of turn to come does not wait")
        }
    }

    // MARK: Jobs

    /// The threads that jobs ran on.
    private final class Record: Sendable {
        let threads = Mutex<[pthread_t]>([])

        func note() { threads.withLock { $0.append(pthread_self()) } }
        var all: [pthread_t] { threads.withLock { $0 } }
    }

    @Test("a job from another thread runs on the loop's thread, once, and is counted")
    func foreignJob() {
        let record = Record()
        onOtherThread { [loop] in
            _ = Task(executorPreference: loop) { record.note() }
        }
        #expect(loop.foreignEnqueues == 1)
        #expect(poller.wakes == 1)
        #expect(record.all.isEmpty, "nothing runs but on the loop")
        loop.turn(maximumWait: 0)
        loop.turn(maximumWait: 0)
        #expect(loop.foreignEnqueues == 1, "what the job asks for itself is no foreign job")
        #expect(loop.jobsRun > 0)
        #expect(record.all.count == 1)
        #expect(record.all.allSatisfy { pthread_equal($0, pthread_self()) != 0 })
    }

    @Test("a job from the loop's own thread neither wakes the poller nor counts as foreign, and the loop does not wait")
    func ownJob() {
        let record = Record()
        _ = Task(executorPreference: loop) { record.note() }
        loop.turn(maximumWait: nil)
        #expect(record.all.count == 1)
        #expect(loop.foreignEnqueues == 0)
        #expect(poller.wakes == 0)
        #expect(poller.timeouts == [0])
    }

    @Test("run ends after the turn in which it was stopped")
    func stop() {
        let loop = self.loop
        var turns = 0
        poller.whileWaiting = {
            turns += 1
            if turns == 3 { loop.stop() }
        }
        loop.run()
        #expect(turns == 3)
    }

    @Test("the longest turn since the last question is remembered")
    func lag() throws {
        try onLoop {
            let slow = RecordingHandler()
            let clock = self.clock
            slow.action = { clock.advance(milliseconds: 30) }
            try loop.watch(3, .connection, slow)
            poller.script = [try event(3)]
            loop.turn(maximumWait: 0)
            loop.turn(maximumWait: 0)
            #expect(loop.takeLag() == 30_000_000)
            #expect(loop.takeLag() == 0)
        }
    }
}
