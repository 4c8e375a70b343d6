import DataPlane
import LuaRuntime
import Reactor

/// The timers of one state of a script: functions that run without a stream, once or again and again.
///
/// They belong to the state that made them. When the script is loaded anew, or a run of it was killed, they end with the
/// state, the calls that they wait for included, and the new state makes its own.
@WorkerActor final class LuaTimers {
    /// Timers that a script may have at a time.
    static let maximum = 16
    /// Seconds from now to a run, and between two runs.
    static let shortest = 0.1
    static let longest = 1e7

    /// One timer: armed, or its function runs, or both.
    private final class Entry {
        let number: Int
        let function: LuaFunction
        /// Nanoseconds; nil for once.
        let interval: UInt64?
        let timer: LoopTimer
        var job: LuaJob?
        /// It is not to run again.
        var isCancelled = false

        init(number: Int, function: LuaFunction, interval: UInt64?, timer: LoopTimer) {
            self.number = number
            self.function = function
            self.interval = interval
            self.timer = timer
        }
    }

    private let worker: WorkerContext
    let backgroundCalls = LuaBackgroundCalls()
    private var entries: [Entry] = []
    private var lastNumber = 0
    // Safety: the script owns this object and the state, and ends this object before it lets the state go; when the script
    // itself goes, this object goes with it.
    private unowned(unsafe) var script: LuaScript?
    private unowned(unsafe) var state: LuaState?

    init(_ worker: WorkerContext) { self.worker = worker }

    /// Whether nothing waits for its time.
    var isEmpty: Bool { entries.isEmpty }

    /// The script is loaded: what it asked for can run.
    func begin(_ script: LuaScript, _ state: LuaState) {
        self.script = script
        self.state = state
    }

    /// Nothing runs any more.
    func end() {
        for entry in entries {
            entry.timer.cancel()
            entry.job?.end()
        }
        entries = []
        script = nil
        state = nil
    }

    // MARK: From the script

    /// `heddle.every(seconds, function)` and `heddle.timer(seconds, function)`
    func add(_ call: borrowing LuaCall, repeats: Bool) -> LuaReply {
        guard let seconds = call.number(1) else { return call.badArgument(1, expected: "number") }
        guard call.type(2) == .function else { return call.badArgument(2, expected: "function") }
        guard seconds >= Self.shortest, seconds <= Self.longest else {
            return call.badArgument(1, "seconds from \(Self.shortest) to \(Int(Self.longest)) expected")
        }
        guard entries.count < Self.maximum else { return call.fail("a script has at most \(Self.maximum) timers") }
        guard let function = call.function(2) else { return call.fail("not enough memory") }
        lastNumber += 1
        let number = lastNumber
        let timer = LoopTimer(loop: worker.loop) { [weak self] in self?.isDue(number) }
        let nanoseconds = UInt64(seconds * 1e9)
        entries.append(Entry(number: number, function: function, interval: repeats ? nanoseconds : nil, timer: timer))
        // What is fetched again and again is wanted from the first request on.
        timer.schedule(after: repeats ? UInt64(Self.shortest * 1e9) : nanoseconds)
        return call.returning(number)
    }

    /// `heddle.cancel(timer)`
    func cancel(_ call: borrowing LuaCall) -> LuaReply {
        guard let number = call.integer(1) else { return call.badArgument(1, expected: "number") }
        guard let entry = entries.first(where: { $0.number == number && !$0.isCancelled }) else { return call.returning(false) }
        entry.timer.cancel()
        entry.isCancelled = true
        // A run that has begun goes on to its end.
        if entry.job == nil { forget(entry) }
        return call.returning(true)
    }

    private func forget(_ entry: Entry) {
        entries.removeAll { $0 === entry }
        state?.release(entry.function)
    }

    // MARK: Running

    private func isDue(_ number: Int) {
        guard let entry = entries.first(where: { $0.number == number }), let state, let script else { return }
        if let interval = entry.interval { entry.timer.schedule(after: interval) }
        // A run that is not over yet takes the place of this one.
        guard entry.job == nil, !state.isDead else { return }
        script.countTimerRun()
        let job = LuaJob(worker, self, number: number, entry.function)
        entry.job = job
        job.start(state)
    }

    func ended(_ job: LuaJob) {
        guard let entry = entries.first(where: { $0.number == job.number }) else { return }
        entry.job = nil
        if entry.interval == nil || entry.isCancelled { forget(entry) }
    }

    func failed(_ error: LuaError) { script?.timerFailed(error) }

    func killed(_ cause: LuaKillCause, _ run: borrowing LuaRun) { script?.timerKilled(cause, run) }

    func countCall() { script?.countTimerCall() }
}
