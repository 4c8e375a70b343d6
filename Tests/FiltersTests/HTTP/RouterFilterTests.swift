import TestKit
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

    @Test("answers 503 in a host's place when a filter has removed what a request cannot be without, over either HTTP", arguments: [
        (":method", "http_protocol_options: {}"), (":path", "http_protocol_options: {}"), (":method", "http2_protocol_options: {}"),
        (":path", "http2_protocol_options: {}"),
    ])
    func missingHeader(_ name: String, _ options: String) async throws {
        let upstream = RecordingUpstream(http2: options.hasPrefix("http2")) { _ in .reply(200, body: "hello") }
        let log = LogPath()
        let proxy = try await TestProxy.start(
            bootstrap: """
                static_resources:
                  listeners:
                  - name: main
                    address: { socket_address: { address: 127.0.0.1, port_value: 1 } }
                    filter_chains:
                    - filters:
                      - name: http
                        typed_config:
                          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                          stat_prefix: test
                          access_log:
                          - name: file
                            typed_config:
                              "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog
                              path: \(log.path)
                              log_format: { text_format_source: { inline_string: "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%\\n" } }
                          route_config: { virtual_hosts: [{ name: all, domains: ["*"], routes: [{ match: { prefix: / }, route: { cluster: main } }] }] }
                          http_filters:
                          - name: lua
                            typed_config:
                              "@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua
                              clear_route_cache: false
                              default_source_code: { inline_string: "function envoy_on_request(h) local n = h:headers():get('x-remove'); if n then h:headers():remove(n) end end" }
                          - { name: router, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router } }
                  clusters:
                  - name: main
                    typed_extension_protocol_options:
                      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
                        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
                        explicit_http_config: { \(options) }
                    connect_timeout: 60s
                    load_assignment: { cluster_name: main, endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: \(Loopback.address), port_value: \(upstream.port) } } } }] }] }
                """)
        #expect(await proxy.get()?.status == 200)
        let refused = await proxy.get("/", "x-remove: \(name)")
        #expect(refused?.status == 503)
        #expect(refused?.text == "missing required header: \(name)")
        // The connection to the host serves the next request.
        #expect(await proxy.get()?.text == "hello")
        #expect(upstream.acceptedConnections == 1)
        #expect(upstream.takeRequests().count == 2)
        let line = "503 DPE filter_removed_required_request_headers{missing_required_header:_\(name)}\n"
        #expect(await eventually { log.text.contains(line) }, "\(log.text)")
        await proxy.stop()
    }
}
