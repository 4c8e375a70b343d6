import Foundation
import TestKit
import Testing

private let canRun = ControlPlanePeer.interpreter != nil && ProxyProcess.Kind.heddle.program != nil

/// Requests go on while the configuration changes under them, and none fails.
@Suite(
    "Changes under load", .serialized,
    .enabled(if: canRun, "no heddle-proxy is built, or no Python with grpcio: make setup"))
struct ChangeUnderLoadTests {
    /// A proxy with two workers, clients that ask all the time, and hosts that say the same, so that it shows who was asked
    /// only at the hosts.
    final class Scene {
        let peer: ControlPlanePeer
        let proxy: ProxyProcess
        let port: UInt16
        let admin: UInt16
        let load: SteadyLoad
        /// The processes that were there at first.
        let workers: [Int32]
        let first = Scene.host()
        let second = Scene.host()
        let third = Scene.host()

        init(_ sources: DiscoveredProxy.Sources) throws {
            peer = try ControlPlanePeer()
            port = Loopback.freePort()
            admin = Loopback.freePort()
            try peer.set([
                DiscoveredProxy.cluster("a"), DiscoveredProxy.cluster("b"),
                DiscoveredProxy.endpoints("a", [first.port]), DiscoveredProxy.endpoints("b", [second.port]),
                DiscoveredProxy.routes(to: "a"), DiscoveredProxy.listener(port: port),
            ])
            let (port, admin) = (port, admin)
            proxy = try ProxyProcess(
                .heddle, config: DiscoveredProxy.bootstrap(sources, peer, admin: admin), ports: [admin, port],
                workers: 2)
            workers = proxy.workers
            load = SteadyLoad(port: port, clients: 4)
        }

        /// Ends the load. No request may have failed, and no worker ended.
        func expectNothingLost() {
            load.stop()
            #expect(load.failures == [], "\(proxy.output)")
            #expect(proxy.workers == workers, "\(proxy.output)")
        }

        deinit {
            load.stop()
            proxy.stop()
        }

        private static func host() -> RecordingUpstream { RecordingUpstream { _ in .reply(200, body: "hello") } }

        /// Whether only one of the hosts is asked from now on.
        func asksOnly(_ host: RecordingUpstream) -> Bool {
            Deadline(seconds: 60).polls(every: 20) {
                for each in [first, second, third] { _ = each.take() }
                guard load.waits(forMore: 50) else { return false }
                let asked = [first, second, third].filter { !$0.take().flatMap(\.requests).isEmpty }
                return asked.count == 1 && asked[0] === host
            }
        }
    }

    @Test("200 changes of the route and 200 of endpoints fail no request", arguments: DiscoveredProxy.Sources.allCases)
    func flips(sources: DiscoveredProxy.Sources) throws {
        let scene = try Scene(sources)
        #expect(scene.asksOnly(scene.first))
        for number in 1...200 {
            let isOdd = number % 2 == 1
            try scene.peer.change([DiscoveredProxy.routes(to: isOdd ? "b" : "a")], type: "rds")
            let hosts = isOdd ? [scene.third.port] : [scene.first.port, scene.third.port]
            try scene.peer.change([DiscoveredProxy.endpoints("a", hosts)], type: "eds")
            // Every state is asked in, from every worker as likely as not.
            #expect(scene.load.waits(forMore: 4))
        }
        try scene.peer.change([DiscoveredProxy.endpoints("a", [scene.third.port])], type: "eds")
        #expect(scene.asksOnly(scene.third))
        scene.expectNothingLost()
        let counters = try AdminClient.counters(port: scene.admin)
        #expect(counters["rds.update_success"] ?? 0 >= 201 && counters["eds.update_success"] ?? 0 >= 202)
    }

    /// The outage is some seconds long where in earnest it is minutes: all that its length changes is how far the wait
    /// between tries has grown, which has its own test (`StreamLifeTests`); `Benchmarks/Discovery --only outage` does it
    /// for ten minutes.
    @Test(
        "a control plane that is gone, and comes back with everything changed, fails no request",
        arguments: DiscoveredProxy.Sources.allCases)
    func outage(sources: DiscoveredProxy.Sources) throws {
        let scene = try Scene(sources)
        #expect(scene.asksOnly(scene.first))
        try scene.peer.obey(["stop": true])
        // Other clusters with other endpoints, the route to them, and a listener that has other filters.
        var listener = DiscoveredProxy.listener(port: scene.port, routes: "others")
        listener["per_connection_buffer_limit_bytes"] = 65536
        try scene.peer.set(
            [
                DiscoveredProxy.cluster("c"), DiscoveredProxy.endpoints("c", [scene.third.port]),
                DiscoveredProxy.cluster("d"), DiscoveredProxy.endpoints("d", [scene.second.port]),
                DiscoveredProxy.routes("others", to: "c"), listener,
            ], remove: [("cds", "a"), ("cds", "b"), ("eds", "a"), ("eds", "b"), ("rds", "routes")])
        let outage = Deadline(seconds: 3)
        while !outage.isOver { #expect(scene.load.waits(forMore: 20)) }
        try scene.peer.obey(["start": true])
        #expect(scene.asksOnly(scene.third))
        // The same once more with the route configuration's own name, so that it is the route that changes.
        try scene.peer.obey(["stop": true])
        try scene.peer.set(
            [
                DiscoveredProxy.cluster("e"), DiscoveredProxy.endpoints("e", [scene.first.port]),
                DiscoveredProxy.routes("others", to: "e"),
            ], remove: [("cds", "c"), ("cds", "d"), ("eds", "c"), ("eds", "d")])
        #expect(scene.load.waits(forMore: 50))
        try scene.peer.obey(["start": true])
        #expect(scene.asksOnly(scene.first))
        scene.expectNothingLost()
        // Connections of the listener's first form may have used `a` until now.
        let active = { (try? AdminClient.counters(port: scene.admin))?["cluster_manager.active_clusters"] }
        #expect(Deadline(seconds: 40).polls(every: 200) { active() == 2 })
        let clusters = try AdminClient.get("/clusters", port: scene.admin)
        for gone in ["a", "b", "c", "d"] {
            #expect(!clusters.contains("\n\(gone)::") && !clusters.hasPrefix("\(gone)::"))
        }
    }

    @Test(
        "1,000 clusters with 10 endpoints each and 1,000 routes come into force beside what is there",
        arguments: DiscoveredProxy.Sources.allCases)
    func fullSet(sources: DiscoveredProxy.Sources) throws {
        let scene = try Scene(sources)
        #expect(scene.asksOnly(scene.first))
        // A worker answers nobody while it compiles so much, which takes a debug build seconds; the benchmark measures it.
        scene.expectNothingLost()
        let port = Loopback.freePort()
        try scene.peer.obey([
            "generate": ["clusters": 1000, "endpoints": 10, "routes": 1000, "port": Int(scene.second.port)]
        ])
        // The last cluster has a host that answers, and no other.
        try scene.peer.set([
            DiscoveredProxy.endpoints("cluster-999", [scene.second.port]),
            DiscoveredProxy.listener("many", port: port, routes: "generated"),
        ])
        let last = { (try? AdminClient.get("/r999/", port: port)) == "hello" }
        #expect(Deadline(seconds: 60).polls(every: 20, last))
        // Whichever worker takes the connection.
        for _ in 0..<20 { #expect(last()) }
        #expect(try AdminClient.counters(port: scene.admin)["cluster_manager.active_clusters"] == 1003)
        #expect((try? AdminClient.get("/", port: scene.port)) == "hello")
    }
}
