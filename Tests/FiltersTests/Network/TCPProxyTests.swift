import Glibc
import Observability
import TestKit
import Testing

@Suite("tcp_proxy")
struct TCPProxyTests {
    private static func bootstrap(_ port: UInt16, _ more: String = "", cluster: String = "") -> String {
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
                  \(more)
          clusters:
          - name: up
            \(cluster)
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

    private static func log(_ file: LogPath, _ format: String) -> String {
        """
        access_log: [{ name: file, typed_config: { "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog, \
        path: \(file.path), log_format: { text_format_source: { inline_string: "\(format)\\n" } } } }]
        """
    }

    @Test("a connection is logged when it ends, with its host and its bytes")
    func logged() async throws {
        let upstream = TestUpstream { _ in TestUpstream.ok("hello", "connection: close") }
        let file = LogPath()
        let format = "%ACCESS_LOG_TYPE% %RESPONSE_FLAGS% %UPSTREAM_CLUSTER% %UPSTREAM_HOST% %BYTES_RECEIVED% %PROTOCOL% %RESPONSE_CODE%"
        let proxy = try await TestProxy.start(bootstrap: Self.bootstrap(upstream.port, Self.log(file, format)))
        let request = "GET / HTTP/1.1\r\nhost: test\r\n\r\n"
        #expect(await proxy.ask(request)?.text == "hello")
        let line = "TcpConnectionEnd - up 127.0.0.1:\(upstream.port) \(request.utf8.count) - 0\n"
        #expect(await eventually { file.text == line }, "\(file.text)")
        await proxy.stop()
    }

    @Test("a host that refuses every attempt is logged as UF,URX")
    func refused() async throws {
        let refusing = RefusingPort()
        let file = LogPath()
        let more = "max_connect_attempts: 3\n          " + Self.log(file, "%RESPONSE_FLAGS% %UPSTREAM_REQUEST_ATTEMPT_COUNT% %UPSTREAM_HOST%")
        let proxy = try await TestProxy.start(bootstrap: Self.bootstrap(refusing.port, more))
        #expect(await proxy.get() == nil)
        #expect(await eventually { file.text == "UF,URX 3 127.0.0.1:\(refusing.port)\n" }, "\(file.text)")
        #expect(await proxy.cluster("up", .upstreamCxConnectFail) == 3)
        #expect(await proxy.cluster("up", .upstreamCxConnectAttemptsExceeded) == 1)
        await proxy.stop()
    }

    @Test("a connection that is refused by the limits is logged as UO")
    func overflow() async throws {
        let upstream = TestUpstream()
        let file = LogPath()
        let proxy = try await TestProxy.start(
            bootstrap: Self.bootstrap(
                upstream.port, Self.log(file, "%RESPONSE_FLAGS%"), cluster: "circuit_breakers: { thresholds: [{ max_connections: 0 }] }"))
        #expect(await proxy.get() == nil)
        #expect(await eventually { file.text == "UO\n" }, "\(file.text)")
        await proxy.stop()
    }

    @Test("a connection whose time is over while its client waits for the host ends, whenever the host reads on")
    func endsWhilePaused() async throws {
        let (listener, port) = PlainSocket.listening()
        defer { close(listener) }
        let proxy = try await TestProxy.start(
            bootstrap: Self.bootstrap(port, "max_downstream_connection_duration: 1s", cluster: "per_connection_buffer_limit_bytes: 65536"))
        let proxyPort = proxy.port
        let (sent, received) = await onThread { () -> (Int, Int) in
            guard let client = PlainSocket(connectingTo: proxyPort), Deadline(seconds: 10).waits(for: listener, POLLIN) else { return (0, 0) }
            let host = PlainSocket(accepted: TestSupport.accept(listener))
            defer {
                client.close()
                host.close()
            }
            // Nobody reads: when nothing more goes, the proxy has paused its client.
            let piece = [UInt8](repeating: 0x78, count: 65536)
            var sent = 0
            while Deadline(seconds: 0.2).waits(for: client.raw, POLLOUT), sent < 64 << 20 {
                let count = piece.withUnsafeBytes { send(client.raw, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)) }
                guard count > 0 else { break }
                sent += count
            }
            // The end of the client's connection is the end of its time.
            guard client.receive().isEmpty else { return (sent, -1) }
            var received = 0
            while true {
                let bytes = host.receive()
                guard !bytes.isEmpty else { return (sent, received) }
                received += bytes.count
            }
        }
        #expect(sent > 65536 && received > 65536, "\(sent) bytes sent, \(received) received")
        #expect(await eventually { await proxy.cluster("up", .upstreamCxDestroy) == 1 })
        await proxy.stop()
    }
}
