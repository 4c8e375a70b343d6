package import SwiftProtobuf

/// A kind of resource that a configuration source gives by name.
///
/// The order is the one in which additions are put into force (make before break): who is pointed at comes before who
/// points.
package enum ResourceType: Int, CaseIterable, Comparable, Sendable, CustomStringConvertible {
    /// CDS
    case cluster
    /// EDS
    case clusterLoadAssignment
    /// SDS
    case secret
    /// LDS
    case listener
    /// RDS
    case routeConfiguration

    /// The generated message of the type.
    package var message: any SwiftProtobuf.Message.Type {
        switch self {
        case .cluster: Envoy_Config_Cluster_V3_Cluster.self
        case .clusterLoadAssignment: Envoy_Config_Endpoint_V3_ClusterLoadAssignment.self
        case .secret: Envoy_Extensions_TransportSockets_Tls_V3_Secret.self
        case .listener: Envoy_Config_Listener_V3_Listener.self
        case .routeConfiguration: Envoy_Config_Route_V3_RouteConfiguration.self
        }
    }

    /// The type URL that discovery requests and resources carry.
    package var typeURL: String { TypeRegistry.typeURL(of: message) }

    /// The type of a type URL; nil for what Heddle never asks for (scoped routes, virtual hosts, runtime, extensions).
    package init?(typeURL: String) {
        guard let type = Self.allCases.first(where: { $0.typeURL == typeURL }) else { return nil }
        self = type
    }

    /// Whether a source is asked for all resources of the type rather than for names (LDS and CDS).
    ///
    /// A state-of-the-world response of such a type holds everything, so that what is absent has been removed.
    package var isWildcard: Bool { self == .cluster || self == .listener }

    /// Envoy's abbreviation in lower case, as statistics and the log use it: `cds`, `eds`, `sds`, `lds`, `rds`.
    package var description: String {
        switch self {
        case .cluster: "cds"
        case .clusterLoadAssignment: "eds"
        case .secret: "sds"
        case .listener: "lds"
        case .routeConfiguration: "rds"
        }
    }

    package static func < (left: ResourceType, right: ResourceType) -> Bool { left.rawValue < right.rawValue }
}
