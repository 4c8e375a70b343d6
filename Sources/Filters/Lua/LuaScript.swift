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
@WorkerActor final class LuaScript: LuaReplaceable {
    /// Where the script is configured, for messages.
    let name: String
    private var program: LuaProgram
    let loop: EventLoop
    let log: Log
    private var seed: UInt32
    private var settings: LuaSettings
    private let machine: LuaMachine
    private let context: FilterBuildContext
    private let stats: LuaStats
    private(set) var state: LuaState
    private var library: LuaLibrary
    private var timers: LuaTimers
    /// Runs of timers that were ended.
    private var timerKills = RecentKills()
    private var timersAreOff = false
    private(set) var onRequest: LuaFunction?
    private(set) var onResponse: LuaFunction?
    var replacement = LuaReplacement()
    private var watch: LuaFileWatch?
    /// How often the script became another one.
    private(set) var changes = 0
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
        stats = context.stats.lua(
            prefix: context.statPrefix, statPrefix: settings.statPrefix, isUpstream: context.isUpstream)
        (state, library, timers) = try Self.makeState(program, settings, context, seed: seed)
        machine = LuaMachine(context.stats.luaMachines(), stats)
        measure()
        timers.begin(self, state)
        findHooks()
        tellMissingHooks()
    }

    /// A script without any hook is loaded as in Envoy, and is most often a slip of the pen.
    private func tellMissingHooks() {
        if onRequest == nil, onResponse == nil, timers.isEmpty {
            log.warning(
                .lua, "filter \(name) of \(context.owner) defines neither envoy_on_request() nor envoy_on_response(): it does nothing")
            return
        }
        if onRequest == nil { log.info(.lua, "envoy_on_request() function not found. Lua filter will not hook requests. (\(name))") }
        if onResponse == nil { log.info(.lua, "envoy_on_response() function not found. Lua filter will not hook responses. (\(name))") }
    }

    /// A state in which a hook can be started; nil when the script cannot even be loaded any more.
    func usableState() -> LuaState? {
        replaceIfDead()
        return state.isDead ? nil : state
    }

    /// The state may hold more or less than when this was last called.
    func measure() { machine.holds(state.memoryBytes) }

    /// Has the files that the script was read from looked at for changes.
    /// - Parameter file: nil when the script stands in the configuration; its modules may still change.
    func watch(_ file: String?) {
        guard settings.reloadInterval > 0, file != nil || !settings.places.isEmpty else { return }
        watch = LuaFileWatch(
            file, modules: settings.places, every: settings.reloadInterval, self, loop: loop, log: log)
    }

    /// Takes another source, with a new state. Hooks that run go on in the old one.
    /// - Parameters:
    ///   - source: nil for what it is now.
    ///   - modules: what the script can require from now on.
    /// - Throws: what Lua says of the source; nothing has changed then.
    func reload(_ source: [UInt8]?, modules: [String: LuaModule]) throws(LuaError) {
        var changed = program
        if let source { changed = try LuaProgram(source: source) }
        var settings = settings
        settings.modules = modules
        seed &+= 1
        let made = try Self.makeState(changed, settings, context, seed: seed)
        program = changed
        self.settings = settings
        timerKills = RecentKills()
        timersAreOff = false
        changes += 1
        take(made)
        tellMissingHooks()
    }

    var title: String { name }

    func makeAnew() throws(LuaError) {
        seed &+= 1
        endTimers()
        take(try Self.makeState(program, settings, context, seed: seed))
    }

    private typealias Made = (state: LuaState, library: LuaLibrary, timers: LuaTimers)

    private func take(_ made: Made) {
        endTimers()
        (state, library, timers) = made
        if timersAreOff { endTimers() } else { timers.begin(self, state) }
        findHooks()
        measure()
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
        environment.prelude = settings.packages.prelude
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
    func countTimerRun() { stats[.timerRuns].add() }

    func countTimerCall() { stats[.httpCalls].add() }

    func timerFailed(_ error: LuaError) {
        stats[.errors].add()
        if error.message.hasSuffix("not enough memory") { stats[.memoryExceeded].add() }
        log.error(.lua, "script log: \(error.message) (\(name), timer\(error.stackText))")
    }

    func timerKilled(_ cause: LuaKillCause, _ run: borrowing LuaRun) {
        switch cause {
        case .fuel:
            stats[.budgetExceeded].add()
            timerFailed(run.stop("timer exceeded its budget of instructions"))
        case .deadline:
            stats[.deadlineExceeded].add()
            timerFailed(run.stop("timer exceeded its CPU time"))
        case .stateDead: return
        }
        stateDied()
        let kills = timerKills.add(at: loop.now)
        guard kills >= settings.killsBeforeDetach else { return }
        timersAreOff = true
        log.error(.lua, "\(name): \(kills) runs of timers were ended within a minute, and its timers are off until it is changed")
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

/// One machine in `lua.lua_vm_count`, `lua.lua_memory_bytes` and its filter's `memory_bytes`, as long as it lives.
@WorkerActor final class LuaMachine {
    private let all: LuaMachineStats
    private let own: LuaStats?
    private var bytes = 0

    /// - Parameter own: of the filter, if it is one's.
    init(_ all: LuaMachineStats, _ own: LuaStats? = nil) {
        self.all = all
        self.own = own
        all[.count].add()
    }

    /// Tells what the machine holds now.
    func holds(_ bytes: Int) {
        guard bytes != self.bytes else { return }
        all[.memoryBytes].add(bytes - self.bytes)
        own?[.memoryBytes].add(bytes - self.bytes)
        self.bytes = bytes
    }

    deinit {
        all[.count].subtract()
        all[.memoryBytes].subtract(bytes)
        own?[.memoryBytes].subtract(bytes)
    }
}
