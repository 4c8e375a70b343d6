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
    private let program: LuaProgram
    private let loop: EventLoop
    private let log: Log
    private var seed: UInt32
    private let settings: LuaSettings
    private let machine: LuaMachine
    private(set) var state: LuaState
    private(set) var onRequest: LuaFunction?
    private(set) var onResponse: LuaFunction?
    private var replacementAsked = false

    /// - Throws: what Lua says of the script, with the line.
    init(_ source: [UInt8], name: String, _ settings: LuaSettings, _ context: FilterBuildContext) throws(LuaError) {
        self.settings = settings
        self.name = name
        loop = context.worker.loop
        log = context.log
        seed = UInt32(truncatingIfNeeded: context.worker.random.next())
        program = try LuaProgram(source: source)
        state = try Self.makeState(program, settings, seed: seed, loop: loop, log: log)
        machine = LuaMachine(context.stats.luaMachines()[.count])
        findHooks()
        if onRequest == nil { log.info(.lua, "envoy_on_request() function not found. Lua filter will not hook requests. (\(name))") }
        if onResponse == nil { log.info(.lua, "envoy_on_response() function not found. Lua filter will not hook responses. (\(name))") }
    }

    /// A state in which a hook can be started; nil when the script cannot even be loaded any more.
    func usableState() -> LuaState? {
        if state.isDead { replace() }
        return state.isDead ? nil : state
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
            state = try Self.makeState(program, settings, seed: seed, loop: loop, log: log)
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
        _ program: LuaProgram, _ settings: LuaSettings, seed: UInt32, loop: EventLoop, log: Log
    ) throws(LuaError) -> LuaState {
        let environment = LuaEnvironment(
            seed: seed, now: { Double(loop.wallNow) / 1e9 }, log: { log.info(.lua, "script print: \($0.text)") })
        return try LuaState(
            program: program, limits: settings.limits, trust: settings.trust, environment: environment, classes: LuaHook.classes,
            globals: [
                .value(
                    "EnvoyTimestampResolution",
                    .map([LuaField("MILLISECOND", .number(0)), LuaField("MICROSECOND", .number(1))]))
            ], keepsTracebacks: true)
    }
}

/// One machine in the count of `lua.lua_vm_count`, as long as it lives.
private final class LuaMachine: Sendable {
    private let count: Gauge

    init(_ count: Gauge) {
        self.count = count
        count.add()
    }

    deinit { count.subtract() }
}
