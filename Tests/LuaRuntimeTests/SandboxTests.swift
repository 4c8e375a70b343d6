import LuaRuntime
import Testing

@Suite("The sandbox")
struct SandboxTests {
    @Test(
        "lacks what would let a script out",
        arguments: [
            "load", "loadstring", "loadfile", "dofile", "module", "package", "io", "debug", "ffi", "jit", "newproxy",
            "collectgarbage", "gcinfo", "getfenv", "setfenv", "string.dump", "('').dump", "os.execute", "os.exit", "os.getenv",
            "os.remove", "os.rename", "os.tmpname", "os.setlocale", "table.new", "table.clear", "string.buffer", "_G.package",
            "coroutine.running()",
        ])
    func absent(_ name: String) throws {
        #expect(try evaluate("\(name) == nil") == [.boolean(true)])
    }

    @Test(
        "has what filters use",
        arguments: [
            "assert", "error", "ipairs", "pairs", "next", "pcall", "xpcall", "select", "tonumber", "tostring", "type", "unpack",
            "setmetatable", "getmetatable", "rawequal", "rawget", "rawset", "rawlen", "print", "math.floor", "math.random",
            "bit.band", "string.format", "string.byte", "string.gsub", "table.concat", "table.remove", "table.sort", "table.pack",
            "table.unpack", "os.time", "os.clock", "os.date", "os.difftime", "coroutine.wrap", "coroutine.create",
        ])
    func present(_ name: String) throws {
        #expect(try evaluate("type(\(name))") == [.text("function")])
    }

    @Test("walking everything reachable meets no function that is not listed")
    func reachable() throws {
        let harness = try ScriptHarness(
            """
            local seen, count = {}, 0
            local function walk(value, path)
              if type(value) == "function" then count = count + 1 end
              if type(value) ~= "table" or seen[value] then return end
              seen[value] = true
              for key, inner in next, value do walk(inner, path .. "." .. tostring(key)) end
              local meta = getmetatable(value)
              if meta then walk(meta, path .. "!") end
            end
            function main()
              walk(_G, "_G")
              walk(getmetatable(""), "string!")
              test.emit(count, getmetatable("") == false)
            end
            """)
        #expect(try harness.call("main") == .finished)
        guard case .number(let count) = harness.emitted().first else {
            Issue.record("nothing emitted")
            return
        }
        // 24 base functions, 13 of strings, 12 of tables, 30 of math, 12 of bit, 7 of coroutines, 4 of os, 20 of json, query and
        // their like, with the test's own.
        #expect(count > 80 && count < 130)
    }

    @Test("the string metatable is locked")
    func stringMetatable() throws {
        #expect(try evaluate("pcall(setmetatable, 'x', {})") .first == .boolean(false))
        #expect(try evaluate("getmetatable('x')") == [.boolean(false)])
    }

    @Test("bytecode is refused")
    func bytecode() {
        #expect(throws: LuaError.self) { try LuaProgram(source: [0x1b] + Array("LJ\u{2}\u{0}".utf8)) }
    }

    @Test("a syntax error names the first line and the line of the error")
    func syntaxError() {
        #expect {
            try LuaProgram(source: "local a = 1\nlocal = 2\n")
        } throws: { error in
            (error as? LuaError)?.message == "[string \"local a = 1...\"]:2: '<name>' expected near '='"
        }
    }

    @Test("a source cannot choose its name in messages", arguments: ["=stdin x", "@/etc/passwd x"])
    func chunkName(_ source: String) {
        #expect {
            try LuaProgram(source: source)
        } throws: { error in
            (error as? LuaError)?.message.hasPrefix("[string \"") == true
        }
    }

    @Test("the main chunk's error is thrown when the state is made")
    func mainChunk() {
        #expect(throws: LuaError(message: "[string \"error(\"no\")\"]:1: no")) { try ScriptHarness("error(\"no\")") }
        #expect(throws: LuaError.self) {
            try ScriptHarness("while true do end", limits: .fuelOnly)
        }
    }

    @Test("only functions count as hooks")
    func hooks() throws {
        let state = try ScriptHarness("function a() end b = 1").state
        #expect(state.function(named: "a") != nil)
        #expect(state.function(named: "b") == nil)
        #expect(state.function(named: "c") == nil)
    }

    @Test("time comes from the host")
    func time() throws {
        #expect(try evaluate("os.time(), os.clock(), os.date('!%Y-%m-%d %H:%M:%S')")
            == [.number(1_700_000_000), .number(0), .text("2023-11-14 22:13:20")])
        #expect(try evaluate("os.date('!*t', 86400).day, os.date('!%j%%', 0), os.difftime(5, 3)")
            == [.number(2), .text("001%"), .number(2)])
    }

    @Test("equal seeds give equal random numbers")
    func random() throws {
        let first = try evaluate("math.random(1000000), math.random(1000000)")
        #expect(try evaluate("math.random(1000000), math.random(1000000)") == first)
    }

    @Test("print goes to the log")
    func printing() throws {
        let harness = try ScriptHarness("print('a', 1, nil, true)")
        #expect(harness.printed == ["a\t1\tnil\ttrue"])
    }

    @Test("pairs asks __pairs")
    func pairsMetamethod() throws {
        let expression = "(function() for k, v in pairs(setmetatable({}, {__pairs = function() return next, {x = 1}, nil end})) do return k, v end end)()"
        #expect(try evaluate(expression) == [.text("x"), .number(1)])
    }

    @Test("a trusted state has the whole library")
    func trusted() throws {
        #expect(try evaluate("type(io.open), type(require('ffi')), type(jit.on)", trust: .trusted)
            == [.text("function"), .text("table"), .text("function")])
    }
}
