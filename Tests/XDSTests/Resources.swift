import FoundationEssentials
import ProxyModel
import SwiftProtobuf

/// Valid resources of each type, told apart by a number.
enum Resources {
    static func body(_ type: ResourceType, _ name: String, _ number: Int) -> [UInt8] {
        let message: any SwiftProtobuf.Message =
            switch type {
            case .cluster: cluster(name, number)
            case .clusterLoadAssignment: assignment(name, number)
            case .secret: secret(name, number)
            case .listener: listener(name, number)
            case .routeConfiguration: routes(name, number)
            }
        do {
            return try message.serializedBytes()
        } catch {
            preconditionFailure("\(error)")
        }
    }

    /// One that its checks refuse.
    static func badCluster(_ name: String) -> [UInt8] {
        var message = cluster(name, 1)
        message.connectTimeout.seconds = -1
        do { return try message.serializedBytes() } catch { preconditionFailure("\(error)") }
    }

    /// The names that a resource needs, as an applier finds them: a cluster its endpoints, a listener its routes and its
    /// certificate.
    static func needs(_ key: ResourceKey) -> [ResourceKey] {
        switch key.type {
        case .cluster: [ResourceKey(.clusterLoadAssignment, key.name)]
        case .listener:
            [ResourceKey(.routeConfiguration, "routes-\(key.name)"), ResourceKey(.secret, "secret-\(key.name)")]
        default: []
        }
    }

    static func cluster(_ name: String, _ number: Int) -> Envoy_Config_Cluster_V3_Cluster {
        .with {
            $0.name = name
            $0.type = .eds
            $0.connectTimeout.seconds = Int64(number)
            $0.edsClusterConfig.edsConfig.ads = .init()
        }
    }

    static func assignment(_ name: String, _ number: Int) -> Envoy_Config_Endpoint_V3_ClusterLoadAssignment {
        .with {
            $0.clusterName = name
            $0.endpoints = [
                .with {
                    $0.lbEndpoints = [
                        .with {
                            $0.endpoint.address.socketAddress.address = "127.0.0.1"
                            $0.endpoint.address.socketAddress.portValue = UInt32(number)
                        }
                    ]
                }
            ]
        }
    }

    static func secret(_ name: String, _ number: Int) -> Envoy_Extensions_TransportSockets_Tls_V3_Secret {
        .with {
            $0.name = name
            $0.validationContext.trustedCa.inlineString = "authority \(number)"
        }
    }

    static func listener(_ name: String, _ number: Int) -> Envoy_Config_Listener_V3_Listener {
        .with {
            $0.name = name
            $0.address.socketAddress.address = "127.0.0.1"
            $0.address.socketAddress.portValue = UInt32(number)
            $0.filterChains = [
                .with {
                    $0.filters = [
                        .with {
                            $0.name = "tcp"; $0.typedConfig = tcpProxy
                        }
                    ]
                }
            ]
        }
    }

    private static var tcpProxy: Google_Protobuf_Any {
        let proxy = Envoy_Extensions_Filters_Network_TcpProxy_V3_TcpProxy.with {
            $0.statPrefix = "tcp"
            $0.cluster = "c"
        }
        do {
            return .with {
                $0.typeURL = TypeRegistry.typeURL(of: Envoy_Extensions_Filters_Network_TcpProxy_V3_TcpProxy.self)
                $0.value = (try? proxy.serializedData()) ?? .init()
            }
        }
    }

    static func routes(_ name: String, _ number: Int) -> Envoy_Config_Route_V3_RouteConfiguration {
        .with {
            $0.name = name
            $0.virtualHosts = [
                .with {
                    $0.name = "all"
                    $0.domains = ["*"]
                    $0.routes = [
                        .with {
                            $0.match.prefix = "/"
                            $0.directResponse.status = UInt32(200 + number % 300)
                        }
                    ]
                }
            ]
        }
    }
}
