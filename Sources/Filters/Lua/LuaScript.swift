import Bytes
import DataPlane
import HTTPModel
import LuaRuntime
import Observability
import ProxyModel
import Reactor
import TrafficPolicy

/// One piece of configured Lua on one worker: its program, and the state in which its hooks run.
///
/// Globals of the script live as long as the state, from request to request. A state whose script passed its budget is
/// dead; another one takes its place when the present turn of the loop is over, or at once if a request comes before.
@WorkerActor final class LuaScript: TurnEndHandler {
    /// Where the script is configured, for messages.
    let name: String
    private var program: LuaProgram
    private let loop: EventLoop
    private let log: Log
    private var seed: UInt32
    private let settings: LuaSettings
    private let machine: LuaMachine
    private let context: FilterBuildContext
    private let stats: LuaStats
    private(set) var state: LuaState
    private var library: LuaLibrary
    private var timers: LuaTimers
    /// When runs of timers were ended, on the loop's clock.
    private var timerKills: [UInt64] = []
    private var timersAreOff = false
    private(set) var onRequest: LuaFunction?
    private(set) var onResponse: LuaFunction?
    private var replacementAsked = false
    private var watch: LuaFileWatch?
    /// Whether the script may become another one while requests are under way.
    var isWatched: Bool { watch != nil }

    /// - Throws: what Lua says of the script, with the line.
    init(_ source: [UInt8], name: String, _ settings: LuaSettings, _ context: FilterBuildContext) throws(LuaError) {
        self.settings = settings
        self.name = name
        loop = context.worker.loop
        log = context.log
        seed = UInt32(truncatingIfNeeded: context.worker.random.next())
        program = try LuaProgram(source: source)
        self.context = context
        stats = context.stats.lua(prefix: context.statPrefix, statPrefix: settings.statPrefix)
        (state, library, timers) = try Self.makeState(program, settings, context, seed: seed)
        machine = LuaMachine(context.stats.luaMachines(), bytes: state.statistics.memoryBytes)
        timers.begin(self, state)
        findHooks()
        if onRequest == nil { log.info(.lua, "envoy_on_request() function not found. Lua filter will not hook requests. (\(name))") }
        if onResponse == nil { log.info(.lua, "envoy_on_response() function not found. Lua filter will not hook responses. (\(name))") }
    }

    /// A state in which a hook can be started; nil when the script cannot even be loaded any more.
    func usableState() -> LuaState? {
        if state.isDead { replace() }
        return state.isDead ? nil : state
    }

    /// Has the file that the script was read from looked at for changes.
    func watch(_ file: String) {
        guard settings.reloadInterval > 0 else { return }
        watch = LuaFileWatch(file, every: settings.reloadInterval, self, loop: loop, log: log)
    }

    /// Takes another source, with a new state. Hooks that run go on in the old one.
    /// - Throws: what Lua says of the source; nothing has changed then.
    func reload(_ source: [UInt8]) throws(LuaError) {
        let changed = try LuaProgram(source: source)
        seed &+= 1
        let made = try Self.makeState(changed, settings, context, seed: seed)
        program = changed
        timerKills = []
        timersAreOff = false
        take(made)
    }

    /// A run was killed: the state is of no use to the next request.
    func stateDied() {
        guard !replacementAsked else { return }
        replacementAsked = true
        loop.atTurnEnd(self)
    }

    func turnEnded() {
        replacementAsked = false
        if state.isDead { replace() }
    }

    private func replace() {
        seed &+= 1
        endTimers()
        do throws(LuaError) {
            take(try Self.makeState(program, settings, context, seed: seed))
        } catch {
            log.error(.lua, "the script of \(name) cannot be loaded again: \(error)")
        }
    }

    private typealias Made = (state: LuaState, library: LuaLibrary, timers: LuaTimers)

    private func take(_ made: Made) {
        endTimers()
        (state, library, timers) = made
        if timersAreOff { endTimers() } else { timers.begin(self, state) }
        findHooks()
    }

    private func endTimers() {
        library.timers = nil
        timers.end()
    }

    private func findHooks() {
        onRequest = state.function(named: "envoy_on_request")
        onResponse = state.function(named: "envoy_on_response")
    }

    private static func makeState(
        _ program: LuaProgram, _ settings: LuaSettings, _ context: FilterBuildContext, seed: UInt32
    ) throws(LuaError) -> Made {
        let timers = LuaTimers(context.worker)
        let library = LuaLibrary(context, timers)
        let (loop, log) = (context.worker.loop, context.log)
        var environment = LuaEnvironment(
            seed: seed, now: { Double(loop.wallNow) / 1e9 }, log: { log.info(.lua, "script print: \($0.text)") })
        environment.modules = settings.modules
        let state = try LuaState(
            program: program, limits: settings.limits, trust: settings.trust, environment: environment, classes: LuaHook.classes,
            globals: [
                .value(
                    "EnvoyTimestampResolution",
                    .map([LuaField("MILLISECOND", .number(0)), LuaField("MICROSECOND", .number(1))]))
            ] + library.globals, keepsTracebacks: true)
        return (state, library, timers)
    }
}

/// What timers come to.
extension LuaScript {
    /// Window in which kills are counted, in nanoseconds.
    private static let killWindow: UInt64 = 60_000_000_000

    func countTimerRun() { stats[.timerRuns].add() }

    func countTimerCall() { stats[.httpCalls].add() }

    func timerFailed(_ error: LuaError) {
        stats[.errors].add()
        if error.message.hasSuffix("not enough memory") { stats[.memoryExceeded].add() }
        log.error(.lua, "script log: \(error.message) (\(name), timer\(error.stackText))")
    }

    func timerKilled(_ cause: LuaKillCause) {
        switch cause {
        case .fuel:
            stats[.budgetExceeded].add()
            timerFailed(LuaError(message: "timer exceeded its budget of instructions"))
        case .deadline:
            stats[.deadlineExceeded].add()
            timerFailed(LuaError(message: "timer exceeded its CPU time"))
        case .stateDead: return
        }
        stateDied()
        timerKills.removeAll { loop.now - $0 > Self.killWindow }
        timerKills.append(loop.now)
        guard timerKills.count >= settings.killsBeforeDetach else { return }
        timersAreOff = true
        log.error(.lua, "\(name): \(timerKills.count) runs of timers were ended within a minute, and its timers are off until it is changed")
    }
}

extension LuaError {
    /// The functions that were being called, for a line of the log; empty when they are not known.
    var stackText: String {
        guard let traceback else { return "" }
        let calls = traceback.split(separator: "\n").dropFirst().map { $0.drop { $0 == "\t" } }
        return calls.isEmpty ? "" : "; " + calls.joined(separator: " < ")
    }
}

/// One machine in `lua.lua_vm_count` and `lua.lua_memory_bytes`, as long as it lives.
private final class LuaMachine: Sendable {
    private let stats: LuaMachineStats
    /// What the machine took when it was made.
    private let bytes: Int

    init(_ stats: LuaMachineStats, bytes: Int) {
        self.stats = stats
        self.bytes = bytes
        stats[.count].add()
        stats[.memoryBytes].add(bytes)
    }

    deinit {
        stats[.count].subtract()
        stats[.memoryBytes].subtract(bytes)
    }
}
