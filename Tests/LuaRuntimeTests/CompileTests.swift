import LuaRuntime
import Testing

/// Sources that LuaJIT's compiler takes seconds for, though they are short.
@Suite("Compiling")
struct CompileTests {
    private static func chain(_ word: String) -> String {
        "local a\nlocal b = " + Array(repeating: "a", count: 30_000).joined(separator: " \(word) ")
    }

    private static let bombs = [
        chain("and"), chain("or"), "do\n" + String(repeating: "goto e\n", count: 60_000) + "::e:: end",
    ]

    @Test("ends before its time where a source has too many jumps", arguments: bombs)
    func jumps(_ source: String) {
        #expect {
            try LuaProgram(source: source)
        } throws: { error in
            (error as? LuaError)?.message == "the script takes too long to compile"
        }
    }

    @Test("of a module counts for the run that requires it", arguments: bombs)
    func modules(_ source: String) throws {
        var environment = LuaEnvironment(seed: 1, now: { 0 })
        environment.modules = ["slow": LuaModule(source: Array(source.utf8))]
        let state = try LuaState(
            program: LuaProgram(source: "function main() pcall(require, 'slow') end"), limits: LuaLimits(cpuTime: .milliseconds(5)),
            environment: environment)
        var run = state.makeRun()
        #expect(run.start(try #require(state.function(named: "main"))) == .killed(.deadline))
    }

    @Test("takes long sources that are like others")
    func longSources() throws {
        let functions = (0..<5_000).map { "local function f() local t = {a = \($0)} if t.a > 3 then return t.a end end" }
        #expect(throws: Never.self) { try LuaProgram(source: functions.map { "do \($0) end" }.joined(separator: "\n")) }
    }
}
