import Foundation
import Testing

/// How a cluster's HTTP filters are configured, by itself and by routes, and what is refused.
@Suite("Configuration of a cluster's HTTP filters")
struct UpstreamFilterConfigTests {
    private static let type = "type.googleapis.com/envoy"

    private static func perRoute(_ name: String, _ config: String) -> String {
        "typed_per_filter_config: { \(name): { \(config) } }"
    }

    private static func script(_ place: String) -> String {
        "\"@type\": \(type).extensions.filters.http.lua.v3.LuaPerRoute, "
            + "source_code: { inline_string: \"function envoy_on_response(h) h:headers():add('x-place', '\(place)') end\" }"
    }

    private static func switched(_ what: String) -> String { "\"@type\": \(type).config.route.v3.FilterConfig, \(what)" }

    private static func marking(_ name: String, _ more: String = "") -> String {
        "function envoy_on_response(h) h:headers():add('x-place', '\(name)') end".asLuaFilter(named: name, more)
    }

    @Test("routes and weighted clusters speak to them by their names, as to the connection manager's")
    func routes() async throws {
        let upstream = TestUpstream()
        let proxy = try await UpstreamFilterProxy.start(
            Self.marking("up") + "\n" + Self.marking("both"), downstream: Self.marking("both"),
            routes: """
                - { match: { path: /up }, route: { cluster: main }, \(Self.perRoute("up", Self.script("route"))) }
                - { match: { path: /both }, route: { cluster: main }, \(Self.perRoute("both", Self.script("route"))) }
                - match: { path: /weighted }
                  route: { weighted_clusters: { clusters: [{ name: main, weight: 1, \(Self.perRoute("up", Self.script("cluster"))) }] } }
                  \(Self.perRoute("up", Self.script("route")))
                - { match: { path: /off }, route: { cluster: main }, \(Self.perRoute("up", Self.switched("disabled: true"))) }
                - { match: { prefix: / }, route: { cluster: main } }
                """, port: upstream.port)
        let expected = [
            ("/", "both,up,both"), ("/up", "both,route,both"), ("/both", "route,up,route"), ("/weighted", "both,cluster,both"), ("/off", "both,both"),
        ]
        for (path, places) in expected { #expect(await proxy.get(path)?["x-place"] == places, "\(path)") }
        await proxy.stop()
    }

    @Test("one that is disabled runs where a route enables it")
    func disabled() async throws {
        let upstream = TestUpstream()
        let proxy = try await UpstreamFilterProxy.start(
            Self.marking("up", "disabled: true"),
            routes: """
                - { match: { path: /on }, route: { cluster: main }, \(Self.perRoute("up", Self.switched("config: {}"))) }
                - { match: { path: /own }, route: { cluster: main }, \(Self.perRoute("up", Self.script("route"))) }
                - { match: { prefix: / }, route: { cluster: main } }
                """, port: upstream.port)
        #expect(await proxy.get("/on")?["x-place"] == "up")
        #expect(await proxy.get("/own")?["x-place"] == "route")
        #expect(await proxy.get("/")?["x-place"] == nil)
        await proxy.stop()
    }

    @Test("header mutations of routes come after the filter's own")
    func mutations() async throws {
        func mutation(_ value: String) -> String {
            "mutations: { request_mutations: [{ append: { header: { key: x-at, value: \(value) } } }] }"
        }
        let perRoute = "\"@type\": \(Self.type).extensions.filters.http.header_mutation.v3.HeaderMutationPerRoute, \(mutation("route"))"
        let upstream = TestUpstream()
        let proxy = try await UpstreamFilterProxy.start(
            "- { name: mutation, typed_config: { \"@type\": \(Self.type).extensions.filters.http.header_mutation.v3.HeaderMutation, \(mutation("cluster")) } }",
            routes: "- { match: { prefix: / }, route: { cluster: main }, \(Self.perRoute("mutation", perRoute)) }", port: upstream.port)
        #expect(await proxy.get()?.status == 200)
        #expect(upstream.requests.first?["x-at"] == "cluster,route")
        await proxy.stop()
    }

    @Test("a route and a host that a script of a cluster asks for come too late")
    func tooLate() async throws {
        let upstream = TestUpstream()
        let other = TestUpstream { _ in TestUpstream.ok("other") }
        let proxy = try await UpstreamFilterProxy.start(
            """
            function envoy_on_request(h)
              h:headers():replace('x-to', 'other')
              h:clearRouteCache()
              h:setUpstreamOverrideHost('127.0.0.1:1', true)
            end
            function envoy_on_response(h) h:headers():add('x-route', h:streamInfo():routeName()) end
            """.asLuaFilter,
            routes: """
                - { name: elsewhere, match: { prefix: /, headers: [{ name: x-to, string_match: { exact: other } }] }, route: { cluster: other } }
                - { name: here, match: { prefix: / }, route: { cluster: main } }
                """, port: upstream.port, other: other.port)
        let answer = await proxy.get()
        #expect(answer?.text == "hello" && answer?["x-route"] == "here", "\(proxy.log)")
        #expect(upstream.requests.first?["x-to"] == "other")
        await proxy.stop()
    }

    @Test("what cannot be a filter of a cluster is refused with its place", arguments: [
        (
            "- { name: explain, typed_config: { \"@type\": type.googleapis.com/heddle.filters.http.explain.v1.Explain } }",
            "http_filters[0].typed_config: heddle.filters.http.explain.v1.Explain cannot be a filter of a cluster"
        ),
        (
            "- { name: router, typed_config: { \"@type\": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router } }",
            "http_filters[0].typed_config: envoy.extensions.filters.http.router.v3.Router cannot be a filter of a cluster"
        ),
        (
            "- { name: lua, typed_config: { \"@type\": type.googleapis.com/heddle.filters.http.lua.v1.LuaFilter, version: \"1\", lua: {} } }",
            "http_filters[0].typed_config.version: versions and cases are for filters of listeners alone"
        ),
        (
            "- { name: lua, typed_config: { \"@type\": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua, default_source_code: { inline_string: \"(\" } } }",
            "script load error"
        ),
    ])
    func refusals(_ filter: String, _ expected: String) async throws {
        let problem = await UpstreamFilterProxy.problem(filter)
        #expect(problem.contains(expected), "\(problem)")
        #expect(
            problem.contains(
                "typed_extension_protocol_options[\"envoy.extensions.upstreams.http.v3.HttpProtocolOptions\"].http_filters[0]"), "\(problem)")
    }

    @Test("count under their cluster's name")
    func statistics() async throws {
        let upstream = TestUpstream()
        let proxy = try await UpstreamFilterProxy.start(
            "function envoy_on_request(h) h:stats():counter('mine'):inc() error('x') end".asLuaFilter, port: upstream.port)
        #expect(await proxy.get()?.status == 200)
        let statistics = try await proxy.statistics()
        let lines = statistics.split(separator: "\n").filter { $0.contains(".lua.") }
        #expect(lines.contains("cluster.main.lua.errors: 1") && lines.contains("cluster.main.lua.mine: 1"), "\(lines)")
        #expect(!lines.contains { $0.hasPrefix("http.") }, "\(lines)")
        await proxy.stop()
    }

    @Test("the sample gives a service its key, and nothing where the route says so")
    func sample() async throws {
        let text = try #require(FileManager.default.contents(atPath: Tool.root + "/samples/upstream-filter/envoy.yaml"))
        let upstream = TestUpstream { _ in TestUpstream.ok("hello", "x-powered-by: swift") }
        let proxy = try await TestProxy.start(
            bootstrap: String(decoding: text, as: UTF8.self).replacing("8081", with: "\(upstream.port)"))
        let answer = await proxy.get("/orders/1")
        #expect(answer?.text == "hello" && answer?["x-powered-by"] == nil)
        #expect(await proxy.get("/public/1")?.status == 200)
        #expect(upstream.requests.map { $0["x-key"] } == ["orders:/v1/orders/1", nil])
        await proxy.stop()
    }
}
