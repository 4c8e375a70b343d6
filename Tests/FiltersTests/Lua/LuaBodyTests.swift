import Observability
import Testing

@Suite("Lua bodies")
struct LuaBodyTests {
    private func proxy(_ script: String, _ upstream: TestUpstream, bufferLimit: Int = 65536) async throws -> TestProxy {
        try await TestProxy.start(filters: script.asLuaFilter, clusters: ["main": upstream.port], bufferLimit: bufferLimit)
    }

    static let wholeBody = """
        function envoy_on_request(h)
          local body = h:body()
          h:headers():replace("x-length", body:length())
          h:headers():replace("x-body", body:getBytes(0, body:length()))
          h:headers():replace("x-part", body:getBytes(1, 3))
        end
        """

    @Test("are read whole, however they come", arguments: [1, 2, 7, 1000])
    func whole(_ pieces: Int) async throws {
        let upstream = TestUpstream()
        let proxy = try await proxy(Self.wholeBody, upstream)
        let request = "POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 11\r\n\r\nhello world"
        #expect(await proxy.ask(Array(request.utf8), pieces: pieces)?.status == 200)
        let seen = try #require(upstream.requests.first)
        #expect(seen["x-length"] == "11")
        #expect(seen["x-body"] == "hello world")
        #expect(seen["x-part"] == "ell")
        #expect(seen.text == "hello world")
        await proxy.stop()
    }

    @Test("in chunks are read whole, split at every byte, with trailers or without", arguments: [1, 3, 1000], ["", "x-t: 1\r\n"])
    func chunked(_ pieces: Int, _ trailers: String) async throws {
        let upstream = TestUpstream()
        let proxy = try await proxy(Self.wholeBody, upstream)
        let request =
            "POST / HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\(trailers)\r\n"
        #expect(await proxy.ask(Array(request.utf8), pieces: pieces)?.status == 200)
        let seen = try #require(upstream.requests.first)
        #expect(seen["x-body"] == "hello world")
        #expect(seen.text == "hello world")
        #expect(seen.trailers.map(\.value) == (trailers.isEmpty ? [] : ["1"]))
        await proxy.stop()
    }

    @Test("setBytes replaces them, and the length with them", arguments: ["", "x", "a longer body than it was"])
    func setBytes(_ body: String) async throws {
        let upstream = TestUpstream { TestUpstream.ok("answer to " + $0.text) }
        let proxy = try await proxy(
            """
            function envoy_on_request(h) h:headers():add("x-n", h:body():setBytes("\(body)")) end
            function envoy_on_response(h) h:body():setBytes("new: " .. h:body():getBytes(0, 9)) end
            """, upstream)
        // The header map that was got before the wait lives on; in Envoy it does not.
        #expect(await proxy.post("hello")?.text == "new: answer to")
        #expect(upstream.requests.first?.text == body)
        #expect(upstream.requests.first?["x-n"] == "\(body.utf8.count)")
        #expect(await proxy.lua(.errors) == 0)
        await proxy.stop()

        let second = try await self.proxy(
            "function envoy_on_request(h) local n = h:body():setBytes('\(body)') h:headers():add('x-n', n) end", upstream)
        #expect(await second.post("hello")?.text == "answer to \(body)")
        #expect(upstream.requests.last?["x-n"] == "\(body.utf8.count)")
        await second.stop()
    }

    @Test("a message without one has one only when asked for", arguments: [("h:body()", "nil", ""), ("h:body(true)", "0", "made")])
    func empty(_ call: String, _ length: String, _ body: String) async throws {
        let upstream = TestUpstream()
        let proxy = try await proxy(
            """
            function envoy_on_request(h)
              local body = \(call)
              h:headers():add("x-length", tostring(body and body:length()))
              if body then body:setBytes("made") end
            end
            """, upstream)
        #expect(await proxy.get()?.status == 200)
        #expect(upstream.requests.first?["x-length"] == length)
        #expect(upstream.requests.first?.text == body)
        await proxy.stop()
    }

    @Test("an empty one that was announced is a buffer without bytes", arguments: [1, 1000], [
        ("transfer-encoding: chunked\r\n\r\n0\r\n\r\n", "0"), ("content-length: 0\r\n\r\n", "nil"),
    ])
    func emptyChunked(_ pieces: Int, _ framing: (String, String)) async throws {
        let upstream = TestUpstream()
        let proxy = try await proxy(
            "function envoy_on_request(h) local b = h:body() h:headers():add('x-length', tostring(b and b:length())) end", upstream)
        #expect(await proxy.ask(Array("POST / HTTP/1.1\r\nhost: test\r\n\(framing.0)".utf8), pieces: pieces)?.status == 200)
        #expect(upstream.requests.first?["x-length"] == framing.1)
        await proxy.stop()
    }

    @Test("made up for an answer to HEAD give it their length alone")
    func head() async throws {
        let upstream = TestUpstream()
        let proxy = try await proxy(
            "function envoy_on_response(h) h:headers():add('x-length', h:body(true):length()) h:body(true):setBytes('abc') end", upstream)
        let answer = await proxy.ask("HEAD / HTTP/1.1\r\nhost: test\r\n\r\n", hasBody: false)
        #expect(answer?["x-length"] == "0")
        #expect(answer?["content-length"] == "3")
        #expect(answer?.text == "")
        #expect(await proxy.lua(.errors) == 0)
        await proxy.stop()
    }

    @Test("that went by while trailers were waited for cannot be had any more, nor can the head be changed")
    func passed() async throws {
        let upstream = TestUpstream()
        let proxy = try await proxy(
            """
            function envoy_on_request(h)
              h:trailers()
              for _, f in ipairs({
                function() h:body() end, function() h:bodyChunks() end,
                function() h:headers():setHttp1ReasonPhrase("x") end })
              do
                local ok, e = pcall(f)
                h:logInfo("<" .. tostring(e):gsub("^.-:%d+: ", "") .. ">")
              end
            end
            """, upstream)
        #expect(await proxy.post("hello")?.status == 200)
        #expect(upstream.requests.first?.text == "hello")
        #expect(proxy.log.contains("<cannot call body() after body has been streamed>"), "\(proxy.log)")
        #expect(proxy.log.contains("<cannot call bodyChunks after body processing has begun>"), "\(proxy.log)")
        #expect(proxy.log.contains("<header map can no longer be modified>"), "\(proxy.log)")
        await proxy.stop()
    }

    @Test("over the buffer limit end with 413, and 500 on the way back")
    func limits() async throws {
        let upstream = TestUpstream { $0.target == "/big" ? TestUpstream.ok(String(repeating: "x", count: 5000)) : TestUpstream.ok("") }
        let proxy = try await proxy(
            """
            function envoy_on_request(h) if h:headers():get(":path") == "/set" then h:body():setBytes(("x"):rep(5000)) else h:body() end end
            function envoy_on_response(h) h:body() end
            """, upstream, bufferLimit: 1024)
        let long = String(repeating: "y", count: 5000)
        #expect(await proxy.post(long)?.status == 413)
        #expect(await proxy.get("/big")?.status == 500)
        #expect(await proxy.post("short")?.status == 200)
        #expect(await proxy.post("short", to: "/set")?.status == 413)
        #expect(await proxy.post("short")?.status == 200)
        await proxy.stop()
    }

    @Test("come chunk by chunk and can be changed", arguments: [1, 4, 1000])
    func chunks(_ pieces: Int) async throws {
        let upstream = TestUpstream()
        let proxy = try await proxy(
            """
            function envoy_on_request(h)
              local all = ""
              for chunk in h:bodyChunks() do
                all = all .. chunk:getBytes(0, chunk:length())
                chunk:setBytes(chunk:getBytes(0, chunk:length()):upper())
              end
              h:logInfo("all: " .. all)
              local ok, e = pcall(function() h:headers():add("a", "b") end)
              h:logInfo(e)
              ok, e = pcall(function() h:body() end)
              h:logInfo(e)
            end
            """, upstream)
        let request =
            "POST / HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
        #expect(await proxy.ask(Array(request.utf8), pieces: pieces)?.status == 200)
        #expect(upstream.requests.first?.text == "HELLO WORLD")
        #expect(proxy.log.contains("script log: all: hello world"))
        #expect(proxy.log.contains("header map can no longer be modified"))
        #expect(proxy.log.contains("cannot call body() after body has been streamed"))
        await proxy.stop()
    }

    @Test("a chunk cannot break the framing that its head announced")
    func chunkLength() async throws {
        let upstream = TestUpstream()
        let proxy = try await proxy(
            "function envoy_on_request(h) for c in h:bodyChunks() do c:setBytes('much longer than before') end end", upstream)
        #expect(await proxy.post("hello")?.status == 200)
        #expect(upstream.requests.first?.text == "hello")
        #expect(await proxy.lua(.errors) == 1)
        await proxy.stop()
    }

    @Test("trailers are read and written", arguments: [1, 1000])
    func trailers(_ pieces: Int) async throws {
        let upstream = TestUpstream()
        let proxy = try await proxy(
            """
            function envoy_on_request(h)
              local trailers = h:trailers()
              trailers:add("x-more", trailers:get("x-t") .. "!")
            end
            """, upstream)
        let request = "POST / HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nx-t: 1\r\n\r\n"
        #expect(await proxy.ask(Array(request.utf8), pieces: pieces)?.status == 200)
        #expect(upstream.requests.first?.trailers.map(\.value) == ["1", "1!"])
        #expect(upstream.requests.first?.text == "hi")
        await proxy.stop()
    }

    @Test("without trailers there is nothing", arguments: ["h:trailers()", "h:body() h:trailers()"])
    func noTrailers(_ calls: String) async throws {
        let upstream = TestUpstream()
        let proxy = try await proxy("function envoy_on_request(h) \(calls) h:logInfo('went on') end", upstream)
        #expect(await proxy.post("hello")?.status == 200)
        #expect(await proxy.get()?.status == 200)
        #expect(proxy.log.components("went on") == 2)
        await proxy.stop()
    }

    @Test("raise with Envoy's texts", arguments: [
        ("h:body('x')", "bad argument #1 to 'body' (boolean expected, got string)"),
        ("h:body() h:bodyChunks()", "cannot call bodyChunks after body processing has begun"),
        ("h:body():getBytes(3, 3)", "index/length must be >= 0 and (index + length) must be <= buffer size"),
        ("h:body():getBytes(-1, 3)", "index/length must be >= 0 and (index + length) must be <= buffer size"),
        ("h:body():getBytes(0, 1e300)", "index/length must be >= 0 and (index + length) must be <= buffer size"),
        ("h:body():getBytes({}, 1)", "bad argument #1 to 'getBytes' (number expected, got table)"),
        ("for c in h:bodyChunks() do h:body() end", "cannot call body() after body "),
        ("local c for d in h:bodyChunks() do c = c or d end c:length()", "object used outside of proper scope"),
    ])
    func errors(_ statement: String, _ expected: String) async throws {
        let upstream = TestUpstream()
        let proxy = try await proxy("function envoy_on_request(h) \(statement) end", upstream)
        let request = "POST / HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
        #expect(await proxy.ask(request)?.status == 200)
        #expect(upstream.requests.first?.text == "hello")
        #expect(proxy.log.contains(expected))
        #expect(await proxy.lua(.errors) == 1)
        await proxy.stop()
    }

    @Test("a wait inside pcall goes on inside it")
    func pcall() async throws {
        let upstream = TestUpstream()
        let proxy = try await proxy(
            """
            function envoy_on_request(h)
              local ok, length = pcall(function() return h:body():length() end)
              h:headers():add("x-result", tostring(ok) .. length)
              local failed = pcall(function() h:trailers() error("later") end)
              h:logInfo("failed: " .. tostring(failed))
            end
            """, upstream)
        let request = "POST / HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
        #expect(await proxy.ask(Array(request.utf8), pieces: 1)?.status == 200)
        #expect(upstream.requests.first?["x-result"] == "true5")
        #expect(proxy.log.contains("failed: false"))
        await proxy.stop()
    }

    @Test("decide the route")
    func routing() async throws {
        let (cheap, dear) = (TestUpstream { _ in TestUpstream.ok("cheap") }, TestUpstream { _ in TestUpstream.ok("dear") })
        let proxy = try await TestProxy.start(
            filters: """
                function envoy_on_request(h)
                  local body = h:body()
                  local model = body and body:getBytes(0, body:length()):match('"model"%s*:%s*"([%w-]+)"')
                  if model then h:headers():replace("x-model", model) end
                end
                """.asLuaFilter,
            routes: """
                - match: { prefix: /, headers: [{ name: x-model, string_match: { exact: large } }] }
                  route: { cluster: dear }
                - { match: { prefix: / }, route: { cluster: cheap } }
                """, clusters: ["cheap": cheap.port, "dear": dear.port])
        #expect(await proxy.post("{\"model\": \"large\", \"n\": 1}")?.text == "dear")
        #expect(await proxy.post("{\"model\": \"small\"}")?.text == "cheap")
        #expect(await proxy.post("{}")?.text == "cheap")
        #expect(await proxy.get()?.text == "cheap")
        await proxy.stop()
    }
}

extension String {
    /// How often `part` occurs.
    func components(_ part: String) -> Int {
        var count = 0
        var rest = self[...]
        while let range = rest.firstRange(of: part) {
            count += 1
            rest = rest[range.upperBound...]
        }
        return count
    }
}
