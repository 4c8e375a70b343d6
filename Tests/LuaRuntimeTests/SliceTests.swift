import Glibc
import LuaRuntime
import Testing

/// A run that is put aside again and again, so that others get their turn.
@Suite("A time slice")
struct SliceTests {
    /// Long enough to be put aside in the middle of all that can be put aside.
    private static let work = [
        "local n = 0 for i = 1, 200000 do n = n + i end return n",
        "local n = 0 for i = 1, 2000 do local ok, v = pcall(function() for j = 1, 50 do n = n + 1 end error(n, 0) end) n = v end return n",
        "local t = {} for i = 1, 2000 do t[i] = (i * 7919) % 2003 end table.sort(t, function(a, b) return a > b end) return table.concat(t, ',')",
        "local t = {} for i = 1, 3000 do t[i] = (i * 7919) % 3001 end table.sort(t) return table.concat(t, ',')",
        "local m = {__lt = function(a, b) return a.v < b.v end} local t = {} for i = 1, 500 do t[i] = setmetatable({v = (i * 7919) % 503}, m) end table.sort(t) local s = {} for i = 1, 500 do s[i] = t[i].v end return table.concat(s, ',')",
        "return (('abc '):rep(5000):gsub('%w+', function(w) return w:upper() .. #w end))",
        "return (('abc '):rep(5000):gsub('%w+', {abc = 'x'}))",
        "return (('abc d'):rep(20000):gsub('(%w)(%w)', '%2%1'))",
        "return ('a'):rep(120):find('.-.-.-b'), ('x' .. (' '):rep(3000) .. 'y'):match('^(.-)%s*$')",
        "return (('('):rep(3000) .. ('x'):rep(50000) .. (')'):rep(3000)):find('%b()')",
        "local n = 0 for w in (('word '):rep(20000)):gmatch('%w+') do n = n + #w end return n",
        "return ('a'):rep(3000):find('[^b]*b'), ('a'):rep(60000):match('a+$') == ('a'):rep(60000)",
        "return coroutine.wrap(function(s) local a = s:match('^(.-)%s*$') coroutine.yield(#a) end)('x' .. (' '):rep(3000) .. 'y')",
        "return select(2, coroutine.resume(coroutine.create(function() local a = (('a'):rep(120) .. 'Xb'):gsub('[^X]-[^X]-[^X]-b', '%9') end)))",
        "return select(2, pcall(string.find, ('a'):rep(120), '.-.-.-b')), select(2, pcall(string.gsub, ('ab'):rep(9000), 'a', '%9'))",
        "local t = {} for i = 1, 30000 do t[i] = i end return table.concat(t, ',', 3, 29000)",
        "local t = {} for i = 1, 30000 do t[i] = i end t[20000] = {} return select(2, pcall(table.concat, t))",
        "local s = 0 local c = coroutine.wrap(function() for i = 1, 100 do local k = 0 for j = 1, 2000 do k = k + j end coroutine.yield(k) end return -1 end) for i = 1, 101 do s = s + c() end return s",
        "local function nest(n) if n == 0 then local k = 0 for j = 1, 50000 do k = k + j end return k end return coroutine.wrap(nest)(n - 1) end return nest(20)",
        "local t = setmetatable({}, {__tostring = function() for i = 1, 50000 do end return 'text' end}) return tostring(t)",
        "return select(2, pcall(function() return (('a'):rep(120) .. 'Xb'):find('[^X]-[^X]-[^X]-b%9') end))",
        "return select(2, pcall(function() local r = (('a'):rep(30)):find('a*a*a*a*a*a*c%2') return r end))",
        "local s = '{\"a\":[' .. ('{\"b\":[1,\"x\\\\n\",true,null,{},[]]},'):rep(3000) .. '-2.5]}' local t = json.decode(s) return #t.a, t.a[3000].b[2], json.encode(t) == s",
        "local s = '[' .. ('{\"b\":[1,\"é\\\\ud83d\\\\ude00\",{}],\"c\":null},'):rep(3000) .. '{\"d\":1,\"d\":2}]' return select(2, json.decode(s, true)), #json.decode(s)",
        "local t = {n = {}} for i = 1, 4000 do t['k' .. i] = {i, 'x', {y = i}} t.n[i] = {} end local r = json.decode(json.encode(t)) for i = 1, 4000 do assert(r['k' .. i][3].y == i) end return #r.n, next(r.n[7])",
        "return select(2, json.decode('[' .. ('1,'):rep(50000) .. ']')), select(2, pcall(json.encode, {{{}, {print}}})), select(2, pcall(cjson.decode, ('[1],'):rep(20000)))",
        "local t = {} for i = 20000, 1, -1 do t[i] = i end t.x = nil return #json.encode(t), json.encode({[1] = 1, [3] = 3}), json.encode({1, 2, a = 3}) ~= nil",
        "local ok, e = pcall(function() local x = (('a'):rep(120) .. 'Xb'):gsub('[^X]-[^X]-[^X]-b', '%9') return x end) return tostring(ok) .. e",
        "local s, p = ('a'):rep(60000), ('a'):rep(200) .. 'b' return s:find(p, 1, true) == nil, (s .. p .. s):find(p), (s .. p):find(p, 100)",
        "local p = ('a'):rep(60000) return (p .. p .. 'b'):find(p .. 'b'), p:find(p .. '-'), ('x' .. p):find(p .. '$'), p:find(p .. 'b')",
        "return (('ab'):gsub('(a)(b)', ('%2%1%0'):rep(20000))), select(2, pcall(string.gsub, 'a', 'a', ('%0'):rep(20000) .. '%3'))",
        "local t = {} for i = 1, 30000 do t[i] = 'k' .. i % 3 .. '=' .. i .. '%20' end local s = table.concat(t, '&') return #form.parse(s).k1, form.get(s, 'k2'), form.get(s .. '&last=1', 'last'), form.get(s, 'k')",
        "local s = ('a b%/?'):rep(20000) return query.unescape(query.escape(s)) == s, base64.decode(base64.encode(s)) == s",
        "local t = {} for i = 1, 6000 do t[i] = i end table.insert(t, 3, 'x') return table.concat(t, ',', 1, 6), t[6001], #t",
    ]

    @Test("changes nothing of what a script comes to", arguments: work)
    func sameResults(_ body: String) throws {
        let source = "function main() test.emit((function() \(body) end)()) end"
        let whole = try ScriptHarness(source)
        #expect(try whole.call("main") == .finished)
        let limits = LuaLimits(fuel: 2_000_000_000, cpuTime: .seconds(600), timeSlice: .nanoseconds(1))
        let sliced = try ScriptHarness(source, limits: limits)
        var run = sliced.state.makeRun()
        var outcome = run.start(try #require(sliced.state.function(named: "main")))
        var slices = 0
        while outcome == .sliced {
            slices += 1
            // Others run in the same state meanwhile, and what is only held by the run must not be collected.
            sliced.state.collectGarbage()
            outcome = run.goOn()
        }
        #expect(outcome == .finished)
        #expect(slices > 3)
        #expect(sliced.emitted() == whole.emitted())
    }

    @Test("is as short as it was asked for, whatever the script does", arguments: Bomb.all)
    func length(_ bomb: Bomb) throws {
        let limits = LuaLimits(fuel: .max / 2, cpuTime: .milliseconds(20), timeSlice: .microseconds(500))
        let harness = try ScriptHarness(bomb.source, limits: limits)
        var run = harness.state.makeRun()
        let main = try #require(harness.state.function(named: "main"))
        var slices: [Int] = []
        var before = threadCPUNanoseconds()
        var outcome = run.start(main)
        slices.append(threadCPUNanoseconds() - before)
        while outcome == .sliced {
            before = threadCPUNanoseconds()
            outcome = run.goOn()
            slices.append(threadCPUNanoseconds() - before)
        }
        #expect(outcome == .killed(.deadline))
        // The median, since a garbage collection or the machine may lengthen one; a debug build is several times slower.
        let median = slices.sorted()[slices.count / 2]
        #expect(median < 5_000_000, "\(slices.count) slices, half of them up to \(median / 1000) µs")
        #expect(slices.count >= 3, "\(slices.map { $0 / 1000 }) µs")
    }

    @Test("lets two runs of a state go on side by side")
    func interleaved() throws {
        let source = """
            function count(name, n) local s = '' for i = 1, n do s = ('x'):rep(200):gsub('x', name) end test.emit(name .. #s) end
            """
        let limits = LuaLimits(fuel: 2_000_000_000, cpuTime: .seconds(600), timeSlice: .nanoseconds(1))
        let harness = try ScriptHarness(source, limits: limits)
        let function = try #require(harness.state.function(named: "count"))
        var first = harness.state.makeRun()
        var second = harness.state.makeRun()
        var outcomes = (
            first.start(function) {
                $0.add("a")
                $0.add(50)
            },
            second.start(function) {
                $0.add("bb")
                $0.add(50)
            }
        )
        while outcomes.0 == .sliced || outcomes.1 == .sliced {
            if outcomes.0 == .sliced { outcomes.0 = first.goOn() }
            if outcomes.1 == .sliced { outcomes.1 = second.goOn() }
        }
        #expect(outcomes.0 == .finished && outcomes.1 == .finished)
        #expect(harness.emitted() == [.text("a200"), .text("bb400")])
    }

    @Test("a run that is dropped while it was put aside leaves nothing behind")
    func dropped() throws {
        let source = "function main() return (('a'):rep(100000)):gsub('a-b', ('c'):rep(100)) end"
        let limits = LuaLimits(fuel: 2_000_000_000, cpuTime: .seconds(600), timeSlice: .nanoseconds(1))
        let harness = try ScriptHarness(source, limits: limits)
        let function = try #require(harness.state.function(named: "main"))
        func once() {
            var run = harness.state.makeRun()
            var outcome = run.start(function)
            for _ in 0..<20 where outcome == .sliced { outcome = run.goOn() }
            #expect(outcome == .sliced)
        }
        once()
        harness.state.collectGarbage()
        let before = harness.state.statistics.memoryBytes
        for _ in 0..<100 { once() }
        harness.state.collectGarbage()
        #expect(harness.state.statistics.memoryBytes <= before)
    }

    @Test("does not let strings that are being made outgrow the state's memory together")
    func stringsPutAside() throws {
        let source = "function main() local s = ('a'):rep(300000):gsub('a', 'bbbbb') return #s end"
        let limits = LuaLimits(memoryBytes: 4 << 20, fuel: .max / 2, cpuTime: .seconds(600), timeSlice: .nanoseconds(1))
        let harness = try ScriptHarness(source, limits: limits)
        let main = try #require(harness.state.function(named: "main"))
        var failed = 0, most = 0
        var waiting: [WaitingRun] = (0..<8).map { _ in WaitingRun(harness.state) }
        for run in waiting { run.outcome = run.run.start(main) }
        while !waiting.isEmpty {
            for run in waiting where run.outcome == .sliced { run.outcome = run.run.goOn() }
            most = max(most, harness.state.memoryBytes)
            for run in waiting {
                if case .failed(let error) = run.outcome {
                    failed += 1
                    #expect(error.message == "not enough memory")
                }
            }
            waiting.removeAll { $0.outcome != .sliced }
        }
        #expect(failed > 0 && failed < 8)
        #expect(most < 3 * limits.memoryBytes)
        #expect(harness.state.statistics.bufferBytes < 1 << 20)
    }
}

private final class WaitingRun {
    var run: LuaRun
    var outcome = LuaOutcome.finished

    init(_ state: LuaState) { run = state.makeRun() }
}
