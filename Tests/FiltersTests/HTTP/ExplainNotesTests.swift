import Bytes
import DataPlane
import Testing

/// What the explain filter shows of each decision. The notes stand in the order of the decisions.
@Suite("explain: each decision")
struct ExplainNotesTests {
    private static let filter = """
        - name: explain
          typed_config: { "@type": type.googleapis.com/heddle.filters.http.explain.v1.Explain }
        """

    /// The notes of an answer, `step=text` each.
    private static func notes(_ answer: Message?) -> [String] {
        answer?["x-heddle-explain"]?.split(separator: ";").map { String($0.drop { $0 == " " }) } ?? []
    }

    private static func asked(_ proxy: TestProxy, _ path: String = "/", _ more: String = "") async -> [String] {
        notes(await proxy.ask("GET \(path) HTTP/1.1\r\nhost: test\r\nx-heddle-explain: 1\r\n\(more)\r\n"))
    }

    private static func bootstrap(_ port: UInt16, chains: String, cluster: String = "") -> String {
        """
        static_resources:
          listeners:
          - name: main
            address: { socket_address: { address: 127.0.0.1, port_value: 1 } }
            \(chains)
          clusters:
          - name: main
            \(cluster)
            load_assignment: { cluster_name: main, endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: \(port) } } } }] }] }
        """
    }

    private static let filters = """
        filters: [{ name: http, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager, stat_prefix: test, \
        route_config: { virtual_hosts: [{ name: all, domains: ["*"], routes: [{ match: { prefix: / }, route: { cluster: main } }] }] }, \
        http_filters: [{ name: explain, typed_config: { "@type": type.googleapis.com/heddle.filters.http.explain.v1.Explain } }, \
        { name: router, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router } }] } }]
        """

    @Test(
        "the filter chain, named or not, with what it matched by",
        arguments: [
            ("filter_chains: [{ FILTERS }]", "chain=unnamed (any connection)"),
            ("filter_chains: [{ name: web, FILTERS }]", "chain=web (any connection)"),
            (
                "filter_chains: [{ name: far, filter_chain_match: { source_prefix_ranges: [{ address_prefix: 10.0.0.0, prefix_len: 8 }] }, FILTERS }, "
                    + "{ name: near, filter_chain_match: { transport_protocol: raw_buffer, source_prefix_ranges: [{ address_prefix: 127.0.0.0, prefix_len: 8 }] }, FILTERS }]",
                "chain=near (transport_protocol raw_buffer, source_prefix_ranges 127.0.0.0/8)"
            ),
            (
                "filter_chains: [{ name: far, filter_chain_match: { server_names: [a.test] }, FILTERS }]\n    default_filter_chain: { name: rest, FILTERS }",
                "chain=rest (no other chain matches)"
            ),
        ])
    func chain(chains: String, expected: String) async throws {
        let upstream = TestUpstream()
        let proxy = try await TestProxy.start(
            bootstrap: Self.bootstrap(upstream.port, chains: chains.replacing("FILTERS", with: Self.filters)))
        #expect(await Self.asked(proxy).first == expected)
        await proxy.stop()
    }

    @Test("a weighted choice has the number that was drawn, and the number tells the cluster")
    func weighted() async throws {
        let (first, second) = (TestUpstream(), TestUpstream())
        let proxy = try await TestProxy.start(
            filters: Self.filter,
            routes: "- { name: split, match: { prefix: / }, route: { weighted_clusters: { clusters: [{ name: first, weight: 30 }, { name: second, weight: 70 }] } } }",
            clusters: ["first": first.port, "second": second.port])
        var seen: Set<String> = []
        for _ in 0..<40 {
            let notes = await Self.asked(proxy)
            let weight = try #require(notes.first { $0.hasPrefix("weight=") })
            let words = weight.split(whereSeparator: { "=( )".contains($0) }).map(String.init)
            #expect(words.count == 6 && words[2] == "drew" && words[5] == "100", "\(weight)")
            let drawn = try #require(Int(words[3]))
            #expect(words[1] == (drawn < 30 ? "first" : "second"))
            #expect(notes.contains("cluster=\(words[1])"))
            let port = words[1] == "first" ? first.port : second.port
            #expect(notes.contains { $0.hasPrefix("host=127.0.0.1:\(port) (") })
            seen.insert(words[1])
        }
        #expect(seen == ["first", "second"])
        await proxy.stop()
    }

    @Test("a host has the ground on which it was chosen")
    func host() async throws {
        let (one, other) = (TestUpstream(), TestUpstream())
        let override = "function envoy_on_request(h) local to = h:headers():get('x-to') if to then h:setUpstreamOverrideHost(to) end end"
        let proxy = try await TestProxy.start(filters: Self.filter + "\n" + override.asLuaFilter, clusters: ["main": [one.port, other.port]])
        let plain = await Self.asked(proxy)
        #expect(plain.contains { $0.hasPrefix("host=127.0.0.1:") && $0.hasSuffix("(round robin, 2 of 2 healthy)") }, "\(plain)")
        let wanted = await Self.asked(proxy, "/", "x-to: 127.0.0.1:\(other.port)\r\n")
        #expect(wanted.contains("host=127.0.0.1:\(other.port) (asked for by a filter)"), "\(wanted)")
        #expect(wanted.contains { $0.hasPrefix("filter=") && $0.hasSuffix("asked for host 127.0.0.1:\(other.port)") }, "\(wanted)")
        let gone = await Self.asked(proxy, "/", "x-to: 127.0.0.1:1\r\n")
        #expect(gone.contains { $0.hasSuffix("(round robin, 2 of 2 healthy, 127.0.0.1:1 is not there)") }, "\(gone)")
        await proxy.stop()
    }

    @Test("least request says how busy the host is")
    func leastRequest() async throws {
        let upstream = TestUpstream()
        let proxy = try await TestProxy.start(
            bootstrap: Self.bootstrap(upstream.port, chains: "filter_chains: [{ \(Self.filters) }]", cluster: "lb_policy: LEAST_REQUEST"))
        #expect(await Self.asked(proxy).contains("host=127.0.0.1:\(upstream.port) (least request, 0 active there, 1 of 1 healthy)"))
        await proxy.stop()
    }

    @Test(
        "a limit that refuses has its name and number, and the answer its details",
        arguments: [
            ("max_requests: 0", "limit=max_requests 0 reached"), ("max_pending_requests: 0", "limit=max_pending_requests 0 reached"),
        ])
    func limits(threshold: String, expected: String) async throws {
        let proxy = try await TestProxy.start(
            bootstrap: Self.bootstrap(
                1, chains: "filter_chains: [{ \(Self.filters) }]", cluster: "circuit_breakers: { thresholds: [{ \(threshold) }] }"))
        let notes = await Self.asked(proxy)
        #expect(notes.suffix(2) == [expected, "reply=503 upstream_reset_before_response_started{overflow}"], "\(notes)")
        await proxy.stop()
    }

    @Test("local replies are noted with their details")
    func replies() async throws {
        let refusing = RefusingPort()
        let proxy = try await TestProxy.start(
            filters: Self.filter,
            routes: """
                - { name: fixed, match: { path: /fixed }, direct_response: { status: 200 } }
                - { match: { path: /refused }, route: { cluster: refused } }
                - { match: { path: /empty }, route: { cluster: empty } }
                """, clusters: ["refused": [refusing.port], "empty": []])
        let fixed = await Self.asked(proxy, "/fixed")
        #expect(fixed.contains("route=fixed (path /fixed)") && fixed.last == "reply=200 direct_response", "\(fixed)")
        let none = await Self.asked(proxy, "/none")
        #expect(none.contains("route=none matches") && none.last == "reply=404 route_not_found", "\(none)")
        #expect(none.contains { $0.hasPrefix("route=not #0: ") }, "\(none)")
        let refused = await Self.asked(proxy, "/refused")
        #expect(refused.last == "reply=503 upstream_reset_before_response_started{remote_connection_failure}", "\(refused)")
        let empty = await Self.asked(proxy, "/empty")
        #expect(empty.suffix(2) == ["host=none healthy of 0", "reply=503 no_healthy_upstream"], "\(empty)")
        await proxy.stop()
    }

    @Test("scripts tell what they do with a request")
    func scripts() async throws {
        let upstream = TestUpstream()
        let script = """
            function envoy_on_request(handle)
              local what = handle:headers():get("x-what")
              if what == "clear" then handle:clearRouteCache() end
              if what == "call" then handle:httpCall("main", {[":method"] = "GET", [":path"] = "/", [":authority"] = "a"}, nil, 1000) end
              if what == "respond" then handle:respond({[":status"] = "403"}, "no") end
              if what == "fail" then error("broken") end
            end
            """
        let proxy = try await TestProxy.start(filters: Self.filter + "\n" + script.asLuaFilter, clusters: ["main": upstream.port])
        func notes(_ what: String) async -> [String] {
            await Self.asked(proxy, "/", "x-what: \(what)\r\n").map { $0.replacing("envoy.filters.http.lua", with: "lua") }
        }
        #expect(await notes("clear").contains("filter=lua: cleared the route cache"))
        #expect(await notes("call").contains("filter=lua: httpCall to main"))
        let answered = await notes("respond")
        // The route is looked up after that, for what it does with responses.
        #expect(answered.contains("filter=lua: respond with 403") && answered.contains("reply=403 lua_response"), "\(answered)")
        let failed = await notes("fail")
        #expect(failed.contains { $0.hasPrefix("filter=lua: failed: ") && $0.hasSuffix("broken") }, "\(failed)")
        #expect(await notes("nothing").allSatisfy { !$0.hasPrefix("filter=") })
        await proxy.stop()
    }

    @Test("a request in quarantine is told so, though no filter sees it")
    func quarantine() async throws {
        let upstream = TestUpstream()
        let proxy = try await TestProxy.start(filters: Self.filter, clusters: ["main": upstream.port])
        await proxy.putInQuarantine([(":method", "GET"), (":path", "/kills"), (":authority", "test"), ("x-heddle-explain", "1")])
        let notes = await Self.asked(proxy, "/kills")
        #expect(notes.last == "reply=503 request_quarantined", "\(notes)")
        #expect(notes.contains("limit=quarantine: such a request has killed workers"))
        await proxy.endQuarantine()
        await proxy.stop()
    }

    @Test("where a route switches the filter off, nothing is explained and the header goes on")
    func switchedOff() async throws {
        let upstream = TestUpstream()
        let off = "typed_per_filter_config: { explain: { \"@type\": type.googleapis.com/envoy.config.route.v3.FilterConfig, disabled: true } }"
        let proxy = try await TestProxy.start(
            filters: Self.filter,
            routes: """
                - { match: { path: /off }, route: { cluster: main }, \(off) }
                - { match: { prefix: / }, route: { cluster: main } }
                """, clusters: ["main": upstream.port])
        #expect(await Self.asked(proxy, "/off").isEmpty)
        #expect(upstream.requests.last?["x-heddle-explain"] == "1")
        #expect(await Self.asked(proxy, "/on").contains("cluster=main"))
        #expect(upstream.requests.last?["x-heddle-explain"] == nil)
        await proxy.stop()
    }

    @Test("control characters that a script writes become question marks")
    func controls() async throws {
        let upstream = TestUpstream()
        let proxy = try await TestProxy.start(
            filters: Self.filter + "\n" + "function envoy_on_request(handle) error('a\\1b\\127c\\td\\n', 0) end".asLuaFilter, clusters: ["main": upstream.port])
        let answer = await proxy.get("/", "x-heddle-explain: 1")
        #expect(answer?["x-heddle-explain"]?.contains("failed: a?b?c?d?") == true, "\(answer?["x-heddle-explain"] ?? "")")
        await proxy.stop()
    }
}
