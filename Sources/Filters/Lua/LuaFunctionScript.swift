import Bytes
import DataPlane
import LuaRuntime
import Observability
import Reactor
import TrafficPolicy

/// A script of which one function is called for its result, while everything else waits: what chooses clusters and matches
/// texts. Its globals live from call to call, on each worker for itself.
///
/// A call cannot be put aside, so that it has no more time than a time slice may have. A function that is ended again and
/// again is not called any longer.
@WorkerActor final class LuaFunctionScript: LuaReplaceable {
    private let program: LuaProgram
    private let name: String
    /// Of the extension.
    let title: String
    /// What a message says of what becomes of a call that fails.
    private let consequence: String
    private let classes: [AnyLuaClass]
    private let settings: LuaFunctionSettings
    let loop: EventLoop
    let log: Log
    private let machine: LuaMachine
    private var seed: UInt32
    private(set) var state: LuaState
    private var function: LuaFunction
    private var kills = RecentKills()
    private(set) var isOff = false
    var replacement = LuaReplacement()

    /// - Parameters:
    ///   - name: the function's.
    ///   - missing: what is said of a script that does not have it.
    ///   - consequence: what is said behind an error.
    /// - Throws: what Lua says of the script.
    init(
        _ source: [UInt8], function name: String, missing: String, _ settings: LuaFunctionSettings, classes: [AnyLuaClass] = [],
        consequence: String = "", _ context: FilterBuildContext
    ) throws(LuaError) {
        self.name = name
        self.consequence = consequence
        self.settings = settings
        self.classes = classes
        title = context.filterName
        loop = context.worker.loop
        log = context.log
        seed = UInt32(truncatingIfNeeded: context.worker.random.next())
        program = try LuaProgram(source: source)
        state = try Self.makeState(program, settings, classes, loop, log, seed: seed)
        guard let function = state.function(named: name) else { throw LuaError(message: missing) }
        self.function = function
        machine = LuaMachine(context.stats.luaMachines())
        machine.holds(state.memoryBytes)
    }

    /// Calls the function.
    /// - Parameters:
    ///   - place: of the result, 1 for the first and -1 for the last of what the function returns.
    ///   - take: what becomes of the result, whose bytes are the state's.
    /// - Returns: nil when the function failed, which has been said in the log.
    func call<Result>(
        resultAt place: Int, arguments: (borrowing LuaValues) -> Void, _ take: (LuaResult) -> Result
    ) -> Result? {
        replaceIfDead()
        guard !isOff, !state.isDead else { return nil }
        var run = state.makeRun()
        run.keepResult(at: place)
        switch run.start(function, arguments: arguments) {
        case .finished: return take(run.result)
        case .yielded, .sliced: tell("script performed an unexpected yield\(consequence)")
        case .failed(let error): tell("\(error.message)\(consequence)")
        case .killed(let cause): killed(cause, run)
        }
        return nil
    }

    private func tell(_ message: String) { log.error(.lua, "script log: \(message) (\(title), \(name))") }

    private func killed(_ cause: LuaKillCause, _ run: borrowing LuaRun) {
        switch cause {
        case .fuel: tell(run.stop("script exceeded its budget of instructions").message)
        case .deadline: tell(run.stop("script exceeded its CPU time").message)
        case .stateDead: return
        }
        let count = kills.add(at: loop.now)
        if count >= settings.killsBeforeDetach {
            isOff = true
            log.error(.lua, "\(name) of \(title) is not called any longer, until it is configured anew: \(count) calls were ended within a minute")
        }
        stateDied()
    }

    func makeAnew() throws(LuaError) {
        seed &+= 1
        let made = try Self.makeState(program, settings, classes, loop, log, seed: seed)
        guard let function = made.function(named: name) else { throw LuaError(message: "\(name)() is gone") }
        (state, self.function) = (made, function)
        machine.holds(state.memoryBytes)
    }

    private static func makeState(
        _ program: LuaProgram, _ settings: LuaFunctionSettings, _ classes: [AnyLuaClass], _ loop: EventLoop, _ log: Log, seed: UInt32
    ) throws(LuaError) -> LuaState {
        let environment = LuaEnvironment(
            seed: seed, now: { Double(loop.wallNow) / 1e9 }, log: { log.info(.lua, "script print: \($0.text)") })
        return try LuaState(
            program: program, limits: settings.limits, trust: settings.trust, environment: environment, classes: classes)
    }
}
