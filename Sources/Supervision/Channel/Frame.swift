/// Writes the messages between the processes of a proxy: numbers of fixed size and counted bytes, little-endian. All
/// processes of a proxy are one program, so there are no versions.
struct FrameWriter {
    private(set) var bytes: [UInt8] = []

    mutating func put(_ byte: UInt8) { bytes.append(byte) }

    mutating func put(_ number: UInt64) {
        for shift in stride(from: UInt64(0), to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: number >> shift)) }
    }

    mutating func put(_ number: Int) { put(UInt64(bitPattern: Int64(number))) }

    /// Counted bytes.
    mutating func put(bytes counted: [UInt8]) {
        put(counted.count)
        bytes += counted
    }

    mutating func put(_ text: String) {
        put(text.utf8.count)
        bytes += text.utf8
    }
}

/// Why a frame cannot be read.
struct FrameError: Error, Equatable, CustomStringConvertible {
    let offset: Int

    var description: String { "a frame is broken at byte \(offset)" }
}

/// Reads what ``FrameWriter`` wrote; trusts no length.
struct FrameReader {
    private let bytes: [UInt8]
    private(set) var offset = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { offset == bytes.count }

    mutating func byte() throws(FrameError) -> UInt8 {
        guard offset < bytes.count else { throw FrameError(offset: offset) }
        defer { offset += 1 }
        return bytes[offset]
    }

    mutating func number() throws(FrameError) -> UInt64 {
        guard bytes.count - offset >= 8 else { throw FrameError(offset: offset) }
        var value: UInt64 = 0
        for index in 0..<8 { value |= UInt64(bytes[offset + index]) << UInt64(index * 8) }
        offset += 8
        return value
    }

    mutating func int() throws(FrameError) -> Int { Int(Int64(bitPattern: try number())) }

    mutating func text() throws(FrameError) -> String { String(decoding: try counted(), as: UTF8.self) }

    mutating func countedBytes() throws(FrameError) -> [UInt8] { Array(try counted()) }

    private mutating func counted() throws(FrameError) -> ArraySlice<UInt8> {
        let length = try int()
        guard length >= 0, length <= bytes.count - offset else { throw FrameError(offset: offset) }
        defer { offset += length }
        return bytes[offset..<offset + length]
    }

    /// Everything that was not read yet.
    mutating func rest() -> [UInt8] {
        defer { offset = bytes.count }
        return Array(bytes[offset...])
    }
}
