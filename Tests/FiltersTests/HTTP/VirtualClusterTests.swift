import Testing

/// Requests of a virtual host that are counted under a name of their own.
@Suite("A virtual host's virtual clusters")
struct VirtualClusterTests {
    private static let clusters = """
        virtual_clusters:
          - name: cart
            headers:
              - { name: ":path", string_match: { prefix: /cart } }
              - { name: ":method", string_match: { exact: POST } }
          - name: carts
            headers: [{ name: ":path", string_match: { prefix: /cart } }]
        """

    private static let script = """
        function envoy_on_request(h)
          h:headers():add('x-before', '<' .. h:streamInfo():virtualClusterName() .. '>')
        end
        function envoy_on_response(h)
          h:headers():add('x-before', h:requestHeaders():get('x-before'))
          h:headers():add('x-after', '<' .. h:streamInfo():virtualClusterName() .. '>')
        end
        """

    private static let routes = """
        - match: { path: /away }
          redirect: { host_redirect: else }
        - match: { prefix: / }
          route: { cluster: main }
          response_headers_to_add: [{ header: { key: x-name, value: "%VIRTUAL_CLUSTER_NAME%" }, keep_empty_value: true }]
        """

    private func count(_ name: String, _ counter: String, in statistics: String) -> String? {
        let start = "vhost.all.vcluster.\(name).\(counter): "
        return statistics.split(separator: "\n").first { $0.hasPrefix(start) }.map { String($0.dropFirst(start.count)) }
    }

    @Test("the first whose headers all match counts the request and names it, from the router on")
    func first() async throws {
        let upstream = TestUpstream()
        let proxy = try await TestProxy.start(
            filters: Self.script.asLuaFilter, routes: Self.routes, clusters: ["main": upstream.port], perHost: Self.clusters)
        let post = await proxy.post("x", to: "/cart/1")
        #expect(post?["x-name"] == "cart" && post?["x-after"] == "<cart>" && post?["x-before"] == "<>", "\(proxy.log)")
        #expect(await proxy.get("/cart/2")?["x-after"] == "<carts>")
        let statistics = try await proxy.statistics()
        for name in ["cart", "carts"] {
            #expect(count(name, "upstream_rq_total", in: statistics) == "1")
            #expect(count(name, "upstream_rq_completed", in: statistics) == "1")
            #expect(count(name, "upstream_rq_2xx", in: statistics) == "1")
            #expect(count(name, "upstream_rq_200", in: statistics) == "1")
            #expect(count(name, "upstream_rq_timeout", in: statistics) == "0")
            #expect(count(name, "upstream_rq_time", in: statistics)?.hasPrefix("P0") == true, "\(statistics)")
        }
        #expect(count("other", "upstream_rq_total", in: statistics) == "0")
        let metrics = try await proxy.prometheus()
        #expect(
            metrics.contains(#"envoy_vhost_vcluster_upstream_rq_total{envoy_virtual_host="all",envoy_virtual_cluster="cart"} 1"#),
            "\(metrics.split(separator: "\n").filter { $0.contains("vcluster") })")
        await proxy.stop()
    }

    @Test("what none takes counts as other, without a name; what goes to no cluster does not count")
    func rest() async throws {
        let upstream = TestUpstream()
        let proxy = try await TestProxy.start(
            filters: Self.script.asLuaFilter, routes: Self.routes, clusters: ["main": upstream.port], perHost: Self.clusters)
        let other = await proxy.get("/")
        #expect(other?["x-after"] == "<>" && other?["x-name"] != "other", "\(proxy.log)")
        #expect(await proxy.get("/away")?.status == 301)
        let statistics = try await proxy.statistics()
        #expect(count("other", "upstream_rq_total", in: statistics) == "1")
        #expect(count("other", "upstream_rq_200", in: statistics) == "1")
        #expect(count("carts", "upstream_rq_total", in: statistics) == "0")
        await proxy.stop()
    }

    @Test("an answer in a host's place counts, and so does a host's own failure")
    func failures() async throws {
        let upstream = TestUpstream { $0.target == "/cart/close" ? "" : TestUpstream.ok("late").replacing("200", with: "503") }
        let proxy = try await TestProxy.start(
            filters: "", clusters: ["main": upstream.port], perHost: Self.clusters)
        #expect(await proxy.post("x", to: "/cart/close")?.status == 503)
        #expect(await proxy.get("/cart/busy")?.status == 503)
        let statistics = try await proxy.statistics()
        #expect(count("cart", "upstream_rq_503", in: statistics) == "1")
        #expect(count("carts", "upstream_rq_5xx", in: statistics) == "1")
        await proxy.stop()
    }

    @Test("virtual hosts without any have none of the statistics")
    func none() async throws {
        let upstream = TestUpstream()
        let proxy = try await TestProxy.start(filters: "", clusters: ["main": upstream.port])
        #expect(await proxy.get()?.status == 200)
        #expect(try await !proxy.statistics().contains("vcluster"))
        await proxy.stop()
    }
}
