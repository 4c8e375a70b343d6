import FilterTool
import FoundationEssentials
import Reactor
import Testing

@Suite("heddle filter lint", .serialized)
struct FilterLintTests {
    private func findings(_ script: String) async throws -> [String] {
        let folder = try Folder()
        try folder.write("script.lua", script)
        return await Tool.lint(["\(folder.path)/script.lua"]).map { "\($0.line) \($0.rule)" }
    }

    @Test("the ready filters have no findings")
    func readyFilters() async {
        let findings = await Tool.lint([Tool.root + "/filters"])
        #expect(findings.isEmpty, "\(findings.map(\.description).joined(separator: "\n"))")
    }

    /// The body of a request hook, and what is found in it; the hook's first line is line 2.
    @Test("finds what is probably not meant, and nothing else", arguments: [
        ("", []),
        ("h:headers():add('a', value)", ["2 undefined-global"]),
        ("print(math.max(1, 2), string.rep('a', 3), table.concat({}), bit.band(1, 2))", []),
        ("count = (count or 0) + 1", ["2 global-write"]),
        ("local count = 1\ncount = count + 1", []),
        ("total = total + 1", []),
        ("io.open('x')", ["2 unavailable"]), ("os.execute('x')", ["2 unavailable"]), ("h:logInfo(os.time())", []),
        ("string.dump(h)", ["2 unavailable"]), ("local f = loadstring('x')", ["2 unavailable"]), ("debug.sethook()", ["2 unavailable"]),
        ("h:header()", ["2 unknown-method"]), ("h:headers():set('a', 'b')", ["2 unknown-method"]),
        ("local headers = h:headers()\nheaders:ad('a', 'b')", ["3 unknown-method"]),
        ("local other = {}\nother:header()", []),
        ("h:headers():get('a'):lower()", ["2 maybe-nil"]), ("local a = 'x' .. h:headers():get('a')", ["2 maybe-nil"]),
        ("local v = h:headers():get('a')\nreturn #v", ["3 maybe-nil"]),
        ("local v = h:headers():get('a')\nif v then return v:lower() end", []),
        ("local v = h:headers():get('a')\nif not v then return end\nreturn v:lower()", []),
        ("local v = h:headers():get('a') or ''\nreturn v:lower()", []),
        ("local v = h:headers():get('a')\nreturn v and v:lower()", []),
        ("local v = assert(h:headers():get('a'))\nreturn v:lower()", []),
        ("if (h:headers():get('a') or ''):find('x') then return end", []),
        ("if h:headers():get('a') == 'x' then return end", []),
        ("h:body():length()", ["2 maybe-nil"]), ("h:body(true):length()", []),
        ("local b = h:body()\nif b ~= nil then b:length() end", []),
        ("h:trailers():get('a')", ["2 maybe-nil"]),
        ("local s = ('x'):match('^%s*(.-)%s*$')", ["2 slow-pattern"]), ("local s = ('x'):find('.-.-.-b')", ["2 slow-pattern"]),
        ("local s = string.gsub('x', '%s+$', '')", ["2 slow-pattern"]), ("local s = ('x'):find('.-.-.-b', 1, true)", []),
        ("for w in ('a,b'):gmatch('[^,]+') do h:logInfo(w) end", []), ("local a, b = ('x'):match('^([^=]*)=(.*)$')", []),
        ("local s = ('x'):match('%d+%.%d+')", []),
        ("goto done\n::done::", []), ("local s = [[\n\"]] .. 'x' -- \"\nh:header()", ["4 unknown-method"]),
        ("for i = 1, 2 do local function f(...) return ..., i end h:logInfo(f(i)) end repeat local x = 1 until x == 1", []),
        ("local t = { a = 1, ['b'] = 2; 3, f = function(x) return -x end }\nt.a, t.b = t.f(1), #t\nwhile t.a do t.a = nil end", []),
        ("if true then return elseif h then h:logInfo('a') else h:logInfo 'b' end do local q = { h } end", []),
    ] as [(String, [String])])
    func rules(_ body: String, _ expected: [String]) async throws {
        #expect(try await findings("total = 0 function envoy_on_request(h)\n\(body)\nend") == expected, "\(body)")
    }

    @Test("a script that is no Lua is an error with its line")
    func syntax() async throws {
        #expect(try await findings("local a = 1\nlocal = 2") == ["2 syntax"])
    }

    @Test("a script without a hook does nothing, and that is said")
    func noHook() async throws {
        #expect(try await findings("local a = 1\nreturn a") == ["1 no-hook"])
        #expect(try await findings("function envoy_on_route(handle) return 'a' end") == [])
        #expect(try await findings("function envoy_match(text) return true end") == [])
    }

    @Test("a misspelled method is told with the right one")
    func hint() async throws {
        let folder = try Folder()
        try folder.write("script.lua", "function envoy_on_request(h) h:respnd({}) end")
        let findings = await Tool.lint([folder.path])
        #expect(findings.first?.message == "StreamHandle has no \"respnd\"; did you mean \"respond\"?")
    }
}

@Suite("heddle filter run and bench", .serialized)
struct FilterRunTests {
    private func run(_ script: String, _ change: (inout RunRequest) -> Void = { _ in }) async throws -> (RunReport, BenchReport) {
        let folder = try Folder()
        try folder.write("script.lua", script)
        var request = RunRequest(
            script: "\(folder.path)/script.lua", request: WireMessage(fields: [.init(":method", "GET"), .init(":path", "/"), .init("x-a", "1")]))
        change(&request)
        return (await Tool.run(request), await Tool.bench(request, 5))
    }

    @Test("shows what a filter set, took away and left alone")
    func shows() async throws {
        let (report, bench) = try await run(
            """
            function envoy_on_request(h) h:headers():remove("x-a"); h:headers():add("x-b", h:filterContext():get("b")); h:logInfo("seen"); for _ = 1, 5000 do end end
            function envoy_on_response(h) h:body(true):setBytes("changed") end
            """
        ) {
            $0.settings = "{ b: 2 }"
            $0.answer = WireMessage(fields: [.init(":status", "201")], body: Array("plain".utf8))
        }
        let text = report.text()
        for line in ["  - x-a: 1", "  + x-b: 2", "    :path: /", "    :status: 201", "  - plain", "  + changed"] {
            #expect(text.split(separator: "\n").contains { $0 == line }, "\(line) in \(text)")
        }
        #expect(report.log.contains { $0.contains("script log: seen") })
        #expect(report.hooks.map(\.hook) == ["request", "response"])
        #expect(report.hooks.allSatisfy { $0.memoryBytes > 0 })
        // Instructions are counted a thousand at a time.
        #expect((4000...50000).contains(report.hooks[0].fuel))
        #expect(bench.hooks.map(\.name) == ["request", "response"])
        #expect(bench.hooks.allSatisfy { $0.count == 5 && $0.p99Nanoseconds >= $0.medianNanoseconds })
        #expect(bench.scriptErrors == 0)
    }

    @Test("an answer of the filter itself did not reach the service")
    func answered() async throws {
        let (report, _) = try await run("function envoy_on_request(h) h:respond({[\":status\"] = \"403\"}, \"no\") end")
        #expect(report.text().contains("(it did not reach the service)"))
        #expect(report.text().contains("  + :status: 403"))
    }

    @Test("a script that does not load is said with file and line, and one that fails with its stack")
    func problems() async throws {
        let (report, bench) = try await run("local x =\n")
        #expect(report.problem.contains("script.lua:"), "\(report.problem)")
        #expect(!bench.problem.isEmpty)
        let (failed, many) = try await run("local function f() error('broken') end\nfunction envoy_on_request(h)\n  f()\nend")
        #expect(failed.scriptErrors == 1)
        #expect(failed.log.joined(separator: "\n").contains("script.lua:1: broken"))
        #expect(failed.log.joined(separator: "\n").contains("in function"))
        #expect(many.scriptErrors == 5)
    }
}
