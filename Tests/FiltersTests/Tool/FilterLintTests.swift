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
        let findings = await Tool.lint([Tool.root + "/filters"]).filter { $0.severity != .note }
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
        // Tried from each byte of a run, unless it cannot fail or begins where it says.
        ("local s = ('x'):match('%d+%.%d+')", ["2 slow-pattern"]), ("for k in ('x'):gmatch('([^&=]+)=([^&]*)') do h:logInfo(k) end", ["2 slow-pattern"]),
        ("local s = ('x'):match('(.-);')", ["2 slow-pattern"]), ("local s = ('x'):match('^%d+%.%d+')", []), ("local s = ('x'):match('Bearer (.+)')", []),
        ("local s = ('x'):match('([^:]+):?')", []), ("local s = ('x'):gsub('%s+', ' ')", []), ("local s = ('x'):match('/api/(%w+)/')", []),
        ("local s = ('x'):match('%d+%.%d+') -- lint: allow slow-pattern, the operator's own text", []),
        ("-- lint: allow slow-pattern\nlocal s = ('x'):match('%d+%.%d+')\ns = ('x'):match('%d+%.%d+')", ["4 slow-pattern"]),
        ("local s = ('x'):match('%d+%.%d+') -- lint: allow maybe-nil", ["2 slow-pattern"]),
        ("goto done\n::done::", []), ("local s = [[\n\"]] .. 'x' -- \"\nh:header()", ["4 unknown-method"]),
        ("for i = 1, 2 do local function f(...) return ..., i end h:logInfo(f(i)) end repeat local x = 1 until x == 1", []),
        ("local t = { a = 1, ['b'] = 2; 3, f = function(x) return -x end }\nt.a, t.b = t.f(1), #t\nwhile t.a do t.a = nil end", []),
        // What every head has is there, that of a request in the other hook is not.
        ("local s = 'https://' .. h:headers():get(':authority') .. h:headers():get(':path')", []),
        ("local s = 'x' .. h:headers():get(':status')", ["2 maybe-nil"]),
        // Whoever looked once need not keep it in a variable.
        ("if h:headers():get('a') then h:logInfo(h:headers():get('a'):lower()) end", []),
        ("local m = h:headers()\nif m:get('a') ~= nil then m:add('b', m:get('a') .. 'c') end", []),
        ("if h:body() then return h:body():length() end", []),
        ("local v = h:headers():get('a')\nif type(v) == 'string' then return v:lower() end", []),
        ("local ok, n = pcall(function() return h:body():length() end)\nreturn h:body():length()", ["3 maybe-nil"]),
        // Arguments.
        ("h:headers():add('a', h:headers():get('b'))", ["2 maybe-nil"]), ("h:logInfo(h:headers():get('b'))", ["2 maybe-nil"]),
        ("local s = string.lower(h:headers():get('b'))", ["2 maybe-nil"]), ("h:respond({ [':status'] = '200' }, h:headers():get('b'))", []),
        ("local n = tonumber(h:headers():get('b'))", []), ("local n = tonumber((h:headers():get('b')))", []),
        ("local v = h:headers():get('b')\nlocal n = tonumber(v)", []), ("local n = tonumber(h:headers():get(':path'))", []),
        // Libraries.
        ("local n = json.decode('x').a", ["2 maybe-nil"]), ("local c = cookies.get(h:headers():get('cookie'), 'a'):lower()", ["2 maybe-nil"]),
        ("local n = heddle.kv.get('a') + 1", ["2 maybe-nil"]), ("local s = #base64.decode('a')", ["2 maybe-nil"]),
        ("local v, problem = json.decode('x')\nif problem then return end\nreturn v.a", []),
        ("local s = query.escape(query.get('/x', 'a'))", ["2 maybe-nil"]),
        ("local t, body = h:httpCall('a', {}, nil, 1)\nreturn #body", ["3 maybe-nil"]),
        ("local t, body = h:httpCall('a', {}, nil, 1)\nif body then return #body end", []),
        ("json.decod('x')", ["2 unavailable"]), ("heddle.kv.increment('x')", ["2 unavailable"]), ("heddle.kv.incr('x')", []),
        ("local ffi = require('ffi')", ["2 unavailable"]), ("local j = require 'jit.util'", ["2 unavailable"]), ("local c = require 'cjson'", []),
        ("string.trim = function(s) return s end\nlocal s = string.trim('a')", []),
        ("function string:first() return self:sub(1, 1) end\nlocal s = string.first('a')", []),
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
        #expect(try await findings("local a = 1\nfunction on_request(h) return a end") == ["1 no-hook"])
        // A module is for scripts that have one.
        #expect(try await findings("local a = {}\nfunction a.b() return 1 end\nreturn a") == [])
        #expect(try await findings("function envoy_on_route(handle) return 'a' end") == [])
        #expect(try await findings("function envoy_match(text) return true end") == [])
    }

    @Test("a misspelled name is told with the right one", arguments: [
        ("h:respnd({})", "StreamHandle has no \"respnd\"; did you mean \"respond\"?"),
        ("return h:headers():gte('a')", "HeaderMap has no \"gte\"; did you mean \"get\"?"),
        ("return tonunmber('4')", "nothing defines \"tonunmber\"; did you mean \"tonumber\"?"),
        ("return string.gmach('a', 'b')", "string.gmach is not there; did you mean \"string.gmatch\"?"),
        ("return heddle.kv.gett('a')", "heddle.kv.gett is not there; did you mean \"heddle.kv.get\"?"),
        ("return zzzz", "nothing defines \"zzzz\""),
    ])
    func hint(_ body: String, _ message: String) async throws {
        let folder = try Folder()
        try folder.write("script.lua", "function envoy_on_request(h) \(body) end")
        #expect(await Tool.lint([folder.path]).map(\.message) == [message])
    }

    @Test("a pattern that is slow on long texts alone is a note")
    func notes() async throws {
        let folder = try Folder()
        try folder.write("script.lua", "function envoy_on_request(h)\nlocal a = ('x'):match('([^=]+)=')\na = ('x'):match('%s+$')\nend")
        #expect(await Tool.lint([folder.path]).map(\.severity) == [.note, .warning])
    }

    @Test("a trusted script may have what a sandbox lacks, and no more")
    func trusted() async throws {
        let folder = try Folder()
        try folder.write("script.lua", "local ffi, f = require('ffi'), io.open('x')\nfunction envoy_on_request(h) os.execute('x') string.gmach('a', f) h:ad(ffi) end")
        #expect(await Tool.lint([folder.path]).count == 5)
        let findings = await Tool.lint([folder.path], isTrusted: true)
        #expect(findings.map(\.message).sorted() == ["StreamHandle has no \"ad\"", "string.gmach is not there; did you mean \"string.gmatch\"?"], "\(findings)")
    }

    @Test("a folder without scripts is a finding")
    func empty() async throws {
        let folder = try Folder()
        #expect(await Tool.lint([folder.path]).map(\.description) == ["\(folder.path): error: has no scripts (*.lua) [file]"])
    }

    @Test("the head of a response has a status, and no path")
    func response() async throws {
        #expect(try await findings("function envoy_on_response(h)\nlocal s = 'x' .. h:headers():get(':status') .. h:requestHeaders():get(':path')\nend") == [])
        #expect(try await findings("function envoy_on_response(h)\nlocal s = 'x' .. h:headers():get(':path')\nend") == ["2 maybe-nil"])
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
        let (stopped, _) = try await run("local function f()\n  while true do end\nend\nfunction envoy_on_request(h)\n  f()\nend")
        let log = stopped.log.joined(separator: "\n")
        #expect(log.contains("script.lua:2: script exceeded its CPU time"), "\(log)")
        #expect(log.contains("script.lua:2: in function 'f' < script.lua:5: in function <script.lua:4>"), "\(log)")
    }

    @Test("takes what cases take as config, and finds modules beside the script")
    func config() async throws {
        let (refused, _) = try await run("local f = io.open('/')\nfunction envoy_on_request(h) end")
        #expect(refused.problem.contains("index global 'io'"), "\(refused.problem)")
        let (trusted, _) = try await run("local f = io.open('/')\nfunction envoy_on_request(h) h:logInfo(type(f)) end") { $0.config = "{ trust: TRUSTED }" }
        #expect(trusted.problem.isEmpty && trusted.scriptErrors == 0, "\(trusted.problem) \(trusted.log)")
        #expect(trusted.hooks.map(\.fuel) == [0])
        #expect(try await run("function envoy_on_request(h) end") { $0.config = "trust" }.0.problem.contains("--config: a map"))
        let (report, _) = try await run("function envoy_on_request(h) h:logInfo(require('other')) end") {
            let folder = $0.script.dropLast("/script.lua".count)
            _ = FileManager.default.createFile(atPath: folder + "/other.lua", contents: Data("return 'from the other'".utf8))
        }
        #expect(report.log.contains { $0.contains("from the other") }, "\(report.problem) \(report.log)")
    }
}
