extension ConfigValidator {
    /// Where configuration comes from, and whether it can be reached from here.
    mutating func validateDynamicResources(_ bootstrap: Envoy_Config_Bootstrap_V3_Bootstrap) {
        let dynamic = bootstrap.dynamicResources
        let path = ConfigPath().field("dynamic_resources")
        hasADS = dynamic.hasAdsConfig
        staticClusters = Dictionary(
            bootstrap.staticResources.clusters.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        if dynamic.hasAdsConfig { validate(dynamic.adsConfig, path.field("ads_config")) }
        if dynamic.hasLdsConfig { validate(dynamic.ldsConfig, path.field("lds_config")) }
        if dynamic.hasCdsConfig { validate(dynamic.cdsConfig, path.field("cds_config")) }
        // What is not static cannot be known here.
        if dynamic.hasCdsConfig { clusters = nil }
    }

    /// One source.
    mutating func validate(_ source: Envoy_Config_Core_V3_ConfigSource, _ path: ConfigPath) {
        switch source.configSourceSpecifier {
        case .ads?:
            if hasADS == false { fail(path.field("ads"), "needs dynamic_resources.ads_config") }
        case .apiConfigSource(let api)?: validate(api, path.field("api_config_source"))
        case .path(let file)?:
            if file.isEmpty { fail(path.field("path"), "must not be empty") }
        case .pathConfigSource?, nil: break
        }
    }

    /// A source that is asked over gRPC.
    mutating func validate(_ api: Envoy_Config_Core_V3_ApiConfigSource, _ path: ConfigPath) {
        if api.apiType == .deprecatedAndUnavailableDoNotUse {
            fail(path.field("api_type"), "must be GRPC or DELTA_GRPC")
        }
        if api.transportApiVersion != .v3 {
            fail(path.field("transport_api_version"), "must be V3; there is no other version any more")
        }
        guard api.grpcServices.count == 1, let service = api.grpcServices.first else {
            return fail(path.field("grpc_services"), "must hold exactly one service, found \(api.grpcServices.count)")
        }
        let path = path.field("grpc_services").index(0)
        for (index, field) in service.initialMetadata.enumerated() where field.key.hasPrefix(":") {
            fail(path.field("initial_metadata").index(index).field("key"), "cannot be a pseudo-header")
        }
        guard case .envoyGrpc(let target)? = service.targetSpecifier, let staticClusters else { return }
        let place = path.field("envoy_grpc").field("cluster_name")
        guard let cluster = staticClusters[target.clusterName] else {
            let nearest = NearestName.find(target.clusterName, among: staticClusters.keys.sorted())
            return fail(
                place,
                "static_resources.clusters has no \"\(target.clusterName)\""
                    + (nearest.map { "; did you mean \"\($0)\"?" } ?? ""))
        }
        if cluster.type == .eds {
            fail(place, "\"\(target.clusterName)\" is an EDS cluster: who is asked for endpoints cannot wait for them")
        } else if cluster.loadAssignment.endpoints.allSatisfy(\.lbEndpoints.isEmpty) {
            fail(place, "\"\(target.clusterName)\" has no endpoints: nobody can be asked")
        }
        if !cluster.transportSocketMatches.isEmpty {
            fail(place, "\"\(target.clusterName)\" has transport_socket_matches: a control plane is reached over one transport socket")
        }
        validateSecrets(of: cluster, place)
    }

    /// The secrets of a cluster through which a control plane is asked.
    private mutating func validateSecrets(of cluster: Envoy_Config_Cluster_V3_Cluster, _ path: ConfigPath) {
        typealias Context = Envoy_Extensions_TransportSockets_Tls_V3_UpstreamTlsContext
        // What cannot be read is refused with the cluster itself.
        let context: Context? = try? cluster.transportSocket.typedConfig.unpack()
        for secret in context?.commonTlsContext.secretConfigs ?? [] where secret.hasSdsConfig {
            switch secret.sdsConfig.configSourceSpecifier {
            case .path?, .pathConfigSource?: break
            case .ads?, .apiConfigSource?, nil:
                fail(
                    path,
                    "\"\(cluster.name)\" has its secret \"\(secret.name)\" from a control plane; expected static_resources.secrets "
                        + "or a file (path_config_source)")
            }
        }
    }

    /// Where an EDS cluster has its endpoints from.
    mutating func validateDiscovery(_ cluster: Envoy_Config_Cluster_V3_Cluster, _ path: ConfigPath) {
        let eds = path.field("eds_cluster_config")
        guard cluster.type == .eds else {
            if cluster.hasEdsClusterConfig { fail(eds, "only a cluster of type EDS can have it") }
            return
        }
        if cluster.hasLoadAssignment {
            fail(path.field("load_assignment"), "a cluster of type EDS has its endpoints from eds_cluster_config")
        }
        guard cluster.hasEdsClusterConfig, cluster.edsClusterConfig.hasEdsConfig else {
            return fail(eds.field("eds_config"), "a cluster of type EDS needs it")
        }
        validate(cluster.edsClusterConfig.edsConfig, eds.field("eds_config"))
    }

    /// Endpoints that came by themselves.
    mutating func validate(assignment: Envoy_Config_Endpoint_V3_ClusterLoadAssignment) {
        if assignment.clusterName.isEmpty { fail(ConfigPath().field("cluster_name"), "must not be empty") }
        validate(
            assignment.endpoints, ConfigPath().field("endpoints"),
            names: .refused("endpoints from a source have IP addresses"))
    }

    /// A secret.
    mutating func validate(_ secret: Envoy_Extensions_TransportSockets_Tls_V3_Secret, _ path: ConfigPath) {
        if case .tlsCertificate(let certificate)? = secret.type {
            validate(certificate, path.field("tls_certificate"))
        }
    }
}
