import Testing

@Suite("tcp_proxy")
struct TCPProxyTests {
    private static func bootstrap(_ port: UInt16) -> String {
        """
        static_resources:
          listeners:
          - name: main
            address: {socket_address: {address: 127.0.0.1, port_value: 0}}
            filter_chains:
            - filters:
              - name: tcp
                typed_config:
                  "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
                  stat_prefix: tcp
                  cluster: up
          clusters:
          - name: up
            load_assignment: {cluster_name: up, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: \(port)}}}}]}]}
        """
    }

    @Test("bytes that come before the host is connected reach it")
    func earlyBytes() async throws {
        let upstream = TestUpstream { _ in TestUpstream.ok("hello") }
        let proxy = try await TestProxy.start(bootstrap: Self.bootstrap(upstream.port))
        // Sent at once after the connect, so that they are there when the proxy accepts.
        for _ in 0..<20 { #expect(await proxy.get("/")?.text == "hello") }
        await proxy.stop()
    }
}
