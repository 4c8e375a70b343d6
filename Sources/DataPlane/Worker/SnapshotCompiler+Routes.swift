import HTTPModel
import Observability
import ProxyModel
import Reactor
import SwiftProtobuf
import TrafficPolicy

extension SnapshotCompiler {
    /// What the parts of a route configuration must know of it and of its users.
    struct RouteScope {
        /// Filters' names by their place in the chain, for per-filter configuration.
        let names: [String]
        let statPrefix: String
        /// Longest body of a direct response, in bytes (`max_direct_response_body_size_bytes`).
        let bodyLimit: Int
        /// `cluster_specifier_plugins` by name.
        let specifiers: [String: any ClusterSpecifier]
        /// Those that are optional and that this program does not have.
        let absentSpecifiers: Set<String>
    }

    func routeConfiguration(
        _ message: Envoy_Config_Route_V3_RouteConfiguration, _ shape: RouteShape
    ) throws(ConfigProblem) -> RouteConfiguration {
        let bodyLimit =
            message.hasMaxDirectResponseBodySizeBytes ? message.maxDirectResponseBodySizeBytes.value : 4096
        let filters = RouteScope(
            names: shape.filters, statPrefix: shape.statPrefix, bodyLimit: Int(bodyLimit),
            specifiers: try specifiers(message.clusterSpecifierPlugins, shape.statPrefix),
            absentSpecifiers: Set(message.clusterSpecifierPlugins.filter { isLeftOut($0) }.map(\.extension.name)))
        let outer = try mutations(
            message.requestHeadersToAdd, message.requestHeadersToRemove, message.responseHeadersToAdd,
            message.responseHeadersToRemove)
        let outerFilters = try filterConfigs(message.typedPerFilterConfig, filters)
        var hosts: [VirtualHostConfig] = []
        var entries: [[RouteEntry]] = []
        for (index, host) in message.virtualHosts.enumerated() {
            do throws(ConfigProblem) {
                let (config, routes) = try virtualHost(
                    host, outer, outerFilters, filters, message.mostSpecificHeaderMutationsWins)
                hosts.append(config)
                entries.append(routes)
            } catch {
                throw error.within("virtual_hosts[\(index)]")
            }
        }
        do throws(PolicyError) {
            let options = RouteTable.Options(
                ignoresPort: message.ignorePortInHostMatching,
                ignoresPathParameters: message.ignorePathParametersInPathMatching)
            let routes = RouteConfiguration(
                name: message.name, table: try RouteTable(hosts, options: options), entries: entries)
            routes.internalOnlyHeaders = message.internalOnlyHeaders.map { NamedText($0.lowercased()) }
            return routes
        } catch {
            throw ConfigProblem("\(error)")
        }
    }

    private func virtualHost(
        _ message: Envoy_Config_Route_V3_VirtualHost, _ outer: HeaderMutations,
        _ outerFilters: FilterConfigs,
        _ filters: RouteScope, _ mostSpecificWins: Bool
    ) throws(ConfigProblem) -> (VirtualHostConfig, [RouteEntry]) {
        let own = try mutations(
            message.requestHeadersToAdd, message.requestHeadersToRemove, message.responseHeadersToAdd,
            message.responseHeadersToRemove)
        let ownFilters = try filterConfigs(message.typedPerFilterConfig, filters).merged(over: outerFilters)
        let name = NamedText(message.name)
        let virtualClusters = try virtualClusters(message, filters)
        var matches: [RouteMatchConfig] = []
        var entries: [RouteEntry] = []
        for (index, route) in message.routes.enumerated() {
            do throws(ConfigProblem) {
                let match = try RouteMatching.match(route.match, runtime, customMatcher(filters.statPrefix))
                if isLeftOut(route, filters) { continue }
                matches.append(match)
                let entry = try self.route(route, name, filters)
                let routeOwn = try mutations(
                    route.requestHeadersToAdd, route.requestHeadersToRemove, route.responseHeadersToAdd,
                    route.responseHeadersToRemove)
                // By default the widest scope has the last word on a value that several set.
                let ordered = mostSpecificWins ? [outer, own, routeOwn] : [routeOwn, own, outer]
                entry.mutations = ordered.filter { !$0.isEmpty }
                entry.filterConfigs = try filterConfigs(route.typedPerFilterConfig, filters).merged(over: ownFilters)
                entry.virtualHostMetadata = Metadata.compile(message.metadata)
                if route.hasRequestBodyBufferLimit {
                    entry.requestBufferLimit = Int(clamping: route.requestBodyBufferLimit.value)
                } else if message.hasRequestBodyBufferLimit {
                    entry.requestBufferLimit = Int(clamping: message.requestBodyBufferLimit.value)
                }
                entry.includesAttemptCount = message.includeRequestAttemptCount
                switch message.requireTls {
                case .all: entry.tlsRequirement = .all
                case .externalOnly: entry.tlsRequirement = .external
                default: break
                }
                entry.answersAttemptCount = message.includeAttemptCountInResponse
                entry.virtualClusters = virtualClusters
                entries.append(entry)
            } catch {
                throw error.within("routes[\(index)]")
            }
        }
        return (VirtualHostConfig(name: message.name, domains: message.domains, routes: matches), entries)
    }

    private func virtualClusters(
        _ message: Envoy_Config_Route_V3_VirtualHost, _ filters: RouteScope
    ) throws(ConfigProblem) -> VirtualClusters? {
        guard !message.virtualClusters.isEmpty else { return nil }
        var clusters: [VirtualCluster] = []
        for (index, cluster) in message.virtualClusters.enumerated() {
            do throws(ConfigProblem) {
                let headers = try RouteMatching.headerMatchers(cluster.headers, customMatcher(filters.statPrefix))
                clusters.append(
                    VirtualCluster(
                        name: NamedText(cluster.name), stats: stats.virtualCluster(cluster.name, of: message.name), headers: headers))
            } catch {
                throw error.within("virtual_clusters[\(index)]")
            }
        }
        let other = VirtualCluster(name: nil, stats: stats.virtualCluster("other", of: message.name), headers: [])
        return VirtualClusters(clusters, other: other)
    }

    private func route(
        _ message: Envoy_Config_Route_V3_Route, _ hostName: NamedText, _ filters: RouteScope
    ) throws(ConfigProblem) -> RouteEntry {
        let entry: RouteEntry
        switch message.action {
        case .route(let action):
            do throws(ConfigProblem) {
                entry = RouteEntry(
                    name: message.name, virtualHostName: hostName, action: .forward(try target(action, filters)))
                try fill(entry, action)
            } catch {
                throw error.within("route")
            }
        case .redirect(let redirect):
            do throws(ConfigProblem) {
                entry = RouteEntry(
                    name: message.name, virtualHostName: hostName,
                    action: .redirect(try RouteMatching.redirect(redirect)))
            } catch {
                throw error.within("redirect")
            }
        case .directResponse(let direct):
            let body = direct.hasBody ? try DataSources.bytes(direct.body, "direct_response.body") : []
            guard body.count <= filters.bodyLimit else {
                throw ConfigProblem(
                    "the body has \(body.count) bytes; max_direct_response_body_size_bytes is \(filters.bodyLimit)",
                    path: "direct_response.body")
            }
            let format =
                direct.hasBodyFormat ? try bodyFormat(direct.bodyFormat, "direct_response.body_format") : nil
            entry = RouteEntry(
                name: message.name, virtualHostName: hostName,
                action: .directResponse(status: Int(direct.status), body: body, format: format))
        default:
            throw ConfigProblem("a route needs one of route, redirect, direct_response")
        }
        entry.metadata = Metadata.compile(message.metadata)
        entry.matchText = RouteMatching.text(message.match)
        return entry
    }

    private func target(
        _ action: Envoy_Config_Route_V3_RouteAction, _ filters: RouteScope
    ) throws(ConfigProblem) -> RouteEntry.Target {
        switch action.clusterSpecifier {
        case .cluster(let name): return .cluster(worker.clusters.reference(name))
        case .clusterHeader(let name): return .clusterHeader(NamedText(name.lowercased()))
        case .weightedClusters(let weighted):
            var clusters: [RouteEntry.WeightedCluster] = []
            for (index, cluster) in weighted.clusters.enumerated() {
                do throws(ConfigProblem) {
                    clusters.append(try self.weighted(cluster, filters))
                } catch {
                    throw error.within("weighted_clusters.clusters[\(index)]")
                }
            }
            do throws(PolicyError) {
                return .weighted(clusters, try WeightedChoice(weights: weighted.clusters.map { $0.weight.value }))
            } catch {
                throw ConfigProblem("\(error)", path: "weighted_clusters")
            }
        case .clusterSpecifierPlugin(let name):
            guard let specifier = filters.specifiers[name] else {
                throw ConfigProblem("there is no \"\(name)\" in cluster_specifier_plugins", path: "cluster_specifier_plugin")
            }
            return .specified(specifier)
        case .inlineClusterSpecifierPlugin(let plugin):
            do throws(ConfigProblem) {
                return .specified(try specifier(plugin.extension, filters.statPrefix))
            } catch {
                throw error.within("inline_cluster_specifier_plugin")
            }
        case nil:
            throw ConfigProblem("a route needs one of cluster, cluster_header, weighted_clusters, cluster_specifier_plugin")
        }
    }

    private func weighted(
        _ message: Envoy_Config_Route_V3_WeightedCluster.ClusterWeight, _ filters: RouteScope
    ) throws(ConfigProblem) -> RouteEntry.WeightedCluster {
        var rewrite: HostRewrite?
        if case .hostRewriteLiteral(let host) = message.hostRewriteSpecifier { rewrite = .literal(Array(host.utf8)) }
        guard message.clusterHeader.isEmpty else {
            throw ConfigProblem("cluster_header of a weighted cluster is not supported yet", path: "cluster_header")
        }
        return RouteEntry.WeightedCluster(
            cluster: worker.clusters.reference(message.name),
            mutations: try mutations(
                message.requestHeadersToAdd, message.requestHeadersToRemove, message.responseHeadersToAdd,
                message.responseHeadersToRemove),
            hostRewrite: rewrite, filterConfigs: try filterConfigs(message.typedPerFilterConfig, filters))
    }

    private func fill(_ entry: RouteEntry, _ action: Envoy_Config_Route_V3_RouteAction) throws(ConfigProblem) {
        switch action.clusterNotFoundResponseCode {
        case .notFound: entry.clusterNotFoundStatus = 404
        case .internalServerError: entry.clusterNotFoundStatus = 500
        default: entry.clusterNotFoundStatus = 503
        }
        if action.hasTimeout { entry.timeout = action.timeout.nanoseconds }
        // Whoever bounds the stream does not bound the wait for the answer too.
        if action.hasMaxStreamDuration { entry.timeout = 0 }
        if action.hasIdleTimeout { entry.idleTimeout = action.idleTimeout.nanoseconds }
        if action.hasMaxStreamDuration, action.maxStreamDuration.hasMaxStreamDuration {
            entry.maxStreamDuration = action.maxStreamDuration.maxStreamDuration.nanoseconds
        }
        let duration = action.maxStreamDuration
        if duration.hasGrpcTimeoutHeaderMax {
            entry.grpcTimeoutMaximum = duration.grpcTimeoutHeaderMax.nanoseconds
        }
        entry.grpcTimeoutOffset = duration.grpcTimeoutHeaderOffset.nanoseconds
        if !action.prefixRewrite.isEmpty { entry.pathRewrite = .prefix(Array(action.prefixRewrite.utf8)) }
        if action.hasRegexRewrite {
            entry.pathRewrite = .regex(try RouteMatching.rewrite(action.regexRewrite, "regex_rewrite"))
        }
        switch action.hostRewriteSpecifier {
        case .hostRewriteLiteral(let host): entry.hostRewrite = .literal(Array(host.utf8))
        case .autoHostRewrite(let auto): if auto.value { entry.hostRewrite = .upstream }
        case .hostRewriteHeader(let name): entry.hostRewrite = .header(Array(name.lowercased().utf8))
        case .hostRewritePathRegex(let regex):
            entry.hostRewrite = .path(try RouteMatching.rewrite(regex, "host_rewrite_path_regex"))
        case nil: break
        }
        if action.priority == .high { entry.priority = .high }
        entry.appendsForwardedHost = action.appendXForwardedHost
        for upgrade in action.upgradeConfigs {
            entry.upgrades.append(
                UpgradeConfig(type: upgrade.upgradeType, enabled: !upgrade.hasEnabled || upgrade.enabled.value))
        }
    }

    // MARK: Parts

    func mutations(
        _ requestAdd: [Envoy_Config_Core_V3_HeaderValueOption], _ requestRemove: [String],
        _ responseAdd: [Envoy_Config_Core_V3_HeaderValueOption], _ responseRemove: [String]
    ) throws(ConfigProblem) -> HeaderMutations {
        var mutations = HeaderMutations()
        mutations.requestAdditions = try additions(requestAdd, "request_headers_to_add")
        mutations.requestRemovals = requestRemove.map { NamedText($0.lowercased()) }
        mutations.responseAdditions = try additions(responseAdd, "response_headers_to_add")
        mutations.responseRemovals = responseRemove.map { NamedText($0.lowercased()) }
        return mutations
    }

    func additions(
        _ options: [Envoy_Config_Core_V3_HeaderValueOption], _ field: String
    ) throws(ConfigProblem) -> [HeaderMutations.Addition] {
        var additions: [HeaderMutations.Addition] = []
        for (index, option) in options.enumerated() {
            do throws(FormatError) {
                additions.append(try HeaderMutations.Addition(option, resources.environment))
            } catch {
                throw ConfigProblem("\(error)", path: "\(field)[\(index)].header.value")
            }
        }
        return additions
    }

    /// Per-filter configuration. A name that is not of the connection manager's chain may be of a cluster's; what is of a
    /// type that nobody here knows is for neither.
    private func filterConfigs(
        _ configs: [String: Google_Protobuf_Any], _ filters: RouteScope
    ) throws(ConfigProblem) -> FilterConfigs {
        var result = FilterConfigs()
        result.byIndex = [(any FilterRouteConfig)?](repeating: nil, count: filters.names.count)
        for (name, config) in configs {
            let index = filters.names.firstIndex(of: name)
            if index == nil { guard try isKnown(config) else { continue } }
            do throws(ConfigProblem) {
                guard let made = try filterConfig(config, name, filters) else { continue }
                result.byName[name] = made
                if let index { result.byIndex[index] = made }
            } catch {
                throw error.within("typed_per_filter_config[\"\(name)\"]")
            }
        }
        return result
    }

    private func isKnown(_ config: Google_Protobuf_Any) throws(ConfigProblem) -> Bool {
        guard config.holds(Envoy_Config_Route_V3_FilterConfig.self) else {
            return resources.registry.routeType(named: config.messageName) != nil
        }
        let wrapper: Envoy_Config_Route_V3_FilterConfig = try config.message()
        let config = wrapper.config
        return wrapper.disabled || config.typeURL.isEmpty || resources.registry.routeType(named: config.messageName) != nil
    }

    private func filterConfig(
        _ config: Google_Protobuf_Any, _ name: String, _ filters: RouteScope
    ) throws(ConfigProblem) -> (any FilterRouteConfig)? {
        if config.holds(Envoy_Config_Route_V3_FilterConfig.self) {
            let wrapper: Envoy_Config_Route_V3_FilterConfig = try config.message()
            if wrapper.disabled { return DisabledFilter() }
            guard wrapper.hasConfig, !wrapper.config.typeURL.isEmpty else { return EnabledFilter() }
            if wrapper.isOptional, resources.registry.routeType(named: wrapper.config.messageName) == nil { return nil }
            return try filterConfig(wrapper.config, name, filters)
        }
        guard let type = resources.registry.routeType(named: config.messageName) else {
            throw ConfigProblem("no per-route configuration of type \(config.messageName)")
        }
        return try type.makeRouteConfig(config, buildContext(name, filters.statPrefix))
    }

    func text(_ source: Envoy_Config_Core_V3_DataSource, _ path: String) throws(ConfigProblem) -> String {
        String(decoding: try DataSources.bytes(source, path), as: UTF8.self)
    }
}
