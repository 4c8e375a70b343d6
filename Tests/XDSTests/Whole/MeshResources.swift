import FoundationEssentials
import ProxyModel
import SwiftProtobuf

/// Resources that need each other: clusters endpoints and some a secret, listeners routes, routes clusters.
enum MeshResources {
    static let ads = Envoy_Config_Core_V3_ConfigSource.with { $0.ads = .init() }

    static func body(_ type: ResourceType, _ name: String, _ number: Int) -> [UInt8] {
        switch type {
        case .cluster: bytes(cluster(name, number))
        case .listener: bytes(listener(name, number))
        case .routeConfiguration: bytes(routes(name, number))
        case .clusterLoadAssignment, .secret: Resources.body(type, name, number)
        }
    }

    /// What must be there for a resource to be in force.
    static func needs(_ key: ResourceKey) -> [ResourceKey] {
        switch key.type {
        case .cluster:
            [ResourceKey(.clusterLoadAssignment, key.name)]
                + (isSecured(key.name) ? [ResourceKey(.secret, "secret-\(key.name)")] : [])
        case .listener: [ResourceKey(.routeConfiguration, "routes-\(key.name)")]
        default: []
        }
    }

    /// The cluster that routes of this number send requests to.
    static func target(_ number: Int) -> String { "r\(number % 6)" }

    /// The cluster that routes send requests to.
    static func target(_ body: [UInt8]) throws -> String {
        let routes = try Envoy_Config_Route_V3_RouteConfiguration(serializedBytes: body)
        return routes.virtualHosts[0].routes[0].route.cluster
    }

    private static func isSecured(_ name: String) -> Bool { name.last.map { "024".contains($0) } ?? false }

    private static func cluster(_ name: String, _ number: Int) -> Envoy_Config_Cluster_V3_Cluster {
        var cluster = Resources.cluster(name, number)
        guard isSecured(name) else { return cluster }
        let context = Envoy_Extensions_TransportSockets_Tls_V3_UpstreamTlsContext.with {
            $0.commonTlsContext.validationContextSdsSecretConfig.name = "secret-\(name)"
            $0.commonTlsContext.validationContextSdsSecretConfig.sdsConfig = ads
        }
        cluster.transportSocket.name = "tls"
        cluster.transportSocket.typedConfig = packed(context)
        return cluster
    }

    private static func listener(_ name: String, _ number: Int) -> Envoy_Config_Listener_V3_Listener {
        let manager = Envoy_Extensions_Filters_Network_HttpConnectionManager_V3_HttpConnectionManager.with {
            $0.statPrefix = name
            $0.rds.routeConfigName = "routes-\(name)"
            $0.rds.configSource = ads
            $0.httpFilters = [
                .with {
                    $0.name = "router"
                    $0.typedConfig = packed(Envoy_Extensions_Filters_Http_Router_V3_Router())
                }
            ]
        }
        return .with {
            $0.name = name
            $0.address.socketAddress.address = "127.0.0.1"
            $0.address.socketAddress.portValue = 0
            $0.perConnectionBufferLimitBytes.value = UInt32(number)
            $0.filterChains = [
                .with {
                    $0.filters = [
                        .with {
                            $0.name = "hcm"
                            $0.typedConfig = packed(manager)
                        }
                    ]
                }
            ]
        }
    }

    private static func routes(_ name: String, _ number: Int) -> Envoy_Config_Route_V3_RouteConfiguration {
        .with {
            $0.name = name
            $0.virtualHosts = [
                .with {
                    $0.name = "all"
                    $0.domains = ["*"]
                    $0.routes = [
                        .with {
                            $0.match.prefix = "/\(number)"
                            $0.route.cluster = target(number)
                        }
                    ]
                }
            ]
        }
    }

    static func packed<Message: SwiftProtobuf.Message>(_ message: Message) -> Google_Protobuf_Any {
        .with {
            $0.typeURL = TypeRegistry.typeURL(of: Message.self)
            $0.value = Data(bytes(message))
        }
    }

    static func bytes(_ message: some SwiftProtobuf.Message) -> [UInt8] {
        do { return try message.serializedBytes() } catch { preconditionFailure("\(error)") }
    }
}
