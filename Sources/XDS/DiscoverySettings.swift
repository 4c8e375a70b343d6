package import ProxyModel

/// How a control plane is spoken to.
package struct DiscoverySettings: Sendable {
    /// The two forms of the protocol.
    package enum Variant: Sendable {
        /// A response to a wildcard holds everything.
        case stateOfTheWorld
        /// A response holds what changed.
        case delta
    }

    /// Which form is spoken.
    package var variant: Variant
    /// Who is asked, for the log: the cluster's name.
    package var source: String
    /// Who asks.
    package var node: Envoy_Config_Core_V3_Node
    /// `set_node_on_first_message_only`.
    package var nodeOnFirstMessageOnly = false
    /// `rate_limit_settings`; nil: no limit.
    package var rateLimit: RequestBudget.Settings?
    /// Bounds.
    package var limits = DiscoveryLimits()

    package init(variant: Variant, source: String, node: Envoy_Config_Core_V3_Node) {
        self.variant = variant
        self.source = source
        self.node = node
    }
}

/// What a control plane may send and how often it is tried: against mistakes on its side.
package struct DiscoveryLimits: Sendable, Equatable {
    /// Resources of one type.
    package var resources = 100_000
    /// Bytes of one resource.
    package var resourceBytes = 16 << 20
    /// Bytes of a resource's name.
    package var nameBytes = 4096
    /// Responses that wait for the one before them to be applied.
    package var waitingResponses = 64
    /// Bytes of a reason that is sent back.
    package var reasonBytes = 8 * 1024
    /// Bounds of the wait before another stream is tried, nanoseconds; Envoy's values.
    package var reconnectBase: UInt64 = 500_000_000
    package var reconnectMaximum: UInt64 = 30_000_000_000
    /// Bounds of the wait before a type is refused once more in a row, nanoseconds: some control planes answer a refusal
    /// at once with the same.
    package var refusalBase: UInt64 = 100_000_000
    package var refusalMaximum: UInt64 = 5_000_000_000

    package init() {}
}

/// The method of a stream.
package enum DiscoveryMethod {
    /// The `:path` of a stream of all types.
    package static func aggregated(_ variant: DiscoverySettings.Variant) -> String {
        "/envoy.service.discovery.v3.AggregatedDiscoveryService/"
            + (variant == .delta ? "DeltaAggregatedResources" : "StreamAggregatedResources")
    }

    /// The `:path` of a stream of one type.
    package static func separate(_ type: ResourceType, _ variant: DiscoverySettings.Variant) -> String {
        let (service, noun) =
            switch type {
            case .cluster: ("cluster.v3.ClusterDiscoveryService", "Clusters")
            case .clusterLoadAssignment: ("endpoint.v3.EndpointDiscoveryService", "Endpoints")
            case .secret: ("secret.v3.SecretDiscoveryService", "Secrets")
            case .listener: ("listener.v3.ListenerDiscoveryService", "Listeners")
            case .routeConfiguration: ("route.v3.RouteDiscoveryService", "Routes")
            }
        return "/envoy.service.\(service)/\(variant == .delta ? "Delta" : "Stream")\(noun)"
    }
}
