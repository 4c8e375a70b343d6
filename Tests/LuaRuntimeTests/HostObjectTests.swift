import LuaRuntime
import Testing

/// Headers in miniature: what a handle looks like.
private final class Headers {
    var fields: [(name: String, value: String)] = []
    var position = 0

    static let type: LuaClass<Headers> = LuaClass(
        "HeaderMap", pairs: "pairs",
        methods: [
            LuaMethod("get") { headers, call in
                guard let name = call.bytes(1) else { return call.badArgument(1, expected: "string") }
                guard let field = headers.fields.first(where: { $0.name.utf8.elementsEqual(name) }) else { return .results }
                return call.returning(field.value)
            },
            LuaMethod("add") { headers, call in
                guard let name = call.text(1) else { return call.badArgument(1, expected: "string") }
                guard let value = call.text(2) else { return call.badArgument(2, expected: "string") }
                headers.fields.append((name, value))
                return .results
            },
            LuaMethod("at") { headers, call in
                guard let index = call.integer(1) else { return call.badArgument(1, expected: "number") }
                guard headers.fields.indices.contains(index) else { return call.badArgument(1, "out of range") }
                return call.returning(headers.fields[index].value)
            },
            LuaMethod("flag") { _, call in
                guard let flag = call.boolean(1) else { return call.badArgument(1, expected: "boolean") }
                return call.returning(!flag)
            },
            LuaMethod("fail") { _, call in call.fail("header map can no longer be modified") },
            LuaMethod("same") { headers, call in
                call.returning(call.object(1, Headers.type) === headers)
            },
            LuaMethod("count") { _, call in call.returning(call.count) },
            LuaMethod("wait") { _, call in call.yield(.test) },
            LuaMethod("pairs") { headers, call in
                headers.position = 0
                call.results.add(Headers.next, on: headers)
                return .results
            },
            LuaMethod("next", hidden: true) { headers, call in
                guard headers.position < headers.fields.count else { return .results }
                defer { headers.position += 1 }
                call.results.add(headers.fields[headers.position].name)
                call.results.add(headers.fields[headers.position].value)
                return .results
            },
        ])

    static let next: LuaBoundMethod<Headers> = type.bound("next")
}

private final class Handle {
    let inner = Headers()

    static let type = LuaClass<Handle>(
        "Handle",
        methods: [
            LuaMethod("headers") { handle, call in
                call.results.add(Headers.type, handle.inner, slot: 1)
                return .results
            },
            LuaMethod("body") { _, call in
                guard call.isNil(1) || call.boolean(1) != nil else { return call.badArgument(1, expected: "boolean") }
                return call.yield(.test)
            },
        ])
}

@Suite("A host object")
struct HostObjectTests {
    private func harness(_ source: String) throws -> ScriptHarness {
        try ScriptHarness(source, classes: [Handle.type, Headers.type])
    }

    /// Runs `body` with a handle `h`, resuming it as often as it waits.
    @discardableResult
    private func run(_ body: String, last: LuaOutcome = .finished, handle: Handle = Handle()) throws -> [LuaValue] {
        let harness = try harness("function main(h) \(body) end")
        let function = try #require(harness.state.function(named: "main"))
        var run = harness.state.makeRun()
        var outcome = run.start(function) { $0.add(Handle.type, handle, scope: .run) }
        while case .yielded = outcome { outcome = run.resume() }
        #expect(outcome == last)
        return harness.emitted()
    }

    /// The message of the error that `expression` raises.
    private func message(_ expression: String) throws -> String {
        let values = try run("local ok, m = pcall(function() return \(expression) end) test.emit(ok, (tostring(m):gsub('^.-:1: ', '')))")
        guard values.first == .boolean(false), case .string(let text)? = values.last else { return "no error: \(values)" }
        return String(decoding: text, as: UTF8.self)
    }

    @Test("takes arguments and gives results")
    func calls() throws {
        let handle = Handle()
        let values = try run(
            "local x = h:headers() x:add('a', 'b') x:add('n', 12) x:add('f', 1.5) test.emit(x:get('a'), x:get('n'), x:get('f'), x:at('0'), x:flag(true), x:count(nil, nil))",
            handle: handle)
        #expect(values == [.text("b"), .text("12"), .text("1.5"), .text("b"), .boolean(false), .number(2)])
        #expect(handle.inner.fields.map(\.name) == ["a", "n", "f"])
    }

    @Test("can return no value at all, which is not nil")
    func noValue() throws {
        #expect(try run("test.emit(select('#', h:headers():get('absent')))") == [.number(0)])
    }

    @Test("writes numbers as Lua does", arguments: ["1", "-0", "1e15", "1e100", "0.1", "1/3", "1/0", "-1/0", "0/0", "2^53", "123456789012345678"])
    func numberText(_ number: String) throws {
        let values = try run("local x = h:headers() x:add('n', \(number)) test.emit(x:get('n'), tostring(\(number)))")
        #expect(values.count == 2 && values[0] == values[1])
    }

    @Test("raises with the texts scripts know", arguments: [
        ("h:headers():add('a', nil)", "bad argument #2 to 'add' (string expected, got nil)"),
        ("h:headers():add('a')", "bad argument #2 to 'add' (string expected, got no value)"),
        ("h:headers():add({}, 'a')", "bad argument #1 to 'add' (string expected, got table)"),
        ("h:headers():add('a', true)", "bad argument #2 to 'add' (string expected, got boolean)"),
        ("h:headers():at('x')", "bad argument #1 to 'at' (number expected, got string)"),
        ("h:headers():at(7)", "bad argument #1 to 'at' (out of range)"),
        ("h:body('x')", "bad argument #1 to 'body' (boolean expected, got string)"),
        ("h:headers():fail()", "header map can no longer be modified"),
        ("h.headers()", "bad argument #1 to 'headers' (Handle expected, got no value)"),
        ("h.headers({})", "bad argument #1 to 'headers' (Handle expected, got table)"),
        ("h.headers(h:headers())", "bad argument #1 to 'headers' (Handle expected, got userdata)"),
        ("h:nothing()", "attempt to call method 'nothing' (a nil value)"),
        ("(function() h.x = 1 end)()", "attempt to index upvalue 'h' (a userdata value)"),
        ("h:headers():next()", "attempt to call method 'next' (a nil value)"),
    ])
    func errors(_ expression: String, _ expected: String) throws {
        #expect(try message(expression) == expected)
    }

    @Test("errors carry the script's position")
    func position() throws {
        let error = LuaError(message: "[string \"function main(h) h:headers():fail() end\"]:1: header map can no longer be modified")
        try run("h:headers():fail()", last: .failed(error))
    }

    @Test("is the same object when it is asked for again in the same segment")
    func identity() throws {
        #expect(try run("test.emit(h:headers() == h:headers(), h:headers():same(h:headers()), h:headers():same(h), h:headers():same(1))")
            == [.boolean(true), .boolean(true), .boolean(false), .boolean(false)])
    }

    @Test("of a segment is dead after a yield, one of the run is not")
    func segmentScope() throws {
        let values = try run(
            "local x = h:headers() h:body() local ok, m = pcall(x.get, x, 'a') test.emit(ok, m, (pcall(h.headers, h)), x == h:headers())")
        #expect(values == [.boolean(false), .text("object used outside of proper scope"), .boolean(true), .boolean(false)])
    }

    @Test("kept in a global is dead in the next run, and while another run goes on")
    func runScope() throws {
        let harness = try harness(
            """
            function keep(h) kept, headers, iterator = h, h:headers(), pairs(h:headers()) h:body() end
            function use() for _, f in ipairs{kept.body, kept.headers} do test.emit((select(2, pcall(f, kept)))) end
              test.emit((select(2, pcall(headers.get, headers, 'a'))), (select(2, pcall(iterator)))) end
            """)
        let expected = [LuaValue](repeating: .text("object used outside of proper scope"), count: 4)
        let handle = Handle()
        let function = try #require(harness.state.function(named: "keep"))
        do {
            var run = harness.state.makeRun()
            #expect(run.start(function) { $0.add(Handle.type, handle, scope: .run) } == .yielded(.test))
            #expect(try harness.call("use") == .finished)
            #expect(harness.emitted() == expected)
            #expect(run.resume() == .finished)
        }
        #expect(try harness.call("use") == .finished)
        #expect(harness.emitted() == expected)
    }

    @Test("iterates with pairs, its iterator may be kept no longer than it")
    func iteration() throws {
        let handle = Handle()
        handle.inner.fields = [("a", "1"), ("b", "2")]
        #expect(try run("for k, v in pairs(h:headers()) do test.emit(k, v) end", handle: handle)
            == [.text("a"), .text("1"), .text("b"), .text("2")])
        #expect(try run("local f = pairs(h:headers()) h:body() test.emit((select(2, pcall(f))))", handle: handle)
            == [.text("object used outside of proper scope")])
    }

    @Test("shows neither its metatable nor its methods' table to be changed")
    func locked() throws {
        #expect(try run("test.emit(getmetatable(h), (pcall(setmetatable, h, {})))") == [.boolean(false), .boolean(false)])
    }

    @Test("cannot be forged", arguments: ["io.stdout", "newproxy()", "newproxy(true)"])
    func forged(_ expression: String) throws {
        let harness = try ScriptHarness("function main(h) test.emit((pcall(h.headers, \(expression)))) end", trust: .trusted, classes: [Handle.type, Headers.type])
        let function = try #require(harness.state.function(named: "main"))
        let handle = Handle()
        var run = harness.state.makeRun()
        #expect(run.start(function) { $0.add(Handle.type, handle, scope: .run) } == .finished)
        #expect(harness.emitted() == [.boolean(false)])
    }

    @Test("of an unregistered class is an error, not a crash")
    func unregistered() throws {
        let harness = try ScriptHarness("function main() end")
        let function = try #require(harness.state.function(named: "main"))
        let handle = Handle()
        var run = harness.state.makeRun()
        guard case .failed = run.start(function, arguments: { $0.add(Handle.type, handle) }) else {
            Issue.record("no error")
            return
        }
    }

    @Test("library's functions are called without an object")
    func library() throws {
        let headers = Headers()
        headers.fields = [("a", "1")]
        let harness = try ScriptHarness(
            "function main() test.emit(store.get('a'), (pcall(store.get))) end", globals: [.library("store", Headers.type, headers)])
        #expect(try harness.call("main") == .finished)
        #expect(harness.emitted() == [.text("1"), .boolean(false)])
    }

    @Test("a large result leaves no large buffer behind, and one over the cap is not even made", arguments: [
        (4_000_000, LuaOutcome.finished), (10_000_000, .failed(LuaError(message: "not enough memory"))),
    ])
    func largeResult(_ count: Int, _ outcome: LuaOutcome) throws {
        let harness = try ScriptHarness(
            "function main() big.give() end", globals: [.library("big", Big.type, Big(count))])
        #expect(try harness.call("main") == outcome)
        #expect(harness.state.statistics.bufferBytes <= 256 * 1024)
        #expect(harness.state.memoryBytes >= harness.state.statistics.memoryBytes)
    }

    @Test("work that a method charges is taken from the budget, and ends the time slice")
    func charges() throws {
        let work = LuaMethod<Big>("work") { big, call in
            call.charge(bytes: big.count)
            return .results
        }
        let type = LuaClass<Big>("Worker", methods: [work])
        func harness(_ limits: LuaLimits) throws -> ScriptHarness {
            try ScriptHarness(
                "function main() for i = 1, 100 do big.work() end end", limits: limits, globals: [.library("big", type, Big(1_600_000))])
        }
        #expect(try harness(LuaLimits(fuel: 11_000_000, cpuTime: .seconds(600))).call("main") == .finished)
        #expect(try harness(LuaLimits(fuel: 9_000_000, cpuTime: .seconds(600))).call("main") == .killed(.fuel))
        let sliced = try harness(LuaLimits(fuel: 2_000_000_000, cpuTime: .seconds(600), timeSlice: .nanoseconds(1)))
        var run = sliced.state.makeRun()
        var outcome = run.start(try #require(sliced.state.function(named: "main")))
        var slices = 0
        while outcome == .sliced {
            slices += 1
            outcome = run.goOn()
        }
        #expect(outcome == .finished)
        #expect(slices > 90)
    }
}

private final class Big {
    let count: Int

    init(_ count: Int) { self.count = count }

    static let type = LuaClass<Big>(
        "Big",
        methods: [
            LuaMethod("give") { big, call in
                call.results.addString(count: big.count) { $0.initializeMemory(as: UInt8.self, repeating: 120) }
                return .results
            }
        ])
}
