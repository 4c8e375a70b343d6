import Foundation
import TestKit
import Testing

/// Certificates that lie in files which are replaced: the secret that names them stays the same.
@Suite(
    "Secrets that name files", .serialized,
    .enabled(if: ProxyProcess.Kind.heddle.program != nil, "no heddle-proxy is built"))
struct SecretFileTests {
    /// How the files are replaced.
    enum Layout: String, CaseIterable, Sendable {
        /// The key, then the certificate, each by a rename; between the two they do not fit.
        case renames
        /// Both at once, by the link `..data`; `watched_directory` names the folder.
        case kubernetes
    }

    private static let tls = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3"

    private final class Scene {
        let folder: SourceTests.Folder
        let port = Loopback.freePort()
        let admin = Loopback.freePort()
        let upstream = RecordingUpstream { _ in .reply(200, body: "hello") }
        let layout: Layout
        let proxy: ProxyProcess
        private let mount: KubernetesFolder?

        init(_ kind: ProxyProcess.Kind, _ layout: Layout, _ first: TestCertificate) throws {
            let folder = try SourceTests.Folder()
            self.folder = folder
            self.layout = layout
            let certificates = folder.path + "/certificates"
            let files = ["tls.crt": first.certificate, "tls.key": first.key]
            if layout == .kubernetes {
                mount = try KubernetesFolder(certificates, files)
            } else {
                mount = nil
                try FileManager.default.createDirectory(atPath: certificates, withIntermediateDirectories: true)
                for (name, text) in files { try folder.put("certificates/\(name)", text) }
            }
            var certificate: [String: Any] = [
                "certificate_chain": ["filename": certificates + "/tls.crt"], "private_key": ["filename": certificates + "/tls.key"],
            ]
            if layout == .kubernetes { certificate["watched_directory"] = ["path": certificates] }
            let secret: [String: Any] = ["@type": SecretFileTests.tls + ".Secret", "name": "server", "tls_certificate": certificate]
            try folder.put("sds.json", [secret], version: "1")
            proxy = try ProxyProcess(
                kind, config: Self.config(folder.path, port: port, admin: admin, upstream: upstream.port),
                ports: [admin, port], workers: 2)
        }

        private static func config(_ folder: String, port: UInt16, admin: UInt16, upstream: UInt16) -> String {
            """
            node: {id: node, cluster: test}
            admin: {address: {socket_address: {address: \(Loopback.address), port_value: \(admin)}}}
            static_resources:
              listeners:
              - name: in
                address: {socket_address: {address: \(Loopback.address), port_value: \(port)}}
                filter_chains:
                - transport_socket:
                    name: envoy.transport_sockets.tls
                    typed_config:
                      "@type": \(SecretFileTests.tls).DownstreamTlsContext
                      common_tls_context:
                        tls_certificate_sds_secret_configs:
                        - {name: server, sds_config: {path_config_source: {path: \(folder)/sds.json}, resource_api_version: V3}}
                  filters:
                  - name: hcm
                    typed_config:
                      "@type": \(DiscoveredProxy.manager)
                      stat_prefix: in
                      route_config: {virtual_hosts: [{name: all, domains: ["*"], routes: [{match: {prefix: "/"}, route: {cluster: up}}]}]}
                      http_filters: [{name: router, typed_config: {"@type": \(DiscoveredProxy.router)}}]
              clusters:
              - {name: up, load_assignment: {cluster_name: up, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: \(Loopback.address), port_value: \(upstream)}}}}]}]}}
            """
        }

        func replace(_ pair: TestCertificate) throws {
            if let mount { return try mount.replace(["tls.crt": pair.certificate, "tls.key": pair.key]) }
            try folder.put("certificates/tls.key", pair.key)
            try folder.put("certificates/tls.crt", pair.certificate)
        }

        /// Whether every worker shows this certificate to who comes now.
        func shows(_ pair: TestCertificate) -> Bool {
            Deadline(seconds: 20).polls(every: 10) {
                (0..<6).allSatisfy { _ in
                    WireClient(port: port, tls: WireClient.TLS(serverName: "server"))?.peerSHA256 == pair.sha256
                }
            }
        }
    }

    static let all: [(ProxyProcess.Kind, Layout)] = [ProxyProcess.Kind.heddle, .envoy].flatMap { kind in
        kind.program == nil ? [] : Layout.allCases.map { (kind, $0) }
    }

    private func asks(_ client: WireClient) -> Bool {
        client.received = []
        _ = client.send("GET / HTTP/1.1\r\nhost: test\r\n\r\n")
        _ = client.receive { String(decoding: $0, as: UTF8.self).hasSuffix("hello") }
        return String(decoding: client.received, as: UTF8.self).hasPrefix("HTTP/1.1 200")
    }

    @Test("20 replacements under load reach every worker, and no connection is lost", arguments: all)
    func rotates(kind: ProxyProcess.Kind, layout: Layout) throws {
        let pairs = (0..<3).map { TestCertificate(commonName: "server\($0)", names: "DNS:server") }
        let scene = try Scene(kind, layout, pairs[0])
        defer { scene.proxy.stop() }
        #expect(scene.shows(pairs[0]))
        let open = try #require(WireClient(port: scene.port, tls: WireClient.TLS(serverName: "server")))
        #expect(asks(open))
        let load = SteadyLoad(port: scene.port, clients: 2, tls: WireClient.TLS(serverName: "server"))
        for number in 1...20 {
            try scene.replace(pairs[number % 3])
            #expect(scene.shows(pairs[number % 3]), "replacement \(number)")
            #expect(asks(open) && open.peerSHA256 == pairs[0].sha256)
            #expect(load.waits(forMore: 4))
        }
        load.stop()
        #expect(load.failures == [])
    }

    @Test("files that cannot be used are refused by all, are shown, and what they held stays; good ones are taken again")
    func refuses() throws {
        let (first, second) = (TestCertificate(commonName: "server"), TestCertificate(commonName: "server"))
        let scene = try Scene(.heddle, .renames, first)
        defer { scene.proxy.stop() }
        #expect(scene.shows(first))
        try scene.folder.put("certificates/tls.crt", "no certificate")
        #expect(Deadline(seconds: 20).polls(every: 10) { scene.proxy.output.contains("what they held stays") })
        #expect(scene.shows(first))
        try scene.replace(second)
        #expect(scene.shows(second))
    }
}
