import Observability
import ProxyModel
import Reactor
import TrafficPolicy
import XDS

/// Makes gRPC streams and watched files.
@WorkerActor final class DiscoverySources: DiscoverySourceMaker {
    private let loop: EventLoop
    private let statistics: DiscoveryStatistics
    private let checker: ResourceChecker
    private let resolver: NameResolver
    private var random: FastRandom
    private var watch: FileWatch?

    /// - Parameter seed: of the waits and of the choice among endpoints.
    init(loop: EventLoop, statistics: DiscoveryStatistics, resolver: NameResolver, checker: ResourceChecker, seed: UInt64) {
        self.loop = loop
        self.resolver = resolver
        self.checker = checker
        self.statistics = statistics
        random = FastRandom(seed: seed)
    }

    func stream(_ order: StreamOrder, owner: any DiscoverySourceOwner) throws -> any DiscoverySource {
        let upstream = try ControlPlaneUpstream(
            order.api.grpcServices.first ?? .init(), clusters: order.clusters, secrets: order.secrets)
        return ControlPlaneStream(
            loop: loop, statistics: statistics, upstream: upstream, path: order.path, resolver: resolver,
            machine: order.machine(source: upstream.cluster, checker: checker), seed: random.next(), owner: owner)
    }

    func file(_ order: FileOrder, owner: any DiscoverySourceOwner) throws -> any DiscoverySource {
        if watch == nil { watch = try FileWatch(loop: loop) }
        guard let watch else { throw ConfigRefusal(description: "files cannot be watched") }
        return FileSource(
            order.type, path: order.path, watchedFolder: order.folder, statistics: statistics,
            checker: checker, watch: watch, held: order.held, owner: owner)
    }

    func stop() {
        watch?.close()
        watch = nil
    }
}
