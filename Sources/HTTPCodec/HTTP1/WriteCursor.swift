import Bytes

/// Where the next byte of a head goes. Copies whole vectors: up to 15 bytes behind what is put are overwritten too, and
/// as many behind the source are read.
struct WriteCursor {
    // Safety: whoever makes a cursor has reserved room for all that will be put and `ByteWriter.slack` bytes more, and
    // every source has as much slack: text of a block, or a row of a table.
    var position: UnsafeMutableRawPointer

    @inline(__always)
    init(_ position: UnsafeMutableRawPointer) { self.position = position }

    /// Longer pieces are left to `memcpy`.
    private static let longest = 256

    @inline(__always)
    mutating func put(_ source: UnsafeRawPointer, _ count: Int) {
        if count <= ByteVector.width {
            ByteVector.store(ByteVector.load(source, 0), position, 0)
        } else if count <= Self.longest {
            var done = 0
            repeat {
                ByteVector.store(ByteVector.load(source, done), position, done)
                done &+= ByteVector.width
            } while done < count
        } else {
            position.copyMemory(from: source, byteCount: count)
        }
        position += count
    }

    /// Puts bytes that have slack behind them. An empty piece may be null.
    @inline(__always)
    mutating func put(_ bytes: UnsafeRawBufferPointer) {
        guard let base = bytes.baseAddress else { return }
        put(base, bytes.count)
    }

    /// Puts bytes without slack: a literal, or what a caller brought.
    mutating func putExactly(_ bytes: UnsafeRawBufferPointer) {
        guard let base = bytes.baseAddress else { return }
        position.copyMemory(from: base, byteCount: bytes.count)
        position += bytes.count
    }

    /// Puts an integer's bytes, the lowest first: a short literal without a load.
    @inline(__always)
    mutating func put<Word: FixedWidthInteger & BitwiseCopyable>(_ word: Word) {
        position.storeBytes(of: word.littleEndian, as: Word.self)
        position += MemoryLayout<Word>.size
    }

    /// Puts CR and LF.
    @inline(__always)
    mutating func endLine() { put(UInt16(0x0A0D)) }

    mutating func put(decimal value: UInt64) {
        var divisor: UInt64 = 1
        while value / divisor >= 10 { divisor *= 10 }
        var rest = value
        while divisor > 0 {
            put(UInt8(truncatingIfNeeded: rest / divisor) &+ 48)
            rest %= divisor
            divisor /= 10
        }
    }
}
