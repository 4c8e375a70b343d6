import Glibc
import TestKit
import Testing

@Suite("A body that ends with the connection, over TLS")
struct TruncatedBodyTests {
    private static let pair = TestCertificate(commonName: "body.test")

    private static func inline(_ text: String) -> String {
        "{ inline_string: \"\(text.split(separator: "\n").joined(separator: "\\n"))\\n\" }"
    }

    private static func tls(_ context: String) -> String {
        "transport_socket: { name: tls, typed_config: { \"@type\": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.\(context) } }"
    }

    private static func cluster(_ port: UInt16, _ more: String = "") -> String {
        "{ name: up, connect_timeout: 60s, \(more) load_assignment: { cluster_name: up, endpoints: [{ lb_endpoints: [{ endpoint: { address: "
            + "{ socket_address: { address: 127.0.0.1, port_value: \(port) } } } }] }] } }"
    }

    /// Ends TLS before a host that has none.
    private static func terminator(_ port: UInt16) -> String {
        let certificates = "common_tls_context: { tls_certificates: [{ certificate_chain: \(inline(pair.certificate)), private_key: \(inline(pair.key)) }] }"
        return """
            static_resources:
              listeners:
              - name: main
                address: { socket_address: { address: 127.0.0.1, port_value: 1 } }
                filter_chains:
                - \(tls("DownstreamTlsContext, " + certificates))
                  filters: [{ name: tcp, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy, stat_prefix: tcp, cluster: up } }]
              clusters: [\(cluster(port))]
            """
    }

    private static func proxy(_ port: UInt16) -> String {
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
                  route_config: { virtual_hosts: [{ name: all, domains: ["*"], routes: [{ match: { prefix: / }, route: { cluster: up } }] }] }
                  http_filters: [{ name: router, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router } }]
          clusters: [\(cluster(port, tls("UpstreamTlsContext") + ","))]
        """
    }

    /// Passes bytes on in both directions; the host's TLS records of `lost` bytes get lost.
    private static func relay(to port: UInt16, losing lost: Int) -> UInt16 {
        let (listener, own) = PlainSocket.listening()
        detachThread {
            while true {
                let accepted = accept(listener, nil, nil)
                guard accepted >= 0, let host = PlainSocket(connectingTo: port) else { return }
                let client = PlainSocket(accepted: accepted)
                detachThread {
                    while true {
                        let bytes = client.receive()
                        guard !bytes.isEmpty, host.send(bytes) else { return }
                    }
                }
                detachThread {
                    var held: [UInt8] = []
                    while true {
                        let bytes = host.receive()
                        if bytes.isEmpty { break }
                        held += bytes
                        while held.count >= 5 {
                            let size = 5 + (Int(held[3]) << 8 | Int(held[4]))
                            guard held.count >= size else { break }
                            if size != lost { client.send(held[..<size]) }
                            held.removeFirst(size)
                        }
                    }
                    shutdown(client.raw, Int32(SHUT_WR))
                }
            }
        }
        return own
    }

    /// A record of TLS 1.3 that holds an alert: a header of 5 bytes, the alert, its type, and the tag.
    private static let alertRecord = 5 + 2 + 1 + 16

    @Test("is whole when TLS says that it has ended, and breaks off when nobody says so", arguments: [0, alertRecord])
    func ending(lost: Int) async throws {
        let upstream = TestUpstream(closes: true) { _ in "HTTP/1.0 200 OK\r\nx-upstream: 1\r\nconnection: close\r\n\r\nhalf" }
        let terminator = try await TestProxy.start(bootstrap: Self.terminator(upstream.port))
        let proxy = try await TestProxy.start(bootstrap: Self.proxy(Self.relay(to: terminator.port, losing: lost)))
        let response = await proxy.ask("GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n")
        if lost == 0 {
            #expect(response?.text == "half")
        } else {
            // Without the last chunk there is no whole message.
            #expect(response == nil)
        }
        #expect(upstream.requests.count == 1)
        await proxy.stop()
        await terminator.stop()
    }
}
