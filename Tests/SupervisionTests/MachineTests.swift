import Bytes
import DataPlane
import ProxyModel
import Reactor
import SecureTransport
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

    @Test("a ticket key is known before it seals and for one time after")
    func ticketKeys() {
        let keys = (0..<5).map { _ in TicketKey.fresh() }
        #expect(Set(keys).count == 5)
        var rotation = TicketKeyRotation(first: keys[0], next: keys[1])
        #expect(rotation.keys == [keys[0], keys[1]])
        rotation.rotate(next: keys[2])
        #expect(rotation.keys == [keys[1], keys[2], keys[0]])
        rotation.rotate(next: keys[3])
        #expect(rotation.keys == [keys[2], keys[3], keys[1]])
        #expect(TicketKeyRotation(continuing: rotation.keys) == rotation)
        #expect(TicketKeyRotation(continuing: [keys[0]]) == nil)
    }

    @Test("limit groups are kept by name, given back with their cluster, and bounded")
    func limitGroups() {
        var groups = LimitGroups(capacity: 2)
        #expect(groups.assign("a") == 0)
        #expect(groups.assign("b") == 1)
        #expect(groups.assign("a") == 0)
        #expect(groups.assign("c") == nil)
        groups.release("a")
        #expect(groups.assign("c") == 0)
        #expect(groups.used == 2)
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
    private static func labels(_ endpoint: String, locality: String = "") -> SocketLabels? {
        func metadata(_ text: String) -> Envoy_Config_Core_V3_Metadata? {
            let yaml = "filter_metadata: { envoy.transport_socket_match: { tlsMode: '\(text)' } }"
            let source = ConfigSource(text: yaml, file: "labels.yaml", format: .yaml)
            return try? ConfigDecoder.decode(Envoy_Config_Core_V3_Metadata.self, from: [source]).message
        }
        guard let own = metadata(endpoint), let common = metadata(locality) else { preconditionFailure("labels cannot be read") }
        return SocketLabels.of(own, in: common)
    }

    static let orders: [WorkerOrder] = [
        .hello(WorkerIdentity(index: 1, concurrency: 2, incarnation: 9, limitGroups: 7, logsJSON: true, drainSeconds: 600)), .peer(3),
        .prepare(generation: 5), .sockets(listener: "ingress"), .commit(generation: .max, NumberRanges([1, 2, 3, 9]), isLast: true), .forget(NumberRanges([7])),
        .drain(milliseconds: 600_000), .ticketKeys([.fresh(), .fresh()]), .stopAccepting(listeners: nil),
        .stopAccepting(listeners: ["in", ""]), .stopAccepting(listeners: []), .health(fails: true), .health(fails: false), .reopenLogs, .rolledBack([]), .rolledBack(["a", ""]),
        .endpoints(
            cluster: "web",
            [
                Endpoint(address: SocketAddress("1.2.3.4:80")!, hostname: "web", weight: 3, priority: 1, health: .unhealthyByDiscovery),
                Endpoint(address: SocketAddress("[::1]:443")!), Endpoint(address: SocketAddress(unixPath: "/run/x")),
                Endpoint(address: SocketAddress("1.2.3.5:80")!, labels: labels("istio")),
                Endpoint(address: SocketAddress("1.2.3.6:80")!, labels: labels("istio", locality: "x")),
                Endpoint(address: SocketAddress("1.2.3.7:80")!, labels: labels("istio")),
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
        arguments: [WorkerReport.prepared(generation: 1), .refused(generation: 2, number: 77, reason: "no"), .committed(generation: 3)])
    func reports(report: WorkerReport) throws {
        #expect(try WorkerReport(decoding: report.encoded) == report)
    }

    @Test("a package of resources survives its memory file")
    func package() throws {
        var bootstrap = Envoy_Config_Bootstrap_V3_Bootstrap()
        bootstrap.node.id = "n"
        let items = [
            ResourcePackage.Item(
                update: ResourceUpdate(number: 3, key: ResourceKey(.cluster, "a"), body: Array(0...255)), limitGroup: 4),
            ResourcePackage.Item(update: ResourceUpdate(number: 4, key: ResourceKey(.listener, "b"), body: nil)),
            ResourcePackage.Item(update: ResourceUpdate(number: 5, key: ResourceKey(.secret, "c"), body: [])),
        ]
        let package = ResourcePackage(items, settings: try CompileSettings(bootstrap))
        let file = try MemoryFile.write(package.encoded)
        #expect(try ResourcePackage(decoding: MemoryFile.read(file.raw)) == package)
    }

    @Test("numbers travel as ranges, in pieces that fit into a message")
    func ranges() throws {
        #expect(NumberRanges([5, 1, 2, 3, 9]).ranges == [1...3, 5...5, 9...9])
        let scattered = NumberRanges((0..<UInt32(NumberRanges.maximumRanges) + 1).map { $0 * 2 })
        #expect(scattered.pieces.map(\.ranges.count) == [NumberRanges.maximumRanges, 1])
        #expect(scattered.pieces.flatMap { Array($0.numbers) } == Array(scattered.numbers))
        for piece in scattered.pieces {
            #expect(WorkerOrder.commit(generation: 1, piece, isLast: false).encoded.count <= MessageChannel.maximumMessage)
        }
        #expect(NumberRanges([UInt32]()).pieces.count == 1)
    }
}
