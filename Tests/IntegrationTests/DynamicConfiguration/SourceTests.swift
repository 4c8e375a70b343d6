import Foundation
import Glibc
import TestKit
import Testing

private let canRun = ControlPlanePeer.interpreter != nil && ProxyProcess.Kind.heddle.program != nil

/// The other ways to a control plane, and files.
@Suite(
    "Sources of configuration", .serialized,
    .enabled(if: canRun, "no heddle-proxy is built, or no Python with grpcio: make setup"))
struct SourceTests {
    /// A folder that goes with its test.
    final class Folder {
        let path = NSTemporaryDirectory() + "heddle-sources-\(getpid())-\(Loopback.freePort())"

        init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }

        deinit { _ = try? FileManager.default.removeItem(atPath: path) }

        /// Writes a file beside its place and renames it there.
        func put(_ name: String, _ text: String) throws {
            let (target, file) = ("\(path)/\(name)", URL(fileURLWithPath: name).lastPathComponent)
            let fresh = String(target.dropLast(file.count)) + ".\(file).new"
            try text.write(toFile: fresh, atomically: false, encoding: .utf8)
            guard rename(fresh, target) == 0 else {
                throw ControlPlanePeer.Failed(description: "cannot rename")
            }
        }

        func put(_ name: String, _ resources: [[String: Any]], version: String) throws {
            let response: [String: Any] = ["version_info": version, "resources": resources]
            let bytes = try JSONSerialization.data(withJSONObject: response)
            try put(name, String(decoding: bytes, as: UTF8.self))
        }
    }

    private func answer(_ port: UInt16) -> String { (try? AdminClient.get("/", port: port)) ?? "" }

    private func becomes(_ expected: String, _ port: UInt16) -> Bool {
        Deadline(seconds: 20).polls(every: 10) { answer(port) == expected }
    }

    private static func file(_ path: String) -> [String: Any] {
        ["path_config_source": ["path": path], "resource_api_version": "V3"]
    }

    /// Resources that have everything else from files too.
    private func fileResources(_ folder: Folder, port: UInt16) -> (cluster: [String: Any], listener: [String: Any]) {
        var cluster = DiscoveredProxy.cluster("a")
        cluster["eds_cluster_config"] = ["eds_config": Self.file(folder.path + "/eds.json")]
        var listener = DiscoveredProxy.listener(port: port)
        let filter: [String: Any] = [
            "name": "hcm",
            "typed_config": [
                "@type": DiscoveredProxy.manager, "stat_prefix": "in",
                "rds": ["route_config_name": "routes", "config_source": Self.file(folder.path + "/rds.json")],
                "http_filters": [["name": "router", "typed_config": ["@type": DiscoveredProxy.router]]],
            ],
        ]
        listener["filter_chains"] = [["filters": [filter]]]
        return (cluster, listener)
    }

    static let kinds = [ProxyProcess.Kind.heddle, .envoy].filter { $0.program != nil }

    @Test(
        "files that are replaced by a rename are read again; a bad one is refused and the last form stays",
        arguments: kinds)
    func files(kind: ProxyProcess.Kind) throws {
        let folder = try Folder()
        let first = RecordingUpstream { _ in .reply(200, body: "first") }
        let second = RecordingUpstream { _ in .reply(200, body: "second") }
        let (port, admin) = (Loopback.freePort(), Loopback.freePort())
        let (cluster, listener) = fileResources(folder, port: port)
        try folder.put("cds.json", [cluster], version: "1")
        try folder.put("lds.json", [listener], version: "1")
        try folder.put("eds.json", [DiscoveredProxy.endpoints("a", [first.port])], version: "1")
        try folder.put("rds.json", [DiscoveredProxy.routes(to: "a")], version: "1")
        let proxy = try ProxyProcess(
            kind,
            config: """
                node: {id: node, cluster: test}
                admin: {address: {socket_address: {address: \(Loopback.address), port_value: \(admin)}}}
                dynamic_resources:
                  lds_config: {path_config_source: {path: \(folder.path)/lds.json}, resource_api_version: V3}
                  cds_config: {path_config_source: {path: \(folder.path)/cds.json}, resource_api_version: V3}
                """, ports: [admin])
        defer { proxy.stop() }
        #expect(becomes("first", port))
        for round in 0..<5 {
            let expected = round % 2 == 0 ? second : first
            try folder.put("eds.json", [DiscoveredProxy.endpoints("a", [expected.port])], version: "\(round + 2)")
            #expect(becomes(round % 2 == 0 ? "second" : "first", port))
        }
        try folder.put("eds.json", "{ this is no JSON")
        let counters = { (try? AdminClient.counters(port: admin)) ?? [:] }
        // Envoy counts the endpoints of each cluster.
        let scope = kind == .heddle ? "eds" : "cluster.a"
        #expect(Deadline(seconds: 20).polls(every: 20) { counters()["\(scope).update_failure"] == 1 })
        #expect(counters()["\(scope).update_rejected"] == 0)
        #expect(answer(port) == "second")
        try folder.put("eds.json", [DiscoveredProxy.endpoints("a", [first.port])], version: "9")
        #expect(becomes("first", port))
        // A file without anything in it, as it is for a moment when it is written in place, takes nothing away.
        try folder.put("cds.json", "")
        #expect(
            Deadline(seconds: 20).polls(every: 20) { counters()["cluster_manager.cds.update_failure"] == 1 })
        #expect(answer(port) == "first" && counters()["cluster_manager.active_clusters"] == 1)
    }

    @Test("files of a folder as Kubernetes mounts it change together", arguments: kinds)
    func kubernetes(kind: ProxyProcess.Kind) throws {
        let folder = try Folder()
        let hosts = ["first", "second"].map { name in RecordingUpstream { _ in .reply(200, body: name) } }
        let (port, admin) = (Loopback.freePort(), Loopback.freePort())
        func files(_ number: Int) throws -> [String: String] {
            let host = hosts[number % 2].port
            let cluster: [String: Any] = [
                "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster", "name": "c\(number)", "connect_timeout": "1s",
                "load_assignment": [
                    "cluster_name": "c\(number)",
                    "endpoints": [["lb_endpoints": [["endpoint": ["address": DiscoveredProxy.address(host)]]]]],
                ],
            ]
            var listener = DiscoveredProxy.listener(port: port)
            var routes = DiscoveredProxy.routes(to: "c\(number)").filter { $0.key != "@type" }
            // Envoy takes the two files in any order, and would refuse a route to a cluster that is still to come.
            routes["validate_clusters"] = false
            let filter: [String: Any] = [
                "name": "hcm",
                "typed_config": [
                    "@type": DiscoveredProxy.manager, "stat_prefix": "in",
                    "route_config": routes,
                    "http_filters": [["name": "router", "typed_config": ["@type": DiscoveredProxy.router]]],
                ],
            ]
            listener["filter_chains"] = [["filters": [filter]]]
            return try ["cds.json": cluster, "lds.json": listener].mapValues { resource in
                let response: [String: Any] = ["version_info": "\(number)", "resources": [resource]]
                return String(decoding: try JSONSerialization.data(withJSONObject: response), as: UTF8.self)
            }
        }
        let mount = try KubernetesFolder(folder.path + "/mount", try files(0))
        let source = { (file: String) in
            "{path_config_source: {path: \(mount.path)/\(file), watched_directory: {path: \(mount.path)}}, resource_api_version: V3}"
        }
        let proxy = try ProxyProcess(
            kind,
            config: """
                node: {id: node, cluster: test}
                admin: {address: {socket_address: {address: \(Loopback.address), port_value: \(admin)}}}
                dynamic_resources: {lds_config: \(source("lds.json")), cds_config: \(source("cds.json"))}
                """, ports: [admin])
        defer { proxy.stop() }
        #expect(becomes("first", port))
        for number in 1...4 {
            try mount.replace(try files(number))
            #expect(becomes(number % 2 == 1 ? "second" : "first", port), "change \(number)")
        }
    }

    @Test(
        "clusters, endpoints, listeners and routes may each have a stream of their own",
        arguments: DiscoveredProxy.Sources.allCases)
    func separate(sources: DiscoveredProxy.Sources) throws {
        let peer = try ControlPlanePeer()
        let upstream = RecordingUpstream { _ in .reply(200, body: "separate") }
        let (port, admin) = (Loopback.freePort(), Loopback.freePort())
        let api: [String: Any] = [
            "resource_api_version": "V3",
            "api_config_source": [
                "api_type": sources.rawValue, "transport_api_version": "V3",
                "grpc_services": [["envoy_grpc": ["cluster_name": "xds"]]],
            ],
        ]
        var cluster = DiscoveredProxy.cluster("a")
        cluster["eds_cluster_config"] = ["eds_config": api]
        var listener = DiscoveredProxy.listener(port: port)
        let filter: [String: Any] = [
            "name": "hcm",
            "typed_config": [
                "@type": DiscoveredProxy.manager, "stat_prefix": "in",
                "rds": ["route_config_name": "routes", "config_source": api],
                "http_filters": [["name": "router", "typed_config": ["@type": DiscoveredProxy.router]]],
            ],
        ]
        listener["filter_chains"] = [["filters": [filter]]]
        try peer.set([
            cluster, DiscoveredProxy.endpoints("a", [upstream.port]), DiscoveredProxy.routes(to: "a"), listener,
        ])
        let source = """
            {resource_api_version: V3, api_config_source: {api_type: \(sources.rawValue), transport_api_version: V3, \
            grpc_services: [{envoy_grpc: {cluster_name: xds}}]}}
            """
        let config = DiscoveredProxy.bootstrap(sources, peer, admin: admin)
            .replacingOccurrences(
                of: "lds_config: {ads: {}, resource_api_version: V3, initial_fetch_timeout: 15s}",
                with: "lds_config: \(source)"
            )
            .replacingOccurrences(
                of: "cds_config: {ads: {}, resource_api_version: V3, initial_fetch_timeout: 15s}",
                with: "cds_config: \(source)"
            )
            .replacingOccurrences(
                of:
                    "  ads_config:\n    api_type: \(sources.rawValue)\n    transport_api_version: V3\n    set_node_on_first_message_only: true\n    grpc_services: [{envoy_grpc: {cluster_name: xds}}]\n",
                with: "")
        #expect(!config.contains("ads"))
        let proxy = try ProxyProcess(.heddle, config: config, ports: [admin])
        defer { proxy.stop() }
        #expect(becomes("separate", port))
        #expect(try peer.state().number("streams") == 4)
    }

    @Test("a control plane at a unix socket")
    func unixSocket() throws {
        let folder = try Folder()
        let peer = try ControlPlanePeer(["--unix", folder.path + "/xds"])
        let upstream = RecordingUpstream { _ in .reply(200, body: "by unix socket") }
        let (port, admin) = (Loopback.freePort(), Loopback.freePort())
        try peer.set([
            DiscoveredProxy.cluster("a"), DiscoveredProxy.endpoints("a", [upstream.port]),
            DiscoveredProxy.routes(to: "a"),
            DiscoveredProxy.listener(port: port),
        ])
        let proxy = try ProxyProcess(
            .heddle,
            config: DiscoveredProxy.bootstrap(
                .delta, controlPlane: "{pipe: {path: \(folder.path)/xds}}", admin: admin), ports: [admin])
        defer { proxy.stop() }
        #expect(becomes("by unix socket", port))
        #expect(try peer.wait { $0.kind == "stream" }.text("peer")?.hasPrefix("unix:") == true)
    }

    /// Where a proxy has the keys and authorities from by which it reaches its control plane.
    enum Keys: CaseIterable, Sendable {
        case files, staticSecrets, secretFile
    }

    private static func context(_ keys: Keys, _ folder: Folder, authority: String) throws -> (context: String, secrets: String) {
        let certificate =
            "certificate_chain: {filename: \(folder.path)/client.pem}, private_key: {filename: \(folder.path)/client.key}"
        let trusted = "trusted_ca: {filename: \(folder.path)/\(authority)}"
        let file = "path_config_source: {path: \(folder.path)/secrets.yaml}, resource_api_version: V3"
        func named(_ source: String) -> String {
            "tls_certificate_sds_secret_configs: [{name: client\(source)}], "
                + "validation_context_sds_secret_config: {name: server\(source)}"
        }
        switch keys {
        case .files: return ("tls_certificates: [{\(certificate)}], validation_context: {\(trusted)}", "")
        case .staticSecrets:
            return (
                named(""),
                "\n  secrets: [{name: client, tls_certificate: {\(certificate)}}, {name: server, validation_context: {\(trusted)}}]"
            )
        case .secretFile:
            let type = "\"@type\": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"
            try folder.put(
                "secrets.yaml",
                """
                resources:
                - {\(type), name: client, tls_certificate: {\(certificate)}}
                - {\(type), name: server, validation_context: {\(trusted)}}
                """)
            return (named(", sds_config: {\(file)}"), "")
        }
    }

    @Test(
        "a control plane behind TLS that asks for a certificate; one with another certificate is not spoken to",
        arguments: Keys.allCases)
    func mutualTLS(keys: Keys) throws {
        let folder = try Folder()
        let server = TestCertificate(commonName: "control-plane")
        let client = TestCertificate(commonName: "proxy")
        let other = TestCertificate(commonName: "other")
        try folder.put("server.pem", server.certificate)
        try folder.put("server.key", server.key)
        try folder.put("client.pem", client.certificate)
        try folder.put("client.key", client.key)
        try folder.put("other.pem", other.certificate)
        let peer = try ControlPlanePeer([
            "--cert", folder.path + "/server.pem", "--key", folder.path + "/server.key", "--client-ca",
            folder.path + "/client.pem",
        ])
        let upstream = RecordingUpstream { _ in .reply(200, body: "by TLS") }
        for (authority, succeeds) in [("other.pem", false), ("server.pem", true)] {
            let (port, admin) = (Loopback.freePort(), Loopback.freePort())
            try peer.set([
                DiscoveredProxy.cluster("a"), DiscoveredProxy.endpoints("a", [upstream.port]),
                DiscoveredProxy.routes(to: "a"), DiscoveredProxy.listener(port: port),
            ])
            let mark = peer.mark
            let (context, secrets) = try Self.context(keys, folder, authority: authority)
            let socket = """
                    transport_socket:
                      name: tls
                      typed_config:
                        "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
                        sni: control-plane
                        common_tls_context: {\(context)}\(secrets)
                """
            let proxy = try ProxyProcess(
                .heddle,
                config: DiscoveredProxy.bootstrap(
                    .stateOfTheWorld,
                    controlPlane: "{socket_address: {address: 127.0.0.1, port_value: \(peer.port)}}", admin: admin,
                    fetchTimeout: "1s", transportSocket: socket), ports: [admin])
            defer { proxy.stop() }
            if succeeds {
                #expect(becomes("by TLS", port))
            } else {
                #expect(
                    Deadline(seconds: 20).polls(every: 20) { proxy.output.contains("certificate is rejected") })
                #expect(!peer.told(after: mark).contains { $0.kind == "stream" })
                #expect(WireClient(port: port) == nil)
            }
        }
    }
}
