import Foundation
import Glibc
import TestKit
import Testing

/// Statistics that nobody looks at until something goes wrong: each must move when its case comes.
@Suite("Statistics", .serialized, .enabled(if: SupervisedProxy.program != nil, "no heddle-proxy is built"))
struct StatisticsTests {
    private let upstream = RecordingUpstream { request in
        request.startLine.contains("/silent") ? .silent : request.startLine.contains("/hang-up") ? .raw("", then: .close) : .reply(200, body: "hello")
    }

    private func proxy(_ parts: SupervisedProxy.Parts = .init()) throws -> SupervisedProxy {
        try SupervisedProxy(workers: 1, upstream: upstream.port, parts: parts)
    }

    /// Sends a request and waits for the end of its answer.
    private func ask(_ proxy: SupervisedProxy, _ path: String) throws -> String {
        let client = try #require(WireClient(port: proxy.port))
        client.send("GET \(path) HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n")
        _ = client.receiveEnd()
        return String(decoding: client.received, as: UTF8.self)
    }

    /// Waits until a statistic has a value.
    private func reaches(_ proxy: SupervisedProxy, _ name: String, _ value: Int) -> Bool {
        Deadline(seconds: 5).polls { (try? proxy.counter(name)) == value }
    }

    @Test("without a certificate days_until_first_cert_expiring is the largest number, with one the days that are left")
    func certificates() throws {
        let certificate = TestCertificate(commonName: "test")
        func quoted(_ text: String) -> String { "\"" + text.replacingOccurrences(of: "\n", with: "\\n") + "\"" }
        let proxy = try proxy()
        #expect(try proxy.counter("server.days_until_first_cert_expiring") == Int(UInt32.max))
        #expect(try proxy.counter("server.hot_restart_generation") == 1)
        #expect(try proxy.get("/stats?filter=server.initialization_time_ms").contains("P50"))
        proxy.parts.chain = """
            transport_socket: {name: tls, typed_config: {"@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext, common_tls_context: {tls_certificates: [{certificate_chain: {inline_string: \(quoted(certificate.certificate))}, private_key: {inline_string: \(quoted(certificate.key))}}]}}}
            """
        try proxy.write(proxy.config(route: "up"))
        kill(proxy.id, SIGHUP)
        #expect(Deadline(seconds: 10).polls { proxy.log.contains("configuration 2 is in force") })
        let days = (4_000_000_000 - Int(time(nil))) / 86400
        #expect(abs(try proxy.counter("server.days_until_first_cert_expiring") - days) <= 1)
    }

    @Test("responses are counted by listener too")
    func listener() throws {
        let proxy = try proxy()
        #expect(try ask(proxy, "/").hasSuffix("hello"))
        let group = "listener.\(Loopback.address)_\(proxy.port).http.in."
        #expect(reaches(proxy, group + "downstream_rq_2xx", 1))
        #expect(try proxy.counter(group + "downstream_rq_completed") == 1)
        #expect(try proxy.counter(group + "downstream_rq_5xx") == 0)
    }

    @Test("connections that end with requests on them, and how many requests they had")
    func destroyed() throws {
        let proxy = try proxy()
        // On a connection that was used before it would be tried once more.
        #expect(try ask(proxy, "/hang-up").contains(" 503 "))
        #expect(try ask(proxy, "/").hasSuffix("hello"))
        #expect(reaches(proxy, "cluster.up.upstream_cx_destroy_remote_with_active_rq", 1))
        #expect(try proxy.counter("cluster.up.upstream_cx_destroy_remote") == 1)
        let client = try #require(WireClient(port: proxy.port))
        client.send("GET /silent HTTP/1.1\r\nhost: test\r\n\r\n")
        #expect(reaches(proxy, "cluster.up.upstream_rq_active", 1))
        client.finishSending()
        #expect(reaches(proxy, "cluster.up.upstream_cx_destroy_local_with_active_rq", 1))
        #expect(try proxy.counter("cluster.up.upstream_cx_destroy_with_active_rq") == 2)
        #expect(try proxy.get("/stats?filter=upstream_rq_per_cx").contains("P100"))
    }

    @Test("a request that goes while it waits for a connection is cancelled, one that goes on an HTTP/2 connection is reset")
    func givenUp() throws {
        let http2 = RecordingUpstream(http2: true) { _ in .silent }
        let full = FullListener()
        var parts = SupervisedProxy.Parts.http2(port: http2.port)
        parts.others = ["{name: full, \(SupervisedProxy.assignment([(Loopback.address, full.port)]))}"]
        parts.routes = "{match: {path: /full}, route: {cluster: full}}, "
        let proxy = try proxy(parts)
        for (path, cluster, statistic) in [("/full", "full", "upstream_rq_cancelled"), ("/", "up", "upstream_rq_tx_reset")] {
            let client = try #require(WireClient(port: proxy.port))
            client.send("GET \(path) HTTP/1.1\r\nhost: test\r\n\r\n")
            if cluster == "up" {
                #expect(Deadline(seconds: 5).polls { !http2.takeRequests().isEmpty })
            } else {
                #expect(reaches(proxy, "cluster.full.upstream_rq_pending_active", 1))
            }
            client.finishSending()
            #expect(reaches(proxy, "cluster.\(cluster).\(statistic)", 1))
        }
    }

    @Test("members by health and the largest weight, and panic when too few are healthy")
    func members() throws {
        let host = "{endpoint: {address: {socket_address: {address: \(Loopback.address), port_value: \(upstream.port)}}}"
        func other(_ last: Int) -> String {
            host.replacingOccurrences(of: "address: \(Loopback.address)", with: "address: 127.0.0.\(last)")
        }
        var parts = SupervisedProxy.Parts()
        let hosts = "\(host), load_balancing_weight: 7}, \(other(1)), health_status: DEGRADED}, \(other(2)), health_status: UNHEALTHY}"
        let sick = "\(host), health_status: UNHEALTHY}"
        parts.cluster = "load_assignment: {cluster_name: up, endpoints: [{lb_endpoints: [\(hosts)]}]}"
        parts.others = ["{name: sick, load_assignment: {cluster_name: sick, endpoints: [{lb_endpoints: [\(sick)]}]}}"]
        parts.routes = "{match: {path: /sick}, route: {cluster: sick}}, "
        let proxy = try proxy(parts)
        let counts = try ["total", "healthy", "degraded"].map { try proxy.counter("cluster.up.membership_\($0)") }
        #expect(counts == [3, 1, 1])
        #expect(try proxy.counter("cluster.up.max_host_weight") == 7)
        #expect(try ask(proxy, "/sick").hasSuffix("hello"))
        #expect(try proxy.counter("cluster.sick.lb_healthy_panic") == 1)
    }

    @Test("a client that waits before the listener filters, or goes, is seen")
    func inspected() throws {
        var parts = SupervisedProxy.Parts()
        parts.listener = """
            listener_filters: [{name: tls_inspector, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector}}]
            """
        let proxy = try proxy(parts)
        let group = "listener.\(Loopback.address)_\(proxy.port)."
        let client = try #require(WireClient(port: proxy.port))
        #expect(reaches(proxy, group + "downstream_pre_cx_active", 1))
        client.finishSending()
        #expect(reaches(proxy, group + "downstream_listener_filter_remote_close", 1))
        #expect(reaches(proxy, group + "downstream_pre_cx_active", 0))
    }

    @Test("listeners that were told to stop are counted")
    func stopped() throws {
        let proxy = try proxy()
        let port = try #require(proxy.adminPort)
        let client = try #require(WireClient(port: port))
        client.send("POST /drain_listeners HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        _ = client.receiveEnd()
        #expect(try proxy.counter("listener_manager.listener_stopped") == 1)
    }
}
