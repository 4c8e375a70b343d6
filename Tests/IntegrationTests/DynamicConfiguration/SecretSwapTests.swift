import Foundation
import TestKit
import Testing

private let canRun = ControlPlanePeer.interpreter != nil && ProxyProcess.Kind.heddle.program != nil

/// A certificate that a control plane replaces again and again while clients shake hands.
@Suite(
    "Secrets of a control plane under load", .serialized,
    .enabled(if: canRun, "no heddle-proxy is built, or no Python with grpcio: make setup"))
struct SecretSwapTests {
    private static let tls = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3"

    private static func secret(_ pair: TestCertificate) -> [String: Any] {
        [
            "@type": tls + ".Secret", "name": "server",
            "tls_certificate": ["certificate_chain": ["inline_string": pair.certificate], "private_key": ["inline_string": pair.key]],
        ]
    }

    private static func listener(port: UInt16) -> [String: Any] {
        let source: [String: Any] = ["ads": [String: Any](), "resource_api_version": "V3"]
        let context: [String: Any] = ["tls_certificate_sds_secret_configs": [["name": "server", "sds_config": source]]]
        let socket: [String: Any] = [
            "name": "tls", "typed_config": ["@type": tls + ".DownstreamTlsContext", "common_tls_context": context] as [String: Any],
        ]
        var listener = DiscoveredProxy.listener(port: port)
        let chains = listener["filter_chains"] as? [[String: Any]] ?? []
        listener["filter_chains"] = chains.map { $0.merging(["transport_socket": socket]) { _, new in new } }
        return listener
    }

    private static func asks(_ client: WireClient) -> Bool {
        client.received = []
        _ = client.send("GET / HTTP/1.1\r\nhost: test\r\n\r\n")
        _ = client.receive { String(decoding: $0, as: UTF8.self).hasSuffix("hello") }
        return String(decoding: client.received, as: UTF8.self).hasPrefix("HTTP/1.1 200")
    }

    @Test(
        "20 certificates follow each other, every worker shows each, and no connection or handshake is lost",
        arguments: DiscoveredProxy.Sources.allCases)
    func swaps(sources: DiscoveredProxy.Sources) throws {
        let pairs = (0..<3).map { TestCertificate(commonName: "server\($0)", names: "DNS:server") }
        let peer = try ControlPlanePeer()
        let upstream = RecordingUpstream { _ in .reply(200, body: "hello") }
        let (port, admin) = (Loopback.freePort(), Loopback.freePort())
        try peer.set([
            DiscoveredProxy.cluster("a"), DiscoveredProxy.endpoints("a", [upstream.port]), DiscoveredProxy.routes(to: "a"),
            Self.listener(port: port), Self.secret(pairs[0]),
        ])
        let proxy = try ProxyProcess(
            .heddle, config: DiscoveredProxy.bootstrap(sources, peer, admin: admin), ports: [admin, port], workers: 2)
        defer { proxy.stop() }
        let client = WireClient.TLS(serverName: "server")
        func shows(_ pair: TestCertificate) -> Bool {
            Deadline(seconds: 20).polls(every: 10) {
                (0..<6).allSatisfy { _ in WireClient(port: port, tls: client)?.peerSHA256 == pair.sha256 }
            }
        }
        #expect(shows(pairs[0]))
        let open = try #require(WireClient(port: port, tls: client))
        #expect(Self.asks(open))
        let load = SteadyLoad(port: port, clients: 3, tls: client)
        for number in 1...20 {
            try peer.change([Self.secret(pairs[number % 3])], type: "sds")
            #expect(shows(pairs[number % 3]), "certificate \(number)")
            #expect(Self.asks(open) && open.peerSHA256 == pairs[0].sha256)
            #expect(load.waits(forMore: 4))
        }
        load.stop()
        #expect(load.failures == [], "\(proxy.output)")
        #expect(try AdminClient.counters(port: admin)["sds.update_success"] ?? 0 >= 21)
    }
}
