import Observability
import Testing

@Suite("The Lua filter")
struct LuaFilterTests {
    @Test("refuses a script that does not load, with its line", arguments: [
        ("function envoy_on_request(h)\n  x =\nend", ":3: unexpected symbol near 'end'"),
        ("error('at load')", "at load"),
        ("while true do end", "script exceeded its budget while it was loaded"),
        ("local f = io.open('/etc/passwd')", "attempt to index global 'io' (a nil value)"),
        ("\u{1B}LJ", "attempt to load chunk with wrong mode"),
    ])
    func load(_ script: String, _ expected: String) async throws {
        let escaped = script.contains("\u{1B}")
        let filters =
            escaped
            ? """
            - name: envoy.filters.http.lua
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua
                default_source_code: { inline_string: "\\eLJ" }
            """ : script.asLuaFilter
        let problem = await TestProxy.problem(filters: filters)
        #expect(problem.contains(expected), "\(problem)")
        #expect(problem.contains("http_filters[0].typed_config.default_source_code"), "\(problem)")
    }

    @Test("counts an error, logs it and lets the message go on", arguments: [
        ("h:headers():add('x-before', '1') error('broken')", "broken"),
        ("h:headers():add('x-before', '1') error({})", ""),
        ("h:headers():add('x-before', '1') local x = nil + 1", "attempt to perform arithmetic on a nil value"),
    ])
    func scriptError(_ statement: String, _ message: String) async throws {
        let upstream = TestUpstream()
        let proxy = try await TestProxy.start(
            filters: """
                function envoy_on_request(h) \(statement) end
                function envoy_on_response(h) h:headers():add("x-response", "ran") end
                """.asLuaFilter, clusters: ["main": upstream.port])
        let response = await proxy.get()
        #expect(response?.status == 200)
        #expect(response?["x-response"] == "ran")
        #expect(upstream.requests.first?["x-before"] == "1")
        #expect(proxy.log.contains("[error][lua] script log: "))
        #expect(proxy.log.contains(message))
        #expect(await proxy.lua(.errors) == 1)
        #expect(await proxy.lua(.executions) == 2)
        await proxy.stop()
    }

    @Test("a script that eats its budget costs its own run only", arguments: [
        "while true do end",
        "while true do pcall(function() while true do end end) end",
        "local s = ((' '):rep(30000)):match('^(.-)%s*x')",
        "local t = {} while true do t[#t + 1] = ('x'):rep(1000) end",
        "local function f() return f() + 1 end f()",
        "('x'):rep(1e9)",
        "string.format('%99999d', 1)",
        "table.sort({3, 2, 1, 5, 4}, function() while true do end end)",
        "while true do h:httpCall('none', {}, nil, 0) end",
        "while true do pcall(h.httpCall, h, 'none', {}, nil, 0) end",
        "while true do h:headers():add('x', ('y'):rep(10000)) end",
    ])
    func hostile(_ statement: String) async throws {
        let upstream = TestUpstream()
        let proxy = try await TestProxy.start(
            filters: """
                function envoy_on_request(h)
                  h:headers():add("x-before", "1")
                  if h:headers():get(":path") == "/bad" then \(statement) end
                end
                """.asLuaFilter, clusters: ["main": upstream.port])
        for round in 1...2 {
            _ = await proxy.get("/bad")
            #expect(await proxy.get("/good")?.status == 200)
            #expect(upstream.requests.last?["x-before"] == "1")
            #expect(await proxy.lua(.errors) == UInt64(round))
        }
        await proxy.stop()
    }

    @Test("a handle kept in a global is of no use to the next request")
    func keptHandle() async throws {
        let upstream = TestUpstream()
        let proxy = try await TestProxy.start(
            filters: """
                function envoy_on_request(h)
                  if kept then h:headers():add("x-result", select(2, pcall(kept.headers, kept))) end
                  kept = h
                end
                """.asLuaFilter, clusters: ["main": upstream.port])
        #expect(await proxy.get()?.status == 200)
        #expect(await proxy.get()?.status == 200)
        #expect(upstream.requests.last?["x-result"] == "object used outside of proper scope")
        await proxy.stop()
    }

    @Test("runs for the proxy's own answers too")
    func localReplies() async throws {
        let proxy = try await TestProxy.start(
            filters: "function envoy_on_response(h) h:headers():add('x-hook', h:headers():get(':status')) end".asLuaFilter,
            routes: """
                - { match: { path: /direct }, direct_response: { status: 202, body: { inline_string: made } } }
                - { match: { path: /nowhere }, route: { cluster: main } }
                """, clusters: ["main": 1])
        let direct = await proxy.get("/direct")
        #expect(direct?["x-hook"] == "202")
        #expect(direct?.text == "made")
        #expect(await proxy.get("/none")?["x-hook"] == "404")
        #expect(await proxy.get("/nowhere")?["x-hook"] == "503")
        await proxy.stop()
    }

    @Test("routes take other scripts or none")
    func perRoute() async throws {
        let upstream = TestUpstream()
        func route(_ path: String, _ config: String) -> String {
            """
            - match: { path: \(path) }
              route: { cluster: main }
              typed_per_filter_config:
                envoy.filters.http.lua:
                  "@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.LuaPerRoute
                  \(config)

            """
        }
        let set = "function envoy_on_request(h) h:headers():add('x-by', 'NAME' .. (h:filterContext():get('k') or '')) end"
        let proxy = try await TestProxy.start(
            filters: set.replacing("NAME", with: "default").luaFilter(
                "filter_context: { k: 1 }\nsource_codes: { named: { inline_string: \"\(set.replacing("NAME", with: "named"))\" } }"),
            routes: route("/off", "disabled: true") + route("/named", "name: named") + route("/unknown", "name: unknown")
                + route("/own", "source_code: { inline_string: \"\(set.replacing("NAME", with: "own"))\" }")
                + route("/context", "filter_context: { k: two }") + "- { match: { prefix: / }, route: { cluster: main } }",
            clusters: ["main": upstream.port])
        let expected = ["/": "default1", "/off": "-", "/named": "named1", "/unknown": "-", "/own": "own1", "/context": "defaulttwo"]
        for (path, by) in expected.sorted(by: { $0.key < $1.key }) {
            #expect(await proxy.get(path)?.status == 200)
            #expect(upstream.requests.last?["x-by"] ?? "-" == by, "\(path) \(proxy.log)")
        }
        await proxy.stop()
    }

    /// Values of Lua expressions in the request hook, as the upstream saw them.
    @Test("tells what is known of the stream", arguments: [
        ("h:streamInfo():protocol()", "HTTP/1.1"),
        ("h:streamInfo():routeName()", "the-route"),
        ("h:streamInfo():virtualClusterName()", ""),
        ("h:streamInfo():requestedServerName()", ""),
        ("h:streamInfo():downstreamDirectRemoteAddress():match('^127.0.0.1:%d+$') ~= nil", "true"),
        ("h:streamInfo():downstreamLocalAddress():match('^127.0.0.1:%d+$') ~= nil", "true"),
        ("h:streamInfo():downstreamSslConnection()", "nil"),
        ("h:connection():ssl()", "nil"),
        ("h:metadata():get('a')", "1"),
        ("h:metadata():get('b').c[2]", "z"), ("h:metadata():get('b').c[3]", "true"),
        ("select('#', h:metadata():get('none'))", "1"),
        ("(function() local s = '' for k in pairs(h:metadata()) do s = s .. k end return s end)()", "ab"),
        ("h:route():metadata():get('a')", "1"),
        ("tostring(h:virtualHost():metadata():get('a'))", "nil"),
        ("h:base64Escape('a\\0b')", "YQBi"),
        ("h:base64Decode('YWI=')", "ab"),
        ("h:base64Decode('!')", "nil"),
        ("h:timestamp() > 1700000000000", "true"),
        ("#h:timestampString()", "13"),
        ("#h:timestampString(EnvoyTimestampResolution.MICROSECOND)", "16"),
        ("select(2, pcall(h.timestamp, h, 1))", "timestamp format must be MILLISECOND."),
        ("select(2, pcall(h.timestampString, h, 2))", "timestamp format must be MILLISECOND or MICROSECOND."),
        ("select(2, pcall(h.logInfo, h, {}))", "bad argument #1 to 'logInfo' (string expected, got table)"),
        ("(function() local d = h:streamInfo():dynamicMetadata() d:set('n', 'k', {a = {1, 2}}) return d:get('n').k.a[2] end)()", "2"),
        ("select(2, pcall(function() h:streamInfo():dynamicMetadata():set('n', 'k', print) end))", "unexpected type 'function' in dynamicMetadata"),
        ("select(2, pcall(function() h:streamInfo():dynamicMetadata():set('n', 'k', {1, a = 2}) end))", "unexpected type number in table key (only string keys are supported)"),
    ])
    func streamInfo(_ expression: String, _ expected: String) async throws {
        let upstream = TestUpstream()
        let proxy = try await TestProxy.start(
            filters: """
                function envoy_on_request(h)
                  h:headers():add("x-result", (tostring((\(expression))):gsub("^.-:%d+: ", "")))
                end
                """.asLuaFilter,
            routes: """
                - name: the-route
                  match: { prefix: / }
                  metadata: { filter_metadata: { envoy.filters.http.lua: { a: 1, b: { c: [x, z, on] } } } }
                  route: { cluster: main }
                """, clusters: ["main": upstream.port])
        #expect(await proxy.get()?.status == 200)
        #expect(upstream.requests.first?["x-result"] == expected, "\(proxy.log)")
        await proxy.stop()
    }

    @Test("dynamic metadata reaches the response hook and the formatters")
    func dynamicMetadata() async throws {
        let upstream = TestUpstream()
        let proxy = try await TestProxy.start(
            filters: """
                function envoy_on_request(h) h:streamInfo():dynamicMetadata():set("ns", "k", "v") end
                function envoy_on_response(h) h:headers():add("x-meta", h:streamInfo():dynamicMetadata():get("ns").k) end
                """.asLuaFilter, clusters: ["main": upstream.port],
            perHost: "response_headers_to_add: [{ header: { key: x-format, value: \"%DYNAMIC_METADATA(ns:k)%\" } }]")
        let response = await proxy.get()
        #expect(response?["x-meta"] == "v")
        #expect(response?["x-format"] == "v")
        await proxy.stop()
    }

    @Test("logs at the level asked for")
    func logging() async throws {
        let upstream = TestUpstream()
        let proxy = try await TestProxy.start(
            filters: "function envoy_on_request(h) h:logTrace('t') h:logDebug('d') h:logInfo('i') h:logWarn('w') h:logErr('e') h:logCritical(5) end".asLuaFilter,
            clusters: ["main": upstream.port])
        #expect(await proxy.get()?.status == 200)
        for (level, text) in [("trace", "t"), ("debug", "d"), ("info", "i"), ("warning", "w"), ("error", "e"), ("critical", "5")] {
            #expect(proxy.log.contains("[\(level)][lua] script log: \(text)"))
        }
        await proxy.stop()
    }

    @Test("keeps its route when clear_route_cache is off", arguments: [("", "second"), ("clear_route_cache: false", "first")])
    func clearRouteCache(_ option: String, _ expected: String) async throws {
        let (first, second) = (TestUpstream { _ in TestUpstream.ok("first") }, TestUpstream { _ in TestUpstream.ok("second") })
        let proxy = try await TestProxy.start(
            filters: "function envoy_on_request(h) h:headers():add('x-go', 'second') end".luaFilter(option),
            routes: """
                - match: { prefix: /, headers: [{ name: x-go, present_match: true }] }
                  route: { cluster: second }
                - { match: { prefix: / }, route: { cluster: first } }
                """, clusters: ["first": first.port, "second": second.port])
        #expect(await proxy.get()?.text == expected)
        await proxy.stop()
    }
}
