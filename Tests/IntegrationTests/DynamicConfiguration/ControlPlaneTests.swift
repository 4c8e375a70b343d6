import Foundation
import Glibc
import TestKit
import Testing

private let canRun = ControlPlanePeer.interpreter != nil && ProxyProcess.Kind.heddle.program != nil

/// `heddle-proxy` and Envoy under the same control plane, which is not ours, with the same commands.
@Suite(
    "Under a control plane", .serialized,
    .enabled(if: canRun, "no heddle-proxy is built, or no Python with grpcio: make setup"))
struct ControlPlaneTests {
    /// A proxy, a control plane and two upstreams that say who they are.
    struct Scene {
        let peer: ControlPlanePeer
        let proxy: ProxyProcess
        let port: UInt16
        let admin: UInt16
        let first = RecordingUpstream { _ in .reply(200, body: "first") }
        let second = RecordingUpstream { _ in .reply(200, body: "second") }

        init(_ kind: ProxyProcess.Kind, _ sources: DiscoveredProxy.Sources, fetchTimeout: String = "15s") throws {
            peer = try ControlPlanePeer()
            port = Loopback.freePort()
            admin = Loopback.freePort()
            try peer.set([
                DiscoveredProxy.cluster("a"), DiscoveredProxy.cluster("b"),
                DiscoveredProxy.endpoints("a", [first.port]), DiscoveredProxy.endpoints("b", [second.port]),
                DiscoveredProxy.routes(to: "a"), DiscoveredProxy.listener(port: port),
            ])
            proxy = try ProxyProcess(
                kind, config: DiscoveredProxy.bootstrap(sources, peer, admin: admin, fetchTimeout: fetchTimeout),
                ports: [admin])
        }

        /// The body of the answer to a request; empty when there is none.
        var answer: String { (try? AdminClient.get("/", port: port)) ?? "" }

        func becomes(_ expected: String, seconds: Double = 20) -> Bool {
            Deadline(seconds: seconds).polls(every: 10) { answer == expected }
        }

        /// Whether nobody listens any more.
        var isSilent: Bool { WireClient(port: port) == nil }
    }

    static let all: [(ProxyProcess.Kind, DiscoveredProxy.Sources)] = [ProxyProcess.Kind.heddle, .envoy].flatMap {
        kind in
        kind.program == nil ? [] : DiscoveredProxy.Sources.allCases.map { (kind, $0) }
    }
    static let ours = DiscoveredProxy.Sources.allCases.map { (ProxyProcess.Kind.heddle, $0) }

    @Test(
        "routes, endpoints, clusters and listeners come, change and go; a stream that breaks costs nothing",
        arguments: all)
    func follows(kind: ProxyProcess.Kind, sources: DiscoveredProxy.Sources) throws {
        let scene = try Scene(kind, sources)
        defer { scene.proxy.stop() }
        #expect(scene.becomes("first"))
        try scene.peer.set([DiscoveredProxy.routes(to: "b")])
        #expect(scene.becomes("second"))
        try scene.peer.set([DiscoveredProxy.endpoints("b", [scene.first.port])])
        #expect(scene.becomes("first"))

        // A cluster comes together with the route that needs it.
        try scene.peer.set([
            DiscoveredProxy.cluster("c"), DiscoveredProxy.endpoints("c", [scene.second.port]),
            DiscoveredProxy.routes(to: "c"),
        ])
        #expect(scene.becomes("second"))

        // A broken stream, and a control plane that is gone and comes back with something else.
        var mark = try scene.peer.obey(["close": true])
        try scene.peer.wait(after: mark) { $0.kind == "stream" }
        #expect(scene.answer == "second")
        try scene.peer.obey(["stop": true])
        for _ in 0..<20 { #expect(scene.answer == "second") }
        try scene.peer.set([DiscoveredProxy.routes(to: "a")], remove: [("cds", "c"), ("eds", "c")])
        mark = try scene.peer.obey(["start": true])
        #expect(scene.becomes("first", seconds: 60))

        // A listener goes and comes.
        try scene.peer.set([], remove: [("lds", "in")])
        #expect(Deadline(seconds: 20).polls(every: 10) { scene.isSilent })
        try scene.peer.set([DiscoveredProxy.listener(port: scene.port)])
        #expect(scene.becomes("first"))
        #expect(try scene.peer.state().number("cds.refused") == 0)
    }

    @Test(
        "a bad cluster is refused by name, the good ones of the same response are taken, and the last form stays",
        arguments: all)
    func refuses(kind: ProxyProcess.Kind, sources: DiscoveredProxy.Sources) throws {
        let scene = try Scene(kind, sources)
        defer { scene.proxy.stop() }
        #expect(scene.becomes("first"))
        var bad = DiscoveredProxy.cluster("a")
        bad["type"] = "STATIC"
        bad["eds_cluster_config"] = nil
        bad["load_assignment"] = [
            "cluster_name": "a",
            "endpoints": [["lb_endpoints": [["endpoint": ["address": DiscoveredProxy.address(1, host: "a.name")]]]]],
        ]
        let mark = try scene.peer.set([
            bad, DiscoveredProxy.cluster("d"), DiscoveredProxy.endpoints("d", [scene.second.port]),
        ])
        let refusal = try scene.peer.wait(after: mark) { $0.isRequest && $0.type == "cds" && $0.text("error") != nil }
        #expect(refusal.text("error")?.contains("a.name") == true)
        #expect(scene.answer == "first")
        try scene.peer.set([DiscoveredProxy.routes(to: "d")])
        #expect(scene.becomes("second"))
        try scene.peer.set([DiscoveredProxy.cluster("a", connectTimeout: "2s"), DiscoveredProxy.routes(to: "a")])
        #expect(scene.becomes("first"))
    }

    @Test("whatever order types come in, and with answers that are stale, the end is the same", arguments: all)
    func faults(kind: ProxyProcess.Kind, sources: DiscoveredProxy.Sources) throws {
        let scene = try Scene(kind, sources)
        defer { scene.proxy.stop() }
        #expect(scene.becomes("first"))
        for (round, order) in [["rds", "lds", "sds", "eds", "cds"], ["lds", "rds", "cds", "eds", "sds"]].enumerated() {
            try scene.peer.obey(["order": order, "fault": round == 0 ? "stale_nonce" : "none"])
            try scene.peer.set([
                DiscoveredProxy.cluster("e\(round)"), DiscoveredProxy.endpoints("e\(round)", [scene.second.port]),
                DiscoveredProxy.routes(to: "e\(round)"),
            ])
            #expect(scene.becomes("second"))
            try scene.peer.set([DiscoveredProxy.routes(to: "a")])
            #expect(scene.becomes("first"))
        }
        // A stream that is cut while a response is written: what did not come whole counts for nothing.
        let padding = String(repeating: "x", count: 4 << 20)
        var large = DiscoveredProxy.routes(to: "b")
        large["response_headers_to_add"] = [["header": ["key": "x-padding", "value": padding.prefix(16000)]]]
        try scene.peer.obey(["fault": "cut"])
        try scene.peer.set([large])
        #expect(scene.becomes("second", seconds: 60))
        #expect(scene.proxy.isAlive)
    }

    @Test("a control plane that repeats what is refused costs nobody an answer, and with Heddle makes no hot loop", arguments: all)
    func refusalLoop(kind: ProxyProcess.Kind, sources: DiscoveredProxy.Sources) throws {
        let scene = try Scene(kind, sources)
        defer { scene.proxy.stop() }
        #expect(scene.becomes("first"))
        try scene.peer.obey(["fault": "nack_loop"])
        var bad = DiscoveredProxy.cluster("bad")
        bad["connect_timeout"] = "0s"
        let mark = try scene.peer.set([bad])
        // The fifth refusal comes after 100 + 200 + 400 ms at the earliest.
        let refused = { scene.peer.told(after: mark).filter { $0.isRequest && $0.text("error") != nil }.count }
        let deadline = Deadline(seconds: 0.5)
        #expect(Deadline(seconds: 10).polls { refused() >= 2 })
        while !deadline.isOver { _ = deadline.polls(every: 50) { false } }
        // Envoy answers each at once, thousands in this time.
        if kind == .heddle { #expect(refused() <= 5) } else { #expect(refused() > 5) }
        #expect(scene.answer == "first")
        try scene.peer.obey(["fault": "none", "remove": [["cds", "bad"]]])
        try scene.peer.set([DiscoveredProxy.routes(to: "b")])
        #expect(scene.becomes("second", seconds: 30))
    }

    @Test("who gets nothing is live after initial_fetch_timeout, and takes what comes later", arguments: all)
    func silence(kind: ProxyProcess.Kind, sources: DiscoveredProxy.Sources) throws {
        let peer = try ControlPlanePeer()
        try peer.obey(["fault": "hold"])
        let admin = Loopback.freePort()
        let proxy = try ProxyProcess(
            kind, config: DiscoveredProxy.bootstrap(sources, peer, admin: admin, fetchTimeout: "1s"), ports: [admin])
        defer { proxy.stop() }
        #expect(Deadline(seconds: 20).polls(every: 20) { (try? AdminClient.get("/ready", port: admin)) == "LIVE\n" })
        let upstream = RecordingUpstream { _ in .reply(200, body: "late") }
        let port = Loopback.freePort()
        try peer.set([
            DiscoveredProxy.cluster("a"), DiscoveredProxy.endpoints("a", [upstream.port]),
            DiscoveredProxy.routes(to: "a"),
            DiscoveredProxy.listener(port: port),
        ])
        try peer.obey(["fault": "none"])
        #expect(Deadline(seconds: 20).polls(every: 10) { (try? AdminClient.get("/", port: port)) == "late" })
    }

    @Test("what has the name of a static resource is left aside without a word", arguments: all)
    func staticName(kind: ProxyProcess.Kind, sources: DiscoveredProxy.Sources) throws {
        let scene = try Scene(kind, sources)
        defer { scene.proxy.stop() }
        #expect(scene.becomes("first"))
        try scene.peer.change([DiscoveredProxy.cluster("xds"), DiscoveredProxy.cluster("c")], type: "cds")
        try scene.peer.set([DiscoveredProxy.endpoints("c", [scene.second.port]), DiscoveredProxy.routes(to: "c")])
        #expect(scene.becomes("second"))
        try scene.peer.change([], remove: [("cds", "xds")], type: "cds")
        let clusters = try AdminClient.get("/clusters", port: scene.admin)
        #expect(clusters.contains("xds::127.0.0.1:\(scene.peer.port)::"))
        #expect(try scene.peer.state().number("cds.refused") == 0)
        #expect(try AdminClient.counters(port: scene.admin)["cluster_manager.cds.update_rejected"] == 0)
    }

    @Test("endpoints may have a later priority alone, or leave one out", arguments: all)
    func priorities(kind: ProxyProcess.Kind, sources: DiscoveredProxy.Sources) throws {
        let scene = try Scene(kind, sources)
        defer { scene.proxy.stop() }
        #expect(scene.becomes("first"))
        func endpoints(_ hosts: [(priority: Int, port: UInt16)]) -> [String: Any] {
            var resource = DiscoveredProxy.endpoints("a", [])
            resource["endpoints"] = hosts.map { host -> [String: Any] in
                ["priority": host.priority, "lb_endpoints": [["endpoint": ["address": DiscoveredProxy.address(host.port)]]]]
            }
            return resource
        }
        try scene.peer.change([endpoints([(1, scene.second.port)])], type: "eds")
        #expect(scene.becomes("second"))
        try scene.peer.change([endpoints([(0, scene.first.port), (2, scene.second.port)])], type: "eds")
        #expect(scene.becomes("first"))
        for _ in 0..<20 { #expect(scene.answer == "first") }
    }

    @Test("the control plane hears who asks, on the first message of a stream", arguments: ours)
    func node(kind: ProxyProcess.Kind, sources: DiscoveredProxy.Sources) throws {
        let scene = try Scene(kind, sources)
        defer { scene.proxy.stop() }
        #expect(scene.becomes("first"))
        let requests = scene.peer.told().filter(\.isRequest)
        #expect(requests.first?.text("node") == "node-1" && requests.first?.text("cluster") == "test")
        let metadata = requests.first?.fields["metadata"] as? [String: Any]
        #expect(metadata?["role"] as? String == "sidecar")
        #expect((metadata?["labels"] as? [String: Any])?["app"] as? String == "reviews")
        #expect(requests.dropFirst().allSatisfy { $0.text("node") == nil })
        // Endpoints are asked for before their clusters are acknowledged, and listeners when clusters are warm.
        let order = requests.map { $0.type + (($0.text("nonce") ?? "").isEmpty ? "" : " answer") }
        #expect(
            order.prefix(4) == ["cds", "eds", "cds answer", "eds answer"]
                || order.prefix(4) == ["cds", "eds", "cds answer", "lds"])
        #expect(order.firstIndex(of: "lds") ?? 0 > order.firstIndex(of: "cds answer") ?? .max)
    }

    @Test("statistics tell of streams and updates", arguments: ours)
    func statistics(kind: ProxyProcess.Kind, sources: DiscoveredProxy.Sources) throws {
        let scene = try Scene(kind, sources)
        defer { scene.proxy.stop() }
        #expect(scene.becomes("first"))
        let counters = try AdminClient.counters(port: scene.admin)
        #expect(counters["control_plane.connected_state"] == 1)
        #expect(counters["control_plane.pending_requests"] == 0)
        for service in ["cluster_manager.cds", "listener_manager.lds", "eds", "rds"] {
            #expect(counters["\(service).update_success"] == 1, "\(service)")
            #expect(counters["\(service).update_rejected"] == 0, "\(service)")
            #expect(counters["\(service).version"] ?? 0 != 0, "\(service)")
        }
        try scene.peer.obey(["stop": true])
        #expect(
            Deadline(seconds: 20).polls(every: 20) {
                (try? AdminClient.counters(port: scene.admin))?["control_plane.connected_state"] == 0
            })
        #expect(try AdminClient.counters(port: scene.admin)["cluster_manager.cds.update_failure"] ?? 0 > 0)
    }
}
