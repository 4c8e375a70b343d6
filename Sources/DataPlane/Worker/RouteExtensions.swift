package import Reactor
package import SwiftProtobuf
package import TrafficPolicy

/// Chooses the cluster of each request of the routes that have it (Envoy's cluster specifier plugin).
@WorkerActor package protocol ClusterSpecifier: AnyObject {
    /// The cluster for a request as it is now, when its route is computed; nil when there is none of the chosen name.
    func cluster(for stream: Stream) -> ClusterReference?
}

/// A kind of cluster specifier that configurations can name by its type URL.
@WorkerActor package protocol ClusterSpecifierType {
    /// Messages of its configuration.
    var messageNames: [String] { get }
    /// Checks a configuration and makes the specifier.
    func makeSpecifier(
        _ config: Google_Protobuf_Any, _ context: FilterBuildContext
    ) throws(ConfigProblem) -> any ClusterSpecifier
}

/// A kind of string matcher that configurations can name by its type URL (`custom` of a `StringMatcher`).
@WorkerActor package protocol StringMatcherType {
    /// Messages of its configuration.
    var messageNames: [String] { get }
    /// Checks a configuration and makes the matcher.
    func makePredicate(
        _ config: Google_Protobuf_Any, _ context: FilterBuildContext
    ) throws(ConfigProblem) -> any TextPredicate
}
