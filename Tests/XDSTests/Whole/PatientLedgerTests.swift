import ProxyModel
import Reactor
import TestKit
import Testing

@testable import Supervision

/// Names: odd ones have no secret to wait for; routes of number N send requests to the cluster `r` and N modulo 6.
@Suite("Clusters and the routes to them change in whatever order")
struct PatientLedgerTests {
    /// A listener with routes to `r1`, all in force, as the simulation's resources name them.
    @WorkerActor private static func scene() throws -> LedgerScene {
        let scene = try LedgerScene()
        scene.offer(.cluster, [("r1", 1)])
        scene.offer(.clusterLoadAssignment, [("r1", 1)])
        scene.offer(.listener, [("in", 1)])
        scene.offer(.routeConfiguration, [("routes-in", 1)])
        #expect(
            scene.has(.cluster, "r1") && scene.has(.listener, "in") && scene.has(.routeConfiguration, "routes-in", 1))
        return scene
    }

    private static func run(_ body: @WorkerActor () throws -> Void) async throws {
        _ = RunningLoop.started
        try await enter(body)
    }

    @WorkerActor private static func enter(_ body: @WorkerActor () throws -> Void) throws { try body() }

    @Test("a cluster that is taken away goes with the last routes to it")
    func leaves() async throws {
        try await Self.run {
            let scene = try Self.scene()
            scene.offer(.cluster, [("r1", nil), ("r3", 1)])
            scene.offer(.clusterLoadAssignment, [("r3", 1)])
            #expect(scene.has(.cluster, "r1") && scene.has(.cluster, "r3"))
            #expect(scene.has(.clusterLoadAssignment, "r1"))
            scene.offer(.routeConfiguration, [("routes-in", 3)])
            #expect(!scene.has(.cluster, "r1") && !scene.has(.clusterLoadAssignment, "r1"))
            #expect(scene.ledger.patience.next == nil)
            // One that nobody uses goes at once.
            scene.offer(.cluster, [("r5", 1)])
            scene.offer(.clusterLoadAssignment, [("r5", 1)])
            scene.offer(.cluster, [("r5", nil)])
            #expect(!scene.has(.cluster, "r5"))
            #expect(scene.worker.violations == [] && scene.worker.leftOver == 0)
        }
    }

    @Test("it goes after a time though routes name it still, also when its return was refused")
    func patienceEnds() async throws {
        try await Self.run {
            let scene = try Self.scene()
            scene.offer(.cluster, [("r1", nil)])
            scene.advance(seconds: 14)
            #expect(scene.has(.cluster, "r1"))
            scene.refused = [ResourceKey(.cluster, "r1")]
            #expect(scene.offer(.cluster, [("r1", 2)]) == ["r1"])
            #expect(scene.has(.cluster, "r1", 1))
            scene.advance(seconds: 2)
            #expect(!scene.has(.cluster, "r1") && scene.has(.routeConfiguration, "routes-in", 1))
            #expect(scene.ledger.patience.next == nil && scene.worker.leftOver == 0)
        }
    }

    @Test("a source that says once more that it is gone, as another control plane may, has the whole time for its routes")
    func goneTwice() async throws {
        try await Self.run {
            let scene = try Self.scene()
            scene.offer(.cluster, [("r1", nil)])
            scene.advance(seconds: 14)
            scene.offer(.cluster, [("r1", nil)])
            scene.advance(seconds: 14)
            #expect(scene.has(.cluster, "r1"))
            scene.advance(seconds: 2)
            #expect(!scene.has(.cluster, "r1") && scene.ledger.patience.next == nil)
        }
    }

    @Test("one that comes into use while workers are asked about its removal stays as any other that is in use")
    func usedMeanwhile() async throws {
        try await Self.run {
            let scene = try Self.scene()
            scene.offer(.cluster, [("r3", 1)])
            scene.offer(.routeConfiguration, [("routes-in", 3)])
            scene.send(.cluster, [("r3", nil)])
            // Its endpoints do not come: it is in force without them, and with it the routes that waited for it.
            scene.ledger.fetchEnded([ResourceKey(.clusterLoadAssignment, "r3")])
            scene.work()
            #expect(scene.has(.cluster, "r3") && scene.has(.routeConfiguration, "routes-in", 3))
            scene.offer(.routeConfiguration, [("routes-in", 1)])
            #expect(!scene.has(.cluster, "r3") && scene.has(.cluster, "r1"))
            #expect(scene.worker.violations == [] && scene.worker.leftOver == 0 && scene.ledger.isIdle)
        }
    }

    @Test("one that comes back stays, in its old form or another", arguments: [1, 2])
    func comesBack(number: Int) async throws {
        try await Self.run {
            let scene = try Self.scene()
            scene.offer(.cluster, [("r1", nil)])
            scene.advance(seconds: 14)
            #expect(scene.offer(.cluster, [("r1", number)]) == [])
            scene.advance(seconds: 20)
            #expect(scene.has(.cluster, "r1", number))
            #expect(scene.ledger.patience.next == nil)
        }
    }

    @Test("routes come into force with the clusters that they were sent with")
    func waits() async throws {
        try await Self.run {
            let scene = try Self.scene()
            scene.offer(.cluster, [("r3", 1)])
            scene.offer(.routeConfiguration, [("routes-in", 3)])
            #expect(!scene.has(.cluster, "r3") && scene.has(.routeConfiguration, "routes-in", 1))
            let before = scene.commits
            scene.offer(.clusterLoadAssignment, [("r3", 1)])
            #expect(scene.has(.cluster, "r3") && scene.has(.routeConfiguration, "routes-in", 3))
            #expect(scene.commits == before + 1)
            // A cluster that nobody has heard of is not waited for.
            scene.offer(.routeConfiguration, [("routes-in", 5)])
            #expect(scene.has(.routeConfiguration, "routes-in", 5))
            #expect(scene.ledger.patience.next == nil && scene.ledger.warming.isEmpty)
        }
    }

    @Test("routes wait only so long, changes of them no longer than one, and for the same cluster no second time")
    func waitEnds() async throws {
        try await Self.run {
            let scene = try Self.scene()
            scene.offer(.cluster, [("r3", 1)])
            scene.offer(.routeConfiguration, [("routes-in", 3)])
            scene.advance(seconds: 10)
            scene.offer(.routeConfiguration, [("routes-in", 9)])
            scene.advance(seconds: 6)
            #expect(scene.has(.routeConfiguration, "routes-in", 9) && !scene.has(.cluster, "r3"))
            scene.offer(.routeConfiguration, [("routes-in", 15)])
            #expect(scene.has(.routeConfiguration, "routes-in", 15))
            // Once it can serve it is like any other.
            scene.offer(.clusterLoadAssignment, [("r3", 1)])
            #expect(scene.has(.cluster, "r3") && scene.ledger.late.isEmpty)
        }
    }

    @Test("what was refused is forgotten when its source takes it away")
    func forgives() async throws {
        try await Self.run {
            let scene = try Self.scene()
            scene.refused = [ResourceKey(.listener, "bad")]
            #expect(scene.offer(.listener, [("bad", 1)]) == ["bad"])
            #expect(scene.ledger.store.failures.count == 1)
            scene.offer(.listener, [("bad", nil)])
            #expect(scene.ledger.store.failures.isEmpty)
        }
    }
}
