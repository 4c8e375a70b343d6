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

    private static func mutation(_ value: String) -> String {
        "typed_per_filter_config: { mutation: { \"@type\": type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3."
            + "HeaderMutationPerRoute, mutations: { request_mutations: [{ append: { header: { key: x-a, value: \(value) }, "
            + "append_action: OVERWRITE_IF_EXISTS_OR_ADD } }] } } }"
    }

    @Test("removes the fields whose names match, and no others")
    func removesOnMatch() async throws {
        let upstream = TestUpstream { _ in TestUpstream.ok("", "x-in-1: 1", "x-in-2: 2", "x-out: 3") }
        let proxy = try await TestProxy.start(
            filters: """
                - name: mutation
                  typed_config:
                    "@type": type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation
                    mutations:
                      request_mutations:
                        - remove_on_match: { key_matcher: { safe_regex: { regex: "(x-secret-.*|:path)" } } }
                        - append: { header: { key: x-secret-new, value: "1" } }
                      response_mutations:
                        - remove_on_match: { key_matcher: { prefix: X-IN-, ignore_case: true } }
                """, clusters: ["main": upstream.port])
        let response = await proxy.get("/path", "x-secret-a: 0", "x-secret-b: 0", "x-secret: kept")
        #expect(response?["x-in-1"] == nil)
        #expect(response?["x-in-2"] == nil)
        #expect(response?["x-out"] == "3")
        let request = try #require(upstream.requests.first)
        #expect(request["x-secret-a"] == nil)
        #expect(request["x-secret-b"] == nil)
        #expect(request["x-secret"] == "kept")
        #expect(request["x-secret-new"] == "1")
        #expect(request.target == "/path")
        await proxy.stop()
    }

    @Test("of the scopes around a route the widest has the last word, or the most specific", arguments: [(false, "host"), (true, "route")])
    func scopes(mostSpecificWins: Bool, expected: String) async throws {
        let upstream = TestUpstream()
        let proxy = try await TestProxy.start(
            filters: """
                - name: mutation
                  typed_config:
                    "@type": type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation
                    most_specific_header_mutations_wins: \(mostSpecificWins)
                """,
            routes: "- { match: { prefix: / }, route: { cluster: main }, \(Self.mutation("route")) }",
            clusters: ["main": upstream.port], perHost: Self.mutation("host"))
        #expect(await proxy.get("/")?.status == 200)
        #expect(upstream.requests.first?["x-a"] == expected)
        await proxy.stop()
    }
}
