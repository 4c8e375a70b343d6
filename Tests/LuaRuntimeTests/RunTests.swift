import LuaRuntime
import Testing

@Suite("A run")
struct RunTests {
    private func run(
        _ body: String, steps: [(LuaOutcome, (borrowing LuaValues) -> Void)] = [], last: LuaOutcome = .finished
    ) throws -> [LuaValue] {
        let harness = try ScriptHarness("function main(w) \(body) end", classes: [Waiter.type])
        let function = try #require(harness.state.function(named: "main"))
        let waiter = Waiter()
        var run = harness.state.makeRun()
        var outcome = run.start(function) { $0.add(Waiter.type, waiter, scope: .run) }
        for (expected, values) in steps {
            #expect(outcome == expected)
            outcome = run.resume(with: values)
        }
        #expect(outcome == last)
        return harness.emitted()
    }

    @Test("gives the function its arguments")
    func arguments() throws {
        let harness = try ScriptHarness("function main(...) test.emit(select('#', ...), ...) end")
        let function = try #require(harness.state.function(named: "main"))
        var run = harness.state.makeRun()
        let outcome = run.start(function) {
            $0.add()
            $0.add(true)
            $0.add(1.5)
            $0.add("héllo")
            $0.addTable { fields in
                fields.add("k")
                fields.add(7)
            }
        }
        #expect(outcome == .finished)
        #expect(harness.emitted() == [
            .number(5), .nil, .boolean(true), .number(1.5), .text("héllo"), .map([LuaField("k", .number(7))]),
        ])
    }

    private static let returned: [(String, Int, String)] = [
        ("'a', 'b'", 1, "text a"), ("'a', 'b'", -1, "text b"), ("", 1, "nothing"), ("", -1, "nothing"), ("nil", 1, "nothing"),
        ("true", 1, "true"), ("1.5, 2", 1, "1.5"), ("{}", 1, "nothing"), ("'a\\0b'", 1, "text a\0b"), ("1", 2, "nothing"),
        ("('x'):rep(100000)", 1, "text " + String(repeating: "x", count: 100_000)), ("w", 1, "nothing"),
    ]

    @Test("keeps the value that was asked for of those that the function returns", arguments: returned)
    func result(_ list: String, _ place: Int, _ expected: String) throws {
        let harness = try ScriptHarness("function main(w) return \(list) end", classes: [Waiter.type])
        let function = try #require(harness.state.function(named: "main"))
        var run = harness.state.makeRun()
        run.keepResult(at: place)
        #expect(run.start(function) { $0.add(Waiter.type, Waiter(), scope: .run) } == .finished)
        let shown =
            switch run.result {
            case .none: "nothing"
            case .boolean(let flag): "\(flag)"
            case .number(let number): "\(number)"
            case .string(let bytes): "text " + String(decoding: bytes, as: UTF8.self)
            }
        #expect(shown == expected)
    }

    @Test("waits where a method says so and goes on with what it is given")
    func yields() throws {
        let values = try run(
            "test.emit(w:wait()) local a, b = w:wait() test.emit(a, b, (w:wait()))",
            steps: [
                (.yielded(.test), { $0.add("first") }),
                (.yielded(.test), {
                    $0.add(1)
                    $0.add(2)
                }),
                (.yielded(.test), { _ in }),
            ])
        #expect(values == [.text("first"), .number(1), .number(2), .nil])
    }

    @Test("waits inside pcall, xpcall and iterators")
    func yieldsAcross() throws {
        let step: (LuaOutcome, (borrowing LuaValues) -> Void) = (.yielded(.test), { $0.add(5) })
        #expect(try run("test.emit(pcall(function() return w:wait() end))", steps: [step]) == [.boolean(true), .number(5)])
        #expect(try run("test.emit(pcall(w.wait, w))", steps: [step]) == [.boolean(true), .number(5)])
        #expect(try run("test.emit(xpcall(function() return w:wait() end, print))", steps: [step]) == [.boolean(true), .number(5)])
        #expect(try run("for v in function(_, last) if not last then return w:wait() end end do test.emit(v) end", steps: [step])
            == [.number(5)])
        #expect(try run("pcall(function() w:wait() error('x') end) test.emit(w:wait())", steps: [step, step]) == [.number(5)])
    }

    @Test("waits inside callbacks of the library and coroutines of the script")
    func waitsInside() throws {
        let step: (LuaOutcome, (borrowing LuaValues) -> Void) = (.yielded(.test), { $0.add(5) })
        #expect(try run("test.emit(('a b'):gsub('%w', function(c) return c .. w:wait() end))", steps: [step, step]) == [.text("a5 b5"), .number(2)])
        #expect(try run("local t = {2, 1} table.sort(t, function(a, b) w:wait() return a < b end) test.emit(t)", steps: [step])
            == [.array([.number(1), .number(2)])])
        #expect(try run("test.emit(tostring(setmetatable({}, {__tostring = function() return w:wait() end})))", steps: [step]) == [.number(5)])
        #expect(try run("print(setmetatable({}, {__tostring = function() test.emit(w:wait()) return 'x' end}))", steps: [step]) == [.number(5)])
        #expect(try run("test.emit(coroutine.resume(coroutine.create(function(a) return a, w:wait() end), 1))", steps: [step])
            == [.boolean(true), .number(1), .number(5)])
        let nested = "local f = coroutine.wrap(function() local g = coroutine.wrap(function() coroutine.yield(w:wait()) return w:wait() end) coroutine.yield(g()) return g() end) test.emit(f(), f())"
        #expect(try run(nested, steps: [step, step]) == [.number(5), .number(5)])
        #expect(try run("test.emit(pcall(coroutine.wrap(function() w:wait() error('x', 0) end)))", steps: [step]) == [.boolean(false), .text("x")])
    }

    @Test("cannot wait below a function of the host that calls back")
    func cannotWait() throws {
        let text = "setmetatable({}, {__tostring = function() error(select(2, pcall(w.wait, w)), 0) end})"
        #expect(try run("test.emit(pcall(string.format, '%s', \(text)))") == [.boolean(false), .text("wait() cannot wait inside a callback")])
        #expect(try run("test.emit(pcall(string.format, '%s', setmetatable({}, {__tostring = coroutine.wrap(function() w:wait() end)})))")
            == [.boolean(false), .text("a coroutine cannot wait inside a callback")])
    }

    @Test("fails when the script yields by itself, pcall or not", arguments: ["coroutine.yield(1)", "pcall(coroutine.yield)"])
    func unexpectedYield(_ body: String) throws {
        #expect(try run(body, last: .failed(LuaError(message: "script performed an unexpected yield"))) == [])
    }

    @Test("may use coroutines of its own")
    func ownCoroutines() throws {
        let body = "local c = coroutine.wrap(function(a) local b = coroutine.yield(a + 1) return b * 2 end) test.emit(c(1), c(5))"
        #expect(try run(body) == [.number(2), .number(10)])
    }

    @Test("fails with the script's message", arguments: [
        ("error('no')", "[string \"function main(w) error('no') end\"]:1: no"),
        ("error('no', 0)", "no"),
        ("error({})", "unspecified lua error"),
        ("error(setmetatable({}, {__tostring = function() return 'x' end}))", "unspecified lua error"),
        ("error()", "unspecified lua error"),
        ("error(42, 0)", "42"),
        ("local h = nil; h.x = 1", "[string \"function main(w) local h = nil; h.x = 1 end\"]:1: attempt to index local 'h' (a nil value)"),
    ])
    func failures(_ body: String, _ message: String) throws {
        #expect(try run(body, last: .failed(LuaError(message: message))) == [])
    }

    @Test("names the first line and the line of the error")
    func lines() throws {
        let harness = try ScriptHarness("-- a filter\nfunction main()\n  error('here')\nend\n")
        #expect(try harness.call("main") == .failed(LuaError(message: "[string \"-- a filter...\"]:3: here")))
    }

    @Test("has a traceback if the state keeps them")
    func traceback() throws {
        let harness = try ScriptHarness("local function inner() error('x') end\nfunction main() inner() end", keepsTracebacks: true)
        guard case .failed(let error) = try harness.call("main") else {
            Issue.record("no error")
            return
        }
        #expect(error.traceback?.contains("in function 'inner'") == true)
        #expect(error.traceback?.contains(":2: in function") == true)
    }

    @Test("that is dropped while it waits takes nothing with it")
    func dropped() throws {
        let harness = try ScriptHarness("kept = 0 function main(w) w:wait() kept = kept + 1 end function after() test.emit(kept) end", classes: [Waiter.type])
        let function = try #require(harness.state.function(named: "main"))
        let waiter = Waiter()
        for _ in 1...500 {
            var run = harness.state.makeRun()
            #expect(run.start(function) { $0.add(Waiter.type, waiter, scope: .run) } == .yielded(.test))
        }
        harness.state.collectGarbage()
        #expect(harness.state.statistics.memoryBytes < 200_000)
        #expect(try harness.call("after") == .finished)
        #expect(harness.emitted() == [.number(0)])
    }

    @Test("waits beside others of the same state, each with its own values")
    func sideBySide() throws {
        let harness = try ScriptHarness("function main(w, n) local got = w:wait() test.emit(n, got) end", classes: [Waiter.type])
        let function = try #require(harness.state.function(named: "main"))
        let waiter = Waiter()
        func start(_ run: inout LuaRun, _ number: Int) -> LuaOutcome {
            run.start(function) {
                $0.add(Waiter.type, waiter, scope: .run)
                $0.add(number)
            }
        }
        var first = harness.state.makeRun()
        var second = harness.state.makeRun()
        #expect(start(&first, 1) == .yielded(.test))
        #expect(start(&second, 2) == .yielded(.test))
        #expect(second.resume { $0.add("b") } == .finished)
        #expect(first.resume { $0.add("a") } == .finished)
        #expect(harness.emitted() == [.number(2), .text("b"), .number(1), .text("a")])
    }

    @Test("after run reuses coroutines, and memory stays flat")
    func pooled() throws {
        let harness = try ScriptHarness("n = 0 function main() n = n + 1 end")
        for _ in 1...2_000 { #expect(try harness.call("main") == .finished) }
        harness.state.collectGarbage()
        let before = harness.state.statistics.memoryBytes
        for _ in 1...20_000 { #expect(try harness.call("main") == .finished) }
        harness.state.collectGarbage()
        #expect(harness.state.statistics.memoryBytes <= before + 1_000)
        #expect(harness.state.statistics.idleRuns == 1)
    }

    @Test("keeps globals from one to the next")
    func globals() throws {
        let harness = try ScriptHarness("n = 0 function main() n = n + 1 test.emit(n) end")
        for _ in 1...3 { #expect(try harness.call("main") == .finished) }
        #expect(harness.emitted() == [.number(1), .number(2), .number(3)])
    }

    @Test("of a trusted state works the same")
    func trusted() throws {
        let harness = try ScriptHarness("function main() local s = 0 for i = 1, 1e7 do s = s + i end test.emit(s) end", trust: .trusted)
        #expect(try harness.call("main") == .finished)
        #expect(harness.emitted() == [.number(50_000_005_000_000)])
    }
}
