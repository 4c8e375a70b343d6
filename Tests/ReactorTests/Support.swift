import Reactor
import Synchronization

/// A clock that stands still until a test moves it.
final class ManualClock: LoopClock {
    private let nanoseconds = Atomic<UInt64>(1_000_000_000)

    func monotonic() -> UInt64 { nanoseconds.load(ordering: .relaxed) }
    func wall() -> UInt64 { 1_700_000_000_000_000_000 + monotonic() }

    func advance(milliseconds: UInt64) { nanoseconds.add(milliseconds * 1_000_000, ordering: .relaxed) }
}

/// Runs a test's body as code of the loop that the test itself drives, from one thread.
func onLoop(_ body: @WorkerActor () throws -> Void) rethrows {
    try withoutActuallyEscaping(body) { body in
        // Safety: isolation is no part of a closure's representation; the loop and all its handlers are made in `body`
        // and known to nobody else.
        try unsafeBitCast(body, to: (() throws -> Void).self)()
    }
}

/// A poller that says what the test wrote down, and remembers what it was asked.
final class ScriptedPoller: Poller, @unchecked Sendable {
    // Safety: the test's thread alone touches everything but `wakeCount`.

    private(set) var tokens: [Int32: UInt64] = [:]
    private(set) var timeouts: [UInt64?] = []
    private(set) var removed: [Int32] = []
    private let wakeCount = Atomic<Int>(0)
    /// What the next wait answers.
    var script: [PollEvent] = []
    var failsToAdd = false
    /// Called while the loop waits.
    var whileWaiting: () -> Void = {}

    var wakes: Int { wakeCount.load(ordering: .relaxed) }

    func add(_ descriptor: Int32, _ interest: Readiness, token: UInt64) throws(SystemError) {
        if failsToAdd { throw SystemError("epoll_ctl", code: 28) }
        tokens[descriptor] = token
    }

    func remove(_ descriptor: Int32) {
        tokens[descriptor] = nil
        removed.append(descriptor)
    }

    func wait(_ events: UnsafeMutableBufferPointer<PollEvent>, timeout: UInt64?) -> Int {
        timeouts.append(timeout)
        whileWaiting()
        for (index, event) in script.enumerated() { events[index] = event }
        defer { script = [] }
        return script.count
    }

    func wake() { wakeCount.add(1, ordering: .relaxed) }
}

/// Keeps what it was called for, and does something when called.
@WorkerActor final class RecordingHandler: EventHandler, TurnEndHandler {
    private(set) var seen: [Readiness] = []
    private(set) var turnEnds = 0
    var action: @WorkerActor () -> Void = {}

    nonisolated init() {}

    func ready(_ readiness: Readiness) {
        seen.append(readiness)
        action()
    }

    func turnEnded() {
        turnEnds += 1
        action()
    }
}
