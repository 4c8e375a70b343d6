import Glibc
import LuaRuntime
import Testing

@Suite("A budget")
struct BudgetTests {
    @Test("of fuel stops every bomb", arguments: Bomb.all.filter { !$0.isHeavy })
    func fuel(_ bomb: Bomb) throws {
        let harness = try ScriptHarness(bomb.source, limits: .fuelOnly)
        #expect(try harness.call("main") == .killed(.fuel))
        #expect(harness.state.isDead)
        #expect(try harness.call("main") == .killed(.stateDead))
    }

    @Test("of CPU time stops every bomb soon", arguments: Bomb.all)
    func deadline(_ bomb: Bomb) throws {
        let limits = LuaLimits(fuel: .max / 2, cpuTime: .milliseconds(5))
        let harness = try ScriptHarness(bomb.source, limits: limits)
        let before = threadCPUNanoseconds()
        #expect(try harness.call("main") == .killed(.deadline))
        let spent = threadCPUNanoseconds() - before
        #expect(spent >= 5_000_000)
        // A debug build on a shared machine is several times slower than what is promised.
        #expect(spent < 60_000_000, "spent \(spent / 1000) µs")
    }

    @Test(
        "of memory ends in an error that can be caught",
        arguments: [
            "return ('x'):rep(2^27)",
            "local s = 'x' while true do s = s .. s end",
            "local t = {} while true do t[#t + 1] = {} end",
            "local t = {} while true do t[#t + 1] = function() return t end end",
            "local t = {} for i = 1, 1e9 do t[i] = i end",
            "local t = {} while true do t[#t + 1] = coroutine.create(function() end) end",
            "return ('x'):rep(2000000):gsub('x', 'xxxxxxxx')",
            "local t = {} for i = 1, 100 do t[i] = ('x'):rep(500000) .. i end",
        ])
    func memory(_ body: String) throws {
        let harness = try ScriptHarness(
            "function main() \(body) end function guarded() test.emit(pcall(main)) end function after() test.emit(1 + 1) end",
            limits: .unhurried)
        #expect(try harness.call("main") == .failed(LuaError(message: "not enough memory")))
        #expect(try harness.call("guarded") == .finished)
        #expect(harness.emitted() == [.boolean(false), .text("not enough memory")])
        #expect(try harness.call("after") == .finished)
        #expect(harness.emitted() == [.number(2)])
        #expect(harness.state.statistics.memoryPeakBytes <= LuaLimits().memoryBytes)
    }

    @Test("too small for the library makes no state")
    func tinyMemory() {
        for bytes in stride(from: 0, to: 40_000, by: 1_000) {
            do {
                _ = try ScriptHarness("x = 1", limits: LuaLimits(memoryBytes: bytes))
            } catch {
                #expect(error is LuaError)
            }
        }
    }

    @Test("leaves no memory behind, however many runs it ends")
    func killsLeaveNothing() throws {
        let program = try LuaProgram(source: "kept = {} function main() while true do kept[#kept + 1] = ('x'):rep(100) end end")
        func kill() throws {
            let state = try LuaState(
                program: program, limits: LuaLimits(fuel: 20_000, cpuTime: .seconds(600)), environment: LuaEnvironment(seed: 1, now: { 0 }))
            var run = state.makeRun()
            #expect(run.start(try #require(state.function(named: "main"))) == .killed(.fuel))
        }
        for _ in 0..<100 { try kill() }
        let before = residentBytes()
        for _ in 0..<2_000 { try kill() }
        // Each state holds some hundred kilobytes: a leak would be hundreds of megabytes. Other tests run meanwhile.
        #expect(residentBytes() - before < 64 << 20)
    }

    @Test("is spent over all segments of a run, and each run has its own")
    func segments() throws {
        let harness = try ScriptHarness("function main() for i = 1, 100000 do end end", limits: LuaLimits(fuel: 150_000, cpuTime: .seconds(600)))
        for _ in 1...10 { #expect(try harness.call("main") == .finished) }
        #expect(!harness.state.isDead)
    }

    @Test("is charged for as much of a text as a search went through, and the search finds what it must", arguments: [
        "local s, at = ('\"a\"'):rep(10000), 1 while at do at = s:find('\"', at, true) at = at and at + 1 end return true",
        "local s, n = ('a,'):rep(10000), 0 for i = 1, 10000 do n = n + s:find(',', 2 * i - 1, true) end return n == 10000 * 10001",
    ])
    func search(_ body: String) throws {
        let harness = try ScriptHarness("function main() test.emit((function() \(body) end)()) end", limits: LuaLimits(fuel: 1_000_000, cpuTime: .seconds(600)))
        #expect(try harness.call("main") == .finished)
        #expect(harness.emitted() == [.boolean(true)])
    }

    @Test("that is looked at step by step does not lose what lies across the end of a step")
    func steps() throws {
        let harness = try ScriptHarness("""
            local text = ("a"):rep(2 ^ 16 * 3)
            local function found(at, what)
              local first, last = (text:sub(1, at - 1) .. what .. text:sub(at + #what)):find(what, 2, true)
              return first == at and last == at + #what - 1
            end
            function main()
              for around = 1, 2 do
                for at = 2 ^ 16 * around - 5, 2 ^ 16 * around + 5 do
                  for _, what in ipairs { "b", "bcd", "b" .. ("c"):rep(70000 / 4) } do
                    if not found(at, what) then test.emit(at, #what) end
                  end
                end
              end
              test.emit(text:find("b", 1, true) == nil, text:find("", 7, true) == 7, ("x"):find("xx", 1, true) == nil)
            end
            """)
        #expect(try harness.call("main") == .finished)
        #expect(harness.emitted() == [.boolean(true), .boolean(true), .boolean(true)])
    }

    @Test("that is spent says where the script was, and what had called it", arguments: [
        "while true do end", "for i = 1, 1e9 do local s = ('x'):rep(1000) end", "local s = ('x'):rep(100000) local i = s:find('.-.-.-y')",
        "pcall(function() while true do end end)", "table.sort({3, 1, 2, 5, 4}, function() while true do end end)",
        "coroutine.wrap(function() while true do end end)()", "return ('x'):rep(100):gsub('x', function() while true do end end)",
        "return tostring(setmetatable({}, {__tostring = function() while true do end end}))", "local function f() return 1 + f() end pcall(f) while true do end",
    ], [Duration.zero, .microseconds(50)])
    func place(_ body: String, _ slice: Duration) throws {
        var limits = LuaLimits.fuelOnly
        limits.timeSlice = slice
        let harness = try ScriptHarness(
            "local function work()\n\(body) end\nfunction main()\n  work()\n  return 1\nend", limits: limits, keepsTracebacks: true)
        let main = try #require(harness.state.function(named: "main"))
        var run = harness.state.makeRun()
        var outcome = run.start(main)
        while outcome == .sliced { outcome = run.goOn() }
        #expect(outcome == .killed(.fuel))
        let error = run.stop("is over")
        #expect(error.message == "[string \"local function work()...\"]:2: is over")
        let stack = error.traceback ?? ""
        #expect(stack.contains("[string \"local function work()...\"]:2: in "), "\(stack)")
        // A coroutine's stack is its own.
        #expect(body.hasPrefix("coroutine") || stack.contains(":4: in function <"), "\(stack)")
    }

    @Test("is counted the same each time")
    func determinism() throws {
        func left() throws -> Int64 {
            let harness = try ScriptHarness("function main() local t = {} for i = 1, 20000 do t[i % 7] = ('x'):rep(i % 100):match('^x*') end end")
            var run = harness.state.makeRun()
            let main = try #require(harness.state.function(named: "main"))
            #expect(run.start(main) == .finished)
            return run.fuelLeft
        }
        #expect(try left() == left())
    }

    @Test("of a killed run leaves the ones that wait their own")
    func killSparesWaiting() throws {
        let source = "function waiter(w) w:wait() test.emit('went on') end function bomb() while true do end end"
        let harness = try ScriptHarness(source, limits: .fuelOnly, classes: [Waiter.type])
        let waiter = Waiter()
        let function = try #require(harness.state.function(named: "waiter"))
        var run = harness.state.makeRun()
        #expect(run.start(function) { $0.add(Waiter.type, waiter, scope: .run) } == .yielded(.test))
        #expect(try harness.call("bomb") == .killed(.fuel))
        #expect(run.resume() == .finished)
        #expect(harness.emitted() == [.text("went on")])
    }

    /// Each lies on the C stack, and a kill or the end of a slice passes through all of them.
    @Test("of C stack bounds coroutines in coroutines")
    func coroutineDepth() throws {
        let harness = try ScriptHarness(
            """
            function main()
              local depth = 0
              local function f()
                depth = depth + 1
                return coroutine.resume(coroutine.create(f))
              end
              local results = {f()}
              test.emit(depth, results[#results - 1], results[#results])
            end
            """)
        #expect(try harness.call("main") == .finished)
        let emitted = harness.emitted()
        guard case .number(let depth) = try #require(emitted.first) else {
            Issue.record("no depth")
            return
        }
        #expect((200...500).contains(depth))
        #expect(Array(emitted.dropFirst()) == [.boolean(false), .text("C stack overflow")])
    }

    @Test("of C stack bounds recursion through C", arguments: [
        "local function f() ('x'):gsub('x', f) end return f()",
        "local function f() table.sort({2, 1}, f) end return f()",
        "local t t = setmetatable({}, {__tostring = function() return (tostring(t)) end}) return tostring(t)",
        "return tostring(setmetatable({}, {__tostring = tostring}))",
        "local t t = setmetatable({}, {__pairs = function() local a = pairs(t) return a end}) return pairs(t)",
        "local function f() string.format('%s', setmetatable({}, {__tostring = f})) end return f()",
        "local function f() local ok, e = coroutine.resume(coroutine.create(f)) if not ok then error(e, 0) end end return f()",
    ])
    func cStack(_ body: String) throws {
        let harness = try ScriptHarness("function main() \(body) end")
        guard case .failed(let error) = try harness.call("main") else {
            Issue.record("no error")
            return
        }
        #expect(error.message.contains("stack overflow"), "\(error.message)")
    }
}

func threadCPUNanoseconds() -> Int {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return time.tv_sec * 1_000_000_000 + time.tv_nsec
}

extension LuaYieldReason {
    static let test = LuaYieldReason(rawValue: 7)
}

/// An object whose method suspends the run.
final class Waiter {
    static let type = LuaClass<Waiter>(
        "Waiter", methods: [LuaMethod("wait") { _, call in call.yield(.test) }])
}

private func residentBytes() -> Int {
    guard let file = fopen("/proc/self/statm", "r") else { return 0 }
    defer { fclose(file) }
    var buffer = [CChar](repeating: 0, count: 128)
    guard fgets(&buffer, Int32(buffer.count), file) != nil else { return 0 }
    let words = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self).split(separator: " ")
    return words.count > 1 ? (Int(words[1]) ?? 0) * 4096 : 0
}
