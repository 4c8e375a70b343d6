import Observability
import Testing

@Suite("Lua's respond and httpCall")
struct LuaCallTests {
    private func proxy(_ script: String, _ clusters: [String: UInt16]) async throws -> TestProxy {
        try await TestProxy.start(filters: script.asLuaFilter, clusters: clusters)
    }

    @Test("respond answers, and nothing behind it runs")
    func respond() async throws {
        let upstream = TestUpstream()
        let proxy = try await proxy(
            """
            function envoy_on_request(h)
              pcall(function() h:respond({[":status"] = "403", ["x-a"] = {"1", "2"}, ["x-n"] = 5}, "no\\0way") end)
              h:logInfo("went on")
            end
            function envoy_on_response(h) h:headers():add("x-hook", h:headers():get(":status")) end
            """, ["main": upstream.port])
        let response = await proxy.get()
        #expect(response?.status == 403)
        #expect(response?.body == Array("no\0way".utf8))
        #expect(response?["x-a"] == "1,2")
        #expect(response?["x-n"] == "5")
        #expect(response?["x-hook"] == "403")
        #expect(response?["content-type"] == "text/plain")
        #expect(!proxy.log.contains("went on"))
        #expect(upstream.requests.isEmpty)
        #expect(await proxy.lua(.responses) == 1)
        await proxy.stop()
    }

    @Test("respond after the body keeps the connection's framing")
    func respondAfterBody() async throws {
        let upstream = TestUpstream()
        let proxy = try await proxy(
            "function envoy_on_request(h) local n = h:body():length() h:respond({[':status'] = 200}, 'length ' .. n) end",
            ["main": upstream.port])
        #expect(await proxy.post("hello")?.text == "length 5")
        await proxy.stop()
    }

    @Test("respond raises with Envoy's texts", arguments: [
        ("h:respond({}, '')", ":status must be between 200-599"),
        ("h:respond({[':status'] = 199})", ":status must be between 200-599"),
        ("h:respond({[':status'] = '600'})", ":status must be between 200-599"),
        ("h:respond({[':status'] = '200', ['a b'] = 'c'})", "invalid header name: a b"),
        ("h:respond({[':status'] = '200', a = 'b\\r\\nc: d'})", "invalid header value for: a"),
        ("for c in h:bodyChunks() do end h:respond({[':status'] = '200'})", "respond() cannot be called if headers have been continued"),
        ("h:respond('x')", "bad argument #1 to 'respond' (table expected, got string)"),
    ])
    func respondErrors(_ statement: String, _ expected: String) async throws {
        let upstream = TestUpstream()
        let proxy = try await proxy("function envoy_on_request(h) \(statement) end", ["main": upstream.port])
        #expect(await proxy.post("hello")?.text == "hello")
        #expect(proxy.log.contains(expected))
        await proxy.stop()
    }

    @Test("respond in the response hook takes the response's place", arguments: [
        "", "h:body() ", "h:headers():add('x-lost', '1') ", "h:httpCall('main', {[':method'] = 'GET', [':path'] = '/', [':authority'] = 'a'}, nil, 0) ",
    ])
    func respondInResponse(_ before: String) async throws {
        let upstream = TestUpstream { _ in TestUpstream.ok(String(repeating: "secret", count: 2000)) }
        let proxy = try await TestProxy.start(
            filters: [
                "function envoy_on_response(h) h:headers():add('x-outer', h:headers():get(':status')) end".asLuaFilter,
                """
                function envoy_on_response(h)
                  runs = (runs or 0) + 1
                  \(before)h:respond({[":status"] = "403", ["x-runs"] = tostring(runs)}, "no")
                  runs = "went on"
                end
                """.asLuaFilter,
            ].joined(separator: "\n"), clusters: ["main": upstream.port])
        for run in 1...2 {
            let answer = await proxy.get()
            #expect(answer?.status == 403)
            #expect(answer?.text == "no")
            #expect(answer?["x-outer"] == "403")
            #expect(answer?["x-runs"] == "\(run)")
            #expect(answer?["x-lost"] == nil)
        }
        #expect(await proxy.lua(.errors) == 0)
        await proxy.stop()
    }

    @Test("respond in the response hook is too late when the head has gone out")
    func respondTooLate() async throws {
        let upstream = TestUpstream()
        let proxy = try await proxy(
            "function envoy_on_response(h) for c in h:bodyChunks() do h:respond({[':status'] = '403'}) end end",
            ["main": upstream.port])
        #expect(await proxy.post("hello")?.status == 200)
        #expect(proxy.log.contains("respond() cannot be called if headers have been continued"))
        await proxy.stop()
    }

    private static let asking = """
        function envoy_on_request(h)
          local headers, body = h:httpCall("other",
            {[":method"] = "POST", [":path"] = "/ask", [":authority"] = "other", ["X-Multi"] = {"a", "b"}}, "question", 5000)
          h:headers():add("x-status", headers[":status"])
          h:headers():add("x-type", headers["x-type"] or "none")
          h:headers():add("x-answer", body or "nil")
        end
        """

    @Test("httpCall waits for the answer", arguments: [1, 1000])
    func httpCall(_ pieces: Int) async throws {
        let upstream = TestUpstream()
        let other = TestUpstream { _ in TestUpstream.ok("answer", "X-Type: t") }
        let proxy = try await proxy(Self.asking, ["main": upstream.port, "other": other.port])
        let request = "POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 5\r\n\r\nhello"
        #expect(await proxy.ask(Array(request.utf8), pieces: pieces)?.status == 200)
        let seen = try #require(upstream.requests.first)
        #expect(seen["x-status"] == "200")
        #expect(seen["x-type"] == "t")
        #expect(seen["x-answer"] == "answer")
        #expect(seen.text == "hello")
        let asked = try #require(other.requests.first)
        #expect(asked.startLine == "POST /ask HTTP/1.1")
        #expect(asked["x-multi"] == "a,b")
        #expect(asked["x-envoy-internal"] == "true")
        #expect(asked["x-envoy-expected-rq-timeout-ms"] == "5000")
        #expect(asked["x-forwarded-for"] == "127.0.0.1")
        #expect(asked.text == "question")
        await proxy.stop()
    }

    @Test("httpCall gives what failed as a response")
    func failures() async throws {
        let upstream = TestUpstream()
        let silent = TestUpstream { _ in "" }
        let closed = RefusingPort()
        let refused = try await proxy(Self.asking, ["main": upstream.port, "other": closed.port])
        #expect(await refused.get()?.status == 200)
        #expect(upstream.requests.last?["x-status"] == "503")
        #expect(
            upstream.requests.last?["x-answer"]
                == "upstream connect error or disconnect/reset before headers. reset reason: remote connection failure")
        await refused.stop()
        withExtendedLifetime(closed) {}

        let closing = try await proxy(Self.asking, ["main": upstream.port, "other": silent.port])
        #expect(await closing.get()?.status == 200)
        #expect(upstream.requests.last?["x-status"] == "503")
        await closing.stop()
    }

    @Test("httpCall adds to x-forwarded-for, and tells how long the service took")
    func callFields() async throws {
        let upstream = TestUpstream()
        let other = TestUpstream { _ in TestUpstream.ok("answer") }
        let proxy = try await proxy(
            """
            function envoy_on_request(h)
              local headers = h:httpCall("other",
                {[":method"] = "GET", [":path"] = "/", [":authority"] = "other", ["x-forwarded-for"] = "9.9.9.9", ["x-m"] = {a = 1}}, nil,
                {timeout_ms = "5000", return_duplicate_headers = 1})
              h:headers():add("x-time", headers["x-envoy-upstream-service-time"])
            end
            """, ["main": upstream.port, "other": other.port])
        #expect(await proxy.get()?.status == 200)
        #expect(other.requests.first?["x-forwarded-for"] == "9.9.9.9,127.0.0.1")
        #expect(other.requests.first?["x-envoy-expected-rq-timeout-ms"] == "5000")
        #expect(other.requests.first?["x-m"] == "1")
        #expect(upstream.requests.first?["x-time"].flatMap { Int($0) } != nil)
        await proxy.stop()
    }

    @Test("httpCall ends with 504 at its timeout")
    func timeout() async throws {
        let upstream = TestUpstream()
        // Listens and never answers.
        let (listener, port) = PlainSocket.listening()
        let proxy = try await proxy(
            Self.asking.replacing("5000", with: "20"), ["main": upstream.port, "other": port])
        #expect(await proxy.get()?.status == 200)
        #expect(upstream.requests.last?["x-status"] == "504")
        #expect(upstream.requests.last?["x-answer"] == "upstream request timeout")
        await proxy.stop()
        PlainSocket(accepted: listener).close()
    }

    @Test("calls one after the other, from both hooks, with the body between them")
    func sequence() async throws {
        let upstream = TestUpstream { TestUpstream.ok("got " + $0.text) }
        let other = TestUpstream { TestUpstream.ok("re:" + $0.target) }
        let call = "{[':method'] = 'GET', [':path'] = PATH, [':authority'] = 'o'}, nil, 0"
        let proxy = try await proxy(
            """
            function ask(h, path) local _, body = h:httpCall("other", \(call.replacing("PATH", with: "path"))) return body end
            function envoy_on_request(h)
              local first = ask(h, "/1")
              local body = h:body():getBytes(0, 5)
              local second = ask(h, "/2")
              h:headers():add("x-all", first .. body .. second)
            end
            function envoy_on_response(h)
              local third = ask(h, "/3")
              local body = h:body()
              body:setBytes(body:getBytes(0, body:length()) .. third)
            end
            """, ["main": upstream.port, "other": other.port])
        #expect(await proxy.post("hello")?.text == "got hellore:/3")
        #expect(upstream.requests.first?["x-all"] == "re:/1hellore:/2")
        #expect(await proxy.lua(.httpCalls) == 3)
        await proxy.stop()
    }

    @Test("calls between chunks lose none", arguments: [1, 1000])
    func betweenChunks(_ pieces: Int) async throws {
        let upstream = TestUpstream()
        let other = TestUpstream { _ in TestUpstream.ok("") }
        let proxy = try await proxy(
            """
            function envoy_on_request(h)
              local all = ""
              for chunk in h:bodyChunks() do
                all = all .. chunk:getBytes(0, chunk:length())
                chunk:setBytes(chunk:getBytes(0, chunk:length()):upper())
                h:httpCall("other", {[":method"] = "GET", [":path"] = "/", [":authority"] = "o"}, nil, 0)
              end
              h:logInfo("all: " .. all)
            end
            """, ["main": upstream.port, "other": other.port])
        let request =
            "POST / HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
        #expect(await proxy.ask(Array(request.utf8), pieces: pieces)?.status == 200)
        #expect(proxy.log.contains("all: hello world"))
        #expect(upstream.requests.first?.text == "HELLO WORLD")
        await proxy.stop()
    }

    @Test("asynchronous calls that nobody answers are bounded, in number and in bytes")
    func asynchronousBound() async throws {
        let upstream = TestUpstream()
        let (listener, port) = PlainSocket.listening()
        let proxy = try await TestProxy.start(
            filters: """
                - name: lua
                  typed_config:
                    "@type": type.googleapis.com/heddle.filters.http.lua.v1.LuaFilter
                    limits: { cpu_time: 60s, fuel: 100000000000 }
                    lua:
                      default_source_code:
                        inline_string: |
                          function envoy_on_request(h)
                            local big, count = ("x"):rep(2000000), 0
                            local ok, message
                            repeat
                              ok, message = pcall(h.httpCall, h, "other", {[":method"] = "POST", [":path"] = "/", [":authority"] = "o"}, big, 0, true)
                              count = count + 1
                            until not ok
                            h:respond({[":status"] = "200"}, count .. message)
                          end
                """, clusters: ["main": upstream.port, "other": port])
        let text = await proxy.get()?.text
        #expect(text?.hasPrefix("9") == true && text?.hasSuffix("too many asynchronous http calls are under way") == true, "\(text ?? "none")")
        await proxy.stop()
        PlainSocket(accepted: listener).close()
    }

    @Test("an asynchronous call gives its place back when it is over")
    func asynchronousPlaces() async throws {
        let upstream = TestUpstream()
        let proxy = try await TestProxy.start(
            filters: """
                - name: lua
                  typed_config:
                    "@type": type.googleapis.com/heddle.filters.http.lua.v1.LuaFilter
                    limits: { cpu_time: 60s, fuel: 100000000000, time_slice: 60s }
                    lua:
                      default_source_code:
                        inline_string: |
                          function envoy_on_request(h)
                            local head = {[":method"] = "POST", [":path"] = "/", [":authority"] = "o"}
                            local body, count, waited = ("x"):rep(2000000), 0, 0
                            while count < 20 do
                              if pcall(h.httpCall, h, "main", head, body, 60000, true) then count = count + 1
                              else waited = waited + 1 h:httpCall("main", head, "", 60000) end
                            end
                            h:respond({[":status"] = "200"}, tostring(waited > 0))
                          end
                """, clusters: ["main": upstream.port])
        let text = await proxy.get()?.text
        #expect(text == "true", "\(text ?? "none") \(proxy.log)")
        await proxy.stop()
    }

    @Test("an asynchronous call is sent and not waited for")
    func asynchronous() async throws {
        let upstream = TestUpstream()
        let (listener, port) = PlainSocket.listening()
        let proxy = try await proxy(
            """
            function envoy_on_request(h)
              local n = select("#", h:httpCall("other", {[":method"] = "GET", [":path"] = "/async", [":authority"] = "o"}, nil, 1000, true))
              h:headers():add("x-n", n)
            end
            """, ["main": upstream.port, "other": port])
        #expect(await proxy.get()?.status == 200)
        #expect(upstream.requests.first?["x-n"] == "0")
        let asked = await onThread { () -> Message? in
            let socket = PlainSocket(accepted: TestSupport.accept(listener))
            var reader = MessageReader(socket)
            return reader.next()
        }
        #expect(asked?.target == "/async")
        await proxy.stop()
        PlainSocket(accepted: listener).close()
    }

    @Test("httpCall raises with Envoy's texts", arguments: [
        ("h:httpCall('none', {[':method'] = 'GET', [':path'] = '/', [':authority'] = 'o'}, nil, 0)", "http call cluster invalid. Must be configured"),
        ("h:httpCall('main', {[':method'] = 'GET', [':path'] = '/'}, nil, 0)", "http call headers must include ':path', ':method', and ':authority'"),
        ("h:httpCall('main', {}, nil, -1)", "http call timeout must be >= 0"),
        ("h:httpCall('main', {}, nil)", "bad argument #4 to 'httpCall' (number expected, got no value)"),
        ("h:httpCall('main', {[':method'] = 'GET', [':path'] = '/', [':authority'] = 'o'}, {}, 0)", "bad argument #3 to 'httpCall' (string expected, got table)"),
        ("h:httpCall('main', {a = true}, nil, 0)", "bad argument #7 to 'httpCall' (string expected, got boolean)"),
        ("h:httpCall('main', {}, nil, 0, 'x')", "http call asynchronous flag must be 'true', 'false', or empty"),
        ("h:httpCall('main', {}, nil, {bogus = 1})", "\"bogus\" is not valid key for httpCall() options"),
        ("h:httpCall('main', {[':method'] = 'GET', [':path'] = '/ x', [':authority'] = 'o'}, nil, 0)", "invalid header value for: :path"),
    ])
    func callErrors(_ statement: String, _ expected: String) async throws {
        let upstream = TestUpstream()
        let proxy = try await proxy("function envoy_on_request(h) \(statement) end", ["main": upstream.port])
        #expect(await proxy.get()?.status == 200)
        #expect(proxy.log.contains(expected), "\(proxy.log)")
        #expect(await proxy.lua(.errors) == 1)
        await proxy.stop()
    }

    @Test("a client that leaves ends the wait")
    func clientGone() async throws {
        let upstream = TestUpstream()
        let (listener, port) = PlainSocket.listening()
        let proxy = try await proxy(Self.asking, ["main": upstream.port, "other": port])
        let proxyPort = proxy.port
        // Connects, asks, and leaves as soon as the call has come; the call's connection ends then.
        let ended = await onThread { () -> Bool in
            guard let client = PlainSocket(connectingTo: proxyPort) else { return false }
            client.send("GET / HTTP/1.1\r\nhost: test\r\n\r\n".utf8)
            let call = PlainSocket(accepted: TestSupport.accept(listener))
            guard !call.receive().isEmpty else { return false }
            client.close()
            while !call.receive().isEmpty {}
            return true
        }
        #expect(ended)
        await proxy.stop()
        PlainSocket(accepted: listener).close()
    }
}
