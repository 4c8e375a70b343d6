import Testing

@Suite("header_mutation")
struct HeaderMutationFilterTests {
    @Test("removes and appends in order, on both ways, the route's after the filter's")
    func mutations() async throws {
        let upstream = TestUpstream { _ in TestUpstream.ok("", "x-gone: 1") }
        let proxy = try await TestProxy.start(
            filters: """
                - name: mutation
                  typed_config:
                    "@type": type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation
                    mutations:
                      request_mutations:
                        - append: { header: { key: x-a, value: "1" } }
                        - remove: x-a
                        - append: { header: { key: x-a, value: "%PROTOCOL%" } }
                        - append: { header: { key: x-b, value: "new" }, append_action: OVERWRITE_IF_EXISTS_OR_ADD }
                      response_mutations:
                        - remove: x-gone
                """,
            routes: """
                - match: { prefix: / }
                  route: { cluster: main }
                  typed_per_filter_config:
                    mutation:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutationPerRoute
                      mutations: { request_mutations: [{ append: { header: { key: x-a, value: route } } }] }
                """, clusters: ["main": upstream.port])
        let response = await proxy.get("/", "x-a: 0", "x-b: old")
        #expect(response?.status == 200)
        #expect(response?["x-gone"] == nil)
        #expect(upstream.requests.first?["x-a"] == "HTTP/1.1,route")
        #expect(upstream.requests.first?["x-b"] == "new")
        await proxy.stop()
    }
}

@Suite("explain")
struct ExplainFilterTests {
    private func explain(_ more: String) -> String {
        """
        - name: explain
          typed_config:
            "@type": type.googleapis.com/heddle.filters.http.explain.v1.Explain
        \(more.indented(4))
        """
    }

    @Test("shows the decisions to whom it may, and the header goes no further", arguments: [
        ("", "x-heddle-explain", true),
        ("request_header: X-Why", "x-why", true),
        ("allowed_cidrs: [{ address_prefix: 10.0.0.0, prefix_len: 8 }]", "x-heddle-explain", false),
        ("allowed_cidrs: [{ address_prefix: 127.0.0.0, prefix_len: 8 }]", "x-heddle-explain", true),
    ])
    func shows(_ config: String, _ header: String, _ allowed: Bool) async throws {
        let upstream = TestUpstream()
        let proxy = try await TestProxy.start(
            filters: explain(config), routes: "- { name: here, match: { prefix: / }, route: { cluster: main } }",
            clusters: ["main": upstream.port])
        let silent = await proxy.get()
        #expect(silent?[header] == nil)
        let response = await proxy.get("/", "\(header): 1")
        #expect((response?[header] != nil) == allowed)
        if allowed {
            #expect(response?[header]?.contains("route=here") == true)
            #expect(response?[header]?.contains("cluster=main") == true)
            #expect(response?[header]?.contains("host=127.0.0.1:\(upstream.port)") == true)
        }
        #expect(upstream.requests.allSatisfy { $0[header] == nil })
        await proxy.stop()
    }
}

@Suite("router")
struct RouterFilterTests {
    private func chain(_ option: String) -> String {
        """
        - name: router
          typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router, \(option) }
        """
    }

    @Test("refuses what it does not do", arguments: [
        ("respect_expected_rq_timeout: true", "respect_expected_rq_timeout"), ("dynamic_stats: false", "dynamic_stats"),
    ])
    func refusals(_ option: String, _ field: String) async throws {
        let problem = await TestProxy.problem(filters: "", router: ", \(option)")
        #expect(problem.contains("http_filters[0].typed_config.\(field)"), "\(problem)")
    }

    @Test("keeps its own headers to itself when told so", arguments: [("", true), (", suppress_envoy_headers: true", false)])
    func suppressed(_ option: String, _ shown: Bool) async throws {
        let upstream = TestUpstream()
        let proxy = try await TestProxy.start(filters: "", clusters: ["main": upstream.port], router: option)
        let response = await proxy.get()
        #expect((response?["x-envoy-upstream-service-time"] != nil) == shown)
        #expect((upstream.requests.first?["x-envoy-expected-rq-timeout-ms"] != nil) == shown)
        await proxy.stop()
    }

    @Test("must be the last filter")
    func last() async throws {
        let problem = await TestProxy.problem(filters: chain("suppress_envoy_headers: true"))
        #expect(problem.contains("http_filters"), "\(problem)")
    }
}
