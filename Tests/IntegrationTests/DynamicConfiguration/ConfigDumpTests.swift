import Foundation
import TestKit
import Testing

private let canRun = ControlPlanePeer.interpreter != nil && ProxyProcess.Kind.heddle.program != nil

/// `/config_dump` is read with Envoy's own messages, strictly, and has no key in it, whichever way the key came.
@Suite(
    "The dump of the configuration", .serialized,
    .enabled(if: canRun, "no heddle-proxy is built, or no Python with grpcio: make setup"))
struct ConfigDumpTests {
    static let kinds = [ProxyProcess.Kind.heddle, .envoy].filter { $0.program != nil }
    private static let tls = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3"
    private static var ads: [String: Any] { ["ads": [String: Any](), "resource_api_version": "V3"] }

    private struct Scene {
        let inListener = TestCertificate(commonName: "in-listener")
        let inCluster = TestCertificate(commonName: "in-cluster")
        let inBootstrap = TestCertificate(commonName: "in-bootstrap")
        let bySecret = TestCertificate(commonName: "by-secret")
        let refused = TestCertificate(commonName: "refused")
        let port = Loopback.freePort()
        let fixed = Loopback.freePort()
        let admin = Loopback.freePort()
        let upstream = RecordingUpstream { _ in .reply(200, body: "hello") }
        let peer: ControlPlanePeer
        let proxy: ProxyProcess

        init(_ kind: ProxyProcess.Kind) throws {
            peer = try ControlPlanePeer()
            var cluster = DiscoveredProxy.cluster("a")
            cluster["transport_socket"] = Self.socket("UpstreamTlsContext", inline: inCluster)
            var secured = DiscoveredProxy.listener("secured", port: port)
            secured["filter_chains"] = Self.chains(secured, Self.socket("DownstreamTlsContext", inline: inListener))
            var named = DiscoveredProxy.listener("named", port: Loopback.freePort())
            named["filter_chains"] = Self.chains(named, Self.socket("DownstreamTlsContext", names: ["present", "absent"]))
            var fetched = DiscoveredProxy.listener("fetched", port: Loopback.freePort())
            fetched["filter_chains"] = Self.chains(fetched, Self.socket("DownstreamTlsContext", names: ["present"]))
            let present: [String: Any] = [
                "@type": ConfigDumpTests.tls + ".Secret", "name": "present", "tls_certificate": Self.pair(bySecret),
            ]
            try peer.set([
                cluster, DiscoveredProxy.cluster("b"), DiscoveredProxy.endpoints("a", [upstream.port]),
                DiscoveredProxy.endpoints("b", [upstream.port]), DiscoveredProxy.routes(to: "b"), secured, named, fetched, present,
            ])
            let own = Self.fixedListener(port: fixed, pair: inBootstrap)
            let config = DiscoveredProxy.bootstrap(.delta, peer, admin: admin, fetchTimeout: "0s") + own
            proxy = try ProxyProcess(kind, config: config, ports: [admin, port])
        }

        static func pair(_ pair: TestCertificate) -> [String: Any] {
            ["certificate_chain": ["inline_string": pair.certificate], "private_key": ["inline_string": pair.key]]
        }

        private static func socket(_ type: String, inline: TestCertificate) -> [String: Any] {
            socket(type, ["tls_certificates": [pair(inline)]])
        }

        private static func socket(_ type: String, names: [String]) -> [String: Any] {
            socket(type, ["tls_certificate_sds_secret_configs": names.map { ["name": $0, "sds_config": ConfigDumpTests.ads] }])
        }

        private static func socket(_ type: String, _ common: [String: Any]) -> [String: Any] {
            [
                "name": "envoy.transport_sockets.tls",
                "typed_config": ["@type": "\(ConfigDumpTests.tls).\(type)", "common_tls_context": common] as [String: Any],
            ]
        }

        private static func chains(_ listener: [String: Any], _ socket: [String: Any]) -> [[String: Any]] {
            (listener["filter_chains"] as? [[String: Any]] ?? []).map { $0.merging(["transport_socket": socket]) { _, new in new } }
        }

        /// A static listener with a key of its own, beside what comes from the control plane.
        private static func fixedListener(port: UInt16, pair: TestCertificate) -> String {
            func indented(_ text: String) -> String { text.split(separator: "\n").map { "                    " + $0 }.joined(separator: "\n") }
            return """

                  listeners:
                  - name: fixed
                    address: {socket_address: {address: \(Loopback.address), port_value: \(port)}}
                    filter_chains:
                    - filters: [{name: tcp, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy, stat_prefix: fixed, cluster: xds}}]
                      transport_socket:
                        name: tls
                        typed_config:
                          "@type": \(ConfigDumpTests.tls).DownstreamTlsContext
                          common_tls_context:
                            tls_certificates:
                            - certificate_chain:
                                inline_string: |
                \(indented(pair.certificate))
                              private_key:
                                inline_string: |
                \(indented(pair.key))
                """
        }

        /// What each refused resource makes of itself: a cluster that is bad and new, one that was good before, a listener,
        /// routes, endpoints and a secret with a key.
        func refuse() throws {
            // First there must be something good, which a refusal stands beside.
            let path = "/config_dump?resource=dynamic_active_secrets"
            let isThere = { (try? AdminClient.get(path, port: admin).contains("\"present\"")) == true }
            #expect(Deadline(seconds: 20).polls(every: 20, isThere))
            var fresh = DiscoveredProxy.cluster("fresh", connectTimeout: "0s")
            fresh["transport_socket"] = Self.socket("UpstreamTlsContext", inline: refused)
            var listener = DiscoveredProxy.listener("in", port: Loopback.freePort())
            listener["address"] = ["socket_address": ["address": "a.name", "port_value": 1]]
            var routes = DiscoveredProxy.routes(to: "b")
            routes["virtual_hosts"] = [["name": "", "domains": ["*"]]]
            var endpoints = DiscoveredProxy.endpoints("b", [1])
            endpoints["endpoints"] = [["priority": 500]]
            let secret: [String: Any] = [
                "@type": ConfigDumpTests.tls + ".Secret", "name": "present",
                "tls_certificate": ["certificate_chain": ["inline_string": bySecret.certificate], "private_key": ["inline_string": refused.key]],
            ]
            let mark = try peer.set([fresh, DiscoveredProxy.cluster("b", connectTimeout: "0s"), listener, routes, endpoints, secret])
            for type in ["cds", "lds", "rds", "eds", "sds"] {
                try peer.wait(after: mark) { $0.isRequest && $0.type == type && $0.text("error") != nil }
            }
        }

        var keys: [TestCertificate] { [inListener, inCluster, inBootstrap, bySecret, refused] }
    }

    /// What the strict reader says of pages: the status, then the parsed page or what is wrong with it.
    private func read(_ paths: [String], _ admin: UInt16) throws -> [[String: Any]] {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: try #require(ControlPlanePeer.interpreter))
        process.arguments = [ProxyProcess.root + "/Tests/Peers/read_config_dump.py", Loopback.address, "\(admin)"] + paths
        process.standardOutput = output
        try process.run()
        let data = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        return try #require(try JSONSerialization.jsonObject(with: data) as? [[String: Any]])
    }

    static let queries = [
        "", "?include_eds", "?resource=dynamic_listeners", "?resource=dynamic_active_clusters&mask=cluster.name",
        "?resource=static_clusters&mask=cluster.name,last_updated&name_regex=x.*", "?resource=dynamic_endpoint_configs",
        "?resource=dynamic_endpoint_configs&include_eds&name_regex=b", "?mask=static_listeners,version_info",
        "?mask=bootstrap.node.id,bootstrap.admin", "?mask=", "?mask=nope", "?resource=nope", "?resource=bootstrap",
        "?resource=version_info", "?resource=static_clusters&mask=nope", "?resource=static_clusters&mask=cluster.nope",
        "?resource=static_clusters&mask=cluster.load_assignment.endpoints.lb_endpoints", "?name_regex=(",
        "?mask=static_listeners.listener", "?name_regex=nothing&resource=static_clusters",
    ]

    @Test("every form of the page has the shape of Envoy's messages, and queries the same answers", arguments: kinds)
    func shape(kind: ProxyProcess.Kind) throws {
        let scene = try Scene(kind)
        defer { scene.proxy.stop() }
        #expect(Deadline(seconds: 20).polls(every: 20) { (try? AdminClient.get("/config_dump", port: scene.admin).contains("\"dynamic_active_secrets\"")) == true })
        let pages = try read(Self.queries.map { "/config_dump" + $0 }, scene.admin)
        for (query, page) in zip(Self.queries, pages) { #expect(page["problem"] as? String == nil, "\(query): \(page)") }
        #expect(pages.map { $0["status"] as? Int } == [
            200, 200, 200, 200, 200, 404, 200, 200, 200, 200, 400, 404, 400, 400, 400, 400, 400, 400, 400, 200,
        ])
        func configs(_ index: Int) -> [[String: Any]] { (pages[index]["page"] as? [String: Any])?["configs"] as? [[String: Any]] ?? [] }
        func type(_ config: [String: Any]) -> String { (config["@type"] as? String ?? "").components(separatedBy: "v3.").last ?? "" }
        #expect(configs(0).map(type).filter { $0 != "EcdsConfigDump" && $0 != "ScopedRoutesConfigDump" } == [
            "BootstrapConfigDump", "ClustersConfigDump", "ListenersConfigDump", "RoutesConfigDump", "SecretsConfigDump",
        ])
        #expect(configs(3).map { ($0["cluster"] as? [String: Any])?.keys.sorted() } == [["@type", "name"], ["@type", "name"]])
        #expect(configs(3).map(type) == ["ClustersConfigDump.DynamicCluster", "ClustersConfigDump.DynamicCluster"])
        #expect(configs(4).map { $0.keys.sorted() } == [["@type", "cluster", "last_updated"]])
        #expect(configs(6).count == 1)
        #expect(Set((configs(8).first?["bootstrap"] as? [String: Any] ?? [:]).keys) == ["node", "admin"])
        #expect(pages[10]["text"] as? String == "FieldMask nope could not be successfully applied to any configs.")
        #expect(pages[12]["text"] as? String == "bootstrap is not a repeated field. Use ?mask=bootstrap to get only this field")
        // The secret that has not come is one that warms.
        let secrets = configs(0).first { type($0) == "SecretsConfigDump" } ?? [:]
        func names(_ list: String) -> [String] { (secrets[list] as? [[String: Any]] ?? []).compactMap { $0["name"] as? String } }
        #expect(names("dynamic_active_secrets") == ["present"])
        #expect(names("dynamic_warming_secrets") == ["absent"])
    }

    @Test("what is refused stands in error_state, whatever it is")
    func refusals() throws {
        let scene = try Scene(.heddle)
        defer { scene.proxy.stop() }
        try scene.refuse()
        let page = try read(["/config_dump?include_eds"], scene.admin)[0]
        #expect(page["problem"] as? String == nil, "\(page)")
        let configs = (page["page"] as? [String: Any])?["configs"] as? [[String: Any]] ?? []
        func refused(_ list: String) -> [String] {
            configs.flatMap { $0[list] as? [[String: Any]] ?? [] }.compactMap { item in
                guard let error = item["error_state"] as? [String: Any], item["client_status"] as? String == "NACKED",
                    let failed = error["failed_configuration"] as? [String: Any], (error["details"] as? String)?.isEmpty == false
                else { return nil }
                return failed["name"] as? String ?? failed["cluster_name"] as? String
            }
        }
        #expect(refused("dynamic_active_clusters") == ["b"])
        #expect(refused("dynamic_warming_clusters") == ["fresh"])
        #expect(refused("dynamic_listeners") == ["in"])
        #expect(refused("dynamic_route_configs") == ["routes"])
        #expect(refused("dynamic_endpoint_configs") == ["b"])
        #expect(refused("dynamic_active_secrets") == ["present"])
    }

    @Test("no page has a key, whether it came in a listener, a cluster, the bootstrap or a secret, or was refused")
    func redaction() throws {
        let scene = try Scene(.heddle)
        defer { scene.proxy.stop() }
        try scene.refuse()
        let pages = ["/config_dump", "/config_dump?include_eds", "/certs", "/clusters", "/clusters?format=json", "/listeners", "/init_dump", "/server_info", "/stats"]
            + ["bootstrap", "static_listeners", "dynamic_listeners"].map { "/config_dump?mask=" + $0 }
            + ["static_listeners", "dynamic_listeners", "dynamic_active_clusters", "dynamic_active_secrets"].map { "/config_dump?resource=" + $0 }
        var text = ""
        for path in pages { text += try AdminClient.get(path, port: scene.admin) }
        text += scene.proxy.output
        #expect(text.contains("[redacted]"))
        for pair in scene.keys {
            // Any line of the key, for a page may break it in another way.
            for line in pair.key.split(separator: "\n") where !line.hasPrefix("-----") { #expect(!text.contains(line)) }
        }
    }
}
