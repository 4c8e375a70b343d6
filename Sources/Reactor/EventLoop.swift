import CLinux
import Glibc
import Synchronization

/// Takes what became ready of one descriptor.
@WorkerActor public protocol EventHandler: AnyObject {
    func ready(_ readiness: Readiness)
}

/// Runs once at the end of a turn of the loop, when everything that was ready has been handled: where output that was
/// gathered during the turn is written.
@WorkerActor public protocol TurnEndHandler: AnyObject {
    func turnEnded()
}

/// The one loop of a process and the executor of everything pinned to it: epoll, timers, jobs.
///
/// A turn: wait, take the time once, hand out what is ready, expire timers, run the jobs of actors and tasks, then what
/// asked for the turn's end. Only the thread that called ``run()`` does any of it; other threads may `enqueue`.
public final class EventLoop: SerialExecutor, TaskExecutor, @unchecked Sendable {
    // Safety: everything below is touched by the owner thread only, except `inbox` and `foreignEnqueueCount`, which
    // are synchronised, and `poller.wake()`, which may be called from any thread.

    /// The loop of this process.
    public static let process: EventLoop = {
        do {
            return EventLoop(poller: try EpollPoller(), clock: SystemClock())
        } catch {
            preconditionFailure("no event loop can be made: \(error)")
        }
    }()

    private static let maximumEvents = 256

    private struct Registration {
        var handler: (any EventHandler)?
        var generation: UInt32 = 0
    }

    private let poller: any Poller
    private let clock: any LoopClock
    private var owner: pthread_t?
    private var running = false
    private var registrations: [Registration] = []
    private var jobs: [UnownedJob] = []
    private var turnEnd: [any TurnEndHandler] = []
    private let inbox = Mutex<[UnownedJob]>([])
    private let foreignEnqueueCount = Atomic<Int>(0)
    private let events: UnsafeMutableBufferPointer<PollEvent>

    var wheel: TimerWheel
    var timerSlots = TimerSlots()

    /// The time of this turn in nanoseconds, monotonic.
    public private(set) var now: UInt64

    /// The time of this turn in nanoseconds since 1970.
    public private(set) var wallNow: UInt64

    /// What the loop spent on its last turn and the longest since ``takeLag()``, in nanoseconds: how late a ready
    /// descriptor may have been served.
    private var longestTurn: UInt64 = 0

    /// Nanoseconds spent in turns, waiting not counted.
    public private(set) var busyTime: UInt64 = 0

    /// Jobs that came from other threads. On the data path this must not grow.
    public var foreignEnqueues: Int { foreignEnqueueCount.load(ordering: .relaxed) }

    /// Jobs run by this loop, whatever thread they came from. On the warm data path this must not grow either.
    public private(set) var jobsRun = 0

    /// Turns taken.
    public private(set) var turns = 0

    /// Deadlines that wait.
    public var timerCount: Int { wheel.count }

    /// A loop of its own for a test; a process's own is ``process``.
    public init(poller: any Poller, clock: any LoopClock) {
        self.poller = poller
        self.clock = clock
        now = clock.monotonic()
        wallNow = clock.wall()
        wheel = TimerWheel(now: now)
        events = .allocate(capacity: Self.maximumEvents)
    }

    deinit {
        events.deallocate()
    }

    // MARK: The executor

    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if isOwner {
            jobs.append(job)
            return
        }
        foreignEnqueueCount.add(1, ordering: .relaxed)
        inbox.withLock { $0.append(job) }
        poller.wake()
    }

    public func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    public func checkIsolated() {
        precondition(isOwner, "not on the process's event loop")
    }

    /// Whether the calling thread runs this loop.
    var isOwner: Bool {
        guard let owner else { return false }
        return pthread_equal(owner, pthread_self()) != 0
    }

    // MARK: Running

    /// Makes the calling thread the loop's owner without running it; for set-up code before ``run()``.
    public func adopt() {
        precondition(owner == nil || isOwner, "the loop has another owner")
        owner = pthread_self()
    }

    /// Runs until ``stop()``. The calling thread becomes the owner.
    public func run() {
        adopt()
        running = true
        while running { turn(maximumWait: nil) }
    }

    /// Ends ``run()`` after the present turn.
    public func stop() {
        running = false
        poller.wake()
    }

    /// One turn.
    /// - Parameter maximumWait: nanoseconds that the turn may wait for something to do; nil: as long as it takes.
    public func turn(maximumWait: UInt64?) {
        let count = poller.wait(events, timeout: waitTime(maximumWait))
        turns += 1
        updateTime()
        let began = now
        WorkerActor.enterLoop(self, count) { $0.serve($1) }
        let spent = clock.monotonic() &- began
        if spent > longestTurn { longestTurn = spent }
        busyTime &+= spent
    }

    /// Everything that a turn does after it has waited.
    @WorkerActor private func serve(_ count: Int) {
        for index in 0..<count {
            let event = events[index]
            let slot = Int(UInt32(truncatingIfNeeded: event.token))
            guard registrations[slot].generation == UInt32(truncatingIfNeeded: event.token >> 32),
                let handler = registrations[slot].handler
            else { continue }
            handler.ready(event.readiness)
        }
        expireTimers()
        runJobs()
        endTurn()
    }

    /// The longest turn since the last call, in nanoseconds.
    public func takeLag() -> UInt64 {
        defer { longestTurn = 0 }
        return longestTurn
    }

    /// Reads the clocks anew: for work that knows it took long.
    public func updateTime() {
        now = clock.monotonic()
        wallNow = clock.wall()
    }

    /// The monotonic clock as it is, for measuring what happens within a turn; ``now`` stays.
    public func readClock() -> UInt64 { clock.monotonic() }

    private func waitTime(_ maximum: UInt64?) -> UInt64? {
        if !jobs.isEmpty || !turnEnd.isEmpty { return 0 }
        guard let wake = wheel.nextWakeUp else { return maximum }
        let wait = wake > now ? wake - now : 0
        return min(wait, maximum ?? .max)
    }

    private func runJobs() {
        while true {
            if jobs.isEmpty {
                jobs = inbox.withLock { waiting in
                    guard !waiting.isEmpty else { return [] }
                    let taken = waiting
                    waiting = []
                    return taken
                }
            }
            if jobs.isEmpty { return }
            let batch = jobs
            jobs = []
            for job in batch {
                jobsRun += 1
                job.runSynchronously(
                    isolatedTo: asUnownedSerialExecutor(), taskExecutor: asUnownedTaskExecutor())
            }
        }
    }

    @WorkerActor private func endTurn() {
        // What asks anew while it is served waits for the next turn, so that nobody starves what the poller knows.
        let count = turnEnd.count
        guard count > 0 else { return }
        for index in 0..<count { turnEnd[index].turnEnded() }
        turnEnd.removeFirst(count)
        if !jobs.isEmpty { runJobs() }
    }

    // MARK: Descriptors

    /// Watches a descriptor; `handler` is kept until ``unwatch(_:)``.
    @WorkerActor public func watch(_ descriptor: Int32, _ interest: Readiness, _ handler: any EventHandler) throws(SystemError) {
        let slot = Int(descriptor)
        while registrations.count <= slot { registrations.append(Registration()) }
        registrations[slot].generation &+= 1
        let token = UInt64(registrations[slot].generation) << 32 | UInt64(UInt32(slot))
        try poller.add(descriptor, interest, token: token)
        registrations[slot].handler = handler
    }

    /// Ends watching; events already taken from the kernel for this descriptor are dropped. Call before `close`.
    @WorkerActor public func unwatch(_ descriptor: Int32) {
        let slot = Int(descriptor)
        guard slot < registrations.count, registrations[slot].handler != nil else { return }
        registrations[slot].handler = nil
        registrations[slot].generation &+= 1
        poller.remove(descriptor)
    }

    /// Asks for one call at the end of this turn.
    @WorkerActor public func atTurnEnd(_ handler: any TurnEndHandler) {
        turnEnd.append(handler)
    }
}

extension WorkerActor {
    /// As ``enter(_:)``, for a loop that is known to be the caller's: a test may run a loop that is not the process's.
    /// A turn allocates nothing: `body` captures nothing, and wrapped as here it needs no context either.
    fileprivate nonisolated static func enterLoop(
        _ loop: EventLoop, _ count: Int, _ body: @escaping @WorkerActor (EventLoop, Int) -> Void
    ) {
        loop.checkIsolated()
        // Safety: isolation is no part of a closure's representation; the line above proved that it holds.
        unsafeBitCast(IsolatedTurn(body: body), to: PlainTurn.self).body(loop, count)
    }

    private struct IsolatedTurn {
        let body: @WorkerActor (EventLoop, Int) -> Void
    }

    private struct PlainTurn {
        let body: (EventLoop, Int) -> Void
    }
}
