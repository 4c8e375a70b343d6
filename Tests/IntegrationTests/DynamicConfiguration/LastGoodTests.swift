import Foundation
import Glibc
import TestKit
import Testing

private let canRun = ControlPlanePeer.interpreter != nil && ProxyProcess.Kind.heddle.program != nil

/// A proxy that starts while its control plane is away.
@Suite(
    "Last good configuration", .serialized,
    .enabled(if: canRun, "no heddle-proxy is built, or no Python with grpcio: make setup"))
struct LastGoodTests {
    /// A proxy that keeps its last good configuration, its control plane, and two upstreams that say who they are.
    final class Scene {
        let peer: ControlPlanePeer
        let folder: URL
        let sources: DiscoveredProxy.Sources
        let port = Loopback.freePort()
        let admin = Loopback.freePort()
        let first = RecordingUpstream { _ in .reply(200, body: "first") }
        let second = RecordingUpstream { _ in .reply(200, body: "second") }

        init(_ sources: DiscoveredProxy.Sources) throws {
            self.sources = sources
            peer = try ControlPlanePeer()
            folder = FileManager.default.temporaryDirectory.appendingPathComponent("heddle-last-good-\(getpid())-\(port)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try peer.set([
                DiscoveredProxy.cluster("a"), DiscoveredProxy.cluster("b"), DiscoveredProxy.cluster("gone"),
                DiscoveredProxy.endpoints("a", [first.port]), DiscoveredProxy.endpoints("b", [second.port]),
                DiscoveredProxy.endpoints("gone", [second.port]),
                DiscoveredProxy.routes(to: "a"), DiscoveredProxy.listener(port: port),
            ])
        }

        deinit { try? FileManager.default.removeItem(at: folder) }

        var file: String { folder.appendingPathComponent("config").path }

        func start() throws -> ProxyProcess {
            try ProxyProcess(
                .heddle, config: DiscoveredProxy.bootstrap(sources, peer, admin: admin), ports: [admin],
                flags: ["--last-good-path", file])
        }

        func page(_ path: String) -> String { (try? AdminClient.get(path, port: admin)) ?? "" }

        func stat(_ name: String) -> Int? {
            let lines = page("/stats?filter=\(name)").split(separator: "\n")
            return lines.first { $0.hasPrefix(name + ": ") }.flatMap { Int($0.dropFirst(name.count + 2)) }
        }

        func answers(_ expected: String, seconds: Double = 30) -> Bool {
            Deadline(seconds: seconds).polls(every: 10) { (try? AdminClient.get("/", port: port)) == expected }
        }
    }

    @Test("a proxy starts and serves without its control plane, says so, and is corrected when it comes", arguments: DiscoveredProxy.Sources.allCases)
    func startsAlone(sources: DiscoveredProxy.Sources) throws {
        let scene = try Scene(sources)
        let before = try scene.start()
        #expect(scene.answers("first"))
        #expect(scene.page("/ready") == "LIVE\n")
        // Ended by force: what is on the disk is what was written while it served.
        #expect(Deadline(seconds: 20).polls(every: 50) { (scene.stat("control_plane.last_good_saved") ?? 0) > 0 })
        before.kill()
        #expect(Deadline(seconds: 10).polls(every: 20) { WireClient(port: scene.port) == nil })

        try scene.peer.obey(["stop": true])
        try scene.peer.set([DiscoveredProxy.routes(to: "b")], remove: [("cds", "gone"), ("eds", "gone")])
        let proxy = try scene.start()
        defer { proxy.stop() }
        #expect(scene.answers("first"))
        #expect(scene.page("/ready").hasPrefix("LIVE\nlast good configuration: 8 resources"))
        #expect(scene.stat("control_plane.last_good_resources") == 8)
        #expect(proxy.output.contains("8 resources of the last good configuration in \(scene.file) are used until their sources speak"))

        try scene.peer.obey(["start": true])
        #expect(scene.answers("second", seconds: 60))
        #expect(Deadline(seconds: 30).polls(every: 20) { scene.page("/ready") == "LIVE\n" })
        #expect(scene.stat("control_plane.last_good_resources") == 0)
        #expect(!scene.page("/clusters").contains("gone::"))
    }

    @Test("a file that is damaged is told and not used, and the proxy starts when its control plane speaks")
    func damaged() throws {
        let scene = try Scene(.stateOfTheWorld)
        try Data("nonsense".utf8).write(to: URL(fileURLWithPath: scene.file))
        let proxy = try scene.start()
        defer { proxy.stop() }
        #expect(scene.answers("first"))
        #expect(proxy.output.contains("the last good configuration in \(scene.file) is not used: it is no last good configuration"))
        #expect(scene.page("/ready") == "LIVE\n")
    }
}
