package import Observability
package import Reactor
package import SwiftProtobuf

/// A kind of HTTP filter that configurations can name by its type URL. One file a filter, one line in the list of
/// built-in filters.
@WorkerActor package protocol HTTPFilterType {
    /// Message names (the part of the type URL behind the slash) of the filter's configuration.
    var messageNames: [String] { get }
    /// Checks a configuration and makes the factory of one configured filter.
    func makeFactory(_ config: Google_Protobuf_Any, _ context: FilterBuildContext) throws(ConfigProblem) -> any HTTPFilterFactory
    /// Message names of its per-route configuration.
    var routeMessageNames: [String] { get }
    /// Checks what a route, virtual host, route configuration or weighted cluster says of the filter.
    func makeRouteConfig(_ config: Google_Protobuf_Any, _ context: FilterBuildContext) throws(ConfigProblem) -> any FilterRouteConfig
    /// Whether it may stand in the chain of a cluster (`http_filters` of its `HttpProtocolOptions`).
    var mayBeUpstream: Bool { get }
}

extension HTTPFilterType {
    /// None: most filters have no configuration of their own in routes.
    package var routeMessageNames: [String] { [] }

    /// Most filters are for the connection manager's chain alone.
    package var mayBeUpstream: Bool { false }

    /// Refuses: a filter that names no route message gets none.
    package func makeRouteConfig(
        _ config: Google_Protobuf_Any, _ context: FilterBuildContext
    ) throws(ConfigProblem) -> any FilterRouteConfig {
        throw ConfigProblem("the filter has no per-route configuration")
    }
}

/// What a filter gets while it is made from its configuration.
@WorkerActor package struct FilterBuildContext {
    package let worker: WorkerContext
    /// The filter's name in the configuration.
    package let filterName: String
    /// `stat_prefix` of the connection manager; the cluster's name in statistics for a filter of a cluster.
    package let statPrefix: String
    /// The filter is a cluster's.
    package let isUpstream: Bool
    /// Whose filter it is: `http.` and the connection manager's `stat_prefix`, or `cluster.` and the cluster's name.
    package var owner: String { "\(isUpstream ? "cluster" : "http").\(statPrefix)" }
    package let stats: StatsSegment
    /// The proxy's own log.
    package let log: Log
    /// What formats say of this machine.
    package let environment: FormatEnvironment
    /// What scripts of all workers share.
    package let store: KeyValueRegion

    package init(
        worker: WorkerContext, filterName: String, statPrefix: String, stats: StatsSegment, log: Log,
        environment: FormatEnvironment, store: KeyValueRegion, isUpstream: Bool = false
    ) {
        self.isUpstream = isUpstream
        self.store = store
        self.worker = worker
        self.filterName = filterName
        self.statPrefix = statPrefix
        self.stats = stats
        self.log = log
        self.environment = environment
    }
}

/// Why a configuration cannot be used, and where: a path from the innermost object outwards is put together on the way.
package struct ConfigProblem: Error, Equatable, CustomStringConvertible {
    /// For instance `static_resources.listeners[0].filter_chains[1]`.
    package var path: String
    package var message: String

    package init(_ message: String, path: String = "") {
        self.message = message
        self.path = path
    }

    /// The same problem, seen from one level further out.
    package func within(_ outer: String) -> ConfigProblem {
        ConfigProblem(message, path: path.isEmpty ? outer : path.hasPrefix("[") ? outer + path : "\(outer).\(path)")
    }

    package var description: String { path.isEmpty ? message : "\(path): \(message)" }
}

/// The kinds of filter and of other extensions that this program knows.
@WorkerActor package final class HTTPFilterRegistry {
    private var types: [String: any HTTPFilterType] = [:]
    private var routeTypes: [String: any HTTPFilterType] = [:]
    private var specifierTypes: [String: any ClusterSpecifierType] = [:]
    private var matcherTypes: [String: any StringMatcherType] = [:]

    /// - Parameters:
    ///   - types: all filters that configurations may name; of two with one message the last counts.
    ///   - specifiers: what may choose clusters.
    ///   - matchers: what may match texts.
    package init(
        _ types: [any HTTPFilterType], specifiers: [any ClusterSpecifierType] = [], matchers: [any StringMatcherType] = []
    ) {
        for type in specifiers { for name in type.messageNames { specifierTypes[name] = type } }
        for type in matchers { for name in type.messageNames { matcherTypes[name] = type } }
        for type in types {
            for name in type.messageNames { self.types[name] = type }
            for name in type.routeMessageNames { routeTypes[name] = type }
        }
    }

    /// The filter whose configuration is this message.
    package func type(named messageName: String) -> (any HTTPFilterType)? { types[messageName] }
    /// The filter whose configuration in a route is this message.
    package func routeType(named messageName: String) -> (any HTTPFilterType)? { routeTypes[messageName] }
    /// The cluster specifier whose configuration is this message.
    package func specifierType(named messageName: String) -> (any ClusterSpecifierType)? { specifierTypes[messageName] }
    /// The string matcher whose configuration is this message.
    package func matcherType(named messageName: String) -> (any StringMatcherType)? { matcherTypes[messageName] }
}
