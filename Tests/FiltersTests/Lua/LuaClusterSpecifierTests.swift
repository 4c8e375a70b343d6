import Foundation
import Testing

/// `envoy.router.cluster_specifier_plugin.lua`
@Suite("A Lua cluster specifier")
struct LuaClusterSpecifierTests {
    /// A route whose cluster the script chooses.
    private func route(_ source: String, fallback: String = "b") -> String {
        """
        - match: { prefix: / }
          route:
            inline_cluster_specifier_plugin:
              extension:
                name: envoy.router.cluster_specifier_plugin.lua
                typed_config:
                  "@type": type.googleapis.com/envoy.extensions.router.cluster_specifiers.lua.v3.LuaConfig
                  source_code:
                    inline_string: |
        \(source.indented(14))
                  default_cluster: "\(fallback)"
        """
    }

    private let a = TestUpstream { _ in TestUpstream.ok("a") }
    private let b = TestUpstream { _ in TestUpstream.ok("b") }

    private func start(_ source: String, filters: String = "", fallback: String = "b") async throws -> TestProxy {
        try await TestProxy.start(
            filters: filters, routes: route(source, fallback: fallback), clusters: ["a": a.port, "b": b.port, "'12'": a.port])
    }

    private static let choices: [(String, String, String)] = [
        ("'a'", "a", ""), ("'b', 'a'", "a", ""), ("12", "a", ""), ("h:headers():get('X-Pick')", "a", ""),
        ("nil", "b", "return value is not string, use default cluster"), ("{}", "b", "return value is not string"),
        ("true", "b", "return value is not string"), ("error('boom')", "b", "boom, use default cluster"), ("h:headers():get('x-none')", "b", "not string"),
        ("coroutine.yield()", "b", "script performed an unexpected yield"), ("h:headers():add('x', 'y')", "b", "attempt to call method 'add'"),
        ("h:getCluster('a') and 'a'", "a", ""), ("h:getCluster('none') or 'b'", "b", ""), ("h:getCluster()", "b", "string expected, got no value"),
        ("h:headers():get('host') == 'test' and 'a'", "a", ""), ("h:headers():get('x-two') == '1,2' and 'a'", "a", ""),
        ("h:headers() == h:headers() and 'a'", "a", ""),
    ]

    @Test("chooses by what the function returns last, and takes the default when that is no text", arguments: choices)
    func choice(_ expression: String, _ expected: String, _ line: String) async throws {
        let proxy = try await start("function envoy_on_route(h) return \(expression) end")
        let answer = await proxy.get("/", "x-pick: a", "x-two: 1", "x-two: 2")
        #expect(answer?.text == expected, "\(proxy.log)")
        if !line.isEmpty { #expect(proxy.log.contains(line), "\(proxy.log)") }
        await proxy.stop()
    }

    @Test("a name that no cluster has is answered with 503, and an empty default too")
    func unknown() async throws {
        let proxy = try await start("function envoy_on_route(h) return h:headers():get('x-pick') end", fallback: "")
        #expect(await proxy.get("/", "x-pick: none")?.status == 503)
        #expect(await proxy.get("/", "x-pick:")?.status == 503)
        #expect(await proxy.get("/")?.status == 503)
        #expect(await proxy.get("/", "x-pick: b")?.text == "b")
        await proxy.stop()
    }

    @Test("keeps what it knows from request to request, and is asked once a request")
    func state() async throws {
        let proxy = try await start("n = 0 function envoy_on_route(h) n = n + 1 return n % 2 == 1 and 'a' or 'b' end")
        var texts: [String] = []
        for _ in 0..<4 { texts.append(await proxy.get()?.text ?? "") }
        #expect(texts == ["a", "b", "a", "b"])
        await proxy.stop()
    }

    @Test("is asked again when a filter clears the route, and sees the fields as they are then")
    func cleared() async throws {
        let lua = """
            - name: envoy.filters.http.lua
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua
                default_source_code:
                  inline_string: "function envoy_on_request(h) h:metadata() h:headers():add('x-pick', 'a') end"
            """
        let proxy = try await start("function envoy_on_route(h) return h:headers():get('x-pick') or 'b' end", filters: lua)
        #expect(await proxy.get()?.text == "a")
        await proxy.stop()
    }

    @Test("tells of a cluster how many connections, requests and waiting requests it has")
    func figures() async throws {
        let proxy = try await start(
            """
            function envoy_on_route(h)
              local c = h:getCluster('a')
              h:logInfo(c:numConnections() .. ' ' .. c:numRequests() .. ' ' .. c:numPendingRequests())
              return 'a'
            end
            """)
        _ = await proxy.get()
        #expect(proxy.log.contains("script log: 0 0 0"))
        _ = await proxy.get()
        #expect(proxy.log.contains("script log: 1 0 0"), "\(proxy.log)")
        await proxy.stop()
    }

    @Test("one that does not end costs its request no more than its budget, and is not asked again after three times")
    func bombs() async throws {
        let proxy = try await start("n = 0 function envoy_on_route(h) n = n + 1 h:logInfo('call ' .. n) while true do end end")
        for _ in 0..<5 { #expect(await proxy.get()?.text == "b") }
        #expect(proxy.log.split(separator: "\n").count { $0.contains("script log: call 1") } == 3, "\(proxy.log)")
        #expect(proxy.log.contains("envoy_on_route of envoy.router.cluster_specifier_plugin.lua is not called any longer"))
        await proxy.stop()
    }

    @Test("what it was given is of no use after the call")
    func scope() async throws {
        let proxy = try await start(
            "function envoy_on_route(h) if kept then return pcall(kept.get, kept, 'x') and 'a' or 'b' end kept = h:headers() return 'a' end")
        #expect(await proxy.get()?.text == "a")
        #expect(await proxy.get()?.text == "b")
        await proxy.stop()
    }

    private func problem(_ route: String) async -> String {
        do {
            await (try await TestProxy.start(filters: "", routes: route, clusters: ["a": 1])).stop()
            return ""
        } catch {
            return "\(error)"
        }
    }

    @Test("a script that cannot be loaded, a function that is missing and a name that nobody has are refused")
    func refused() async {
        #expect(await problem(route("x = = 1")).contains("inline_cluster_specifier_plugin.extension.typed_config.source_code: script load error: [string \"x = = 1...\"]:1: unexpected symbol"))
        #expect(await problem(route("x = 1")).contains("envoy_on_route() function not found. Lua will not hook cluster specifier."))
        let named = "- { match: { prefix: / }, route: { cluster_specifier_plugin: none } }"
        #expect(await problem(named).contains("cluster_specifier_plugin: there is no \"none\" in cluster_specifier_plugins"))
    }

    @Test("the sample routes by account and by tenant")
    func sample() async throws {
        let text = try #require(FileManager.default.contents(atPath: Tool.root + "/samples/lua-routing/envoy.yaml"))
        let even = TestUpstream { _ in TestUpstream.ok("even") }
        let sample = String(decoding: text, as: UTF8.self).replacing("8081", with: "\(a.port)").replacing("8082", with: "\(b.port)")
            .replacing("8083", with: "\(even.port)")
        let proxy = try await TestProxy.start(bootstrap: sample)
        #expect(await proxy.get("/", "x-account: 1042", "x-tenant: two")?.text == "even")
        #expect(await proxy.get("/", "x-account: 1043", "x-tenant: two")?.text == "b")
        #expect(await proxy.get("/", "x-tenant: three")?.text == "a")
        await proxy.stop()
    }

    // MARK: Heddle's own settings

    /// A route whose cluster the script chooses, under these settings.
    private func own(_ settings: String, _ source: String) -> String {
        """
        - match: { prefix: / }
          route:
            inline_cluster_specifier_plugin:
              extension:
                name: chooser
                typed_config:
                  "@type": type.googleapis.com/heddle.router.cluster_specifiers.lua.v1.LuaClusterSpecifier
                  lua: { source_code: { inline_string: "\(source)" }, default_cluster: b }
                  \(settings)
        """
    }

    private static let settings: [(settings: String, source: String, answers: [String])] = [
        ("", "error('boom')", ["b"]), ("on_error: DEFAULT_CLUSTER", "error('boom')", ["b"]), ("on_error: FAIL_CLOSED", "error('boom')", ["503"]),
        ("on_error: FAIL_CLOSED", "return nil", ["b"]), ("on_error: FAIL_CLOSED", "while true do end", ["503", "503", "503", "503"]),
        ("", "for i = 1, 3000000 do end return 'a'", ["b"]),
        ("limits: { fuel: 1000000000, cpu_time: 5s }", "for i = 1, 3000000 do end return 'a'", ["a"]),
        ("limits: { fuel: 1000 }", "for i = 1, 30000 do end return 'a'", ["b"]),
        ("limits: { memory_bytes: 300000 }", "return #string.rep('x', 400000) > 0 and 'a'", ["b"]),
        ("trust: TRUSTED", "return io and os.getenv and load and 'a'", ["a"]), ("", "return io and 'a'", ["b"]),
        ("trust: TRUSTED, limits: { fuel: 1000 }", "for i = 1, 30000 do end return 'a'", ["a"]),
    ]

    @Test("limits, trust and what an error does can be chosen", arguments: settings)
    func ownSettings(_ settings: String, _ source: String, _ expected: [String]) async throws {
        let lines = settings.replacing(", limits", with: "\n          limits")
        let proxy = try await TestProxy.start(
            filters: "", routes: own(lines, "function envoy_on_route(h) \(source) end"), clusters: ["a": a.port, "b": b.port])
        for answer in expected {
            let found = await proxy.get()
            #expect((found?.status == 200 ? found?.text : found.map { "\($0.status)" }) == answer, "\(proxy.log)")
        }
        await proxy.stop()
    }

    @Test("a function is off after as many ended calls as kills_before_detach says")
    func kills() async throws {
        let source = "function envoy_on_route(h) if h:headers():get('x-end') then while true do end end return 'a' end"
        let proxy = try await TestProxy.start(
            filters: "", routes: own("kills_before_detach: 1", source), clusters: ["a": a.port, "b": b.port])
        #expect(await proxy.get()?.text == "a")
        #expect(await proxy.get("/", "x-end: 1")?.text == "b")
        #expect(await proxy.get()?.text == "b")
        #expect(proxy.log.contains("envoy_on_route of chooser is not called any longer"))
        await proxy.stop()
    }

    @Test(
        "settings that make no sense are refused with their place",
        arguments: [
            ("limits: { time_slice: 0.001s }", "limits.time_slice: a call cannot be put aside"), ("limits: { cpu_time: 0s }", "limits.cpu_time: must be positive"),
            ("limits: { memory_bytes: 1 }", "limits.memory_bytes: must be between"), ("kills: 1", "kills"),
        ])
    func refused(_ settings: String, _ expected: String) async {
        do {
            let proxy = try await TestProxy.start(
                filters: "", routes: own(settings, "function envoy_on_route(h) end"), clusters: ["a": 1, "b": 1])
            await proxy.stop()
            Issue.record("taken: \(settings)")
        } catch {
            #expect("\(error)".contains(expected), "\(error)")
        }
    }

    // MARK: Optional plugins

    private static let unknown = "{ extension: { name: there, typed_config: { \"@type\": type.googleapis.com/TYPE } }, is_optional: true }"

    @Test(
        "a route whose plugin is optional and unknown is passed over, whatever the type, and the next one is taken",
        arguments: ["envoy.extensions.router.cluster_specifiers.matcher.v3.MatcherClusterSpecifier", "not.there.Message", "google.protobuf.Struct"])
    func optional(_ type: String) async throws {
        let plugin = Self.unknown.replacing("TYPE", with: type)
        let routes = """
            - match: { path: /own }
              route: { inline_cluster_specifier_plugin: \(plugin) }
            - match: { path: /alone }
              route: { inline_cluster_specifier_plugin: \(plugin) }
            - match: { path: /own }
              route: { cluster: a }
            """
        let proxy = try await TestProxy.start(filters: "", routes: routes, clusters: ["a": a.port])
        #expect(await proxy.get("/own")?.text == "a")
        #expect(await proxy.get("/alone")?.status == 404)
        await proxy.stop()
    }

    @Test("an unknown plugin that is not optional is refused, and so is an optional one whose script does not load")
    func notOptional() async {
        let script = "type.googleapis.com/envoy.extensions.router.cluster_specifiers.lua.v3.LuaConfig, source_code: { inline_string: 'x(' }"
        let plugins = [
            Self.unknown.replacing("TYPE", with: "google.protobuf.Struct").replacing("is_optional: true", with: "is_optional: false"),
            Self.unknown.replacing("type.googleapis.com/TYPE", with: script),
        ]
        for plugin in plugins {
            do {
                let proxy = try await TestProxy.start(
                    filters: "", routes: "- match: { prefix: / }\n  route: { inline_cluster_specifier_plugin: \(plugin) }", clusters: ["a": 1])
                await proxy.stop()
                Issue.record("taken: \(plugin)")
            } catch {
                #expect("\(error)".contains("inline_cluster_specifier_plugin"), "\(error)")
            }
        }
    }
}
