import Foundation
import Glibc
import TestKit
import Testing

private let canRun = ControlPlanePeer.interpreter != nil && ProxyProcess.Kind.heddle.program != nil

/// A control plane that does everything wrong that can be done wrong, and what `heddle-proxy` and Envoy make of it.
@Suite(
    "Faults of a control plane", .serialized,
    .enabled(if: canRun, "no heddle-proxy is built, or no Python with grpcio: make setup"))
struct FaultTests {
    static let kinds = [ProxyProcess.Kind.heddle, .envoy].filter { $0.program != nil }
    static let all = kinds.flatMap { kind in DiscoveredProxy.Sources.allCases.map { (kind, $0) } }

    /// A proxy under a control plane whose connections can be cut anywhere.
    final class Scene {
        let peer: ControlPlanePeer
        let proxy: ProxyProcess
        let sources: DiscoveredProxy.Sources
        let port = Loopback.freePort()
        let admin = Loopback.freePort()
        let first = RecordingUpstream { _ in .reply(200, body: "first") }
        let second = RecordingUpstream { _ in .reply(200, body: "second") }

        init(_ kind: ProxyProcess.Kind, _ sources: DiscoveredProxy.Sources) throws {
            self.sources = sources
            peer = try ControlPlanePeer(["--relay"])
            try peer.set([
                DiscoveredProxy.cluster("a"), DiscoveredProxy.cluster("b"),
                DiscoveredProxy.endpoints("a", [first.port]), DiscoveredProxy.endpoints("b", [second.port]),
                DiscoveredProxy.routes(to: "a"), DiscoveredProxy.listener(port: port),
            ])
            proxy = try ProxyProcess(
                kind, config: DiscoveredProxy.bootstrap(sources, peer, admin: admin), ports: [admin])
        }

        deinit { proxy.stop() }

        var answer: String { (try? AdminClient.get("/", port: port)) ?? "" }

        func becomes(_ expected: String) -> Bool { Deadline(seconds: 60).polls(every: 10) { answer == expected } }

        /// Has a response sent that nothing called for.
        func send(_ type: String, _ resources: [[String: Any]], version: String, nonce: String, removed: [String] = [])
            throws
        {
            var response: [String: Any] = ["type_url": type, "nonce": nonce]
            switch sources {
            case .stateOfTheWorld:
                response["version_info"] = version
                response["resources"] = resources
            case .delta:
                response["system_version_info"] = version
                response["removed_resources"] = removed
                response["resources"] = resources.map { resource in
                    let name = resource["name"] ?? resource["cluster_name"] ?? ""
                    return ["name": name, "version": version, "resource": resource] as [String: Any]
                }
            }
            try peer.obey(["raw": response])
        }
    }

    @Test(
        "a stream that is cut inside of a message leaves everything as it was, and the next one brings it",
        arguments: all)
    func cuts(kind: ProxyProcess.Kind, sources: DiscoveredProxy.Sources) throws {
        let scene = try Scene(kind, sources)
        #expect(scene.becomes("first"))
        // After the gRPC prefix, within the first HTTP/2 frame, in a later one, and beyond the first window.
        for (round, bytes) in [10, 300, 20_000, 90_000].enumerated() {
            let expected = round % 2 == 0 ? "second" : "first"
            var routes = DiscoveredProxy.routes(to: round % 2 == 0 ? "b" : "a")
            routes["request_headers_to_add"] = (0..<12).map { index in
                ["header": ["key": "x-padding-\(index)", "value": String(repeating: "x", count: 16_000 + round)]]
            }
            let mark = try scene.peer.obey(["cut_after": bytes])
            try scene.peer.set([routes])
            try scene.peer.wait(after: mark) { $0.kind == "cut" }
            // Nothing of half a message.
            #expect(["first", "second"].contains(scene.answer))
            try scene.peer.wait(after: mark) { $0.kind == "stream" }
            #expect(scene.becomes(expected))
        }
        #expect(try scene.peer.state().number("rds.refused") == 0)
    }

    @Test(
        "responses that nobody asked for, of unknown types, empty or twice, change nothing and end nothing",
        arguments: all)
    func unasked(kind: ProxyProcess.Kind, sources: DiscoveredProxy.Sources) throws {
        let scene = try Scene(kind, sources)
        #expect(scene.becomes("first"))
        let before = try ConfigState.read(admin: scene.admin)
        try scene.send(
            "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
            [DiscoveredProxy.endpoints("nobody", [scene.second.port])], version: "x1", nonce: "x1")
        try scene.send(
            "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
            [DiscoveredProxy.routes("nobody", to: "b")], version: "x2", nonce: "x2")
        try scene.send("type.googleapis.com/envoy.config.route.v3.RouteConfiguration", [], version: "x3", nonce: "x3")
        try scene.send("type.googleapis.com/envoy.service.runtime.v3.Runtime", [], version: "x4", nonce: "x4")
        // Something that it wants comes after all that, on the same stream.
        let mark = try scene.peer.set([DiscoveredProxy.endpoints("a", [scene.second.port])])
        #expect(scene.becomes("second"))
        #expect(!scene.peer.told(after: mark).contains { $0.kind == "stream" })
        #expect(try ConfigState.read(admin: scene.admin) == before)
        #expect(scene.proxy.isAlive)
    }

    @Test(
        "a removal and its return, a refusal and its correction, and names that come before they are wanted, all at once",
        arguments: DiscoveredProxy.Sources.allCases)
    func sameState(sources: DiscoveredProxy.Sources) throws {
        guard Self.kinds.count == 2 else { return }
        var states: [[[String]]] = []
        var answers: [[String]] = []
        for kind in Self.kinds {
            let scene = try Scene(kind, sources)
            #expect(scene.becomes("first"))
            var seen: [[String]] = []
            var said: [String] = []
            // Each step ends in a state that both come to; the versions are the numbers of the steps.
            for step in Self.steps(scene) {
                try step.run()
                let settled = Deadline(seconds: 30).polls(every: 20) {
                    scene.answer == step.answer && (try? step.isDone()) ?? false
                }
                #expect(settled, "\(kind) \(sources), step \(seen.count): \(scene.answer)")
                seen.append(try ConfigState.read(admin: scene.admin))
                said.append(scene.answer)
            }
            states.append(seen)
            answers.append(said)
        }
        for step in states[0].indices { #expect(states[0][step] == states[1][step], "step \(step)") }
        #expect(answers[0] == answers[1])
    }

    /// One thing that is done, and what holds when it has come to its end.
    struct Step {
        let answer: String
        var isDone: () throws -> Bool = { true }
        let run: () throws -> Void
    }

    private static func steps(_ scene: Scene) -> [Step] {
        let peer = scene.peer
        func has(_ lines: String...) -> () throws -> Bool {
            {
                let state = try ConfigState.read(admin: scene.admin);
                return lines.allSatisfy { line in state.contains { $0.hasPrefix(line) } }
            }
        }
        func lacks(_ lines: String...) -> () throws -> Bool {
            {
                let state = try ConfigState.read(admin: scene.admin);
                return !lines.contains { line in state.contains { $0.hasPrefix(line) } }
            }
        }
        func refused(_ type: String, by run: @escaping () throws -> Int) -> () throws -> Void {
            {
                let mark = try run();
                try peer.wait(after: mark) { $0.isRequest && $0.type == type && $0.text("error") != nil }
            }
        }
        var bad = DiscoveredProxy.cluster("a")
        bad["type"] = "STATIC"
        bad["eds_cluster_config"] = nil
        bad["load_assignment"] = [
            "cluster_name": "a",
            "endpoints": [["lb_endpoints": [["endpoint": ["address": DiscoveredProxy.address(1, host: "a.name")]]]]],
        ]
        var badListener = DiscoveredProxy.listener("bad", port: 1)
        badListener["address"] = DiscoveredProxy.address(1, host: "no-address")
        let other = Loopback.freePort()
        return [
            Step(answer: "first", isDone: lacks("cluster b", "endpoints b")) {
                try peer.set([], remove: [("cds", "b")])
            },
            Step(answer: "second", isDone: has("cluster b active", "endpoints b")) {
                try peer.obey(["order": ["rds", "eds", "lds", "sds", "cds"]])
                try peer.set([DiscoveredProxy.cluster("b"), DiscoveredProxy.routes(to: "b")])
            },
            Step(answer: "second", run: refused("cds") { try peer.set([bad]) }),
            Step(
                answer: "second", isDone: has("listener bad refused", "listener in active"),
                run: refused("lds") { try peer.set([badListener]) }),
            Step(answer: "first", isDone: lacks("listener bad")) {
                try peer.obey(["fault": "stale_nonce", "order": ["cds", "eds", "sds", "lds", "rds"]])
                // With its endpoints once more, behind it: Envoy waits for them when a cluster changes.
                try peer.set(
                    [
                        DiscoveredProxy.cluster("a", connectTimeout: "2s"),
                        DiscoveredProxy.endpoints("a", [scene.first.port]), DiscoveredProxy.routes(to: "a"),
                    ], remove: [("lds", "bad")])
            },
            Step(answer: "first", isDone: has("cluster w warming")) {
                try peer.obey(["fault": "none"])
                // In the delta form an answer comes even for what is not there, so that this one has to be held back.
                try peer.obey(["withhold": ["eds"]])
                try peer.set([DiscoveredProxy.cluster("w")])
            },
            Step(answer: "first", isDone: has("cluster w active", "endpoints w")) {
                try peer.obey(["withhold": [String]()])
                try peer.set([DiscoveredProxy.endpoints("w", [scene.second.port])])
            },
            Step(answer: "first", isDone: has("listener late warming")) {
                try peer.obey(["withhold": ["rds"]])
                try peer.set([DiscoveredProxy.listener("late", port: other, routes: "late")])
            },
            Step(answer: "first", isDone: has("listener late active", "routes late")) {
                try peer.obey(["withhold": [String]()])
                try peer.set([DiscoveredProxy.routes("late", to: "w")])
            },
            Step(answer: "second", isDone: { (try? AdminClient.get("/", port: other)) == "second" }) {
                let mark = try peer.obey(["close": true])
                try peer.set([DiscoveredProxy.routes(to: "w")])
                try peer.wait(after: mark) { $0.kind == "stream" }
            },
            Step(answer: "second", isDone: lacks("listener late", "routes late")) {
                try peer.set([], remove: [("lds", "late")])
            },
        ]
    }

    @Test(
        "10,000 subscriptions to endpoints come and change, in the state of the world each answer names them all",
        arguments: all)
    func manySubscriptions(kind: ProxyProcess.Kind, sources: DiscoveredProxy.Sources) throws {
        let scene = try Scene(kind, sources)
        #expect(scene.becomes("first"))
        try scene.peer.obey([
            "generate": ["clusters": 10_000, "endpoints": 1, "routes": 1, "port": Int(scene.second.port)]
        ])
        let active = { (try? AdminClient.counters(port: scene.admin))?["cluster_manager.active_clusters"] ?? 0 }
        #expect(Deadline(seconds: 120).polls(every: 500) { active() == 10_003 })
        #expect(try scene.peer.state().number("eds.names") == 10_002)
        try scene.peer.set([
            DiscoveredProxy.endpoints("cluster-9999", [scene.first.port]), DiscoveredProxy.routes(to: "cluster-9999"),
        ])
        #expect(scene.becomes("first"))
        try scene.peer.change([DiscoveredProxy.endpoints("cluster-9999", [scene.second.port])], type: "eds")
        #expect(scene.becomes("second"))
        #expect(try scene.peer.state().number("eds.refused") == 0)
    }
}
