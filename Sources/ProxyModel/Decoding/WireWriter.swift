/// Writes protobuf's binary encoding.
struct WireWriter {
    /// The bytes written so far.
    private(set) var bytes: [UInt8] = []

    /// A field of the varint kind.
    mutating func varint(_ number: Int, _ value: UInt64) {
        tag(number, .varint)
        append(value)
    }

    /// A field of eight bytes.
    mutating func fixed64(_ number: Int, _ bits: UInt64) {
        tag(number, .fixed64)
        for shift in stride(from: 0, to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: bits >> UInt64(shift))) }
    }

    /// A field of four bytes.
    mutating func fixed32(_ number: Int, _ bits: UInt32) {
        tag(number, .fixed32)
        for shift in stride(from: 0, to: 32, by: 8) { bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(shift))) }
    }

    /// A field with a length: text, bytes or a message.
    mutating func lengthDelimited(_ number: Int, _ content: some Collection<UInt8>) {
        tag(number, .lengthDelimited)
        append(UInt64(content.count))
        bytes.append(contentsOf: content)
    }

    /// Numbers of the varint kind behind one tag.
    mutating func packed(_ number: Int, _ values: [UInt64]) {
        var content = WireWriter()
        for value in values { content.append(value) }
        lengthDelimited(number, content.bytes)
    }

    private mutating func tag(_ number: Int, _ type: WireType) {
        append(UInt64(number) << 3 | UInt64(type.rawValue))
    }

    private mutating func append(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }
}

/// How a field's value is laid out in protobuf's binary encoding.
enum WireType: UInt8 {
    case varint = 0
    case fixed64 = 1
    case lengthDelimited = 2
    case fixed32 = 5
}
