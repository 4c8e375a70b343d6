import Foundation
import Synchronization
import TestKit
import Testing

private let canRun = ControlPlanePeer.interpreter != nil && ProxyProcess.Kind.heddle.program != nil

/// What a proxy has from its control plane when its bootstrap changes, and what it says of itself.
@Suite(
    "Another bootstrap under a control plane", .serialized,
    .enabled(if: canRun, "no heddle-proxy is built, or no Python with grpcio: make setup"))
struct ReloadTests {
    @Test(
        "what the control plane that a reload names does not have goes, and the rest stays without a gap",
        arguments: DiscoveredProxy.Sources.allCases)
    func otherControlPlane(sources: DiscoveredProxy.Sources) throws {
        let (old, new) = (try ControlPlanePeer(), try ControlPlanePeer())
        let upstream = RecordingUpstream { _ in .reply(200, body: "hello") }
        let (port, other, admin) = (Loopback.freePort(), Loopback.freePort(), Loopback.freePort())
        let common = [
            DiscoveredProxy.cluster("a"), DiscoveredProxy.endpoints("a", [upstream.port]), DiscoveredProxy.routes(to: "a"),
            DiscoveredProxy.listener(port: port),
        ]
        try old.set(
            common + [
                DiscoveredProxy.cluster("gone"), DiscoveredProxy.endpoints("gone", [upstream.port]),
                DiscoveredProxy.routes("other", to: "gone"), DiscoveredProxy.listener("gone", port: other, routes: "other"),
            ])
        try new.set(common)
        let proxy = try ProxyProcess(
            .heddle, config: DiscoveredProxy.bootstrap(sources, old, admin: admin), ports: [admin, port, other])
        defer { proxy.stop() }
        let load = SteadyLoad(port: port, clients: 2)
        #expect(load.waits(forMore: 20))
        let mark = new.mark
        try proxy.reload(config: DiscoveredProxy.bootstrap(sources, new, admin: admin))
        #expect(Deadline(seconds: 20).polls(every: 20) { WireClient(port: other) == nil })
        let counters = { (try? AdminClient.counters(port: admin)) ?? [:] }
        #expect(Deadline(seconds: 40).polls(every: 50) { counters()["cluster_manager.active_clusters"] == 2 })
        #expect(load.waits(forMore: 20))
        load.stop()
        #expect(load.failures == [])
        #expect(new.told(after: mark).contains { $0.isRequest && $0.type == "lds" })
    }

    @Test("--service-node and --service-cluster are what the control plane hears", arguments: DiscoveredProxy.Sources.allCases)
    func flags(sources: DiscoveredProxy.Sources) throws {
        let peer = try ControlPlanePeer()
        let admin = Loopback.freePort()
        let proxy = try ProxyProcess(
            .heddle, config: DiscoveredProxy.bootstrap(sources, peer, admin: admin), ports: [admin],
            flags: ["--service-node", "sidecar~1", "--service-cluster", "reviews"])
        defer { proxy.stop() }
        let first = try peer.wait { $0.isRequest }
        #expect(first.text("node") == "sidecar~1" && first.text("cluster") == "reviews")
        let metadata = first.fields["metadata"] as? [String: Any]
        #expect(metadata?["role"] as? String == "sidecar")
    }

    @Test("/init_dump names what warms and what each waits for, and nothing when all is there")
    func warming() throws {
        let peer = try ControlPlanePeer()
        let upstream = RecordingUpstream { _ in .reply(200, body: "hello") }
        let (port, admin) = (Loopback.freePort(), Loopback.freePort())
        try peer.obey(["withhold": ["rds"]])
        try peer.set([
            DiscoveredProxy.cluster("a"), DiscoveredProxy.endpoints("a", [upstream.port]), DiscoveredProxy.routes(to: "a"),
            DiscoveredProxy.listener(port: port),
        ])
        let proxy = try ProxyProcess(
            .heddle, config: DiscoveredProxy.bootstrap(.delta, peer, admin: admin), ports: [admin])
        defer { proxy.stop() }
        func targets() throws -> [String: [String]] {
            let text = try AdminClient.get("/init_dump", port: admin)
            let page = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
            let dumps = page?["unready_targets_dumps"] as? [[String: Any]] ?? []
            let pairs = dumps.map { ($0["name"] as? String ?? "", $0["target_names"] as? [String] ?? []) }
            return Dictionary(pairs) { first, _ in first }
        }
        let expected = ["lds \"in\"": ["rds \"routes\""]]
        #expect(Deadline(seconds: 10).polls(every: 20) { (try? targets()) == expected })
        try peer.obey(["withhold": [String]()])
        #expect(Deadline(seconds: 20).polls(every: 20) { (try? targets()) == [:] })
        #expect(Deadline(seconds: 20).polls(every: 20) { (try? AdminClient.get("/", port: port)) == "hello" })
    }

    /// Opens when a test says so.
    private final class Gate: Sendable {
        private let state = Mutex(false)

        func open() { state.withLock { $0 = true } }
        /// Whether it opens in time.
        @discardableResult
        func wait(seconds: Double = 60) -> Bool { Deadline(seconds: seconds).polls(every: 5) { state.withLock { $0 } } }
    }

    @Test("a request under way ends well when its cluster, its routes and its listener go", arguments: DiscoveredProxy.Sources.allCases)
    func drains(sources: DiscoveredProxy.Sources) throws {
        let peer = try ControlPlanePeer()
        let (arrived, gate) = (Gate(), Gate())
        let upstream = RecordingUpstream { request in
            if request.startLine.hasPrefix("GET /slow") {
                arrived.open()
                gate.wait()
            }
            return .reply(200, body: "hello")
        }
        let (port, admin) = (Loopback.freePort(), Loopback.freePort())
        var routes = DiscoveredProxy.routes(to: "a")
        let route: [String: Any] = ["match": ["prefix": "/"], "route": ["cluster": "a", "timeout": "0s"]]
        routes["virtual_hosts"] = [["name": "all", "domains": ["*"], "routes": [route]]]
        try peer.set([
            DiscoveredProxy.cluster("a"), DiscoveredProxy.endpoints("a", [upstream.port]), routes,
            DiscoveredProxy.listener(port: port),
        ])
        // Nothing of a listener that is gone outlives the drain time, which is longer than what the cluster is kept for.
        let proxy = try ProxyProcess(
            .heddle, config: DiscoveredProxy.bootstrap(sources, peer, admin: admin), ports: [admin, port],
            flags: ["--drain-time-s", "60"])
        defer { proxy.stop() }
        let client = try #require(WireClient(port: port))
        client.send("GET /slow HTTP/1.1\r\nhost: test\r\n\r\n")
        #expect(arrived.wait(seconds: 10))
        try peer.set([], remove: [("lds", "in"), ("rds", "routes"), ("cds", "a"), ("eds", "a")])
        #expect(Deadline(seconds: 20).polls(every: 20) { WireClient(port: port) == nil })
        let counters = { (try? AdminClient.counters(port: admin)) ?? [:] }
        // The cluster goes at the latest when nobody waits for its users any longer; the request holds on to its host.
        #expect(Deadline(seconds: 40).polls(every: 50) { counters()["cluster_manager.active_clusters"] == 1 })
        #expect(client.received.isEmpty)
        gate.open()
        var answers = WireAnswers(methods: ["GET"])
        answers.read(client, until: 1, Deadline(seconds: 10))
        #expect(answers.messages.first?.status == 200)
        #expect(answers.messages.first.map { String(decoding: $0.body, as: UTF8.self) } == "hello")
        #expect(client.receiveEnd() == .ended)
    }
}
