import Foundation
import TestKit
import Testing

private let canRun =
    ControlPlanePeer.interpreter != nil && ProxyProcess.Kind.heddle.program != nil && ProxyProcess.Kind.envoy.program != nil

/// What `heddle-proxy` and Envoy count of the same changes by the same control plane.
@Suite(
    "Statistics of discovery", .serialized,
    .enabled(if: canRun, "no heddle-proxy is built, no Envoy, or no Python with grpcio: make setup"))
struct DiscoveryStatisticsTests {
    static let names: [String] =
        ["active_clusters", "warming_clusters", "cluster_added", "cluster_modified", "cluster_removed", "cds.update_success", "cds.update_rejected"]
        .map { "cluster_manager." + $0 }
        + [
            "listener_added", "listener_modified", "listener_removed", "listener_in_place_updated", "listener_create_success",
            "listener_create_failure", "total_listeners_active", "total_listeners_warming", "lds.update_success", "lds.update_rejected",
        ].map { "listener_manager." + $0 } + ["control_plane.connected_state", "control_plane.pending_requests"]

    private struct Levels {
        var numbers: [String: Int] = [:]
        var texts: [String] = []
    }

    /// Clusters and listeners come, change, are refused and go; then what was counted.
    private func levels(_ kind: ProxyProcess.Kind, _ sources: DiscoveredProxy.Sources) throws -> Levels {
        let scene = try ControlPlaneTests.Scene(kind, sources)
        defer { scene.proxy.stop() }
        #expect(scene.becomes("first"))
        let other = Loopback.freePort()
        try scene.peer.change([DiscoveredProxy.cluster("c"), DiscoveredProxy.endpoints("c", [scene.second.port])], type: "cds")
        try scene.peer.change([DiscoveredProxy.cluster("b", connectTimeout: "2s")], type: "cds")
        #expect(throws: ControlPlanePeer.Failed.self) {
            try scene.peer.change([DiscoveredProxy.cluster("d", connectTimeout: "0s")], type: "cds")
        }
        try scene.peer.change([], remove: [("cds", "c"), ("eds", "c"), ("cds", "d")], type: "cds")
        try scene.peer.change([DiscoveredProxy.listener("two", port: other)], type: "lds")
        #expect(Deadline(seconds: 10).polls(every: 10) { WireClient(port: other) != nil })
        try scene.peer.change([DiscoveredProxy.listener("two", port: other, routes: "other")], type: "lds")
        try scene.peer.change([DiscoveredProxy.routes("other", to: "a")], type: "rds")
        try scene.peer.change([], remove: [("lds", "two")], type: "lds")
        #expect(Deadline(seconds: 10).polls(every: 10) { WireClient(port: other) == nil })
        var levels = Levels()
        let counters = try AdminClient.counters(port: scene.admin)
        for name in Self.names { levels.numbers[name] = counters[name] }
        let lines = try AdminClient.get("/stats?type=TextReadouts", port: scene.admin).split(separator: "\n").map(String.init)
        levels.texts = lines.filter { line in ["control_plane.", "cluster_manager.cds", "listener_manager.lds"].contains { line.hasPrefix($0) } }
        return levels
    }

    @Test("counts, levels and texts are Envoy's", arguments: DiscoveredProxy.Sources.allCases)
    func same(sources: DiscoveredProxy.Sources) throws {
        let ours = try levels(.heddle, sources)
        let theirs = try levels(.envoy, sources)
        for name in Self.names { #expect(ours.numbers[name] == theirs.numbers[name], "\(name)") }
        #expect(ours.texts == theirs.texts)
        #expect(ours.texts.contains(#"control_plane.identifier: "test""#))
    }
}
