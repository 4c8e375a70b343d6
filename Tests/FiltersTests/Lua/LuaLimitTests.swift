import Observability
import Testing

@Suite("A Lua filter's limits")
struct LuaLimitTests {
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

    /// Spends slice after slice in whatever it is put into.
    private static let work = "local n = 0 for i = 1, 20000 do n = n + i end "
    private static let short = "limits: { time_slice: 0.00001s, cpu_time: 10s, fuel: 1000000000 }"

    @Test("a script that takes long lets other requests by")
    func turns() async throws {
        let upstream = TestUpstream()
        let proxy = try await TestProxy.start(
            filters: Self.filter(
                "limits: { cpu_time: 60s, fuel: 1000000000000 }",
                """
                function envoy_on_request(h)
                  if h:headers():get(":path") == "/slow" then while not done do end end
                  if h:headers():get(":path") == "/done" then done = true end
                end
                """), clusters: ["main": upstream.port])
        async let slow = proxy.get("/slow")
        for _ in 0..<5 { #expect(await proxy.get("/fast")?.status == 200) }
        #expect(await proxy.get("/done")?.status == 200)
        #expect(await slow?.status == 200)
        await proxy.stop()
    }

    @Test("a script whose calls are over at once lets other requests by")
    func turnsBetweenCalls() async throws {
        let upstream = TestUpstream()
        let proxy = try await TestProxy.start(
            filters: Self.filter(
                "limits: { cpu_time: 600s, fuel: 1000000000000 }",
                """
                function envoy_on_request(h)
                  local path, count = h:headers():get(":path"), 0
                  if path == "/done" then done = true end
                  if path ~= "/slow" then return end
                  while not done and count < 1000000 do
                    h:httpCall("empty", {[":method"] = "GET", [":path"] = "/", [":authority"] = "e"}, nil, 0)
                    count = count + 1
                  end
                  h:respond({[":status"] = "200"}, count < 1000000 and "stopped" or "never stopped")
                end
                """), clusters: ["main": [upstream.port], "empty": []])
        async let slow = proxy.get("/slow")
        for _ in 0..<5 { #expect(await proxy.get("/fast")?.status == 200) }
        #expect(await proxy.get("/done")?.status == 200)
        #expect(await slow?.text == "stopped")
        await proxy.stop()
    }

    @Test("a script that is put aside everywhere does what it does otherwise", arguments: [1, 7, 100_000])
    func slices(_ pieces: Int) async throws {
        let upstream = TestUpstream { TestUpstream.ok("answer to " + $0.text) }
        let work = Self.work
        let proxy = try await TestProxy.start(
            filters: Self.filter(
                Self.short,
                """
                function envoy_on_request(h)
                  \(work)
                  h:headers():add("x-before", "1")
                  local all, n = "", 0
                  for chunk in h:bodyChunks() do
                    \(work)
                    local text = chunk:getBytes(0, chunk:length())
                    \(work)
                    if h:headers():get("x-double") and #text > 0 then chunk:setBytes(text .. text) end
                    \(work)
                    all = all .. text
                    \(work)
                  end
                  \(work)
                  local headers, body = h:httpCall("main", {[":method"] = "POST", [":path"] = "/", [":authority"] = "a"}, all, 5000)
                  \(work)
                  h:logInfo("seen " .. all .. " " .. body)
                end
                function envoy_on_response(h)
                  \(work)
                  local body = h:body()
                  \(work)
                  h:headers():add("x-length", body:length())
                  body:setBytes("<" .. body:getBytes(0, body:length()) .. ">")
                  \(work)
                end
                """), clusters: ["main": upstream.port])
        for double in ["", "x-double: 1\r\n"] {
            let request =
                "POST / HTTP/1.1\r\nhost: test\r\n\(double)transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
            let answer = await proxy.ask(Array(request.utf8), pieces: pieces)
            let seen = upstream.requests.last { $0["x-before"] == "1" }
            let body = try #require(seen?.text)
            // How the body was cut into the chunks that are doubled is the network's affair.
            #expect(double.isEmpty ? body == "hello world" : Self.isDoubled("hello world", body[...]), "\(body)")
            #expect(answer?.text == "<answer to \(body)>")
            #expect(answer?["x-length"] == "\(10 + body.count)")
            #expect(proxy.log.contains("seen hello world answer to hello world"))
        }
        #expect(await proxy.lua(.errors) == 0)
        await proxy.stop()
    }

    /// Whether `result` is `text` cut somewhere, with each piece written twice.
    private static func isDoubled(_ text: Substring, _ result: Substring) -> Bool {
        guard !text.isEmpty else { return result.isEmpty }
        return (1...text.count).contains { length in
            let piece = text.prefix(length)
            return result.hasPrefix(piece + piece)
                && isDoubled(text.dropFirst(length), result.dropFirst(2 * length))
        }
    }

    @Test("a body or trailers that come while a script waits for its turn are not lost", arguments: [1, 5, 100_000])
    func bodyDuringTurn(_ pieces: Int) async throws {
        let upstream = TestUpstream()
        let proxy = try await TestProxy.start(
            filters: Self.filter(Self.short, "function envoy_on_request(h) for i = 1, 30 do \(Self.work) end h:headers():add('x-late', '1') end"),
            clusters: ["main": upstream.port])
        let request = "POST / HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx-t: 1\r\n\r\n"
        #expect(await proxy.ask(Array(request.utf8), pieces: pieces)?.status == 200)
        #expect(upstream.requests.first?.text == "hello")
        #expect(upstream.requests.first?["x-late"] == "1")
        #expect(upstream.requests.first?.trailers.map(\.value) == ["1"])
        await proxy.stop()
    }

    @Test("on_error decides what a failed script's message comes to", arguments: [
        ("", "error('x')", 200, "upstream"), ("on_error: FAIL_CLOSED", "error('x')", 500, "the request's filter failed"),
        ("on_error: FAIL_CLOSED", "while true do end", 500, "the request's filter failed"),
        ("on_error: FAIL_CLOSED", "h:body() error('x')", 500, "the request's filter failed"),
        ("{ on_error: ANSWER, answer: { status: 403, body: closed, headers: { X-Why: lua } } }", "error('x')", 403, "closed"),
        ("{ on_error: ANSWER, answer: { status: 403, body: closed } }", "local t = {} while true do t[#t + 1] = {} end", 403, "closed"),
    ])
    func onError(_ settings: String, _ statement: String, _ status: Int, _ text: String) async throws {
        let settings = settings.hasPrefix("{") ? String(settings.dropFirst(2).dropLast(2)).replacing(", answer:", with: "\nanswer:") : settings
        for hook in ["request", "response"] {
            let upstream = TestUpstream { _ in TestUpstream.ok("upstream") }
            let proxy = try await TestProxy.start(
                filters: Self.filter(settings, "function envoy_on_\(hook)(h) \(statement) end"), clusters: ["main": upstream.port])
            let answer = await proxy.post("hello")
            #expect(answer?.status == status)
            #expect(answer?.text == text)
            if settings.contains("X-Why") { #expect(answer?["x-why"] == "lua") }
            #expect(await proxy.lua(.errors) == 1)
            await proxy.stop()
        }
    }

    @Test("a script that fails when its head has gone out breaks the message off, if errors fail closed")
    func failTooLate() async throws {
        let upstream = TestUpstream()
        let proxy = try await TestProxy.start(
            filters: Self.filter("on_error: FAIL_CLOSED", "function envoy_on_response(h) for c in h:bodyChunks() do error('x') end end"),
            clusters: ["main": upstream.port])
        let answer = await proxy.post("hello")
        #expect(answer?.text != "hello")
        await proxy.stop()
    }

    @Test("a filter whose scripts were ended three times is taken out of the chain", arguments: ["", "on_error: FAIL_CLOSED"])
    func detach(_ settings: String) async throws {
        let upstream = TestUpstream()
        let proxy = try await TestProxy.start(
            filters: Self.filter(
                settings,
                "function envoy_on_request(h) h:headers():add('x-ran', '1') if h:headers():get(':path') == '/bad' then while true do end end end"),
            clusters: ["main": upstream.port])
        for _ in 0..<2 { _ = await proxy.get("/bad") }
        #expect(await proxy.get()?.status == 200)
        #expect(upstream.requests.last?["x-ran"] == "1")
        _ = await proxy.get("/bad")
        #expect(await proxy.get()?.status == (settings.isEmpty ? 200 : 500))
        if settings.isEmpty { #expect(upstream.requests.last?["x-ran"] == nil) }
        #expect(proxy.log.contains("filter lua was taken out of the chain: 3 of its scripts were ended within a minute"))
        #expect(try await proxy.statistics().contains("http.test.lua.detached: 1\n"))
        await proxy.stop()
    }

    @Test("a trusted script has the whole library, a sandboxed one has not")
    func trust() async throws {
        let upstream = TestUpstream()
        let script = "function envoy_on_request(h) h:respond({[':status'] = '200'}, type(io) .. type(jit) .. type(load)) end"
        for (settings, expected) in [("trust: TRUSTED", "tabletablefunction"), ("", "nilnilnil")] {
            let proxy = try await TestProxy.start(filters: Self.filter(settings, script), clusters: ["main": upstream.port])
            #expect(await proxy.get()?.text == expected)
            await proxy.stop()
        }
    }

    @Test("an error names filter, script, hook, route and the functions that were being called", arguments: [
        ("name: shop, ", "shop"), ("", "(prefix /)"),
    ])
    func errorPlace(_ name: String, _ route: String) async throws {
        let upstream = TestUpstream()
        let proxy = try await TestProxy.start(
            filters: "local function inner() error('oops') end\nfunction envoy_on_request(h) inner() end".asLuaFilter,
            routes: "- { \(name)match: { prefix: / }, route: { cluster: main } }", clusters: ["main": upstream.port])
        #expect(await proxy.get()?.status == 200)
        #expect(proxy.log.contains(":1: oops (envoy.filters.http.lua default_source_code, envoy_on_request, route \(route); "))
        #expect(proxy.log.contains("in function 'inner'"))
        await proxy.stop()
    }

    @Test("a hundred scripts take less than ten megabytes")
    func hundred() async throws {
        let scripts = (1..<100).map { "s\($0): { inline_string: \"function envoy_on_request(h) h:headers():add('x-\($0)', '1') end\" }" }
        let filter = "function envoy_on_request(h) end".luaFilter("source_codes: { \(scripts.joined(separator: ", ")) }")
        let proxy = try await TestProxy.start(filters: filter, clusters: ["main": 1])
        let text = try await proxy.statistics()
        func gauge(_ name: String) -> Int {
            text.split(separator: "\n").first { $0.hasPrefix(name + ": ") }.flatMap { Int($0.dropFirst(name.count + 2)) } ?? -1
        }
        #expect(gauge("lua.lua_vm_count") == 100)
        let bytes = gauge("lua.lua_memory_bytes")
        #expect(bytes > 0 && bytes < 10_000_000, "\(bytes)")
        await proxy.stop()
    }

    @Test("settings that make no sense are refused", arguments: [
        ("limits: { memory_bytes: 1000 }", "limits.memory_bytes: must be between"),
        ("limits: { cpu_time: 0s }", "limits.cpu_time: must be positive"),
        ("limits: { time_slice: 0.000000001s }", "limits.time_slice: must be at least 10 µs"),
        ("on_error: ANSWER", "answer.status: must be between 200 and 599"),
        ("on_error: ANSWER\nanswer: { status: 200, headers: { \"a b\": c } }", "\"a b\" is no header field"),
    ])
    func refused(_ settings: String, _ expected: String) async throws {
        let problem = await TestProxy.problem(filters: Self.filter(settings, "x = 1"))
        #expect(problem.contains(expected), "\(problem)")
    }
}
