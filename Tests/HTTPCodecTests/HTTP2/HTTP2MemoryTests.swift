import Bytes
import HTTPModel
import Testing

@testable import HTTPCodec

struct HTTP2MemoryTests {
    @Test("a piece is as large as asked for, keeps its bytes when resized, and is used again", arguments: [0, 1, 31, 32, 2047, 2048, 70_000])
    func pieces(size: Int) throws {
        let memory = HTTP2Memory()
        let piece = try #require(memory.takeCleared(1, size))
        #expect(UnsafeRawBufferPointer(start: piece, count: size).allSatisfy { $0 == 0 })
        UnsafeMutableRawBufferPointer(start: piece, count: size).copyBytes(from: (0..<size).map { UInt8(truncatingIfNeeded: $0) })
        let larger = try #require(memory.resize(piece, size * 2 + 100))
        for index in 0..<size where larger.load(fromByteOffset: index, as: UInt8.self) != UInt8(truncatingIfNeeded: index) {
            Issue.record("byte \(index) was lost")
        }
        memory.giveBack(larger)
        let made = memory.piecesMade
        memory.giveBack(memory.take(size * 2 + 100))
        // Large pieces are few and come from the system each time.
        #expect(memory.piecesMade == made + (size * 2 + 100 < 2048 ? 0 : 1))
    }

    @Test("a number of bytes that does not fit a word is refused")
    func overflow() {
        let memory = HTTP2Memory()
        #expect(memory.takeCleared(Int.max, 2) == nil)
        #expect(memory.take(0) != nil)
    }

    @Test("once warm, requests and responses take nothing from the system")
    func warm() throws {
        let pool = HTTP2Pool(blocks: BlockPool())
        let pair = try SessionPair(pool: pool)
        func exchange(_ count: Int) {
            for index in 0..<count {
                pair.client.request("/\(index)", extra: [("x-request-id", "id-\(index)"), ("x-tenant", "one")])
                pair.run()
                for stream in pair.server.streams.values where !stream.isOutboundEnded {
                    pair.server.respond(stream, extra: [("x-n", "\(index)")], body: [1, 2, 3])
                }
                pair.run()
            }
        }
        exchange(300)
        let made = pool.memory.piecesMade
        exchange(300)
        #expect(pool.memory.piecesMade == made)
        #expect(pool.streamsInUse == 0)
    }

    @Test("a value that hardly comes twice is no entry of the table: it is written out each time", arguments: ["x-request-id", "x-tenant"])
    func seldomRepeated(name: String) throws {
        let client = try TestSession.client()
        let value = String(repeating: "7", count: 36)
        var sizes: [Int] = []
        for _ in 0..<2 {
            client.request(extra: [(name, value)])
            sizes.append(client.produceFrames().first?.payload.count ?? 0)
        }
        // Each digit takes five bits in HPACK's code, an entry of the table one byte.
        #expect(name == "x-request-id" ? sizes[1] > 36 * 5 / 8 : sizes[1] < 10)
    }
}
