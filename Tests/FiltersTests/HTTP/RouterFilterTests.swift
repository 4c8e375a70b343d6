import Testing

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
