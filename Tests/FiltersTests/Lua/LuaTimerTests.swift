import FoundationEssentials
import Observability
import Testing

@Suite("Timers of a script")
struct LuaTimerTests {
    private func filter(_ script: String, _ more: String = "") -> String {
        """
        - name: timed
          typed_config:
            "@type": type.googleapis.com/heddle.filters.http.lua.v1.LuaFilter
        \(more.indented(4))
            lua:
              default_source_code:
                inline_string: |
        \(script.indented(10))
        """
    }

    private static let show = """

        function envoy_on_request(h) h:respond({[":status"] = "200"}, shown or "nothing") end
        """

    /// Asks until the answer is as wanted; the loop runs timers meanwhile.
    private func wait(_ proxy: TestProxy, _ isEnough: (String) -> Bool) async -> String {
        var text = "no answer"
        for _ in 0..<20_000 {
            // An answer may be late on a busy machine; the next one will tell.
            guard let answer = await proxy.get()?.text else { continue }
            text = answer
            if isEnough(text) { return text }
        }
        return text
    }

    @Test("run without a stream, ask other services and keep what hooks use")
    func refresh() async throws {
        let upstream = TestUpstream { request in TestUpstream.ok("\(request.target) \(request["x-try"] ?? "")") }
        let script = """
            local tries = 0
            heddle.every(0.1, function(job)
              tries = tries + 1
              local headers, body = job:httpCall("main", {[":method"] = "GET", [":path"] = "/keys", [":authority"] = "test", ["x-try"] = tries}, nil, 5000)
              shown = headers[":status"] .. " " .. body
            end)
            """ + Self.show
        let proxy = try await TestProxy.start(filters: filter(script), clusters: ["main": upstream.port])
        let first = await wait(proxy) { $0 != "nothing" }
        #expect(first.hasPrefix("200 /keys "))
        let next = await wait(proxy) { $0 != first }
        #expect(next.hasPrefix("200 /keys ") && next.count >= first.count && next != first, "\(first), then \(next)")
        #expect(await proxy.lua(.timerRuns) >= 2)
        #expect(await proxy.lua(.httpCalls) >= 2)
        #expect(await proxy.lua(.errors) == 0)
        await proxy.stop()
    }

    @Test("a call that ends at once is answered at once, one after the other")
    func immediate() async throws {
        let script = """
            heddle.timer(0.1, function(job)
              local all = {}
              for i = 1, 3 do all[i] = job:httpCall("empty", {[":method"] = "GET", [":path"] = "/", [":authority"] = "x"}, nil, 0)[":status"] end
              shown = table.concat(all, " ")
            end)
            """ + Self.show
        let proxy = try await TestProxy.start(filters: filter(script), clusters: ["main": [1], "empty": []])
        #expect(await wait(proxy) { $0 != "nothing" } == "503 503 503")
        await proxy.stop()
    }

    @Test("once means once, and what was cancelled does not run")
    func cancelling() async throws {
        let script = """
            local once, ticks, mine = 0, 0
            heddle.timer(0.1, function() once = once + 1 end)
            local gone = heddle.timer(0.1, function() once = once + 100 end)
            local first, second = heddle.cancel(gone), heddle.cancel(gone)
            mine = heddle.every(0.1, function()
              ticks = ticks + 1
              if ticks == 3 then
                shown = table.concat({once, tostring(first), tostring(second), tostring(heddle.cancel(mine))}, " ")
                heddle.timer(0.3, function() shown = shown .. " " .. ticks end)
              end
            end)
            """ + Self.show
        let proxy = try await TestProxy.start(filters: filter(script), clusters: ["main": 1])
        #expect(await wait(proxy) { $0.hasSuffix(" 3") } == "1 true false true 3")
        await proxy.stop()
    }

    @Test("there is a bound on them, and room again when they are over")
    func bound() async throws {
        let script = """
            local count = 0
            local function full()
              local ok, problem = true
              while ok do
                ok, problem = pcall(heddle.timer, 0.1, function() count = count + 1 if count == 16 then shown = shown .. " " .. full() end end)
              end
              return (problem:match("a script has.*$"))
            end
            _G.full = full
            shown = full()
            """ + Self.show
        let proxy = try await TestProxy.start(filters: filter(script), clusters: ["main": 1])
        let text = await wait(proxy) { $0.count > 40 }
        #expect(text == "a script has at most 16 timers a script has at most 16 timers")
        await proxy.stop()
    }

    @Test("end with the script that made them")
    func reload() async throws {
        let folder = try Folder()
        func version(_ name: String) -> String {
            """
            heddle.every(0.1, function() heddle.kv.incr("\(name)") end)
            function envoy_on_request(h)
              h:respond({[":status"] = "200"}, "\(name) " .. (heddle.kv.get("one") or 0) .. " " .. (heddle.kv.get("two") or 0))
            end
            """
        }
        try folder.write("script.lua", version("one"))
        let proxy = try await TestProxy.start(
            filters: """
                - name: watched
                  typed_config:
                    "@type": type.googleapis.com/heddle.filters.http.lua.v1.LuaFilter
                    lua: { default_source_code: { filename: \(folder.path)/script.lua } }
                    reload_interval: 0.01s
                """, clusters: ["main": 1])
        let one = await wait(proxy) { $0.hasPrefix("one ") && !$0.hasPrefix("one 0") }
        #expect(one.hasSuffix(" 0"))
        try folder.write("script.lua", version("two"))
        let changed = await wait(proxy) { $0.hasPrefix("two") }
        let before = changed.split(separator: " ").dropFirst().first
        let after = await wait(proxy) { ($0.split(separator: " ").last.flatMap { Int($0) } ?? 0) >= 3 }
        #expect(after.split(separator: " ").dropFirst().first == before, "\(after)")
        await proxy.stop()
    }

    @Test("an error is counted and said with its place, and the next run comes")
    func errors() async throws {
        let script = """
            local runs = 0
            heddle.every(0.1, function()
              runs = runs + 1
              if runs == 1 then error("broken") end
              shown = "run " .. runs
            end)
            """ + Self.show
        let proxy = try await TestProxy.start(filters: filter(script), clusters: ["main": 1])
        #expect(await wait(proxy) { $0 != "nothing" }.hasPrefix("run "))
        #expect(await proxy.lua(.errors) == 1)
        #expect(proxy.log.contains(#"script log: [string "local runs = 0..."]:4: broken (timed"#), "\(proxy.log.suffix(500))")
        #expect(proxy.log.contains(", timer;"))
        await proxy.stop()
    }

    @Test("a run that burns its budget is ended, and after the third time timers are off; requests are not")
    func kills() async throws {
        let script = """
            heddle.every(0.1, function() while true do end end)
            function envoy_on_request(h) h:respond({[":status"] = "200"}, tostring(heddle.kv.incr("n"))) end
            """
        let proxy = try await TestProxy.start(filters: filter(script, "limits: { cpu_time: 0.002s }"), clusters: ["main": 1])
        _ = await wait(proxy) { _ in proxy.log.contains("its timers are off") }
        #expect(await proxy.lua(.deadlineExceeded) == 3)
        #expect(!proxy.log.contains("taken out of the chain"))
        #expect(proxy.log.contains("its timers are off"))
        #expect(await proxy.get()?.status == 200)
        await proxy.stop()
    }

    @Test("a long run gives requests their turn")
    func slices() async throws {
        let script = """
            heddle.timer(0.1, function()
              shown = "running"
              while asked < 1 do end
              shown = "done"
            end)
            asked = 0
            function envoy_on_request(h)
              if shown == "running" then asked = asked + 1 end
              h:respond({[":status"] = "200"}, shown or "nothing")
            end
            """
        let limits = "limits: { cpu_time: 600s, fuel: 1000000000000, time_slice: 0.00001s }"
        let proxy = try await TestProxy.start(filters: filter(script, limits), clusters: ["main": 1])
        // The run ends when a request has been answered while it goes on.
        #expect(await wait(proxy) { $0 == "done" } == "done")
        await proxy.stop()
    }
}
