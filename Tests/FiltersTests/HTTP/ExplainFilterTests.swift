import Testing

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
