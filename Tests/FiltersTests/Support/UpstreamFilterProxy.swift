/// A proxy whose cluster has HTTP filters of its own.
enum UpstreamFilterProxy {
    /// - Parameters:
    ///   - filters: items of the cluster's `http_filters`, before the codec.
    ///   - downstream: items of the connection manager's, before the router.
    ///   - routes: items of `routes`; all to cluster `main` when empty.
    ///   - cluster: more of the cluster's fields.
    static func start(
        _ filters: String, downstream: String = "", routes: String = "", cluster: String = "", bufferLimit: Int = 65536,
        port: UInt16, other: UInt16 = 1
    ) async throws -> TestProxy {
        try await TestProxy.start(
            bootstrap: bootstrap(
                filters, downstream: downstream, routes: routes, cluster: cluster, bufferLimit: bufferLimit, port: port, other: other))
    }

    /// What is wrong with the filters of a cluster; "" for nothing.
    static func problem(_ filters: String) async -> String {
        do {
            _ = try await start(filters, port: 1)
            return ""
        } catch {
            return "\(error)"
        }
    }

    private static func bootstrap(
        _ filters: String, downstream: String, routes: String, cluster: String, bufferLimit: Int, port: UInt16, other: UInt16
    ) -> String {
        let routes = routes.isEmpty ? "- { match: { prefix: / }, route: { cluster: main } }" : routes
        return """
            static_resources:
              listeners:
                - name: main
                  address: { socket_address: { address: 127.0.0.1, port_value: 1 } }
                  per_connection_buffer_limit_bytes: \(bufferLimit)
                  filter_chains:
                    - filters:
                        - name: http
                          typed_config:
                            "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                            stat_prefix: test
                            http_protocol_options: { enable_trailers: true }
                            route_config:
                              name: routes
                              virtual_hosts:
                                - name: all
                                  domains: ["*"]
                                  virtual_clusters: [{ name: named, headers: [{ name: ":path", string_match: { prefix: / } }] }]
                                  routes:
            \(routes.indented(24))
                            http_filters:
            \(downstream.indented(18))
                              - name: envoy.filters.http.router
                                typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
              clusters:
                - name: main
                  type: STATIC
                  connect_timeout: 60s
                  typed_extension_protocol_options:
                    envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
                      "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
                      explicit_http_config: { http_protocol_options: { enable_trailers: true } }
                      http_filters:
            \(filters.indented(12))
            \(codec.indented(12))
            \(cluster.indented(6))
                  load_assignment:
                    cluster_name: main
                    endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: \(port) } } } }] }]
                - name: other
                  type: STATIC
                  load_assignment:
                    cluster_name: other
                    endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: \(other) } } } }] }]
            """
    }

    static let codec = """
        - name: envoy.filters.http.upstream_codec
          typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec }
        """
}

extension String {
    /// As ``asLuaFilter``, under a name.
    func asLuaFilter(named name: String, _ more: String = "") -> String {
        luaFilter().replacing("- name: envoy.filters.http.lua\n", with: "- name: \(name)\n\(more.indented(2))\(more.isEmpty ? "" : "\n")")
    }
}
