import LuaRuntime

/// Runs scripts and collects what they hand to `emit`.
final class ScriptHarness {
    private let recorder = Recorder()
    let state: LuaState

    init(
        _ source: String, limits: LuaLimits = .unhurried, trust: LuaTrust = .sandboxed, classes: [AnyLuaClass] = [],
        globals: [LuaGlobal] = [], keepsTracebacks: Bool = false
    ) throws {
        let recorder = recorder
        state = try LuaState(
            program: LuaProgram(source: source), limits: limits, trust: trust,
            environment: LuaEnvironment(seed: 1, now: { 1_700_000_000.5 }) { recorder.log.append(String(decoding: $0, as: UTF8.self)) },
            classes: classes, globals: [.library("test", Recorder.type, recorder)] + globals, keepsTracebacks: keepsTracebacks)
    }

    /// What the script emitted since this was last asked.
    func emitted() -> [LuaValue] {
        defer { recorder.values = [] }
        return recorder.values
    }

    /// What the script printed.
    var printed: [String] { recorder.log }

    /// Calls a global function without arguments.
    func call(_ name: String) throws -> LuaOutcome {
        guard let function = state.function(named: name) else { throw NoFunction(name: name) }
        var run = state.makeRun()
        return run.start(function)
    }

    struct NoFunction: Error { let name: String }
}

private final class Recorder {
    var values: [LuaValue] = []
    var log: [String] = []

    static let type = LuaClass<Recorder>(
        "Recorder",
        methods: [
            LuaMethod("emit") { recorder, call in
                do {
                    for index in 1...max(call.count, 1) { recorder.values.append(try call.value(index)) }
                    return .results
                } catch {
                    return call.fail("not plain data: \(error)")
                }
            }
        ])
}

extension LuaLimits {
    /// Enough for any honest test on the slowest machine.
    static let unhurried = LuaLimits(fuel: 2_000_000_000, cpuTime: .seconds(600))
    /// Fuel alone decides, so that a test's outcome does not depend on the machine.
    static let fuelOnly = LuaLimits(fuel: 2_000_000, cpuTime: .seconds(600))
}

/// What an expression of the script language evaluates to, or its error.
func evaluate(_ expression: String, trust: LuaTrust = .sandboxed) throws -> [LuaValue] {
    let harness = try ScriptHarness("function main() test.emit(\(expression)) end", trust: trust)
    switch try harness.call("main") {
    case .finished: return harness.emitted()
    case let outcome: return [.text("\(outcome)")]
    }
}
