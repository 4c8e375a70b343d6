import Glibc

/// Contiguous memory that grows while something is written into it and is used again for the next: message heads,
/// log lines, metric pages.
public struct ByteWriter: ~Copyable {
    /// Bytes behind ``capacity`` that belong to the writer too and hold nothing, so that whoever copies by vectors may
    /// read or write past the last byte.
    public static let slack = 16

    /// The bytes themselves and how many fit before the next growth.
    // Safety: `memory` has `capacity + slack` bytes, of which the first `count` are initialised; freed in `deinit`.
    public private(set) var memory: UnsafeMutableRawPointer
    public private(set) var capacity: Int
    /// Bytes written since the last ``reset()``.
    public private(set) var count = 0

    /// - Parameter capacity: bytes to begin with, at least 64.
    public init(capacity: Int = 1024) {
        self.capacity = max(capacity, 64)
        memory = .allocate(byteCount: self.capacity + Self.slack, alignment: 16)
    }

    deinit {
        memory.deallocate()
    }

    /// What was written. Valid until the next mutation.
    public var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: memory, count: count)
    }

    /// Whether nothing was written since the last ``reset()``.
    public var isEmpty: Bool { count == 0 }

    /// Forgets what was written and keeps the memory for the next.
    public mutating func reset() {
        count = 0
    }

    /// Forgets what was written after `mark`, an earlier value of ``count``.
    public mutating func truncate(to mark: Int) {
        precondition(mark <= count)
        count = mark
    }

    /// Makes room for `size` more bytes.
    public mutating func reserve(_ size: Int) {
        if capacity - count < size { grow(by: size) }
    }

    /// Appends a copy of `bytes`.
    public mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress, bytes.count > 0 else { return }
        reserve(bytes.count)
        // Safety: `reserve` made room for `bytes.count` bytes behind `count`.
        memcpy(memory + count, source, bytes.count)
        count += bytes.count
    }

    /// Appends one byte.
    public mutating func append(_ byte: UInt8) {
        reserve(1)
        memory.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
        count += 1
    }

    /// Appends the UTF-8 of a literal.
    public mutating func append(_ literal: StaticString) {
        append(UnsafeRawBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount))
    }

    /// Appends a copy of an array's bytes.
    public mutating func append(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { append($0) }
    }

    /// Appends the UTF-8 of `text`.
    public mutating func append(_ text: some StringProtocol) {
        var copy = String(text)
        copy.withUTF8 { append(UnsafeRawBufferPointer($0)) }
    }

    /// Appends `value` in decimal, without an allocation. Not generic: the type that hot paths use.
    public mutating func append(decimal value: UInt64) {
        var length = 1
        var rest = value
        while rest >= 10 {
            rest /= 10
            length += 1
        }
        reserve(length)
        var index = count + length
        rest = value
        repeat {
            index -= 1
            memory.storeBytes(of: UInt8(truncatingIfNeeded: rest % 10) &+ 48, toByteOffset: index, as: UInt8.self)
            rest /= 10
        } while rest > 0
        count += length
    }

    /// Appends `value` in decimal, with its sign when negative.
    public mutating func append(decimal value: Int) {
        if value < 0 { append(0x2D) }
        append(decimal: UInt64(value.magnitude))
    }

    /// Appends `value` in decimal; for integers of other sizes.
    public mutating func append(decimal value: some BinaryInteger) {
        if value < 0 { append(0x2D) }
        append(decimal: UInt64(value.magnitude))
    }

    /// Appends `value` in lower-case hexadecimal without leading zeros.
    public mutating func append(hexadecimal value: UInt64) {
        var digits: (UInt64, UInt64) = (0, 0)
        var rest = value
        withUnsafeMutableBytes(of: &digits) { buffer in
            var index = buffer.count
            repeat {
                index -= 1
                let digit = UInt8(truncatingIfNeeded: rest & 15)
                buffer[index] = digit < 10 ? digit &+ 48 : digit &+ 87
                rest >>= 4
            } while rest > 0
            append(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[index...]))
        }
    }

    /// Lets `body` write into at least `size` free bytes; `body` returns how much it wrote.
    public mutating func appendInPlace(atLeast size: Int, _ body: (UnsafeMutableRawBufferPointer) -> Int) {
        reserve(size)
        let written = body(UnsafeMutableRawBufferPointer(start: memory + count, count: capacity - count))
        precondition(written >= 0 && written <= capacity - count, "wrote past the end")
        count += written
    }

    /// Says that the first `size` bytes of ``memory`` are written; for whoever filled them by pointer.
    public mutating func setCount(_ size: Int) {
        precondition(size >= 0 && size <= capacity, "wrote past the end")
        count = size
    }

    /// What was written, as text; for callers off the hot path. Invalid UTF-8 is replaced.
    public var text: String { String(decoding: bytes, as: UTF8.self) }

    mutating func grow(by size: Int) {
        var wanted = capacity
        while wanted - count < size { wanted *= 2 }
        let larger = UnsafeMutableRawPointer.allocate(byteCount: wanted + Self.slack, alignment: 16)
        larger.copyMemory(from: memory, byteCount: count)
        memory.deallocate()
        memory = larger
        capacity = wanted
    }
}
