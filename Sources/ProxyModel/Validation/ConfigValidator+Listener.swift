extension ConfigValidator {
    /// Checks a listener with everything in it.
    package mutating func validate(_ listener: Envoy_Config_Listener_V3_Listener, _ path: ConfigPath) {
        if listener.hasAddress {
            validateBound(listener.address, path.field("address"))
        } else {
            fail(path.field("address"), "is required")
        }
        for (index, additional) in listener.additionalAddresses.enumerated() {
            validateBound(additional.address, path.field("additional_addresses").index(index).field("address"))
        }
        if listener.filterChains.isEmpty, !listener.hasDefaultFilterChain {
            fail(path.field("filter_chains"), "a listener needs a filter chain")
        }
        uniqueMatches(listener.filterChains, path.field("filter_chains"))
        for (index, chain) in listener.filterChains.enumerated() {
            validate(chain, path.field("filter_chains").index(index))
        }
        if listener.hasDefaultFilterChain { validate(listener.defaultFilterChain, path.field("default_filter_chain")) }
    }

    /// Two chains that match the same connections: the second one would never be used.
    private mutating func uniqueMatches(_ chains: [Envoy_Config_Listener_V3_FilterChain], _ path: ConfigPath) {
        var first: [Envoy_Config_Listener_V3_FilterChainMatch: Int] = [:]
        for (index, chain) in chains.enumerated() {
            if let other = first.updateValue(index, forKey: chain.filterChainMatch) {
                fail(
                    path.index(index).field("filter_chain_match"),
                    "matches the same connections as \(path.index(other))")
            }
        }
    }

    private mutating func validate(_ chain: Envoy_Config_Listener_V3_FilterChain, _ path: ConfigPath) {
        validate(chain.filterChainMatch, path.field("filter_chain_match"))
        if chain.hasTransportSocket { validateDownstream(chain.transportSocket, path.field("transport_socket")) }
        for (index, filter) in chain.filters.enumerated() {
            let path = path.field("filters").index(index)
            let isLast = index == chain.filters.count - 1
            guard case .typedConfig(let config)? = filter.configType else {
                fail(path.field("typed_config"), "is required")
                continue
            }
            let isTerminal = Self.terminalNetworkFilters.contains(config.messageName)
            if isTerminal != isLast {
                fail(
                    path,
                    isTerminal
                        ? "this filter must be the last of its chain" : "this filter cannot be the last of its chain")
            }
            validate(network: config, path.field("typed_config"))
        }
    }

    /// The network filters that answer a connection rather than pass it on.
    private static let terminalNetworkFilters = [
        HTTPConnectionManager.protoMessageName, Envoy_Extensions_Filters_Network_TcpProxy_V3_TcpProxy.protoMessageName,
    ]

    private mutating func validate(_ match: Envoy_Config_Listener_V3_FilterChainMatch, _ path: ConfigPath) {
        let ranges = [
            ("prefix_ranges", match.prefixRanges), ("source_prefix_ranges", match.sourcePrefixRanges),
            ("direct_source_prefix_ranges", match.directSourcePrefixRanges),
        ]
        for (name, ranges) in ranges {
            for (index, range) in ranges.enumerated() { validate(range, path.field(name).index(index)) }
        }
        for (index, name) in match.serverNames.enumerated() where name.contains("*") {
            guard !name.hasPrefix("*.") || name.dropFirst().contains("*") else { continue }
            fail(
                path.field("server_names").index(index),
                "a wildcard stands for whole labels at the start, as in \"*.example.com\"")
        }
    }

    /// Checks the configuration of a network filter.
    private mutating func validate(network config: ProtobufAny, _ path: ConfigPath) {
        if let manager = unpacked(HTTPConnectionManager.self, config, path) {
            validate(manager, path)
        } else if let proxy = unpacked(Envoy_Extensions_Filters_Network_TcpProxy_V3_TcpProxy.self, config, path) {
            validate(proxy, path)
        }
    }

    private mutating func validate(_ proxy: Envoy_Extensions_Filters_Network_TcpProxy_V3_TcpProxy, _ path: ConfigPath) {
        switch proxy.clusterSpecifier {
        case .cluster(let name)?:
            requireCluster(name, path.field("cluster"))
        case .weightedClusters(let weighted)?:
            let path = path.field("weighted_clusters").field("clusters")
            for (index, cluster) in weighted.clusters.enumerated() {
                requireCluster(cluster.name, path.index(index).field("name"))
            }
            validateSum(of: weighted.clusters.map { UInt64($0.weight) }, path)
        case nil: break
        }
    }
}
