import Bytes
import Glibc
import ProxyModel
import Reactor
import TestKit
import Testing

@testable import Supervision

@Suite("Listeners whose address somebody else has when the proxy begins")
struct AddressLedgerTests {
    /// A scene in which two listeners are offered at once, the second at an address that this process has.
    @WorkerActor private final class Case {
        let scene: LedgerScene
        /// The socket that is in the way.
        private var taken: Int32
        /// What was refused, by answer.
        var answers: [[String]] = []

        init(_ origin: ResourceLedger.Origin, after seconds: Double = 0) throws {
            scene = try LedgerScene()
            let socket = try Socket.listen(try #require(SocketAddress(host: "127.0.0.1", port: 0)))
            let port = try #require(Socket.localAddress(socket.raw)?.port)
            taken = socket.release()
            if seconds > 0 { scene.advance(seconds: seconds) }
            let changes = [
                ResourceChange(ResourceKey(.listener, "a"), version: "", body: Resources.body(.listener, "a", 0)),
                ResourceChange(
                    ResourceKey(.listener, "in"), version: "", body: Resources.body(.listener, "in", Int(port))),
            ]
            scene.ledger.apply(
                ResourceLedger.Batch(origin: origin, changes: changes) { [unowned self] refusals in
                    answers.append(refusals.map(\.key.name))
                })
            scene.work()
        }

        func free() {
            close(taken)
            taken = -1
        }

        deinit { if taken >= 0 { close(taken) } }
    }

    private static func run(_ body: @WorkerActor () throws -> Void) async throws {
        _ = RunningLoop.started
        try await enter(body)
    }

    @WorkerActor private static func enter(_ body: @WorkerActor () throws -> Void) throws { try body() }

    @Test(
        "come into force when it is free: workers of a supervisor that was killed have it a little longer",
        arguments: [ResourceLedger.Origin.source, .lastGood])
    func waits(origin: ResourceLedger.Origin) async throws {
        try await Self.run {
            let found = try Case(origin)
            found.scene.advance(seconds: 1)
            #expect(found.answers == [] && !found.scene.has(.listener, "in") && !found.scene.ledger.isIdle)
            found.free()
            found.scene.advance(seconds: 0.1)
            #expect(found.answers == [[]])
            #expect(found.scene.has(.listener, "in") && found.scene.has(.listener, "a") && found.scene.ledger.isIdle)
        }
    }

    @Test(
        "are refused when it does not become free in time, and later at once; so are those of a bootstrap",
        arguments: 0...2)
    func refused(way: Int) async throws {
        try await Self.run {
            let found = try Case(way == 2 ? .bootstrap : .source, after: way == 1 ? 2 : 0)
            if way == 0 {
                for _ in 0..<19 { found.scene.advance(seconds: 0.1) }
                #expect(found.answers == [])
                found.scene.advance(seconds: 0.1)
            }
            #expect(found.answers == [["in"]])
            // The others of a batch do not lose by it, but a bootstrap is taken whole or not at all.
            #expect(found.scene.has(.listener, "a") == (way != 2))
            #expect(found.scene.ledger.isIdle)
        }
    }
}
