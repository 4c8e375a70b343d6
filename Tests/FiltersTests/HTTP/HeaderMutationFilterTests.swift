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
