import Observability
import ProxyModel
import Reactor
import TestKit
import Testing
import XDS

@testable import Supervision

@Suite("Files as sources of configuration")
struct FileSourceTests {
    /// A source of one file, and what it offers.
    @WorkerActor private final class Scene: DiscoverySourceOwner {
        let folder = WatchedFolder()
        let source: FileSource
        private(set) var batches: [ResourceBatch] = []
        private(set) var ended: [String] = []
        private let loop: EventLoop
        private let stats: StatsSegment
        private let name: String

        init(_ type: ResourceType, name: String) throws {
            self.name = name
            loop = EventLoop(poller: try EpollPoller(), clock: SystemClock())
            loop.adopt()
            stats = try StatsSegment(named: "scene")
            let owner = Door()
            source = FileSource(
                type, path: folder.path + "/file.yaml", watchedFolder: nil,
                statistics: DiscoveryStatistics(stats, log: Log(levels: LogLevels(.off)), loop: loop),
                checker: ResourceChecker(), watch: try FileWatch(loop: loop), held: HeldResources(), owner: owner)
            self.owner = owner
            owner.scene = self
        }

        private let owner: Door

        /// Stands for the scene until it is there.
        @WorkerActor private final class Door: DiscoverySourceOwner {
            weak var scene: Scene?
            func source(_ source: any DiscoverySource, offers batch: ResourceBatch) {
                scene?.source(source, offers: batch)
            }
            func source(_ source: any DiscoverySource, ended keys: [ResourceKey]) { scene?.source(source, ended: keys) }
        }

        func source(_ source: any DiscoverySource, offers batch: ResourceBatch) { batches.append(batch) }
        func source(_ source: any DiscoverySource, ended keys: [ResourceKey]) { ended += keys.map(\.description) }

        /// The changes of what was offered last, such as `["a", "-b"]`, which is then taken.
        func take() -> [String] {
            let changes = batches.last?.changes ?? []
            batches = []
            if !changes.isEmpty { source.applied([]) }
            return changes.map { ($0.body == nil ? "-" : "") + $0.key.name }
        }

        func put(_ text: String) {
            folder.replace("file.yaml", text)
            for _ in 0..<3 { loop.turn(maximumWait: 10_000_000) }
        }

        func count(_ statistic: String) -> Int {
            let stats = name == "cds" ? stats.clusterDiscovery() as any DiscoveryStats : stats.discovery(name)
            return switch statistic {
            case "attempt": Int(stats[.updateAttempt].value)
            case "success": Int(stats[.updateSuccess].value)
            case "failure": Int(stats[.updateFailure].value)
            default: Int(stats[.updateRejected].value)
            }
        }

        func counts() -> [Int] { ["attempt", "success", "failure", "rejected"].map(count) }
    }

    @WorkerActor private static func run(_ body: @WorkerActor () throws -> Void) async throws {
        _ = RunningLoop.started
        try body()
    }

    private static func clusters(_ names: [String]) -> String {
        let items = names.map {
            "{\"@type\": type.googleapis.com/envoy.config.cluster.v3.Cluster, name: \($0), connect_timeout: 1s}"
        }
        return "resources: [\(items.joined(separator: ", "))]"
    }

    private static func secrets(_ names: [String]) -> String {
        let type = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"
        let items = names.map {
            "{\"@type\": \(type), name: \($0), validation_context: {trusted_ca: {inline_string: x}}}"
        }
        return "resources: [\(items.joined(separator: ", "))]"
    }

    @Test("a file without a value takes nothing away, one that lists nothing does", arguments: ["", "# nothing\n", "null"])
    func empty(text: String) async throws {
        try await Self.run {
            let scene = try Scene(.cluster, name: "cds")
            scene.put(Self.clusters(["a", "b"]))
            scene.source.want(.cluster, .all, fetchTimeout: 0)
            #expect(scene.take() == ["a", "b"])
            scene.put(text)
            #expect(scene.batches.isEmpty)
            scene.put(Self.clusters([]))
            #expect(scene.take() == ["-a", "-b"])
        }
    }

    @Test("what cannot be read is one failure and no refusal, whether it is no YAML, nothing or not there")
    func counts() async throws {
        try await Self.run {
            let scene = try Scene(.cluster, name: "cds")
            scene.source.want(.cluster, .all, fetchTimeout: 0)
            #expect(scene.counts() == [1, 0, 1, 0])
            #expect(scene.ended == ["cds \"*\""])
            scene.put("{{{")
            #expect(scene.counts() == [2, 0, 2, 0])
            scene.put("")
            #expect(scene.counts() == [3, 0, 3, 0])
            scene.put(Self.clusters(["a"]))
            #expect(scene.take() == ["a"])
            #expect(scene.counts() == [4, 1, 3, 0])
            scene.put(Self.clusters(["b", "b"]))
            scene.source.applied([])
            #expect(scene.counts() == [5, 1, 3, 1])
        }
    }

    @Test("who gives a name up while it is on its way and wants it again gets it", arguments: [false, true])
    func givenUp(isLater: Bool) async throws {
        try await Self.run {
            let scene = try Scene(.secret, name: "sds")
            scene.put(Self.secrets(["a", "b"]))
            scene.source.want(.secret, .names(["a", "b"]), fetchTimeout: 0)
            #expect(scene.batches.last?.changes.count == 2)
            scene.source.want(.secret, .names(["b"]), fetchTimeout: 0)
            if isLater { #expect(scene.take() == ["a", "b"]) }
            scene.source.want(.secret, .names(["a", "b"]), fetchTimeout: 0)
            if !isLater { #expect(scene.take() == ["a", "b"]) } else { scene.source.applied([]) }
            #expect(scene.take() == ["a"])
        }
    }
}
