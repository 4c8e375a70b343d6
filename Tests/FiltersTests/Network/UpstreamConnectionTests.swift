import Glibc
import Observability
import ProxyModel
import Synchronization
import TestKit
import Testing

@Suite("Connections to hosts")
struct UpstreamConnectionTests {
    private static func cluster(
        _ port: UInt16, at address: String = Loopback.address, options: String = "", _ more: String = ""
    ) -> String {
        """
        {name: up, \(more) typed_extension_protocol_options: {envoy.extensions.upstreams.http.v3.HttpProtocolOptions: {
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, \(options) explicit_http_config: {http2_protocol_options: {}}}},
        load_assignment: {cluster_name: up, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: \(address), port_value: \(port)}}}}]}]}}
        """
    }

    private static func bootstrap(_ cluster: String, manager: String = "") -> String {
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
                  \(manager)
                  route_config: { virtual_hosts: [{ name: all, domains: ["*"], routes: [{ match: { prefix: / }, route: { cluster: up } }] }] }
                  http_filters: [{ name: router, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router } }]
          clusters:
          - \(cluster.split(separator: "\n").joined(separator: " "))
        """
    }

    @Test("a GET on an HTTP/2 connection that the host has just closed is sent again on another one")
    func retryOnDeadConnection() async throws {
        let host = HangUpHost()
        let proxy = try await TestProxy.start(bootstrap: Self.bootstrap(Self.cluster(host.port, at: "127.0.0.1")))
        for _ in 0..<5 { #expect(await proxy.get()?.status == 200) }
        #expect(host.connections == 5)
        #expect(await proxy.cluster("up", .upstreamRqRetry) == 4)
        await proxy.stop()
    }

    @Test("a request that comes while an idle HTTP/2 connection says good-bye gets another one")
    func idleTimeout() async throws {
        let host = HangUpHost(staysOpen: true)
        defer { host.bye.open() }
        let options = "common_http_protocol_options: {idle_timeout: 0.05s},"
        let cluster = Self.cluster(host.port, at: "127.0.0.1", options: options)
        let proxy = try await TestProxy.start(bootstrap: Self.bootstrap(cluster))
        for round in 1...4 {
            #expect(await proxy.post("", to: "/\(round)")?.status == 200)
            #expect(host.connections == round)
            #expect(await eventually { await proxy.cluster("up", .upstreamCxIdleTimeout) == UInt64(round) })
        }
        #expect(await proxy.cluster("up", .upstreamRqRetry) == 0)
        await proxy.stop()
    }

    @Test("a GET that an HTTP/2 connection has no room for any more is sent on another one, and a POST is refused")
    func noRoom() async throws {
        let host = HangUpHost(takesOne: true)
        let proxy = try await TestProxy.start(bootstrap: Self.bootstrap(Self.cluster(host.port, at: "127.0.0.1")))
        #expect(await proxy.get()?.status == 200)
        #expect(await proxy.get()?.status == 200)
        #expect(host.connections == 2)
        let refused = await proxy.post("")
        #expect(refused?.status == 503)
        #expect(refused?.text.hasSuffix("remote refused stream reset") == true, "\(refused?.text ?? "")")
        await proxy.stop()
    }

    @Test("100 of an HTTP/1 host reaches a client that speaks HTTP/2")
    func interim() async throws {
        let upstream = TestUpstream { _ in "HTTP/1.1 100 Continue\r\n\r\n" + TestUpstream.ok("hello") }
        let cluster =
            "{name: up, load_assignment: {cluster_name: up, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: "
            + "{address: 127.0.0.1, port_value: \(upstream.port)}}}}]}]}}"
        let proxy = try await TestProxy.start(bootstrap: Self.bootstrap(cluster, manager: "proxy_100_continue: true"))
        let port = proxy.port
        let answer = await onThread { () -> WireHTTP2Client.Answer? in
            guard let client = WireHTTP2Client(port: port, host: "127.0.0.1") else { return nil }
            return client.answer(
                of: client.request(WireHTTP2Client.get("test", "/", [WireField("expect", "100-continue")])))
        }
        #expect(answer?.interim == [[WireField(":status", "100")]])
        #expect(answer?.status == 200)
        #expect(answer.map { String(decoding: $0.body, as: UTF8.self) } == "hello")
        await proxy.stop()
    }

    @Test("trailers that come on a connection that drains arrive whole", arguments: [true, false])
    func trailersWhileDraining(isReplaced: Bool) async throws {
        let gate = HostGate()
        let upstream = RecordingUpstream(http2: true) { request in
            gate.pass()
            return .reply(200, [WireField("content-type", "application/grpc")], body: "\0\0\0\0\0").with {
                $0.framing = .none
                $0.trailers = [
                    WireField("grpc-status", "0"),
                    WireField("x-path", String(request.startLine.split(separator: " ")[1])),
                ]
            }
        }
        let proxy = try await TestProxy.start(bootstrap: Self.bootstrap(Self.cluster(upstream.port)))
        let port = proxy.port
        for round in 0..<(isReplaced ? 3 : 1) {
            gate.close()
            async let answer = onThread { () -> WireHTTP2Client.Answer? in
                guard let client = WireHTTP2Client(port: port, host: "127.0.0.1") else { return nil }
                let fields = [
                    WireField(":method", "POST"), WireField(":scheme", "http"), WireField(":authority", "test"),
                    WireField(":path", "/\(round)"), WireField("content-type", "application/grpc"),
                    WireField("te", "trailers"),
                ]
                let stream = client.request(fields, body: [0, 0, 0, 0, 0])
                return client.answer(of: stream, deadline: Deadline(seconds: 10))
            }
            #expect(await eventually { gate.waiting == 1 })
            if isReplaced {
                try await proxy.apply([.cluster("up", Self.cluster(upstream.port, "connect_timeout: \(round + 2)s,"))])
            } else {
                try await proxy.apply([.removal(.cluster, "up")])
            }
            gate.open()
            let seen = await answer
            #expect(seen?.status == 200)
            #expect(seen?.body == [0, 0, 0, 0, 0])
            #expect(seen?.trailers == [WireField("grpc-status", "0"), WireField("x-path", "/\(round)")])
            #expect(seen?.ending == "ended")
        }
        if isReplaced {
            #expect(
                await eventually {
                    (try? await proxy.statistics().contains("cluster.up.upstream_cx_active: 0")) ?? false
                })
        }
        await proxy.stop()
    }
}

/// Holds back whoever passes while it is closed.
private final class HostGate: Sendable {
    private let state = Mutex((isOpen: true, waiting: 0))

    var waiting: Int { state.withLock { $0.waiting } }

    func close() { state.withLock { $0.isOpen = false } }
    func open() { state.withLock { $0.isOpen = true } }

    func pass() {
        state.withLock { $0.waiting += 1 }
        _ = Deadline(seconds: 20).polls(every: 1) { state.withLock { $0.isOpen } }
        state.withLock { $0.waiting -= 1 }
    }
}

/// An HTTP/2 host that answers the first request of each connection, and hangs up when the second comes. Or it answers
/// all and does not close when its client does; or it says with its answer that it takes no second one.
private final class HangUpHost: Sendable {
    let port: UInt16
    private let listener: Int32
    private let count = Mutex(0)

    var connections: Int { count.withLock { $0 } }

    /// Held by connections that stay open.
    let bye = HostGate()

    init(staysOpen: Bool = false, takesOne: Bool = false) {
        let (raw, port) = PlainSocket.listening()
        listener = raw
        self.port = port
        if staysOpen { bye.close() }
        let bye = self.bye
        detachThread { [weak self] in
            while true {
                let accepted = accept(raw, nil, nil)
                guard accepted >= 0 else { return }
                self?.count.withLock { $0 += 1 }
                detachThread { Self.serve(PlainSocket(accepted: accepted), staysOpen ? bye : nil, takesOne) }
            }
        }
    }

    deinit {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }

    private static func serve(_ socket: PlainSocket, _ bye: HostGate?, _ takesOne: Bool) {
        defer { socket.close() }
        var pending: [UInt8] = []
        var isFirst = true
        socket.send(HTTP2Frame(.settings).bytes)
        while true {
            let bytes = socket.receive()
            guard !bytes.isEmpty else {
                bye?.pass()
                return
            }
            pending += bytes
            if pending.starts(with: HTTP2Frame.preface) { pending.removeFirst(HTTP2Frame.preface.count) }
            while let (frame, length) = HTTP2Frame.parse(pending[...]) {
                pending.removeFirst(length)
                switch frame.kind {
                case .settings where frame.flags & 1 == 0: socket.send(HTTP2Frame(.settings, flags: 1).bytes)
                case .headers where isFirst || bye != nil:
                    isFirst = false
                    let flags = HTTP2Frame.endHeaders | HTTP2Frame.endStream
                    let head = FieldBlockCodec.encode([WireField(":status", "200")])
                    // SETTINGS_MAX_CONCURRENT_STREAMS
                    let settings = takesOne ? HTTP2Frame(.settings, [0, 3, 0, 0, 0, 0]).bytes : []
                    socket.send(settings + HTTP2Frame(.headers, flags: flags, stream: frame.stream, head).bytes)
                case .headers: return
                default: break
                }
            }
        }
    }
}
