import HTTPModel
import Observability
package import Reactor
import TrafficPolicy

/// A name for some of a virtual host's requests, under which they are counted (`config.route.v3.VirtualCluster`).
@WorkerActor final class VirtualCluster {
    /// Nil for the one that takes what no other does: it is counted as `other` and has no name elsewhere, as in Envoy.
    let name: NamedText?
    let stats: VirtualClusterStats
    /// All must match.
    fileprivate let headers: [HeaderMatcher]

    init(name: NamedText?, stats: VirtualClusterStats, headers: [HeaderMatcher]) {
        self.name = name
        self.stats = stats
        self.headers = headers
    }
}

/// The virtual clusters of a virtual host that has some.
@WorkerActor package final class VirtualClusters {
    private let clusters: [VirtualCluster]
    private let other: VirtualCluster

    init(_ clusters: [VirtualCluster], other: VirtualCluster) {
        self.clusters = clusters
        self.other = other
    }

    /// The first that a request belongs to.
    func find(_ head: borrowing HeaderBlock) -> VirtualCluster {
        next: for cluster in clusters {
            for matcher in cluster.headers where !matcher.matches(head) { continue next }
            return cluster
        }
        return other
    }
}
