import Observability
import Testing

/// What becomes of messages whose hook cannot run.
@Suite("A Lua hook that cannot run")
struct LuaFailureTests {
    private static func filter(_ settings: String, _ script: String) -> String {
        """
        - name: lua
          typed_config:
            "@type": type.googleapis.com/heddle.filters.http.lua.v1.LuaFilter
        \(settings.indented(4))
            lua:
              default_source_code:
                inline_string: |
        \(script.indented(10))
        """
    }

    @Test(
        "after a script that cannot be loaded again is what on_error says", arguments: ["request", "response"],
        ["", "on_error: FAIL_CLOSED"])
    func notLoadedAgain(_ hook: String, _ settings: String) async throws {
        let upstream = TestUpstream()
        let proxy = try await TestProxy.start(
            filters: Self.filter(
                settings,
                """
                if heddle.kv.incr("boots") > 1 then error("boom") end
                function envoy_on_\(hook)(h)
                  if h:requestHeaders():get(":path") == "/bad" then while true do end end
                end
                """), clusters: ["main": upstream.port])
        #expect(await proxy.get()?.status == 200)
        #expect(await proxy.get("/bad")?.status == (settings.isEmpty ? 200 : 500))
        for _ in 0..<3 { #expect(await proxy.get()?.status == (settings.isEmpty ? 200 : 500)) }
        #expect(proxy.log.contains("cannot be loaded again"))
        await proxy.stop()
    }

    @Test(
        "since the filter was taken out while the response was on its way is what on_error says",
        arguments: ["", "on_error: FAIL_CLOSED"])
    func detachedMeanwhile(_ settings: String) async throws {
        let gate = Gate()
        let upstream = TestUpstream { request in
            if request.target == "/slow" { gate.wait() }
            return TestUpstream.ok("secret")
        }
        let proxy = try await TestProxy.start(
            filters: Self.filter(
                settings,
                """
                function envoy_on_response(h)
                  if h:requestHeaders():get(":path") == "/bad" then while true do end end
                  h:body():setBytes("redacted")
                end
                """), clusters: ["main": upstream.port])
        #expect(await proxy.get()?.text == "redacted")
        async let slow = proxy.get("/slow")
        while !upstream.requests.contains(where: { $0.target == "/slow" }) {
            #expect(await proxy.get()?.text == "redacted")
        }
        for _ in 0..<3 { _ = await proxy.get("/bad") }
        #expect(proxy.log.contains("was taken out of the chain"))
        gate.open()
        let answer = await slow
        #expect(answer?.status == (settings.isEmpty ? 200 : 500))
        #expect(answer?.text == (settings.isEmpty ? "secret" : "the request's filter failed"))
        await proxy.stop()
    }

    @Test("comes back when its script is changed")
    func attachedAgain() async throws {
        let folder = try Folder()
        func script(_ version: Int, _ bad: String) -> String {
            "function envoy_on_request(h) if h:headers():get(':path') == '/bad' then \(bad) end end\nfunction envoy_on_response(h) h:headers():add('x-version', \(version)) end"
        }
        try folder.write("script.lua", script(1, "while true do end"))
        let upstream = TestUpstream()
        let proxy = try await TestProxy.start(
            filters: """
                - name: lua
                  typed_config:
                    "@type": type.googleapis.com/heddle.filters.http.lua.v1.LuaFilter
                    lua: { default_source_code: { filename: \(folder.path)/script.lua } }
                    reload_interval: 0.01s
                """, clusters: ["main": upstream.port])
        for _ in 0..<3 { _ = await proxy.get("/bad") }
        #expect(await proxy.get()?["x-version"] == nil)
        #expect(try await proxy.statistics().contains("http.test.lua.detached: 1\n"))
        try folder.write("script.lua", script(2, ""))
        var version: String?
        for _ in 0..<5000 where version == nil { version = await proxy.get()?["x-version"] }
        #expect(version == "2")
        #expect(try await proxy.statistics().contains("http.test.lua.detached: 0\n"))
        #expect(await proxy.get("/bad")?["x-version"] == "2")
        await proxy.stop()
    }

    @Test("on a stream whose client left in the middle of a loop over header fields does not hinder the next")
    func iteratorLeft() async throws {
        let upstream = TestUpstream()
        let proxy = try await TestProxy.start(
            filters: Self.filter(
                "limits: { cpu_time: 60s, fuel: 1000000000000 }",
                """
                function envoy_on_request(h)
                  if h:headers():get(":path") == "/slow" then
                    for k in pairs(h:headers()) do h:logInfo("begun") while true do end end
                  end
                  h:headers():add("x-seen", "1")
                end
                """), clusters: ["main": upstream.port])
        #expect(await proxy.get()?.status == 200)
        let port = proxy.port
        let socket = try #require(await onThread { PlainSocket(connectingTo: port) })
        socket.send(Array("GET /slow HTTP/1.1\r\nhost: test\r\n\r\n".utf8))
        while !proxy.log.contains("begun") { #expect(await proxy.get()?.status == 200) }
        socket.close()
        for _ in 0..<10 {
            #expect(await proxy.get()?.status == 200)
            #expect(upstream.requests.last?["x-seen"] == "1")
        }
        #expect(await proxy.lua(.errors) == 0, "\(proxy.log)")
        await proxy.stop()
    }

    @Test("memory and waiting coroutines of its script are told")
    func gauges() async throws {
        let gate = Gate()
        let upstream = TestUpstream { request in
            if request.target == "/call" { gate.wait() }
            return TestUpstream.ok("x")
        }
        let proxy = try await TestProxy.start(
            filters: Self.filter(
                "",
                """
                function envoy_on_request(h)
                  if h:headers():get(":path") == "/keep" then kept = ("x"):rep(1000000) end
                  if h:headers():get(":path") == "/wait" then
                    h:httpCall("main", {[":method"] = "GET", [":path"] = "/call", [":authority"] = "a"}, nil, 60000)
                  end
                end
                """), clusters: ["main": upstream.port])
        func gauge(_ name: String) async throws -> Int {
            let text = try await proxy.statistics()
            return text.split(separator: "\n").first { $0.hasPrefix(name + ": ") }.flatMap {
                Int($0.dropFirst(name.count + 2))
            } ?? -1
        }
        let before = try await gauge("http.test.lua.memory_bytes")
        let machines = try await gauge("lua.lua_memory_bytes")
        #expect(before > 10_000 && machines == before)
        #expect(await proxy.get("/keep")?.status == 200)
        #expect(try await gauge("http.test.lua.memory_bytes") > before + 1_000_000)
        #expect(try await gauge("lua.lua_memory_bytes") == gauge("http.test.lua.memory_bytes"))
        #expect(try await gauge("http.test.lua.coroutines_active") == 0)
        async let waiting = proxy.get("/wait")
        while !upstream.requests.contains(where: { $0.target == "/call" }) { #expect(await proxy.get()?.status == 200) }
        #expect(try await gauge("http.test.lua.coroutines_active") == 1)
        gate.open()
        #expect(await waiting?.status == 200)
        #expect(try await gauge("http.test.lua.coroutines_active") == 0)
        await proxy.stop()
    }

    @Test("a counter with the name of a statistic of the filter is that statistic")
    func builtInNames() async throws {
        let upstream = TestUpstream()
        let proxy = try await TestProxy.start(
            filters: Self.filter(
                "",
                """
                function envoy_on_request(h)
                  h:stats():counter("executions"):add(10)
                  h:logInfo(tostring(select(2, pcall(function() h:stats():gauge("errors") end))))
                  h:logInfo(tostring(select(2, pcall(function() h:stats():counter("detached") end))))
                end
                """), clusters: ["main": upstream.port])
        #expect(await proxy.get()?.status == 200)
        #expect(await proxy.lua(.executions) == 11)
        #expect(try await proxy.statistics().ranges(of: "http.test.lua.executions:").count == 1)
        #expect(proxy.log.contains("'errors' is a statistic of the filter's own, and of another kind"))
        #expect(proxy.log.contains("'detached' is a statistic of the filter's own, and of another kind"))
        await proxy.stop()
    }
}
