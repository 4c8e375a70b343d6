import Observability
import Testing

@Suite("Lua header maps")
struct LuaHeadersTests {
    /// Runs `body` as request hook and gives back what the upstream saw.
    private func seen(_ body: String, _ fields: String...) async throws -> Message {
        let upstream = TestUpstream()
        let proxy = try await TestProxy.start(
            filters: "function envoy_on_request(h)\n\(body)\nend".asLuaFilter, clusters: ["main": upstream.port])
        let response = await proxy.ask("GET /a HTTP/1.1\r\nhost: test\r\n" + fields.map { $0 + "\r\n" }.joined() + "\r\n")
        #expect(response?.status == 200, "\(proxy.log)")
        await proxy.stop()
        return try #require(upstream.requests.first)
    }

    /// Values of Lua expressions, joined, as a header that the upstream saw.
    @Test("read as in Envoy", arguments: [
        ("h:headers():get('x-one')", "1"),
        ("h:headers():get('X-ONE')", "1"),
        ("h:headers():get('x-two')", "a,b"),
        ("select('#', h:headers():get('x-none'))", "1"),
        ("h:headers():get(':path')", "/a"),
        ("h:headers():get(':method')", "GET"),
        ("h:headers():get('host')", "test"),
        ("h:headers():get(':authority')", "test"),
        ("h:headers():getAtIndex('x-two', 1)", "b"),
        ("tostring(h:headers():getAtIndex('x-two', 2))", "nil"),
        ("tostring(h:headers():getAtIndex('x-two', -1))", "nil"),
        ("h:headers():getNumValues('x-two')", "2"),
        ("h:headers():getNumValues('x-none')", "0"),
        ("h:headers() == h:headers()", "true"),
        ("h:requestHeaders():get('x-one')", "1"),
        ("(function() local n = 0 for k, v in pairs(h:headers()) do if k:sub(1, 2) == 'x-' and #k == 5 then n = n + 1 end end return n end)()", "3"),
    ])
    func reading(_ expression: String, _ expected: String) async throws {
        let request = try await seen(
            "h:headers():replace('x-result', tostring(\(expression)))", "x-one: 1", "x-two: a", "x-two: b")
        #expect(request["x-result"] == expected)
    }

    @Test("are written as in Envoy", arguments: [
        ("h:headers():add('x-new', 'v')", "x-new", "v"),
        ("h:headers():add('X-New', 12)", "x-new", "12"),
        ("h:headers():add('x-one', '2')", "x-one", "1,2"),
        ("h:headers():replace('x-one', '2')", "x-one", "2"),
        ("h:headers():replace('x-new', '')", "x-new", ""),
        ("h:headers():remove('x-one')", "x-one", "-"),
        ("h:headers():remove('x-none')", "x-one", "1"),
        ("h:headers():replace('host', 'other')", "host", "other"),
        ("h:headers():setHttp1ReasonPhrase('x')", "x-one", "1"),
    ])
    func writing(_ statement: String, _ name: String, _ expected: String) async throws {
        let request = try await seen(statement, "x-one: 1")
        #expect(request[name] ?? "-" == expected)
    }

    @Test("the path can be removed and added again")
    func pathAgain() async throws {
        let request = try await seen("h:headers():remove(':path') h:headers():add(':path', '/b?c')")
        #expect(request.target == "/b?c")
    }

    @Test("raise with Envoy's texts", arguments: [
        ("h:headers():add('a', nil)", "bad argument #2 to 'add' (string expected, got nil)"),
        ("h:headers():add('a', true)", "bad argument #2 to 'add' (string expected, got boolean)"),
        ("h:headers():get({})", "bad argument #1 to 'get' (string expected, got table)"),
        ("for k, v in pairs(h:headers()) do h:headers():add('a', 'b') end", "header map cannot be modified while iterating"),
        ("pairs(h:headers()) pairs(h:headers())", "cannot create a second iterator before completing the first"),
        ("h:headers():add('x-nl', 'a\\r\\nb: c')", "invalid header value for: x-nl"),
        ("h:headers():add('x-nl', 'a\\nb')", "invalid header value for: x-nl"),
        ("h:headers():add('x-nul', 'a\\0b')", "invalid header value for: x-nul"),
        ("h:headers():add('x y', 'a')", "invalid header name: x y"),
        ("h:headers():add('', 'a')", "invalid header name: "),
        ("h:headers():add(':status', '200')", "invalid header name: :status"),
        ("h:headers():replace(':path', '/a b')", "invalid header value for: :path"),
        ("h:headers():replace(':method', 'GET / HTTP/1.1')", "invalid header value for: :method"),
        ("h:nothing()", "attempt to call method 'nothing' (a nil value)"),
        ("h.x = 1", "attempt to index upvalue 'h' (a userdata value)"),
    ])
    func errors(_ statement: String, _ expected: String) async throws {
        let upstream = TestUpstream()
        let proxy = try await TestProxy.start(
            filters: """
                function envoy_on_request(h)
                  local ok, e = pcall(function() \(statement) end)
                  h:logInfo("<" .. tostring(e):gsub("^.-:%d+: ", "") .. ">")
                end
                """.asLuaFilter, clusters: ["main": upstream.port])
        #expect(await proxy.get()?.status == 200)
        #expect(proxy.log.contains("script log: <\(expected)>"), "\(proxy.log)")
        await proxy.stop()
    }

    @Test("a yield of the script's own is an error")
    func ownYield() async throws {
        let upstream = TestUpstream()
        let proxy = try await TestProxy.start(
            filters: "function envoy_on_request(h) coroutine.yield() end".asLuaFilter, clusters: ["main": upstream.port])
        #expect(await proxy.get()?.status == 200)
        #expect(await proxy.lua(.errors) == 1)
        await proxy.stop()
    }

    @Test("a wrong content-length does not reach the host", arguments: ["5", "0", "99999", "abc"])
    func contentLength(_ length: String) async throws {
        let upstream = TestUpstream()
        let proxy = try await TestProxy.start(
            filters: "function envoy_on_request(h) h:headers():replace('content-length', '\(length)') end".asLuaFilter,
            clusters: ["main": upstream.port])
        #expect(await proxy.get()?.status == 200)
        #expect(await proxy.post("hello")?.status == 200)
        let requests = upstream.requests
        #expect(requests.map(\.text) == ["", "hello"])
        #expect(requests.allSatisfy { $0["content-length"] == nil || $0["content-length"] == "\($0.body.count)" })
        await proxy.stop()
    }

    @Test("a response without its status cannot be made", arguments: [
        "h:headers():remove(':status')", "h:headers():replace(':status', 'abc')", "h:headers():replace(':status', '101')",
    ])
    func status(_ statement: String) async throws {
        let upstream = TestUpstream()
        let proxy = try await TestProxy.start(
            filters: "function envoy_on_response(h) \(statement) end".asLuaFilter, clusters: ["main": upstream.port])
        #expect(await proxy.get()?.status == 200)
        #expect(await proxy.lua(.errors) == 1)
        await proxy.stop()
    }

    @Test("pairs() gives pseudo-headers first, and each field once")
    func order() async throws {
        let upstream = TestUpstream()
        let proxy = try await TestProxy.start(
            filters: """
                function envoy_on_request(h)
                  local names = {}
                  for name in pairs(h:headers()) do names[#names + 1] = name end
                  h:headers():add("x-names", table.concat(names, " "))
                end
                """.asLuaFilter, clusters: ["main": upstream.port])
        #expect(await proxy.get("/", "x-a: 1", "x-a: 2")?.status == 200)
        let names = try #require(upstream.requests.first?["x-names"]).split(separator: " ").map(String.init)
        #expect(names.prefix(4).sorted() == [":authority", ":method", ":path", ":scheme"])
        #expect(names.filter { $0.hasPrefix(":") }.count == 4)
        #expect(names.filter { $0 == "x-a" }.count == 2)
        await proxy.stop()
    }

    @Test("a host field of a response is no authority")
    func responseHost() async throws {
        let upstream = TestUpstream()
        let proxy = try await TestProxy.start(
            filters: "function envoy_on_response(h) h:headers():add('Host', 'a') h:headers():add('x-get', h:headers():get('host')) end".asLuaFilter,
            clusters: ["main": upstream.port])
        let response = await proxy.get()
        #expect(response?["x-get"] == "a")
        #expect(await proxy.lua(.errors) == 0)
        await proxy.stop()
    }

    @Test("a response's reason phrase is the script's")
    func reason() async throws {
        let upstream = TestUpstream()
        let proxy = try await TestProxy.start(
            filters: "function envoy_on_response(h) h:headers():setHttp1ReasonPhrase('Fine') h:headers():add('x-a', 'b') end".asLuaFilter,
            clusters: ["main": upstream.port])
        let response = await proxy.get()
        #expect(response?.startLine == "HTTP/1.1 200 Fine")
        #expect(response?["x-a"] == "b")
        await proxy.stop()
    }

    @Test("without a path the request finds no route")
    func noPath() async throws {
        let upstream = TestUpstream()
        let proxy = try await TestProxy.start(
            filters: "function envoy_on_request(h) h:headers():remove(':path') end".asLuaFilter, clusters: ["main": upstream.port])
        #expect(await proxy.get()?.status == 404)
        #expect(upstream.requests.isEmpty)
        await proxy.stop()
    }
}
