import Foundation
import TestKit
import Testing

private let canRun = ControlPlanePeer.interpreter != nil && ProxyProcess.Kind.heddle.program != nil

/// Connections of filter chains and listeners that are gone, in `heddle-proxy` and in Envoy; both run with a drain time of
/// one second.
@Suite(
    "Connections of what is gone", .serialized,
    .enabled(if: canRun, "no heddle-proxy is built, or no Python with grpcio: make setup"))
struct DrainTests {
    static let kinds = [ProxyProcess.Kind.heddle, .envoy].filter { $0.program != nil }

    private static func listener(_ port: UInt16, prefix: String) -> [String: Any] {
        let proxy: [String: Any] = [
            "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy", "stat_prefix": prefix,
            "cluster": "a",
        ]
        return [
            "@type": DiscoveredProxy.listener, "name": "in", "address": DiscoveredProxy.address(port),
            "filter_chains": [["filters": [["name": "tcp", "typed_config": proxy]]]],
        ]
    }

    private struct Scene {
        let peer: ControlPlanePeer
        let proxy: ProxyProcess
        let port = Loopback.freePort()
        let upstream = RecordingUpstream { _ in .reply(200, body: "hello") }

        init(_ kind: ProxyProcess.Kind) throws {
            peer = try ControlPlanePeer()
            let admin = Loopback.freePort()
            try peer.set([
                DiscoveredProxy.cluster("a"), DiscoveredProxy.endpoints("a", [upstream.port]), DrainTests.listener(port, prefix: "old"),
            ])
            proxy = try ProxyProcess(kind, config: DiscoveredProxy.bootstrap(.delta, peer, admin: admin), ports: [admin, port])
        }

        /// A connection that has been answered once.
        func connect() throws -> WireClient {
            let client = try #require(WireClient(port: port))
            #expect(answers(client))
            return client
        }

        func answers(_ client: WireClient) -> Bool {
            client.received = []
            client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            return client.receive { String(decoding: $0, as: UTF8.self).hasSuffix("hello") } == .bytes
        }
    }

    @Test("a TCP connection outlives its filter chain by the drain time and no longer", arguments: kinds)
    func chain(kind: ProxyProcess.Kind) throws {
        let scene = try Scene(kind)
        defer { scene.proxy.stop() }
        let old = try scene.connect()
        try scene.peer.change([Self.listener(scene.port, prefix: "new")], type: "lds")
        #expect(scene.answers(old))
        let new = try scene.connect()
        #expect(old.receiveEnd(Deadline(seconds: 10)) != .nothing)
        #expect(scene.answers(new))
    }

    @Test("a TCP connection outlives its listener by the drain time and no longer", arguments: kinds)
    func removed(kind: ProxyProcess.Kind) throws {
        let scene = try Scene(kind)
        defer { scene.proxy.stop() }
        let old = try scene.connect()
        try scene.peer.set([], remove: [("lds", "in")])
        #expect(Deadline(seconds: 10).polls(every: 10) { WireClient(port: scene.port) == nil })
        #expect(old.receiveEnd(Deadline(seconds: 10)) != .nothing)
        #expect(scene.proxy.isAlive)
    }
}
