import SwiftProtobuf

extension ConfigValidator {
    /// Checks a cluster with its endpoints.
    package mutating func validate(_ cluster: Envoy_Config_Cluster_V3_Cluster, _ path: ConfigPath) {
        validateDiscovery(cluster, path)
        validateBalancing(cluster, path)
        validateEndpoints(cluster, path.field("load_assignment").field("endpoints"))
        validateProtocolOptions(cluster, path.field("typed_extension_protocol_options"))
        if cluster.hasTypedDnsResolverConfig {
            validateResolver(cluster.typedDnsResolverConfig, path.field("typed_dns_resolver_config"))
        }
        if cluster.hasTransportSocket { validateUpstream(cluster.transportSocket, path.field("transport_socket")) }
        for (index, match) in cluster.transportSocketMatches.enumerated() {
            let path = path.field("transport_socket_matches").index(index).field("transport_socket")
            if match.hasTransportSocket { validateUpstream(match.transportSocket, path) } else { fail(path, "is required") }
        }
    }

    /// What the type of a cluster and its load balancing have to do with each other.
    private mutating func validateBalancing(_ cluster: Envoy_Config_Cluster_V3_Cluster, _ path: ConfigPath) {
        if (cluster.type == .originalDst) != (cluster.lbPolicy == .clusterProvided) {
            fail(path.field("lb_policy"), "CLUSTER_PROVIDED belongs to clusters of type ORIGINAL_DST, and they to it")
        }
        if cluster.type == .originalDst, cluster.hasLoadAssignment {
            fail(path.field("load_assignment"), "a cluster of type ORIGINAL_DST has no endpoints of its own")
        }
        if case .originalDstLbConfig(let settings)? = cluster.lbConfig {
            let path = path.field("original_dst_lb_config")
            if cluster.type != .originalDst { fail(path, "belongs to clusters of type ORIGINAL_DST") }
            if !settings.httpHeaderName.isEmpty, !settings.useHTTPHeader {
                fail(path.field("http_header_name"), "has no effect without \"use_http_header\"")
            }
        }
        if cluster.hasUpstreamBindConfig {
            let path = path.field("upstream_bind_config").field("source_address")
            let address = cluster.upstreamBindConfig.sourceAddress.address
            if !cluster.upstreamBindConfig.hasSourceAddress {
                fail(path, "is required")
            } else if IPAddressText.version(address) == nil {
                fail(path.field("address"), "expected an IP address, found \"\(address)\"")
            }
        }
    }

    /// What may stand where an address is expected.
    enum Names: Equatable {
        case allowed
        /// With the reason.
        case refused(String)
    }

    /// Checks who is asked for names, and how.
    mutating func validateResolver(_ message: Envoy_Config_Core_V3_TypedExtensionConfig, _ path: ConfigPath) {
        typealias Resolver = Envoy_Extensions_Network_DnsResolver_Cares_V3_CaresDnsResolverConfig
        let path = path.field("typed_config")
        guard let config = unpacked(Resolver.self, message.typedConfig, path) else {
            if !message.typedConfig.holds(Resolver.self) { fail(path, "expected a \(Resolver.protoMessageName)") }
            return
        }
        for (index, address) in config.resolvers.enumerated() {
            let path = path.field("resolvers").index(index).field("socket_address").field("address")
            guard IPAddressText.version(address.socketAddress.address) == nil else { continue }
            fail(path, "expected an IP address, found \"\(address.socketAddress.address)\"")
        }
    }

    private mutating func validateEndpoints(_ cluster: Envoy_Config_Cluster_V3_Cluster, _ path: ConfigPath) {
        let localities = cluster.loadAssignment.endpoints
        if cluster.type == .logicalDns, localities.count != 1 || localities[0].lbEndpoints.count != 1 {
            fail(path, "a LOGICAL_DNS cluster has exactly one endpoint")
        }
        validate(
            localities, path,
            names: cluster.type == .static
                ? .refused("a cluster of type STRICT_DNS or LOGICAL_DNS takes names") : .allowed)
    }

    /// Endpoints by locality.
    mutating func validate(
        _ localities: [Envoy_Config_Endpoint_V3_LocalityLbEndpoints], _ path: ConfigPath, names: Names
    ) {
        for (localityIndex, locality) in localities.enumerated() {
            for (index, endpoint) in locality.lbEndpoints.enumerated() {
                if endpoint.endpoint.hasAddress, case .socketAddress(let socket)? = endpoint.endpoint.address.address,
                    names == .allowed || IPAddressText.version(socket.address) != nil
                {
                    continue
                }
                // The way to it is made only where it is needed: there may be very many.
                let path = path.index(localityIndex).field("lb_endpoints").index(index).field("endpoint").field(
                    "address")
                switch endpoint.endpoint.address.address {
                case .pipe(let pipe)?: validate(pipe, path.field("pipe"))
                case .socketAddress(let socket)?:
                    guard case .refused(let reason) = names else { continue }
                    fail(
                        path.field("socket_address").field("address"),
                        "expected an IP address, found \"\(socket.address)\"; \(reason)")
                case nil:
                    if !endpoint.endpoint.hasAddress { fail(path, "is required") }
                }
            }
        }
    }

    /// The one kind of extension that configures how a cluster speaks to its hosts.
    private mutating func validateProtocolOptions(_ cluster: Envoy_Config_Cluster_V3_Cluster, _ path: ConfigPath) {
        typealias Options = Envoy_Extensions_Upstreams_Http_V3_HttpProtocolOptions
        for (key, config) in cluster.typedExtensionProtocolOptions.sorted(by: { $0.key < $1.key }) {
            let path = path.key(key)
            guard key == Options.protoMessageName else {
                fail(path, "unknown extension; expected the key \"\(Options.protoMessageName)\"")
                continue
            }
            guard let options = unpacked(Options.self, config, path) else { continue }
            validate(
                options.httpFilters, path.field("http_filters"),
                endingWith: Envoy_Extensions_Filters_Http_UpstreamCodec_V3_UpstreamCodec.self, called: "upstream codec")
        }
    }
}
