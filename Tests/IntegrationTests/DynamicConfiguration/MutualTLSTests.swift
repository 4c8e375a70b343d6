import Foundation
import TestKit
import Testing

private let canRun = ControlPlanePeer.interpreter != nil && ProxyProcess.Kind.heddle.program != nil

/// Two sidecars in one proxy, in the shape in which a mesh's control plane configures them: a listener that asks for client
/// certificates, a cluster that speaks TLS to those of its endpoints that are labelled so, keys and authorities by name.
@Suite(
    "Mutual TLS from a control plane", .serialized,
    .enabled(if: canRun, "no heddle-proxy is built, or no Python with grpcio: make setup"))
struct MutualTLSTests {
    private struct Mesh {
        let server = TestCertificate(commonName: "server", names: "URI:spiffe://mesh.test/ns/b/sa/server")
        let client = TestCertificate(commonName: "client", names: "URI:spiffe://mesh.test/ns/a/sa/client")
        let stranger = TestCertificate(commonName: "stranger", names: "URI:spiffe://mesh.test/ns/a/sa/client")
        let upstream = RecordingUpstream { _ in .reply(200, body: "hello") }
        let plain = RecordingUpstream { _ in .reply(200, body: "plain") }
        let port = Loopback.freePort()
        let door = Loopback.freePort()
        let admin = Loopback.freePort()
        let peer: ControlPlanePeer
        let proxy: ProxyProcess

        init(_ kind: ProxyProcess.Kind, _ sources: DiscoveredProxy.Sources) throws {
            peer = try ControlPlanePeer()
            proxy = try ProxyProcess(kind, config: DiscoveredProxy.bootstrap(sources, peer, admin: admin), ports: [admin])
            try peer.set(
                [
                    way(serverName: "spiffe://mesh.test/ns/b/sa/server"), DiscoveredProxy.cluster("up"), endpoints("way", door, "istio"),
                    endpoints("up", upstream.port, nil), front, inbound(clientName: "spiffe://mesh.test/ns/a/"),
                    certificate("default", server), certificate("client", client), authorities("ROOTCA", [client, server]),
                ])
        }

        var answer: String {
            guard let client = WireClient(port: port) else { return "no connection" }
            client.send("GET / HTTP/1.1\r\nhost: test\r\nx-forwarded-client-cert: Hash=forged\r\nconnection: close\r\n\r\n")
            var answers = WireAnswers(methods: ["GET"])
            answers.read(client, until: 1, Deadline(seconds: 5))
            guard let message = answers.messages.first else { return "no answer" }
            return message.status == 200 ? String(decoding: message.body, as: UTF8.self) : "\(message.status)"
        }

        func becomes(_ expected: String) -> Bool { Deadline(seconds: 20).polls(every: 10) { answer == expected } }

        // MARK: Resources

        private static let tls = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3"
        private static var ads: [String: Any] { ["ads": [String: Any](), "resource_api_version": "V3"] }

        private func context(_ certificate: String, _ matcher: [String: Any]) -> [String: Any] {
            [
                "tls_certificate_sds_secret_configs": [["name": certificate, "sds_config": Self.ads]],
                "combined_validation_context": [
                    "default_validation_context": ["match_typed_subject_alt_names": [["san_type": "URI", "matcher": matcher]]],
                    "validation_context_sds_secret_config": ["name": "ROOTCA", "sds_config": Self.ads],
                ],
            ]
        }

        func way(serverName: String) -> [String: Any] {
            var cluster = DiscoveredProxy.cluster("way")
            // Each request has a connection of its own, so that it shows what is in force.
            cluster["typed_extension_protocol_options"] = [
                "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": [
                    "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                    "common_http_protocol_options": ["max_requests_per_connection": 1],
                    "explicit_http_config": ["http_protocol_options": [String: Any]()],
                ] as [String: Any]
            ]
            cluster["transport_socket_matches"] = [
                [
                    "name": "tlsMode-istio", "match": ["tlsMode": "istio"],
                    "transport_socket": [
                        "name": "envoy.transport_sockets.tls",
                        "typed_config": [
                            "@type": Self.tls + ".UpstreamTlsContext", "sni": "outbound",
                            "common_tls_context": context("client", ["exact": serverName]),
                        ],
                    ],
                ],
                [
                    "name": "tlsMode-disabled", "match": [String: Any](),
                    "transport_socket": [
                        "name": "envoy.transport_sockets.raw_buffer",
                        "typed_config": ["@type": "type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer"],
                    ],
                ],
            ]
            return cluster
        }

        func endpoints(_ cluster: String, _ port: UInt16, _ mode: String?) -> [String: Any] {
            var resource = DiscoveredProxy.endpoints(cluster, [])
            var member: [String: Any] = ["endpoint": ["address": DiscoveredProxy.address(port)]]
            if let mode { member["metadata"] = ["filter_metadata": ["envoy.transport_socket_match": ["tlsMode": mode]]] }
            resource["endpoints"] = [["lb_endpoints": [member]]]
            return resource
        }

        private func listener(_ name: String, _ port: UInt16, to cluster: String, _ more: [String: Any]) -> [String: Any] {
            var manager: [String: Any] = [
                "@type": DiscoveredProxy.manager, "stat_prefix": name,
                "http_filters": [["name": "router", "typed_config": ["@type": DiscoveredProxy.router]]],
                "route_config": [
                    "name": name,
                    "virtual_hosts": [
                        ["name": "all", "domains": ["*"], "routes": [["match": ["prefix": "/"], "route": ["cluster": cluster]]]]
                    ],
                ],
            ]
            manager.merge(more) { _, new in new }
            return [
                "@type": DiscoveredProxy.listener, "name": name, "address": DiscoveredProxy.address(port),
                "filter_chains": [["filters": [["name": "hcm", "typed_config": manager]]]],
            ]
        }

        var front: [String: Any] { listener("front", port, to: "way", ["forward_client_cert_details": "ALWAYS_FORWARD_ONLY"]) }

        func inbound(clientName: String) -> [String: Any] {
            var result = listener(
                "inbound", door, to: "up",
                [
                    "forward_client_cert_details": "APPEND_FORWARD",
                    "set_current_client_cert_details": ["subject": true, "dns": true, "uri": true],
                ])
            var chain = (result["filter_chains"] as? [[String: Any]])?.first ?? [:]
            chain["transport_socket"] = [
                "name": "envoy.transport_sockets.tls",
                "typed_config": [
                    "@type": Self.tls + ".DownstreamTlsContext", "require_client_certificate": true,
                    "common_tls_context": context("default", ["prefix": clientName]),
                ],
            ]
            result["filter_chains"] = [chain]
            return result
        }

        func certificate(_ name: String, _ pair: TestCertificate) -> [String: Any] {
            [
                "@type": Self.tls + ".Secret", "name": name,
                "tls_certificate": [
                    "certificate_chain": ["inline_string": pair.certificate], "private_key": ["inline_string": pair.key],
                ],
            ]
        }

        func authorities(_ name: String, _ trusted: [TestCertificate]) -> [String: Any] {
            [
                "@type": Self.tls + ".Secret", "name": name,
                "validation_context": ["trusted_ca": ["inline_string": trusted.map(\.certificate).joined()]],
            ]
        }
    }

    static let all: [(ProxyProcess.Kind, DiscoveredProxy.Sources)] = [ProxyProcess.Kind.heddle, .envoy].flatMap { kind in
        kind.program == nil ? [] : DiscoveredProxy.Sources.allCases.map { (kind, $0) }
    }

    @Test("keys, authorities, names and labels decide who speaks to whom, and each changes by itself", arguments: all)
    func mutual(kind: ProxyProcess.Kind, sources: DiscoveredProxy.Sources) throws {
        let mesh = try Mesh(kind, sources)
        defer { mesh.proxy.stop() }
        let says = "By=spiffe://mesh.test/ns/b/sa/server;Hash=\(mesh.client.sha256);Subject=\"CN=client\";URI=spiffe://mesh.test/ns/a/sa/client"
        #expect(mesh.becomes("hello"))
        let forwarded = mesh.upstream.takeRequests().last?.fields.filter { $0.name == "x-forwarded-client-cert" }.map(\.value)
        if kind == .heddle {
            #expect(forwarded == ["Hash=forged,\(says)"])
        } else {
            // Now and then Envoy 1.40 writes bytes behind the subject that are no part of it.
            let start = says.components(separatedBy: "client\"")[0] + "client"
            #expect(forwarded?.count == 1 && forwarded?.first?.hasPrefix("Hash=forged,\(start)") == true, "\(forwarded ?? [])")
        }

        // The client shows another certificate, which nobody knows yet; then it is known.
        try mesh.peer.set([mesh.certificate("client", mesh.stranger)])
        #expect(mesh.becomes("503"))
        try mesh.peer.set([mesh.authorities("ROOTCA", [mesh.stranger, mesh.server])])
        #expect(mesh.becomes("hello"))

        // The host is asked for another name, the client must have another name.
        try mesh.peer.set([mesh.way(serverName: "spiffe://mesh.test/ns/c/sa/server")])
        #expect(mesh.becomes("503"))
        try mesh.peer.set([mesh.way(serverName: "spiffe://mesh.test/ns/b/sa/server")])
        #expect(mesh.becomes("hello"))
        try mesh.peer.set([mesh.inbound(clientName: "spiffe://mesh.test/ns/b/")])
        #expect(mesh.becomes("503"))
        let refused = try AdminClient.counters(port: mesh.admin).filter { $0.key.hasSuffix("ssl.fail_verify_san") && $0.value > 0 }
        #expect(refused.keys.contains("cluster.way.ssl.fail_verify_san"))
        #expect(refused.keys.contains { $0.hasPrefix("listener.") })
        try mesh.peer.set([mesh.inbound(clientName: "spiffe://mesh.test/")])
        #expect(mesh.becomes("hello"))

        // An endpoint without the label is spoken to without TLS.
        try mesh.peer.set([mesh.endpoints("way", mesh.plain.port, nil)])
        #expect(mesh.becomes("plain"))
        try mesh.peer.set([mesh.endpoints("way", mesh.door, nil)])
        #expect(mesh.becomes("503"))
        try mesh.peer.set([mesh.endpoints("way", mesh.door, "istio")])
        #expect(mesh.becomes("hello"))
        let state = try mesh.peer.state()
        #expect(state.number("lds.refused") + state.number("cds.refused") + state.number("sds.refused") == 0)
    }
}
