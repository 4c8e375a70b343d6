import Bytes
import DataPlane
import Reactor
import Testing
import TrafficPolicy

@testable import Supervision

@Suite("The supervisor's machines")
struct MachineTests {
    @Test("a worker that keeps ending waits twice as long each time, up to a bound")
    func backoff() {
        var backoff = RestartBackoff()
        let delays = (0..<10).map { _ in backoff.ended(after: 1) / 1_000_000 }
        #expect(delays == [0, 100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000])
    }

    @Test("a time of health makes the next restart immediate")
    func backoffResets() {
        var backoff = RestartBackoff()
        for _ in 0..<5 { _ = backoff.ended(after: 1) }
        #expect(backoff.ended(after: RestartBackoff.healthy - 1) > 0)
        #expect(backoff.ended(after: RestartBackoff.healthy) == 0)
    }

    @Test("the watchdog ends a worker after as many looks without a beat as it has patience, and kills it at the next")
    func watchdog() {
        var dog = Watchdog(patience: 4)
        #expect(dog.look(1) == .alive)
        #expect((0..<6).map { _ in dog.look(1) } == [.alive, .late, .alive, .abort, .kill, .kill])
        dog.restarted()
        #expect(dog.look(2) == .alive)
        var off = Watchdog(patience: 0)
        #expect((0..<100).allSatisfy { _ in off.look(0) == .alive })
    }

    @Test("a configuration is in force when the last worker has prepared it and the names are resolved")
    func rolloutCommits() {
        var rollout = ConfigRollout(generation: 3, workers: [0, 1], namesPending: true)
        #expect(rollout.prepared(0, 3) == .none)
        #expect(rollout.prepared(1, 2) == .none)
        #expect(rollout.prepared(1, 3) == .none)
        #expect(rollout.namesResolved() == .commit)
        #expect(rollout.isDone)
        #expect(rollout.ended(0) == .none)
    }

    @Test("one worker that refuses, or ends while it prepares, takes the configuration back from all")
    func rolloutDiscards() {
        var refused = ConfigRollout(generation: 1, workers: [0, 1], namesPending: false)
        #expect(refused.prepared(0, 1) == .none)
        #expect(refused.refused(1, 1, "why") == .discard(reason: "why"))
        #expect(refused.prepared(1, 1) == .none)
        var ended = ConfigRollout(generation: 1, workers: [0, 1], namesPending: false)
        #expect(ended.prepared(0, 1) == .none)
        #expect(ended.ended(0) == .none)
        #expect(ended.ended(1) == .discard(reason: "worker 1 ended while it prepared the configuration"))
    }

    @Test("limit groups are kept by name, given back when settled, and bounded")
    func limitGroups() {
        var groups = LimitGroups(capacity: 2)
        #expect(groups.assign(["a", "b"]) == ["a": 0, "b": 1])
        #expect(groups.assign(["b", "c"]) == nil)
        groups.settle(["b"])
        #expect(groups.assign(["b", "c"]) == ["b": 1, "c": 0])
    }

    @Test("a refresh follows the time to live when told to, and backs off after failures")
    func refresh() {
        var settings = NameRefresh.Settings()
        settings.rate = 5
        settings.respectsTTL = true
        settings.failureBase = 10
        settings.failureMaximum = 40
        var refresh = NameRefresh(settings)
        #expect(refresh.answered(ttl: 3, random: 0) == 3_000_000_000)
        #expect(refresh.answered(ttl: nil, random: 0) == 5)
        // A random number in an interval of 10, 20, 40, 40, never below half of the base.
        #expect((0..<4).map { _ in refresh.failed(random: 65) } == [10, 5, 24, 24])
        #expect(refresh.answered(ttl: 1, random: 0) == 1_000_000_000)
        #expect(refresh.failed(random: 10) == 10)
    }
}

@Suite("Messages between processes")
struct FrameTests {
    static let orders: [WorkerOrder] = [
        .hello(WorkerIdentity(index: 1, concurrency: 2, incarnation: 9, limitGroups: 7, logsJSON: true)), .peer(3),
        .prepare(generation: 5), .sockets(listener: "ingress"), .commit(generation: .max), .discard(generation: 0),
        .drain(milliseconds: 600_000), .stopAccepting, .reopenLogs,
        .endpoints(
            cluster: "web",
            [
                Endpoint(address: SocketAddress("1.2.3.4:80")!, hostname: "web", weight: 3, priority: 1, health: .unhealthyByDiscovery),
                Endpoint(address: SocketAddress("[::1]:443")!), Endpoint(address: SocketAddress(unixPath: "/tmp/x")),
            ]),
    ]

    @Test("every order arrives as it was sent", arguments: orders)
    func arrives(order: WorkerOrder) throws {
        #expect(try WorkerOrder(decoding: order.encoded) == order)
    }

    @Test("an order that is cut anywhere is refused", arguments: orders)
    func cut(order: WorkerOrder) {
        let bytes = order.encoded
        for length in 0..<bytes.count {
            #expect(throws: FrameError.self) { try WorkerOrder(decoding: Array(bytes[..<length])) }
        }
        #expect(throws: FrameError.self) { try WorkerOrder(decoding: bytes + [0]) }
    }

    @Test(
        "every report arrives as it was sent",
        arguments: [WorkerReport.prepared(generation: 1), .refused(generation: 2, reason: "no"), .committed(generation: 3)])
    func reports(report: WorkerReport) throws {
        #expect(try WorkerReport(decoding: report.encoded) == report)
    }

    @Test("a package of a configuration survives its memory file")
    func package() throws {
        let package = ConfigPackage(groups: ["a": 0, "b": 4], bootstrap: Array(0...255))
        let file = try package.write()
        #expect(try ConfigPackage(decoding: ConfigPackage.read(file.raw)) == package)
    }
}
