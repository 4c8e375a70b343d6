package import ProxyModel
import Reactor

/// One resource as the supervisor hands it to a worker.
package struct ResourceUpdate: Equatable, Sendable {
    /// Stands for this form of the resource until it is in force or forgotten; no two forms have the same.
    package var number: UInt32
    package var key: ResourceKey
    /// The message in binary form; nil: the resource goes away.
    package var body: [UInt8]?

    package init(number: UInt32, key: ResourceKey, body: [UInt8]?) {
        self.number = number
        self.key = key
        self.body = body
    }
}

/// A cluster that is compiled and not yet in force.
@WorkerActor struct PreparedCluster {
    /// Where a cluster's hosts come from.
    enum Members: Sendable {
        case listed([Endpoint])
        /// From name resolution: ``Worker/setEndpoints(_:_:)``.
        case named
        /// From the endpoints resource of this name.
        case discovered(String)
    }

    let config: ClusterConfig
    let members: Members
}

/// A resource in the form in which a worker keeps it between the two steps.
@WorkerActor enum StagedResource {
    case cluster(PreparedCluster)
    case endpoints(String, [Endpoint])
    case secret(String, Envoy_Extensions_TransportSockets_Tls_V3_Secret)
    case listener(ListenerConfig)
    case routes(PreparedRoutes)
    case removal(ResourceKey)

    /// Who is pointed at comes before who points, and goes after it.
    var phase: Int {
        switch self {
        case .endpoints: 0
        case .cluster: 1
        case .secret: 2
        case .routes: 3
        case .listener: 4
        case .removal(let key): 5 + (ResourceType.allCases.count - key.type.rawValue)
        }
    }
}
