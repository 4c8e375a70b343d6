import DataPlane
import ProxyModel
import SwiftProtobuf

/// What the supervisor must know of a resource: what it needs and wants, and what the supervisor itself does for it.
struct ResourceReading {
    /// What must be there before it may be in force.
    var needs: Set<ResourceNeed> = []
    /// Resources to be asked for, and where.
    var wants: Set<ResourceWant> = []
    /// Secrets that are named without a source.
    var staticSecrets: Set<String> = []
    /// A listener's sockets.
    var bindings: [ListenerBinding] = []
    /// A cluster whose endpoints are names.
    var names: NamePlan?
    /// What a secret names.
    var files = NamedFiles()
    /// Clusters that requests are sent to, as far as the configuration names them.
    var clusters: Set<String> = []
    /// Whether a listener's Lua filters name cases that must be run first.
    var hasCases = false

    /// Reads a resource.
    /// - Parameter isChecked: a bootstrap's resources were checked together, with their places in the file.
    /// - Throws: what is wrong, for a person at the control plane.
    init(_ key: ResourceKey, _ body: [UInt8], isChecked: Bool) throws(ConfigRefusal) {
        var validator = ConfigValidator(marks: ConfigMarks(file: key.description))
        let root = ConfigPath()
        switch key.type {
        case .cluster:
            let cluster: Envoy_Config_Cluster_V3_Cluster = try Self.decode(body)
            if !isChecked { validator.validate(cluster, root) }
            try read(cluster)
        case .listener:
            let listener: Envoy_Config_Listener_V3_Listener = try Self.decode(body)
            if !isChecked { validator.validate(listener, root) }
            try read(listener, name: key.name)
        case .routeConfiguration:
            let routes: Envoy_Config_Route_V3_RouteConfiguration = try Self.decode(body)
            validator.validate(routes, root, validatesClusters: false)
            read(routes)
        case .secret: files = NamedFiles(try Self.decode(body))
        case .clusterLoadAssignment: break
        }
        do throws(ConfigErrors) {
            try validator.finish()
        } catch {
            throw ConfigRefusal(description: error.description)
        }
    }

    private static func decode<Message: SwiftProtobuf.Message>(_ body: [UInt8]) throws(ConfigRefusal) -> Message {
        do {
            return try Message(serializedBytes: body, options: ConfigDecoder.binaryOptions)
        } catch {
            throw ConfigRefusal(description: "cannot be read: \(error)")
        }
    }

    // MARK: Clusters

    private mutating func read(_ cluster: Envoy_Config_Cluster_V3_Cluster) throws(ConfigRefusal) {
        switch cluster.type {
        case .eds:
            let config = cluster.edsClusterConfig
            let key = ResourceKey(.clusterLoadAssignment, config.serviceName.isEmpty ? cluster.name : config.serviceName)
            guard config.hasEdsConfig else { throw ConfigRefusal(description: "eds_cluster_config.eds_config: is required") }
            needs.insert(.resource(key))
            wants.insert(ResourceWant(key, from: config.edsConfig))
        case .strictDns, .logicalDns:
            let plan = NamePlan(cluster)
            guard plan.labelBytes <= NamePlan.maximumLabelBytes else {
                throw ConfigRefusal(
                    description: "load_assignment: more than \(NamePlan.maximumLabelBytes) bytes of envoy.transport_socket_match")
            }
            names = plan
            needs.insert(.names(cluster: cluster.name))
        default: break
        }
        if cluster.hasTransportSocket { try read(cluster.transportSocket) }
        for match in cluster.transportSocketMatches { try read(match.transportSocket) }
    }

    // MARK: Listeners

    private mutating func read(_ listener: Envoy_Config_Listener_V3_Listener, name: String) throws(ConfigRefusal) {
        do throws(ConfigProblem) {
            bindings = try ListenerPlan.bindings(listener, name: name)
        } catch {
            throw ConfigRefusal(description: error.description)
        }
        for chain in listener.filterChains + (listener.hasDefaultFilterChain ? [listener.defaultFilterChain] : []) {
            if chain.hasTransportSocket { try read(chain.transportSocket) }
            for filter in chain.filters { try read(filter.typedConfig) }
        }
        hasCases = !ConfiguredLuaFilter.cases(of: listener).isEmpty
    }

    private mutating func read(_ filter: Google_Protobuf_Any) throws(ConfigRefusal) {
        typealias Manager = Envoy_Extensions_Filters_Network_HttpConnectionManager_V3_HttpConnectionManager
        typealias TCPProxy = Envoy_Extensions_Filters_Network_TcpProxy_V3_TcpProxy
        if filter.holds(TCPProxy.self) {
            let proxy: TCPProxy = try Self.unpack(filter)
            if !proxy.cluster.isEmpty { clusters.insert(proxy.cluster) }
            for cluster in proxy.weightedClusters.clusters { clusters.insert(cluster.name) }
        }
        guard filter.holds(Manager.self) else { return }
        let manager: Manager = try Self.unpack(filter)
        switch manager.routeSpecifier {
        case .rds(let rds)?:
            let key = ResourceKey(.routeConfiguration, rds.routeConfigName)
            needs.insert(.resource(key))
            wants.insert(ResourceWant(key, from: rds.configSource))
        case .routeConfig(let routes)?: read(routes)
        default: break
        }
    }

    // MARK: Routes

    private mutating func read(_ routes: Envoy_Config_Route_V3_RouteConfiguration) {
        for host in routes.virtualHosts {
            for case .route(let action)? in host.routes.map(\.action) { read(action) }
        }
    }

    private mutating func read(_ action: Envoy_Config_Route_V3_RouteAction) {
        switch action.clusterSpecifier {
        case .cluster(let name)?: clusters.insert(name)
        case .weightedClusters(let weighted)?: for cluster in weighted.clusters { clusters.insert(cluster.name) }
        default: break
        }
    }

    // MARK: TLS

    private mutating func read(_ socket: Envoy_Config_Core_V3_TransportSocket) throws(ConfigRefusal) {
        typealias Upstream = Envoy_Extensions_TransportSockets_Tls_V3_UpstreamTlsContext
        typealias Downstream = Envoy_Extensions_TransportSockets_Tls_V3_DownstreamTlsContext
        if socket.typedConfig.holds(Upstream.self) {
            let context: Upstream = try Self.unpack(socket.typedConfig)
            read(context.commonTlsContext)
        } else if socket.typedConfig.holds(Downstream.self) {
            let context: Downstream = try Self.unpack(socket.typedConfig)
            read(context.commonTlsContext)
        }
    }

    private mutating func read(_ common: Envoy_Extensions_TransportSockets_Tls_V3_CommonTlsContext) {
        for secret in common.secretConfigs {
            let key = ResourceKey(.secret, secret.name)
            needs.insert(.resource(key))
            if secret.hasSdsConfig {
                wants.insert(ResourceWant(key, from: secret.sdsConfig))
            } else {
                staticSecrets.insert(secret.name)
            }
        }
    }

    private static func unpack<Message: SwiftProtobuf.Message>(_ any: Google_Protobuf_Any) throws(ConfigRefusal) -> Message {
        do throws(UnpackError) {
            return try any.unpack()
        } catch {
            throw ConfigRefusal(description: error.description)
        }
    }
}
