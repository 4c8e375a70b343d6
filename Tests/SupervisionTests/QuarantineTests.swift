import CLinux
import DataPlane
import Testing

@testable import Supervision

@Suite("Quarantine")
struct QuarantineTests {
    private func request(_ fingerprint: UInt64, script: String = "") -> RequestInHand {
        RequestInHand(fingerprint: fingerprint, route: "r", filter: "f", script: script)
    }

    @Test("a request that killed once is suspected, twice is refused, and others are not")
    func twice() {
        var list = QuarantineList()
        #expect(!list.killed(by: request(1), now: 0))
        #expect(!list.killed(by: request(2), now: 1))
        #expect(list.quarantined.isEmpty)
        #expect(list.killed(by: request(1), now: 2))
        #expect(list.quarantined.map(\.request.fingerprint) == [1])
        #expect(list.entries.map(\.deaths) == [1, 2])
    }

    @Test("a term ends when it is over and not before; then one more death suffices")
    func term() {
        var list = QuarantineList()
        for _ in 0..<QuarantineList.deaths { _ = list.killed(by: request(1), now: 5) }
        let end = 5 + QuarantineList.term
        #expect(list.expire(now: end - 1).isEmpty)
        #expect(list.expire(now: end) == [1])
        #expect(list.quarantined.isEmpty)
        #expect(list.killed(by: request(1), now: end + 1))
    }

    @Test("a suspicion is forgotten when nothing more happens")
    func forgotten() {
        var list = QuarantineList()
        _ = list.killed(by: request(1), now: 5)
        _ = list.expire(now: 4 + QuarantineList.memory)
        #expect(list.entries.count == 1)
        _ = list.expire(now: 5 + QuarantineList.memory)
        #expect(list.entries.isEmpty)
        #expect(!list.killed(by: request(1), now: 6 + QuarantineList.memory))
    }

    @Test("suspects and refused requests are bounded, and the oldest goes first")
    func bounds() {
        var list = QuarantineList()
        let suspects = UInt64(QuarantineList.maximumSuspects)
        for fingerprint in 1...suspects { _ = list.killed(by: request(fingerprint), now: fingerprint) }
        #expect(list.entries.first?.request.fingerprint == 1)
        _ = list.killed(by: request(suspects + 1), now: suspects + 1)
        #expect(list.entries.count == QuarantineList.maximumSuspects)
        #expect(list.entries.first?.request.fingerprint == 2)
        list.clear()
        let refused = UInt64(RequestQuarantine.capacity)
        for fingerprint in 1...refused + 1 {
            for _ in 0..<QuarantineList.deaths { _ = list.killed(by: request(fingerprint), now: fingerprint) }
        }
        #expect(list.quarantined.map(\.request.fingerprint) == Array(2...refused + 1))
    }

    @Test("the table that workers look at holds what was published last, no more than it has room for")
    func table() throws {
        let board = try WorkerBoard(workers: 3)
        let (writer, reader) = (board.quarantine, board.quarantine)
        #expect(reader.isEmpty && !reader.holds(7))
        writer.publish([7, 8])
        #expect(!reader.isEmpty && reader.holds(7) && reader.holds(8) && !reader.holds(9))
        writer.publish([8])
        #expect(!reader.holds(7) && reader.holds(8))
        let many = (1...UInt64(RequestQuarantine.capacity) + 1).map { $0 + 100 }
        writer.publish(many)
        #expect(many.dropLast().allSatisfy { reader.holds($0) } && !reader.holds(many[many.count - 1]))
        writer.publish([])
        #expect(reader.isEmpty)
        for worker in 0..<3 { #expect(board.crashReport(worker) == nil && board.beat(worker) == 0) }
    }

    @Test("what a worker had in hand survives the board, and what is too long is cut")
    func record() throws {
        let board = try WorkerBoard(workers: 2)
        #expect(board.requestRecord(1).request == nil)
        board.requestRecord(1).write(request(9, script: String(repeating: "s", count: 500)))
        let read = try #require(board.requestRecord(1).request)
        #expect(read.fingerprint == 9 && read.route == "r" && read.filter == "f")
        #expect(read.script.count > 100 && read.script.allSatisfy { $0 == "s" })
        #expect(board.requestRecord(0).request == nil)
        board.reset(1, incarnation: 2)
        #expect(board.requestRecord(1).request == nil)
    }

    @Test(
        "a fault and an abort of its own are a worker's fault; a signal that somebody sent is not",
        arguments: [(Int64(2), UInt64(0), true), (128, 0, true), (-6, 40, true), (0, 40, true), (0, 41, false), (-6, 41, false)])
    func blame(code: Int64, sender: UInt64, isFault: Bool) {
        var record = heddle_crash_record()
        record.signal = 11
        record.code = UInt64(bitPattern: code)
        record.sender = sender
        #expect(CrashReport(record: record, request: nil).isOwnFault(of: 40) == isFault)
    }
}
