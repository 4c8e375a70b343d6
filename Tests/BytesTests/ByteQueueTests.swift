import Bytes
import Testing

struct ByteQueueTests {
    static func pattern(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ 7) } }

    @Test("what goes in comes out in order, for every size around a block", arguments: [0, 1, 16_383, 16_384, 16_385, 50_000])
    func order(size: Int) {
        let pool = BlockPool()
        var queue = ByteQueue(pool: pool)
        let bytes = Self.pattern(size)
        queue.append(bytes)
        let count = queue.count
        #expect(count == size)
        var out: [UInt8] = []
        while !queue.isEmpty {
            let piece = queue.first
            let step = min(piece.count, 1000)
            out.append(contentsOf: piece[..<step])
            queue.consume(step)
        }
        #expect(out == bytes)
        #expect(pool.inUse == 0)
    }

    @Test("an emptied queue gives every block back and a later one reuses them")
    func reuse() {
        let pool = BlockPool()
        do {
            var queue = ByteQueue(pool: pool)
            queue.append(Self.pattern(40_000))
            #expect(pool.inUse == 3)
        }
        #expect(pool.inUse == 0)
    }

    @Test("moving a queue behind another keeps the order of both")
    func moving() {
        let pool = BlockPool()
        var first = ByteQueue(pool: pool)
        var second = ByteQueue(pool: pool)
        first.append(Self.pattern(20_000))
        second.append(Array("tail".utf8))
        second.moveAll(to: &first)
        let left = second.count
        #expect(left == 0)
        let all = first.copyBytes()
        #expect(all == Self.pattern(20_000) + Array("tail".utf8))
    }
}

struct ByteWriterTests {
    @Test("numbers are written as decimal and hexadecimal text")
    func numbers() {
        var writer = ByteWriter(capacity: 1)
        for value in [0, 7, -12, Int.max, Int.min] {
            writer.append(decimal: value)
            writer.append(0x20)
        }
        writer.append(hexadecimal: 0xdead_beef_0123_4567)
        let text = writer.text
        #expect(text == "0 7 -12 9223372036854775807 -9223372036854775808 deadbeef01234567")
    }

    @Test("decimal parsing takes digits only and refuses what does not fit")
    func parse() {
        func number(_ text: String) -> UInt64? { Array(text.utf8).withUnsafeBytes { $0.decimal } }
        #expect(number("18446744073709551615") == .max)
        #expect(number("18446744073709551616") == nil)
        #expect(number("") == nil)
        #expect(number("+5") == nil)
        #expect(number("010") == 10)
    }
}
