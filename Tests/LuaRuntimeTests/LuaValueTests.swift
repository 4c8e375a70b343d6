import LuaRuntime
import Testing

@Suite("A plain value")
struct LuaValueTests {
    @Test("comes out of Lua as it is there", arguments: [
        ("nil", LuaValue.nil), ("true", .boolean(true)), ("-1.5", .number(-1.5)), ("'a\\0b'", .string([97, 0, 98])),
        ("{[1] = 1, [3] = 3}", .array([.number(1), .nil, .number(3)])),
        ("{[64] = true}", .array([LuaValue](repeating: .nil, count: 63) + [.boolean(true)])),
        ("{}", .map([])), ("{1, 'x', {}}", .array([.number(1), .text("x"), .map([])])),
        ("{a = {b = {1}}}", .map([LuaField("a", .map([LuaField("b", .array([.number(1)]))]))])),
        ("setmetatable({}, {__index = {x = 1}, __pairs = error})", .map([])),
    ])
    func reading(_ expression: String, _ value: LuaValue) throws {
        #expect(try evaluate(expression) == [value])
    }

    @Test("is refused when it is not plain", arguments: [
        ("print", "unsupported(\"function\")"), ("{f = print}", "unsupported(\"function\")"),
        ("coroutine.create(print)", "unsupported(\"thread\")"), ("{1, a = 2}", "mixedKeys(\"number\")"),
        ("{[65] = 1}", "mixedKeys(\"number\")"), ("{[1e300] = 1}", "mixedKeys(\"number\")"), ("{[0] = 1}", "mixedKeys(\"number\")"),
        ("{[1.5] = 1}", "mixedKeys(\"number\")"), ("{[true] = 1}", "mixedKeys(\"boolean\")"),
        ("(function() local t = {} t.t = t return t end)()", "tooDeep"), ("('x'):rep(2000000)", "tooLarge"),
        ("(function() local t = {} for i = 1, 200000 do t[i] = i end return t end)()", "tooLarge"),
    ])
    func refusing(_ expression: String, _ reason: String) throws {
        let harness = try ScriptHarness("function main() test.emit(\(expression)) end")
        guard case .failed(let error) = try harness.call("main") else {
            Issue.record("no error")
            return
        }
        #expect(error.message.hasSuffix("not plain data: \(reason)"), "\(error.message)")
    }

    @Test("goes into Lua and back")
    func roundTrip() throws {
        let value = LuaValue.map([
            LuaField("list", .array([.number(1), .text("two"), .boolean(false), .map([LuaField("deep", .array([.text("")]))])])),
        ])
        let harness = try ScriptHarness("function main() test.emit(g, g.list[4].deep[1]) end", globals: [.value("g", value)])
        #expect(try harness.call("main") == .finished)
        #expect(harness.emitted() == [value, .text("")])
        #expect(value["list"] != nil && value["other"] == nil)
    }

    @Test("makes enumerations as globals")
    func enumeration() throws {
        let resolution = LuaGlobal.value("Resolution", .map([LuaField("MILLISECOND", .number(0)), LuaField("MICROSECOND", .number(1))]))
        let harness = try ScriptHarness("function main() test.emit(Resolution.MICROSECOND) end", globals: [resolution])
        #expect(try harness.call("main") == .finished)
        #expect(harness.emitted() == [.number(1)])
    }

    @Test("too long a list of values is an error")
    func tooMany() throws {
        let harness = try ScriptHarness("function main() end")
        let function = try #require(harness.state.function(named: "main"))
        var run = harness.state.makeRun()
        let outcome = run.start(function) { values in for index in 0..<17 { values.add(index) } }
        guard case .failed = outcome else {
            Issue.record("no error")
            return
        }
    }
}
