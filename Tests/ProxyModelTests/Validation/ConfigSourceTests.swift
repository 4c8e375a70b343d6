import ProxyModel
import SwiftProtobuf
import Testing

/// Where configuration may come from, and what of it is refused by name.
@Suite struct ConfigSourceTests {
    private static let ads = """
        ads_config: {api_type: GRPC, transport_api_version: V3, grpc_services: [{envoy_grpc: {cluster_name: xds}}]}
        """
    private static let cluster =
        "{name: xds, load_assignment: {cluster_name: xds, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 1}}}}]}]}}"

    private func problems(_ dynamic: String, clusters: String = ConfigSourceTests.cluster, more: String = "") -> [String] {
        let text = """
            node: {id: n, cluster: c}
            dynamic_resources: {\(dynamic)}
            static_resources: {clusters: [\(clusters)]}
            \(more)
            """
        do {
            _ = try ConfigDecoder.decodeBootstrap(text, file: "f.yaml")
            return []
        } catch {
            return error.errors.map { "\($0.path): \($0.message)" }
        }
    }

    @Test(
        "sources that work",
        arguments: [
            "\(ads), cds_config: {ads: {}}, lds_config: {ads: {}, initial_fetch_timeout: 0s}",
            ads.replacing("GRPC", with: "DELTA_GRPC", maxReplacements: 1),
            "cds_config: {path_config_source: {path: /etc/cds.yaml, watched_directory: {path: /etc}}}",
            "lds_config: {path: /etc/lds.yaml}",
            "cds_config: {api_config_source: {api_type: GRPC, transport_api_version: V3, set_node_on_first_message_only: true, rate_limit_settings: {max_tokens: 5, fill_rate: 0.5}, grpc_services: [{envoy_grpc: {cluster_name: xds, authority: a}, timeout: 1s, initial_metadata: [{key: k, value: v}]}]}}",
        ])
    func good(dynamic: String) {
        #expect(problems(dynamic) == [])
    }

    @Test(
        "what is not supported, or cannot work, is named",
        arguments: [
            (
                "cds_config: {ads: {}}", "dynamic_resources.cds_config.ads: needs dynamic_resources.ads_config"
            ),
            (
                ads.replacing("GRPC", with: "REST"),
                "dynamic_resources.ads_config.api_type: Envoy has the value REST, Heddle does not support it yet"
            ),
            (
                ads.replacing("api_type: GRPC, ", with: ""),
                "dynamic_resources.ads_config.api_type: must be GRPC or DELTA_GRPC"
            ),
            (
                ads.replacing("transport_api_version: V3, ", with: ""),
                "dynamic_resources.ads_config.transport_api_version: must be V3; there is no other version any more"
            ),
            (
                ads.replacing("envoy_grpc: {cluster_name: xds}", with: "google_grpc: {target_uri: x, stat_prefix: y}"),
                "dynamic_resources.ads_config.grpc_services[0].google_grpc: Envoy has this field, Heddle does not support it yet"
            ),
            (
                ads.replacing("[{envoy_grpc: {cluster_name: xds}}]", with: "[]"),
                "dynamic_resources.ads_config.grpc_services: must hold exactly one service, found 0"
            ),
            (
                ads.replacing("name: xds", with: "name: xsd"),
                "dynamic_resources.ads_config.grpc_services[0].envoy_grpc.cluster_name: static_resources.clusters has no \"xsd\"; did you mean \"xds\"?"
            ),
            (
                "cds_config: {self: {}}",
                "dynamic_resources.cds_config.self: Envoy has this field, Heddle does not support it yet"
            ),
            (
                "cds_config: {resource_api_version: V3}",
                "dynamic_resources.cds_config: one of path, path_config_source, api_config_source, ads must be set"
            ),
            (
                "cds_config: {path_config_source: {path: \"\"}}",
                "dynamic_resources.cds_config.path_config_source.path: must not be empty"
            ),
            (
                "cds_config: {api_config_source: {api_type: GRPC, transport_api_version: V3, rate_limit_settings: {fill_rate: 0}, grpc_services: [{envoy_grpc: {cluster_name: xds}}]}}",
                "dynamic_resources.cds_config.api_config_source.rate_limit_settings.fill_rate: must be above 0, found 0"
            ),
        ])
    func bad(dynamic: String, message: String) {
        #expect(problems(dynamic) == [message])
    }

    @Test("who is asked for endpoints cannot wait for them")
    func circle() {
        #expect(
            problems(Self.ads, clusters: "{name: xds, type: EDS, eds_cluster_config: {eds_config: {ads: {}}}}")
                == [
                    "dynamic_resources.ads_config.grpc_services[0].envoy_grpc.cluster_name: \"xds\" is an EDS cluster: who is asked for endpoints cannot wait for them"
                ])
    }

    @Test(
        "keys for a control plane come from the bootstrap or from a file, for nobody else can be asked yet",
        arguments: [
            ("{ads: {}}", false), ("{path_config_source: {path: /etc/keys.yaml}}", true), ("{path: /etc/keys.yaml}", true),
            (
                "{api_config_source: {api_type: GRPC, transport_api_version: V3, grpc_services: [{envoy_grpc: {cluster_name: xds}}]}}",
                false
            ),
        ])
    func controlPlaneSecrets(source: String, isGood: Bool) {
        let socket = """
            {name: tls, typed_config: {"@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext, \
            common_tls_context: {tls_certificate_sds_secret_configs: [{name: key, sds_config: \(source)}]}}}
            """
        let place = "dynamic_resources.ads_config.grpc_services[0].envoy_grpc.cluster_name: \"xds\""
        let cluster = Self.cluster.dropLast() + ", transport_socket: \(socket)}"
        let found = problems(Self.ads, clusters: String(cluster)).filter { $0.hasPrefix(place) }
        let message =
            "\(place) has its secret \"key\" from a control plane; expected static_resources.secrets or a file (path_config_source)"
        #expect(found == (isGood ? [] : [message]))
        let matches = Self.cluster.dropLast() + ", transport_socket_matches: [{name: a, match: {}, transport_socket: \(socket)}]}"
        #expect(
            problems(Self.ads, clusters: String(matches)).contains(
                "\(place) has transport_socket_matches: a control plane is reached over one transport socket"))
    }

    @Test(
        "an EDS cluster has its endpoints from its source and from nowhere else",
        arguments: [
            ("{name: a, type: EDS}", "eds_cluster_config.eds_config: a cluster of type EDS needs it"),
            (
                "{name: a, type: EDS, eds_cluster_config: {eds_config: {ads: {}}}, load_assignment: {cluster_name: a}}",
                "load_assignment: a cluster of type EDS has its endpoints from eds_cluster_config"
            ),
            (
                "{name: a, type: STATIC, eds_cluster_config: {eds_config: {ads: {}}}}",
                "eds_cluster_config: only a cluster of type EDS can have it"
            ),
        ])
    func endpoints(cluster: String, message: String) {
        #expect(
            problems(Self.ads, clusters: "\(Self.cluster), \(cluster)") == ["static_resources.clusters[1].\(message)"])
    }

    @Test("with clusters from elsewhere a route may name one that is not static")
    func dynamicClusters() throws {
        let text = try Fixture.text("minimal.yaml").replacing("route: { cluster: backend }", with: "route: { cluster: later }")
        let dynamic = "dynamic_resources: {cds_config: {path: /etc/cds.yaml}}\n"
        #expect(throws: ConfigErrors.self) { try ConfigDecoder.decodeBootstrap(text, file: "f.yaml") }
        _ = try ConfigDecoder.decodeBootstrap(dynamic + text, file: "f.yaml")
    }

    @Test("unknown fields are left aside with a warning where that was asked for, and never where they guard something")
    func unknownFields() throws {
        let text = """
            overload_manager: {refresh_interval: 1s}
            no_such_field: 1
            static_resources: {clusters: [\(Self.cluster)]}
            """
        let decoded = try ConfigDecoder.decodeBootstrap(
            [ConfigSource(text: text, file: "f.yaml")], unknownFields: .leftAside)
        #expect(decoded.warnings.map { "\($0.path)" } == ["overload_manager", "no_such_field"])
        #expect(throws: ConfigErrors.self) { try ConfigDecoder.decodeBootstrap(text, file: "f.yaml") }
        let guarded = text.replacing("{name: xds,", with: "{name: xds, transport_socket_matcher: {},")
        #expect(throws: ConfigErrors.self) {
            try ConfigDecoder.decodeBootstrap([ConfigSource(text: guarded, file: "f.yaml")], unknownFields: .leftAside)
        }
    }
}

/// Single resources in binary form.
@Suite struct ResourceCheckerTests {
    private func problem(_ type: ResourceType, _ body: [UInt8]) -> String? {
        var ignored: [String] = []
        return ResourceChecker().problem(type, body, ignored: &ignored)
    }

    @Test("the types have Envoy's URLs, and others are none of ours")
    func urls() {
        for type in ResourceType.allCases { #expect(ResourceType(typeURL: type.typeURL) == type) }
        #expect(ResourceType.cluster.typeURL == "type.googleapis.com/envoy.config.cluster.v3.Cluster")
        #expect(ResourceType(typeURL: "type.googleapis.com/envoy.config.route.v3.ScopedRouteConfiguration") == nil)
        #expect(ResourceType(typeURL: "envoy.config.cluster.v3.Cluster") == nil)
    }

    @Test("bytes that are no resource are refused, cut anywhere, and never trap")
    func hostile() throws {
        let cluster = Envoy_Config_Cluster_V3_Cluster.with {
            $0.name = "a"
            $0.connectTimeout.seconds = 1
            $0.loadAssignment.clusterName = "a"
        }
        let bytes: [UInt8] = try cluster.serializedBytes()
        #expect(problem(.cluster, bytes) == nil)
        for count in 0..<bytes.count {
            // Some beginnings are whole messages by themselves; none may trap.
            _ = problem(.cluster, Array(bytes[..<count]))
            for type in ResourceType.allCases { _ = problem(type, Array(bytes[count...])) }
        }
        #expect(problem(.cluster, [0xFF, 0xFF]) == "the bytes are no envoy.config.cluster.v3.Cluster")
        // A varint of eleven bytes, a length past the end, a group.
        for hostile in [[0x08] + Array(repeating: 0x80, count: 10) + [0x01], [0x0A, 0x7F, 0x61], [0x0B, 0x0C]] as [[UInt8]] {
            #expect(problem(.cluster, hostile) == "the bytes are no envoy.config.cluster.v3.Cluster")
        }
    }

    @Test("a name is read without the rest, and the last one counts")
    func names() {
        #expect(ResourceChecker.name([0x0A, 0x01, 0x61]) == "a")
        #expect(ResourceChecker.name([0x0A, 0x01, 0x61, 0x0A, 0x01, 0x62]) == "b")
        #expect(ResourceChecker.name([]) == nil)
        #expect(ResourceChecker.name([0x0A, 0x02, 0x61]) == nil)
        #expect(ResourceChecker.name([0x0A, 0x01, 0xFF]) == nil)
        #expect(ResourceChecker.name([0x08, 0x01]) == nil)
    }

    @Test("endpoints from a source have addresses, not names")
    func endpointNames() throws {
        var assignment = Envoy_Config_Endpoint_V3_ClusterLoadAssignment()
        assignment.clusterName = "a"
        let socket = Envoy_Config_Core_V3_SocketAddress.with {
            $0.address = "a.name"
            $0.portValue = 1
        }
        assignment.endpoints = [.with { $0.lbEndpoints = [.with { $0.endpoint.address.socketAddress = socket }] }]
        let text = problem(.clusterLoadAssignment, try assignment.serializedBytes())
        #expect(text?.contains("expected an IP address, found \"a.name\"; endpoints from a source have IP addresses") == true)
    }
}
