import Glibc
import ProxyModel
import SwiftProtobuf

/// `/config_dump` in Envoy's shape (`envoy.admin.v3.ConfigDump`), secrets redacted.
struct ConfigDump {
    /// What is asked for.
    struct Selection {
        var includesEndpoints = false
        /// `resource`: one field of the sections, such as `dynamic_listeners`; its items are shown without their section.
        var resource: String?
    }

    /// A field that no section has.
    struct Unknown: Error, CustomStringConvertible {
        let resource: String
        var description: String { "\(resource) not found in config dump" }
    }

    let store: ResourceStore
    /// The bootstrap without its static resources.
    let bootstrap: [UInt8]
    let selection: Selection

    /// The message of a resource; nil when it cannot be read, which a resource in the store never is.
    static func decode<Message: SwiftProtobuf.Message>(_ resource: StoredResource) -> Message? {
        try? Message(serializedBytes: resource.body, options: ConfigDecoder.binaryOptions)
    }

    // MARK: Sections

    /// One field of a section: how its items are called, and the items.
    private struct Field {
        let name: String
        let items: [[UInt8]]
    }

    private struct Section {
        let type: String
        var version: String?
        var fields: [Field]
    }

    func json() throws -> [UInt8] {
        TypeRegistry.registerForJSON()
        var sections = [try clusters(), try listeners(), try routes(), try secrets()]
        if selection.includesEndpoints { sections.append(try endpoints()) }
        if let resource = selection.resource {
            guard let field = sections.flatMap(\.fields).first(where: { $0.name == resource }) else { throw Unknown(resource: resource) }
            return Self.document(field.items)
        }
        return Self.document([try bootstrapSection()] + sections.map { Self.text($0) })
    }

    private static func document(_ items: [[UInt8]]) -> [UInt8] {
        var json = JSONText()
        json.object { json in json.array("configs") { json in for item in items { json.raw(nil, item) } } }
        return json.bytes
    }

    private static func text(_ section: Section) -> [UInt8] {
        var json = JSONText()
        json.object { json in
            json.field("@type", "type.googleapis.com/envoy.admin.v3.\(section.type)")
            if let version = section.version, !version.isEmpty { json.field("version_info", version) }
            for field in section.fields where !field.items.isEmpty {
                json.array(field.name) { json in for item in field.items { json.raw(nil, item) } }
            }
        }
        return json.bytes
    }

    private func bootstrapSection() throws -> [UInt8] {
        var message = try Supervisor.decode(bootstrap)
        for resource in store.active(.listener) where resource.origin == .bootstrap {
            let listener: Envoy_Config_Listener_V3_Listener = try resource.message()
            message.staticResources.listeners.append(try SecretRedaction.redact(listener))
        }
        for resource in store.active(.cluster) where resource.origin == .bootstrap {
            let cluster: Envoy_Config_Cluster_V3_Cluster = try resource.message()
            message.staticResources.clusters.append(try SecretRedaction.redact(cluster))
        }
        for resource in store.active(.secret) where resource.origin == .bootstrap {
            let secret: Envoy_Extensions_TransportSockets_Tls_V3_Secret = try resource.message()
            message.staticResources.secrets.append(SecretRedaction.redact(secret))
        }
        var json = JSONText()
        let body = try Self.bytes(message)
        json.object { json in
            json.field("@type", "type.googleapis.com/envoy.admin.v3.BootstrapConfigDump")
            json.raw("bootstrap", body)
        }
        return json.bytes
    }

    private func clusters() throws -> Section {
        func item(_ resource: StoredResource) throws -> [UInt8] {
            let cluster: Envoy_Config_Cluster_V3_Cluster = try resource.message()
            return try self.item("cluster", resource, try SecretRedaction.redact(cluster))
        }
        let active = store.active(.cluster)
        var fields = [
            Field(name: "static_clusters", items: try active.filter { $0.origin == .bootstrap }.map(item)),
            Field(name: "dynamic_active_clusters", items: try active.filter { $0.origin != .bootstrap }.map(item)),
            Field(name: "dynamic_warming_clusters", items: try store.warming(.cluster).map(item)),
        ]
        // Envoy shows refused clusters only with their listeners' kin; here they are shown, too.
        fields.append(Field(name: "error_states", items: try failures(.cluster).map { try errorItem($0) }))
        return Section(type: "ClustersConfigDump", version: store.versions[.cluster], fields: fields)
    }

    private func listeners() throws -> Section {
        func state(_ resource: StoredResource) throws -> [UInt8] {
            let listener: Envoy_Config_Listener_V3_Listener = try resource.message()
            return try item("listener", resource, try SecretRedaction.redact(listener))
        }
        let active = store.active(.listener)
        let statics = active.filter { $0.origin == .bootstrap }
        let names = Set(active.map(\.key) + store.warming(.listener).map(\.key) + failures(.listener).map(\.key))
            .subtracting(statics.map(\.key))
        let dynamics = try names.sorted().map { key in
            var json = JSONText()
            let activeState = try store.active[key].map(state)
            let warmingState = try store.warming[key].map(state)
            let error = try store.failures[key].map { try errorState(key, $0) }
            json.object { json in
                json.field("name", key.name)
                if let activeState { json.raw("active_state", activeState) }
                if let warmingState { json.raw("warming_state", warmingState) }
                if let error { json.raw("error_state", error) }
            }
            return json.bytes
        }
        return Section(
            type: "ListenersConfigDump", version: store.versions[.listener],
            fields: [
                Field(name: "static_listeners", items: try statics.map(state)),
                Field(name: "dynamic_listeners", items: dynamics),
            ])
    }

    private func routes() throws -> Section {
        let dynamics = try store.active(.routeConfiguration).map { resource in
            let routes: Envoy_Config_Route_V3_RouteConfiguration = try resource.message()
            return try item("route_config", resource, routes)
        }
        return Section(
            type: "RoutesConfigDump",
            fields: [
                Field(name: "static_route_configs", items: try staticRoutes()),
                Field(name: "dynamic_route_configs", items: dynamics),
                Field(name: "error_states", items: try failures(.routeConfiguration).map { try errorItem($0) }),
            ])
    }

    /// The routes that listeners have in themselves.
    private func staticRoutes() throws -> [[UInt8]] {
        typealias Manager = Envoy_Extensions_Filters_Network_HttpConnectionManager_V3_HttpConnectionManager
        var items: [[UInt8]] = []
        for resource in store.active(.listener) {
            let listener: Envoy_Config_Listener_V3_Listener = try resource.message()
            for chain in listener.filterChains + (listener.hasDefaultFilterChain ? [listener.defaultFilterChain] : []) {
                for filter in chain.filters where filter.typedConfig.holds(Manager.self) {
                    let manager: Manager = try filter.typedConfig.unpack()
                    guard case .routeConfig(let routes)? = manager.routeSpecifier else { continue }
                    items.append(try item("route_config", resource, routes))
                }
            }
        }
        return items
    }

    private func secrets() throws -> Section {
        func item(_ resource: StoredResource) throws -> [UInt8] {
            let secret: Envoy_Extensions_TransportSockets_Tls_V3_Secret = try resource.message()
            return try self.item("secret", resource, SecretRedaction.redact(secret), name: resource.key.name)
        }
        let active = store.active(.secret)
        return Section(
            type: "SecretsConfigDump",
            fields: [
                Field(name: "static_secrets", items: try active.filter { $0.origin == .bootstrap }.map(item)),
                Field(name: "dynamic_active_secrets", items: try active.filter { $0.origin != .bootstrap }.map(item)),
            ])
    }

    private func endpoints() throws -> Section {
        let statics = try store.active(.cluster).compactMap { resource -> [UInt8]? in
            let cluster: Envoy_Config_Cluster_V3_Cluster = try resource.message()
            guard cluster.hasLoadAssignment else { return nil }
            return try item("endpoint_config", resource, cluster.loadAssignment)
        }
        let dynamics = try store.active(.clusterLoadAssignment).map { resource in
            let assignment: Envoy_Config_Endpoint_V3_ClusterLoadAssignment = try resource.message()
            return try item("endpoint_config", resource, assignment)
        }
        return Section(
            type: "EndpointsConfigDump",
            fields: [
                Field(name: "static_endpoint_configs", items: statics), Field(name: "dynamic_endpoint_configs", items: dynamics),
            ])
    }

    // MARK: Items

    private func item(_ field: String, _ resource: StoredResource, _ message: some SwiftProtobuf.Message, name: String? = nil) throws -> [UInt8] {
        let body = try Self.bytes(try Google_Protobuf_Any(message: message))
        var json = JSONText()
        json.object { json in
            if let name { json.field("name", name) }
            if !resource.version.isEmpty { json.field("version_info", resource.version) }
            json.raw(field, body)
            json.field("last_updated", Self.time(resource.updated))
        }
        return json.bytes
    }

    private func failures(_ type: ResourceType) -> [(key: ResourceKey, value: ResourceFailure)] {
        store.failures.filter { $0.key.type == type }.sorted { $0.key < $1.key }
    }

    private func errorItem(_ failure: (key: ResourceKey, value: ResourceFailure)) throws -> [UInt8] {
        let state = try errorState(failure.key, failure.value)
        var json = JSONText()
        json.object { json in
            json.field("name", failure.key.name)
            json.raw("error_state", state)
        }
        return json.bytes
    }

    /// `envoy.admin.v3.UpdateFailureState`; what was refused is not shown, for it may hold secrets that cannot be found.
    private func errorState(_ key: ResourceKey, _ failure: ResourceFailure) throws -> [UInt8] {
        var json = JSONText()
        json.object { json in
            json.field("last_update_attempt", Self.time(failure.attempted))
            json.field("details", failure.reason)
            if !failure.version.isEmpty { json.field("version_info", failure.version) }
        }
        return json.bytes
    }

    private static func bytes(_ message: some SwiftProtobuf.Message) throws -> [UInt8] {
        var options = JSONEncodingOptions()
        options.preserveProtoFieldNames = true
        return try message.jsonUTF8Bytes(options: options)
    }

    /// RFC 3339 with milliseconds, as Envoy writes it.
    static func time(_ nanoseconds: UInt64) -> String {
        var seconds = time_t(nanoseconds / 1_000_000_000)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func two(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
        let fraction = String(1000 + nanoseconds / 1_000_000 % 1000).dropFirst()
        return "\(parts.tm_year + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))T\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)).\(fraction)Z"
    }
}

extension StoredResource {
    /// The message that the bytes hold.
    func message<Message: SwiftProtobuf.Message>() throws -> Message {
        try Message(serializedBytes: body, options: ConfigDecoder.binaryOptions)
    }
}
