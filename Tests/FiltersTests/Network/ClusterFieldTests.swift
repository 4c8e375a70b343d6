import Observability
import Testing

@Suite("Cluster fields")
struct ClusterFieldTests {
    private static func bootstrap(_ port: UInt16, cluster: String, route: String = "", log: String = "") -> String {
        """
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
                  \(log)
                  route_config: { virtual_hosts: [{ name: all, domains: ["*"], routes: [
                    { match: { prefix: /urgent }, route: { cluster: up, priority: HIGH } }, { match: { prefix: / }, route: { cluster: up } }] }] }
                  http_filters: [{ name: router, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router } }]
          clusters:
          - name: up
            \(cluster)
            load_assignment: { cluster_name: up, endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: \(port) } } } }] }] }
        """
    }

    @Test("each routing priority has limits of its own")
    func priorities() async throws {
        let upstream = TestUpstream()
        let thresholds = "circuit_breakers: { thresholds: [{ priority: HIGH, max_requests: 0 }, { priority: DEFAULT, max_requests: 1 }] }"
        let proxy = try await TestProxy.start(bootstrap: Self.bootstrap(upstream.port, cluster: thresholds))
        #expect(await proxy.get("/plain")?.text == "hello")
        #expect(await proxy.get("/urgent")?.status == 503)
        #expect(await proxy.get("/urgent")?["x-envoy-overloaded"] == "true")
        #expect(await proxy.get("/plain")?.text == "hello")
        await proxy.stop()
        let other = try await TestProxy.start(
            bootstrap: Self.bootstrap(upstream.port, cluster: thresholds.replacing("HIGH", with: "X").replacing("DEFAULT", with: "HIGH").replacing("X", with: "DEFAULT")))
        #expect(await other.get("/plain")?.status == 503)
        #expect(await other.get("/urgent")?.text == "hello")
        #expect(await other.get("/urgent")?.text == "hello")
        await other.stop()
    }

    @Test("statistics and logs call a cluster by its alt_stat_name")
    func statName() async throws {
        let upstream = TestUpstream()
        let file = LogPath()
        let log = """
            access_log: [{ name: file, typed_config: { "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog, \
            path: \(file.path), log_format: { text_format_source: { inline_string: "%UPSTREAM_CLUSTER% %UPSTREAM_CLUSTER_RAW%\\n" } } } }]
            """
        let proxy = try await TestProxy.start(bootstrap: Self.bootstrap(upstream.port, cluster: "alt_stat_name: shown", log: log))
        #expect(await proxy.get()?.text == "hello")
        let statistics = try await proxy.statistics()
        #expect(statistics.contains("cluster.shown.upstream_rq_total: 1\n"))
        #expect(!statistics.contains("cluster.up."))
        #expect(await eventually { file.text == "shown up\n" }, "\(file.text)")
        await proxy.stop()
    }

    @Test("a connection that has had its time serves no further request")
    func maxConnectionDuration() async throws {
        let upstream = TestUpstream()
        let options = """
            typed_extension_protocol_options: { envoy.extensions.upstreams.http.v3.HttpProtocolOptions: { \
            "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, \
            common_http_protocol_options: { max_connection_duration: 0.001s }, explicit_http_config: { http_protocol_options: {} } } }
            """
        let proxy = try await TestProxy.start(bootstrap: Self.bootstrap(upstream.port, cluster: options))
        #expect(await proxy.get()?.text == "hello")
        #expect(await eventually { await proxy.cluster("up", .upstreamCxMaxDurationReached) == 1 })
        #expect(await proxy.get()?.text == "hello")
        #expect(await proxy.cluster("up", .upstreamCxTotal) == 2)
        await proxy.stop()
    }
}
