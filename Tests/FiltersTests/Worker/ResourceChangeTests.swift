import Glibc
import Observability
import ProxyModel
import Testing

@Suite("Changing resources under a running worker")
struct ResourceChangeTests {
    private static let routerFilter =
        "{ name: router, typed_config: { \"@type\": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router } }"

    /// A listener whose only chain takes its routes from `routes`, and maybe a second chain.
    private static func listener(prefix: String = "test", chains more: String = "", routes: String = "r") -> String {
        """
        name: main
        address: { socket_address: { address: 127.0.0.1, port_value: 1 } }
        filter_chains:
          - filters: [\(manager(prefix, "rds: { route_config_name: \(routes), config_source: { ads: {} } }"))]
        \(more)
        """
    }

    private static func manager(_ prefix: String, _ routes: String) -> String {
        """
        { name: http, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager, \
        stat_prefix: \(prefix), \(routes), http_filters: [\(routerFilter)] } }
        """
    }

    private static func routes(_ action: String) -> String {
        "{ name: r, virtual_hosts: [{ name: all, domains: [\"*\"], routes: [{ match: { prefix: / }, \(action) }] }] }"
    }

    private static let toMain = routes("route: { cluster: main }")

    private static func answer(_ text: String) -> String {
        routes("direct_response: { status: 200, body: { inline_string: \(text) } }")
    }

    private static let eds = "{ name: main, type: EDS, eds_cluster_config: { eds_config: { ads: {} } }, connect_timeout: 5s }"

    private func proxy(_ changes: [TestProxy.Change], upstream: UInt16 = 1) async throws -> TestProxy {
        let proxy = try await TestProxy.start(filters: "", clusters: ["main": upstream])
        try await proxy.apply(changes)
        return proxy
    }

    private static let get = "GET / HTTP/1.1\r\nhost: test\r\n\r\n"

    @Test("routes change under an open connection, and a listener without routes answers 404")
    func routesChange() async throws {
        let proxy = try await proxy([.listener(Self.listener())])
        let connection = try #require(await proxy.connect())
        #expect(await connection.ask(Self.get)?.status == 404)
        for text in ["one", "two", "three"] {
            try await proxy.apply([.routes("r", Self.answer(text))])
            #expect(await connection.ask(Self.get)?.text == text)
        }
    }

    @Test("a connection that another worker passes before the listener is in force here is served when it is")
    func passedEarly() async throws {
        let proxy = try await proxy([.routes("r", Self.answer("one"))])
        let early = try #require(try await proxy.connect(passedTo: "late"))
        early.send(Self.get)
        try await proxy.apply([.listener(Self.listener().replacing("name: main", with: "name: late"), name: "late")])
        #expect(await early.ask("")?.text == "one")
        // One that comes later is served at once.
        #expect(try await proxy.connect(passedTo: "late")?.ask(Self.get)?.text == "one")
    }

    @Test("a request under way keeps the routes that it began with")
    func pinned() async throws {
        let upstream = TestUpstream()
        let marked = Self.routes("route: { cluster: main }, response_headers_to_add: [{ header: { key: x-routes, value: old } }]")
        let proxy = try await proxy([.listener(Self.listener()), .routes("r", marked)], upstream: upstream.port)
        let connection = try #require(await proxy.connect())
        connection.send("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 4\r\n\r\nab")
        #expect(await eventually { await proxy.cluster("main", .upstreamRqTotal) == 1 })
        try await proxy.apply([.routes("r", Self.answer("new"))])
        let response = await connection.ask("cd")
        #expect(response?.text == "hello")
        #expect(response?["x-routes"] == "old")
        #expect(await connection.ask(Self.get)?.text == "new")
    }

    @Test("a bad form is refused with its place, and the good one stays")
    func refused() async throws {
        let proxy = try await proxy([.listener(Self.listener()), .routes("r", Self.answer("good"))])
        let bad = Self.routes("direct_response: { status: 200, body: { filename: /nowhere } }")
        await #expect {
            try await proxy.apply([.routes("r", bad)])
        } throws: { "\($0)".hasPrefix("virtual_hosts[0].routes[0].direct_response.body.filename: cannot open /nowhere") }
        #expect(await proxy.get()?.text == "good")
    }

    @Test("the same listener and routes under other runtime values are other ones")
    func runtimeChanges() async throws {
        let routes = """
            { name: r, virtual_hosts: [{ name: all, domains: ["*"], routes: [
              { match: { prefix: /, runtime_fraction: { default_value: { numerator: 0 }, runtime_key: new } }, direct_response: { status: 200, body: { inline_string: new } } },
              { match: { prefix: / }, direct_response: { status: 200, body: { inline_string: old } } }] }] }
            """
        let chain = """
              - filter_chain_match: { source_prefix_ranges: [{ address_prefix: 127.0.0.9, prefix_len: 32 }] }
                filters: [\(Self.manager("second", "route_config: \(routes)"))]
            """
        let changes: [TestProxy.Change] = [try .listener(Self.listener(chains: chain)), try .routes("r", routes)]
        let proxy = try await proxy(changes)
        let named = try #require(await proxy.connect())
        #expect(await named.ask(Self.get)?.text == "old")
        #expect(await proxy.connect(from: "127.0.0.9")?.ask(Self.get)?.text == "old")
        try await proxy.setRuntime("{ layers: [{ name: l, static_layer: { new: 100 } }] }")
        try await proxy.apply(changes)
        #expect(await proxy.get()?.text == "new")
        #expect(await proxy.connect(from: "127.0.0.9")?.ask(Self.get)?.text == "new")
    }

    @Test("two connection managers share one route configuration")
    func shared() async throws {
        let second = """
              - filter_chain_match: { source_prefix_ranges: [{ address_prefix: 127.0.0.9, prefix_len: 32 }] }
                filters: [\(Self.manager("second", "rds: { route_config_name: r, config_source: { ads: {} } }"))]
            """
        let proxy = try await proxy([.listener(Self.listener(chains: second)), .routes("r", Self.answer("one"))])
        let first = try #require(await proxy.connect())
        let other = try #require(await proxy.connect(from: "127.0.0.9"))
        #expect(await first.ask(Self.get)?.text == "one")
        #expect(await other.ask(Self.get)?.text == "one")
        try await proxy.apply([.routes("r", Self.answer("two"))])
        #expect(await first.ask(Self.get)?.text == "two")
        #expect(await other.ask(Self.get)?.text == "two")
    }

    @Test("an endpoint whose label changes is spoken to by the socket of its new label, on new connections")
    func labelsChange() async throws {
        let upstream = TestUpstream()
        let mutual =
            "{ name: tls, typed_config: { \"@type\": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext } }"
        let cluster =
            "{ name: main, type: EDS, eds_cluster_config: { eds_config: { ads: {} } }, transport_socket_matches: [{ name: mutual, match: { tlsMode: istio }, transport_socket: \(mutual) }] }"
        let proxy = try await proxy([
            .endpoints("main", ports: [upstream.port], labels: "{ tlsMode: other }"), .cluster("main", cluster),
            .listener(Self.listener()), .routes("r", Self.toMain),
        ])
        #expect(await proxy.get()?.text == "hello")
        try await proxy.apply([.endpoints("main", ports: [upstream.port], labels: "{}")])
        #expect(await proxy.get()?.text == "hello")
        // The same socket: the connection stayed.
        #expect(await proxy.cluster("main", .upstreamCxTotal) == 1)
        try await proxy.apply([.endpoints("main", ports: [upstream.port], labels: "{ tlsMode: istio }")])
        // The upstream knows no TLS.
        #expect(await proxy.get()?.status == 503)
        #expect(await proxy.cluster("main", .upstreamCxConnectFail) == 1)
        try await proxy.apply([.endpoints("main", ports: [upstream.port])])
        #expect(await proxy.get()?.text == "hello")
        #expect(await proxy.cluster("main", .upstreamCxTotal) == 3)
    }

    @Test("a match without a socket is refused with its place")
    func matchWithoutSocket() async throws {
        let cluster =
            "{ name: main, type: STATIC, transport_socket_matches: [{ name: a, match: { x: y } }] }"
        let proxy = try await proxy([])
        await #expect {
            try await proxy.apply([.cluster("main", cluster)])
        } throws: { "\($0)" == "transport_socket_matches[0].transport_socket: is required" }
    }

    @Test("endpoints that stay keep their connections, others get requests no more")
    func endpointsChange() async throws {
        let (first, second) = (TestUpstream { _ in TestUpstream.ok("first") }, TestUpstream { _ in TestUpstream.ok("second") })
        let proxy = try await proxy([
            .endpoints("main", ports: [first.port]), .cluster("main", Self.eds), .listener(Self.listener()),
            .routes("r", Self.toMain),
        ])
        #expect(await proxy.get()?.text == "first")
        try await proxy.apply([.endpoints("main", ports: [first.port, second.port])])
        let bodies = [await proxy.get()?.text, await proxy.get()?.text]
        #expect(Set(bodies) == ["first", "second"])
        #expect(await proxy.cluster("main", .upstreamCxTotal) == 2)
        try await proxy.apply([.endpoints("main", ports: [second.port])])
        for _ in 0..<3 { #expect(await proxy.get()?.text == "second") }
        #expect(await proxy.cluster("main", .upstreamCxTotal) == 2)
        #expect(await proxy.cluster("main", .upstreamRqTotal) == 6)
        try await proxy.apply([.endpoints("main", ports: [])])
        #expect(await proxy.get()?.status == 503)
    }

    @Test("a cluster comes, changes and goes without a new route table")
    func clusterChanges() async throws {
        let (first, second) = (TestUpstream { _ in TestUpstream.ok("first") }, TestUpstream { _ in TestUpstream.ok("second") })
        func cluster(_ port: UInt16) throws -> TestProxy.Change {
            try .cluster("late", "{ name: late, type: STATIC, load_assignment: { cluster_name: late, endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: \(port) } } } }] }] } }")
        }
        let proxy = try await proxy([.listener(Self.listener()), .routes("r", Self.routes("route: { cluster: late }"))])
        #expect(await proxy.get()?.status == 503)
        try await proxy.apply([cluster(first.port)])
        #expect(await proxy.get()?.text == "first")
        try await proxy.apply([cluster(second.port)])
        #expect(await proxy.get()?.text == "second")
        try await proxy.apply([.removal(.cluster, "late")])
        #expect(await proxy.get()?.status == 503)
    }

    @Test("a filter chain that stays keeps its connections; those of one that goes close after their next response")
    func chainsChange() async throws {
        let second = """
              - filter_chain_match: { source_prefix_ranges: [{ address_prefix: 127.0.0.9, prefix_len: 32 }] }
                filters: [\(Self.manager("second", "route_config: \(Self.answer("inline"))"))]
            """
        let proxy = try await proxy([.listener(Self.listener(chains: second)), .routes("r", Self.answer("rds"))])
        let stays = try #require(await proxy.connect())
        let goes = try #require(await proxy.connect(from: "127.0.0.9"))
        #expect(await stays.ask(Self.get)?.text == "rds")
        #expect(await goes.ask(Self.get)?.text == "inline")
        try await proxy.apply([.listener(Self.listener())])
        let last = await goes.ask(Self.get)
        #expect(last?.text == "inline")
        #expect(last?["connection"] == "close")
        #expect(await goes.isEnded)
        let next = await stays.ask(Self.get)
        #expect(next?.text == "rds")
        #expect(next?["connection"] == nil)
        // The address that had a chain of its own is taken by the one that is left.
        let again = try #require(await proxy.connect(from: "127.0.0.9"))
        #expect(await again.ask(Self.get)?.text == "rds")
    }

    /// A listener whose chain has its routes and filters itself.
    private static func inline(
        _ text: String, prefix: String = "test", filters: String = "", extra: String = "", routes: String? = nil
    ) -> String {
        """
        name: main
        address: { socket_address: { address: 127.0.0.1, port_value: 1 } }
        filter_chains:
          - filters:
            - name: http
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                stat_prefix: \(prefix)
                \(extra)
                route_config: \(routes ?? Self.answer(text))
                http_filters: [\(filters)\(routerFilter)]
        """
    }

    private static let marks = """
        { name: lua, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua, default_source_code: \
        { inline_string: "function envoy_on_response(h) h:headers():add('x-script', 'yes') end" } } },
        """

    @Test("a chain with other routes and HTTP filters keeps its connections: the next request meets the new ones")
    func routesAndFiltersInPlace() async throws {
        let proxy = try await proxy([.listener(Self.inline("one"))])
        let connection = try #require(await proxy.connect())
        #expect(await connection.ask(Self.get)?.text == "one")
        for (text, filters) in [("two", ""), ("three", Self.marks), ("four", Self.marks), ("five", "")] {
            try await proxy.apply([.listener(Self.inline(text, filters: filters))])
            let response = await connection.ask(Self.get)
            #expect(response?.text == text)
            #expect(response?["x-script"] == (filters.isEmpty ? nil : "yes"))
            #expect(response?["connection"] == nil)
        }
        let statistics = try await proxy.statistics()
        #expect(statistics.contains("http.test.downstream_cx_total: 1\n"))
        #expect(statistics.contains("http.test.downstream_cx_active: 1\n"))
        #expect(statistics.contains("http.test.downstream_rq_total: 5\n"))
        #expect(statistics.contains("http.test.downstream_cx_drain_close: 0\n"))
    }

    @Test("what a connection is bound to is not changed in place: it closes with its next response")
    func notInPlace() async throws {
        let proxy = try await proxy([.listener(Self.inline("one"))])
        for (index, change) in [
            Self.inline("two", prefix: "other"), Self.inline("two", extra: "codec_type: HTTP1"),
            Self.inline("two", extra: "common_http_protocol_options: { idle_timeout: 5s }"),
        ].enumerated() {
            let connection = try #require(await proxy.connect())
            #expect(await connection.ask(Self.get) != nil)
            try await proxy.apply([.listener(change)])
            #expect(await connection.ask(Self.get)?["connection"] == "close", "change \(index)")
            #expect(await connection.isEnded)
        }
    }

    @Test("a request under way keeps the filters that it began with, while its connection goes on")
    func pinnedFilters() async throws {
        let upstream = TestUpstream()
        func form(_ filters: String) throws -> TestProxy.Change {
            try .listener(Self.inline("", filters: filters, routes: Self.toMain))
        }
        let proxy = try await proxy([form(Self.marks)], upstream: upstream.port)
        let connection = try #require(await proxy.connect())
        connection.send("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 4\r\n\r\nab")
        #expect(await eventually { await proxy.cluster("main", .upstreamRqTotal) == 1 })
        try await proxy.apply([form("")])
        let response = await connection.ask("cd")
        #expect(response?.text == "hello")
        #expect(response?["x-script"] == "yes")
        #expect(response?["connection"] == nil)
        #expect(await connection.ask(Self.get)?["x-script"] == nil)
    }
}
