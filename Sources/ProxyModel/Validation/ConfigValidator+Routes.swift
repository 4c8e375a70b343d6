import SwiftProtobuf

extension ConfigValidator {
    /// Checks a route configuration; `validatesClusters` is what holds when it does not say.
    package mutating func validate(
        _ routes: Envoy_Config_Route_V3_RouteConfiguration, _ path: ConfigPath, validatesClusters: Bool
    ) {
        let known = clusters
        if !(routes.hasValidateClusters ? routes.validateClusters.value : validatesClusters) { clusters = nil }
        defer { clusters = known }
        validateLevel(routes, path)
        uniqueDomains(routes, path)
        let bodyLimit = routes.hasMaxDirectResponseBodySizeBytes ? routes.maxDirectResponseBodySizeBytes.value : 4096
        for (index, host) in routes.virtualHosts.enumerated() {
            let path = path.field("virtual_hosts").index(index)
            validateLevel(host, path)
            for (index, cluster) in host.virtualClusters.enumerated() where cluster.headers.isEmpty {
                fail(path.field("virtual_clusters").index(index).field("headers"), "must not be empty")
            }
            for (index, route) in host.routes.enumerated() {
                validate(route, path.field("routes").index(index), bodyLimit: bodyLimit)
            }
        }
    }

    /// A domain leads to one virtual host. Case does not count.
    private mutating func uniqueDomains(_ routes: Envoy_Config_Route_V3_RouteConfiguration, _ path: ConfigPath) {
        var first: [String: ConfigPath] = [:]
        for (hostIndex, host) in routes.virtualHosts.enumerated() {
            for (index, domain) in host.domains.enumerated() {
                let path = path.field("virtual_hosts").index(hostIndex).field("domains").index(index)
                let domain = domain.lowercased()
                guard let other = first[domain] else {
                    first[domain] = path
                    continue
                }
                fail(path, "the domain \"\(domain)\" is taken by \(other)")
            }
        }
    }

    private mutating func validate(_ route: Envoy_Config_Route_V3_Route, _ path: ConfigPath, bodyLimit: UInt32) {
        validateLevel(route, path)
        switch route.action {
        case .route(let action)?:
            validate(action, path.field("route"))
        case .directResponse(let response)?:
            let size =
                switch response.body.specifier {
                case .inlineString(let text)?: text.utf8.count
                case .inlineBytes(let bytes)?: bytes.count
                default: 0
                }
            if size > Int(bodyLimit) {
                fail(
                    path.field("direct_response").field("body"),
                    "the body has \(size) bytes; max_direct_response_body_size_bytes is \(bodyLimit)")
            }
        case .redirect, nil: break
        }
    }

    private mutating func validate(_ action: Envoy_Config_Route_V3_RouteAction, _ path: ConfigPath) {
        switch action.clusterSpecifier {
        case .cluster(let name)?: requireCluster(name, path.field("cluster"))
        case .weightedClusters(let weighted)?: validate(weighted, path.field("weighted_clusters"))
        case .clusterHeader, .clusterSpecifierPlugin, .inlineClusterSpecifierPlugin, nil: break
        }
        if !action.prefixRewrite.isEmpty, action.hasRegexRewrite {
            fail(path.field("regex_rewrite"), "cannot be set together with \"prefix_rewrite\"")
        }
    }

    private mutating func validate(_ weighted: Envoy_Config_Route_V3_WeightedCluster, _ path: ConfigPath) {
        let path = path.field("clusters")
        for (index, cluster) in weighted.clusters.enumerated() {
            let path = path.index(index)
            if cluster.name.isEmpty == cluster.clusterHeader.isEmpty {
                fail(path, "exactly one of name and cluster_header must be set")
            }
            if !cluster.hasWeight { fail(path.field("weight"), "is required") }
            requireCluster(cluster.name, path.field("name"))
            validateLevel(cluster, path)
        }
        validateSum(of: weighted.clusters.map { UInt64($0.weight.value) }, path)
    }

    /// Weights are shares of their sum, which must be a number of 32 bits above zero.
    mutating func validateSum(of weights: [UInt64], _ path: ConfigPath) {
        let sum = weights.reduce(0, +)
        if sum == 0 { fail(path, "the sum of the weights must be above 0") }
        if sum > UInt64(UInt32.max) { fail(path, "the sum of the weights must be at most \(UInt32.max), found \(sum)") }
    }
}

// MARK: - What stands at every level

/// What the four levels of a route configuration have in common.
private protocol RouteLevel {
    var requestHeadersToAdd: [Envoy_Config_Core_V3_HeaderValueOption] { get }
    var requestHeadersToRemove: [String] { get }
    var responseHeadersToAdd: [Envoy_Config_Core_V3_HeaderValueOption] { get }
    var responseHeadersToRemove: [String] { get }
    var typedPerFilterConfig: [String: ProtobufAny] { get }
}

extension Envoy_Config_Route_V3_RouteConfiguration: RouteLevel {}
extension Envoy_Config_Route_V3_VirtualHost: RouteLevel {}
extension Envoy_Config_Route_V3_Route: RouteLevel {}
extension Envoy_Config_Route_V3_WeightedCluster.ClusterWeight: RouteLevel {}

extension ConfigValidator {
    private mutating func validateLevel(_ level: some RouteLevel, _ path: ConfigPath) {
        validateAdded(level.requestHeadersToAdd, path.field("request_headers_to_add"))
        validateAdded(level.responseHeadersToAdd, path.field("response_headers_to_add"))
        validateRemoved(level.requestHeadersToRemove, path.field("request_headers_to_remove"))
        validateRemoved(level.responseHeadersToRemove, path.field("response_headers_to_remove"))
        for (name, config) in level.typedPerFilterConfig.sorted(by: { $0.key < $1.key }) {
            let path = path.field("typed_per_filter_config").key(name)
            if let wrapped = unpacked(Envoy_Config_Route_V3_FilterConfig.self, config, path),
                !wrapped.hasConfig, !wrapped.disabled
            {
                fail(path, "must hold a config or be disabled")
            }
        }
    }

    /// Checks headers to add; those that route a request have fields of their own.
    mutating func validateAdded(_ options: [Envoy_Config_Core_V3_HeaderValueOption], _ path: ConfigPath) {
        for (index, option) in options.enumerated() {
            let path = path.index(index)
            if Self.isRouting(option.header.key) {
                fail(path.field("header").field("key"), "\"\(option.header.key)\" cannot be added or replaced")
            } else if !option.header.key.isEmpty, !HeaderText.isName(option.header.key, isStrict: true) {
                fail(path.field("header").field("key"), "\"\(option.header.key)\" is no name of a header field: letters, digits and !#$%&'*+-.^_`|~")
            }
            if option.hasAppend, option.appendAction != .appendIfExistsOrAdd {
                fail(path.field("append_action"), "cannot be set together with \"append\"")
            }
        }
    }

    private mutating func validateRemoved(_ names: [String], _ path: ConfigPath) {
        for (index, name) in names.enumerated() where Self.isRouting(name) {
            fail(path.index(index), "\"\(name)\" cannot be removed")
        }
    }

    private static func isRouting(_ name: String) -> Bool {
        name.hasPrefix(":") || name.lowercased() == "host"
    }
}
