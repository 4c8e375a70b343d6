import ProxyModel
import SwiftProtobuf

extension ConfigDump {
    private typealias Cluster = Envoy_Config_Cluster_V3_Cluster
    private typealias Listener = Envoy_Config_Listener_V3_Listener
    private typealias Routes = Envoy_Config_Route_V3_RouteConfiguration
    private typealias Assignment = Envoy_Config_Endpoint_V3_ClusterLoadAssignment
    private typealias Secret = Envoy_Extensions_TransportSockets_Tls_V3_Secret

    /// What items may have beside the resource, in Envoy's messages.
    private static let dynamicMembers: Set<String> = ["version_info", "last_updated", "error_state", "client_status"]

    // MARK: Sections

    func bootstrapSection() throws -> DumpSection {
        var message = try Supervisor.decode(bootstrap)
        for resource in store.active(.listener) where resource.origin == .bootstrap {
            let listener: Listener = try resource.message()
            message.staticResources.listeners.append(try SecretRedaction.redact(listener))
        }
        for resource in store.active(.cluster) where resource.origin == .bootstrap {
            let cluster: Cluster = try resource.message()
            message.staticResources.clusters.append(try SecretRedaction.redact(cluster))
        }
        for resource in store.active(.secret) where resource.origin == .bootstrap {
            let secret: Secret = try resource.message()
            message.staticResources.secrets.append(SecretRedaction.redact(secret))
        }
        return DumpSection(
            type: "BootstrapConfigDump",
            single: [("bootstrap", DumpValue("bootstrap", .message(message))), ("last_updated", nil)])
    }

    func clusters() throws -> DumpSection {
        func shown(_ resource: StoredResource) throws -> any SwiftProtobuf.Message {
            let cluster: Cluster = try resource.message()
            return try SecretRedaction.redact(cluster)
        }
        let type = "ClustersConfigDump"
        return DumpSection(
            type: type, single: [version(.cluster)],
            fields: [
                try statics(.cluster, "static_clusters", "cluster", "\(type).StaticCluster", shown),
                try dynamics(store.active(.cluster), "dynamic_active_clusters", "cluster", "\(type).DynamicCluster", shown),
                // A cluster of which no form was ever good has no list of its own.
                try dynamics(
                    store.warming(.cluster), "dynamic_warming_clusters", "cluster", "\(type).DynamicCluster",
                    refused: .cluster, shown),
            ])
    }

    func listeners() throws -> DumpSection {
        func shown(_ resource: StoredResource) throws -> any SwiftProtobuf.Message {
            let listener: Listener = try resource.message()
            return try SecretRedaction.redact(listener)
        }
        let type = "ListenersConfigDump"
        let statics = try statics(.listener, "static_listeners", "listener", "\(type).StaticListener", shown)
        let fixed = Set(store.active(.listener).filter { $0.origin == .bootstrap }.map(\.key))
        let names = Set(store.keys.filter { $0.type == .listener } + failures(.listener)).subtracting(fixed).filter(isSelected)
        let dynamics = try names.sorted().map { key -> DumpItem in
            var values = [DumpValue("name", .text(key.name))]
            for (field, resource) in [("active_state", store.active[key]), ("warming_state", store.warming[key])] {
                guard let resource else { continue }
                values.append(DumpValue(field, .object(form(resource, "listener", try shown(resource)))))
            }
            return DumpItem(values: values + status(key, isThere: store.keys.contains(key)))
        }
        return DumpSection(
            type: type, single: [version(.listener)],
            fields: [
                statics,
                DumpField(
                    name: "dynamic_listeners", type: "\(type).DynamicListener",
                    members: ["name", "active_state", "warming_state", "draining_state", "error_state", "client_status"],
                    items: dynamics),
            ])
    }

    func routes() throws -> DumpSection {
        func shown(_ resource: StoredResource) throws -> any SwiftProtobuf.Message {
            let routes: Routes = try resource.message()
            return routes
        }
        let type = "RoutesConfigDump"
        return DumpSection(
            type: type,
            fields: [
                DumpField(
                    name: "static_route_configs", type: "\(type).StaticRouteConfig", members: ["route_config", "last_updated"],
                    items: try staticRoutes()),
                try dynamics(
                    store.active(.routeConfiguration), "dynamic_route_configs", "route_config", "\(type).DynamicRouteConfig",
                    refused: .routeConfiguration, shown),
            ])
    }

    /// The routes that listeners have in themselves.
    private func staticRoutes() throws -> [DumpItem] {
        typealias Manager = Envoy_Extensions_Filters_Network_HttpConnectionManager_V3_HttpConnectionManager
        var items: [DumpItem] = []
        for resource in store.active(.listener) {
            let listener: Listener = try resource.message()
            for chain in listener.filterChains + (listener.hasDefaultFilterChain ? [listener.defaultFilterChain] : []) {
                for filter in chain.filters where filter.typedConfig.holds(Manager.self) {
                    let manager: Manager = try filter.typedConfig.unpack()
                    guard case .routeConfig(let routes)? = manager.routeSpecifier, selection.matches(routes.name) else { continue }
                    items.append(DumpItem(values: [DumpValue("route_config", .any(routes)), updated(resource)]))
                }
            }
        }
        return items
    }

    func secrets() throws -> DumpSection {
        func shown(_ resource: StoredResource) throws -> any SwiftProtobuf.Message {
            let secret: Secret = try resource.message()
            return SecretRedaction.redact(secret)
        }
        let type = "SecretsConfigDump"
        var warming = try dynamics(
            store.warming(.secret), "dynamic_warming_secrets", "secret", "\(type).DynamicSecret", refused: .secret, shown)
        let known = store.keys.union(failures(.secret))
        let missing = wanted.filter { $0.type == .secret && !known.contains($0) && isSelected($0) }.sorted()
        warming = DumpField(
            name: warming.name, type: warming.type, members: warming.members,
            items: warming.items + missing.map { key in
                DumpItem(values: [
                    DumpValue("name", .text(key.name)), DumpValue("secret", .any(Self.named(key))),
                    DumpValue("client_status", .text("REQUESTED")),
                ])
            })
        return DumpSection(
            type: type,
            fields: [
                try statics(.secret, "static_secrets", "secret", "\(type).StaticSecret", shown),
                try dynamics(store.active(.secret), "dynamic_active_secrets", "secret", "\(type).DynamicSecret", shown), warming,
            ])
    }

    func endpoints() throws -> DumpSection {
        let type = "EndpointsConfigDump"
        let statics = try store.active(.cluster).filter { isSelected($0.key) }.compactMap { resource -> DumpItem? in
            let cluster: Cluster = try resource.message()
            guard cluster.hasLoadAssignment else { return nil }
            return DumpItem(values: [DumpValue("endpoint_config", .any(cluster.loadAssignment)), updated(resource)])
        }
        return DumpSection(
            type: type,
            fields: [
                DumpField(
                    name: "static_endpoint_configs", type: "\(type).StaticEndpointConfig",
                    members: ["endpoint_config", "last_updated"], items: statics),
                try dynamics(
                    store.active(.clusterLoadAssignment), "dynamic_endpoint_configs", "endpoint_config",
                    "\(type).DynamicEndpointConfig", refused: .clusterLoadAssignment
                ) { resource in
                    let assignment: Assignment = try resource.message()
                    return assignment
                },
            ])
    }

    // MARK: Items

    private func isSelected(_ key: ResourceKey) -> Bool { selection.matches(key.name) }

    private func version(_ type: ResourceType) -> (name: String, value: DumpValue?) {
        let version = store.versions[type] ?? ""
        return ("version_info", version.isEmpty ? nil : DumpValue("version_info", .text(version)))
    }

    private func updated(_ resource: StoredResource) -> DumpValue {
        DumpValue("last_updated", .text(Self.time(resource.updated)))
    }

    private func statics(
        _ type: ResourceType, _ name: String, _ field: String, _ message: String,
        _ shown: (StoredResource) throws -> any SwiftProtobuf.Message
    ) throws -> DumpField {
        let resources = store.active(type).filter { $0.origin == .bootstrap && isSelected($0.key) }
        let items = try resources.map { resource in
            DumpItem(values: named(resource.key) + [DumpValue(field, .any(try shown(resource))), updated(resource)])
        }
        let members: Set<String> = [field, "last_updated"]
        return DumpField(name: name, type: message, members: type == .secret ? members.union(["name"]) : members, items: items)
    }

    /// Items of resources that did not come with the bootstrap.
    /// - Parameter refused: a type whose refused resources have no form but are shown here.
    private func dynamics(
        _ resources: [StoredResource], _ name: String, _ field: String, _ message: String, refused: ResourceType? = nil,
        _ shown: (StoredResource) throws -> any SwiftProtobuf.Message
    ) throws -> DumpField {
        var items = try resources.filter { $0.origin != .bootstrap && isSelected($0.key) }.map { resource in
            DumpItem(values: named(resource.key) + form(resource, field, try shown(resource)) + status(resource.key, isThere: true))
        }
        if let refused {
            let formless = failures(refused).filter { !store.keys.contains($0) && isSelected($0) }
            items += formless.map { DumpItem(values: named($0) + status($0, isThere: false)) }
        }
        return DumpField(
            name: name, type: message, members: Self.dynamicMembers.union([field]).union(field == "secret" ? ["name"] : []), items: items)
    }

    /// Secrets' items have their name beside them.
    private func named(_ key: ResourceKey) -> [DumpValue] { key.type == .secret ? [DumpValue("name", .text(key.name))] : [] }

    private func form(_ resource: StoredResource, _ field: String, _ message: any SwiftProtobuf.Message) -> [DumpValue] {
        (resource.version.isEmpty ? [] : [DumpValue("version_info", .text(resource.version))])
            + [DumpValue(field, .any(message)), updated(resource)]
    }

    /// What was refused last (`envoy.admin.v3.UpdateFailureState`), and what the source has been told. Of what was refused
    /// only the name is shown, for it may hold secrets that cannot be found.
    private func status(_ key: ResourceKey, isThere: Bool) -> [DumpValue] {
        guard let failure = store.failures[key] else {
            return isThere ? [DumpValue("client_status", .text("ACKED"))] : []
        }
        var values = [
            DumpValue("failed_configuration", .any(Self.named(key))),
            DumpValue("last_update_attempt", .text(Self.time(failure.attempted))), DumpValue("details", .text(failure.reason)),
        ]
        if !failure.version.isEmpty { values.append(DumpValue("version_info", .text(failure.version))) }
        return [DumpValue("error_state", .object(values)), DumpValue("client_status", .text("NACKED"))]
    }

    private func failures(_ type: ResourceType) -> [ResourceKey] { store.failures.keys.filter { $0.type == type }.sorted() }

    /// A resource of which nothing is said but its name.
    private static func named(_ key: ResourceKey) -> any SwiftProtobuf.Message {
        switch key.type {
        case .cluster: Cluster.with { $0.name = key.name }
        case .listener: Listener.with { $0.name = key.name }
        case .routeConfiguration: Routes.with { $0.name = key.name }
        case .clusterLoadAssignment: Assignment.with { $0.clusterName = key.name }
        case .secret: Secret.with { $0.name = key.name }
        }
    }
}
