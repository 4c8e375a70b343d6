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
    private let library: LuaLibrary
    private let modules: [String: LuaModule]
    private(set) var state: LuaState
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
        library = LuaLibrary(context)
        modules = settings.modules
        state = try Self.makeState(program, settings, modules, library, seed: seed, loop: loop, log: log)
        machine = LuaMachine(context.stats.luaMachines(), bytes: state.statistics.memoryBytes)
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
        state = try Self.makeState(changed, settings, modules, library, seed: seed, loop: loop, log: log)
        program = changed
        findHooks()
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
        do throws(LuaError) {
            state = try Self.makeState(program, settings, modules, library, seed: seed, loop: loop, log: log)
            findHooks()
        } catch {
            log.error(.lua, "the script of \(name) cannot be loaded again: \(error)")
        }
    }

    private func findHooks() {
        onRequest = state.function(named: "envoy_on_request")
        onResponse = state.function(named: "envoy_on_response")
    }

    private static func makeState(
        _ program: LuaProgram, _ settings: LuaSettings, _ modules: [String: LuaModule], _ library: LuaLibrary, seed: UInt32, loop: EventLoop, log: Log
    ) throws(LuaError) -> LuaState {
        var environment = LuaEnvironment(
            seed: seed, now: { Double(loop.wallNow) / 1e9 }, log: { log.info(.lua, "script print: \($0.text)") })
        environment.modules = modules
        return try LuaState(
            program: program, limits: settings.limits, trust: settings.trust, environment: environment, classes: LuaHook.classes,
            globals: [
                .value(
                    "EnvoyTimestampResolution",
                    .map([LuaField("MILLISECOND", .number(0)), LuaField("MICROSECOND", .number(1))]))
            ] + library.globals, keepsTracebacks: true)
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
