/// Reads the fields of one message in protobuf's binary form.
struct WireReader {
    /// A field's value as it is laid out.
    enum Value {
        case varint(UInt64)
        case fixed64(UInt64)
        case fixed32(UInt32)
        case bytes(ArraySlice<UInt8>)
    }

    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) {
        rest = bytes
    }

    /// Whether all bytes have been read.
    var isAtEnd: Bool { rest.isEmpty }

    /// The next field, or nil when the bytes are no field.
    mutating func next() -> (number: Int, value: Value)? {
        guard let tag = varint(), let type = WireType(rawValue: UInt8(tag & 7)), tag >> 3 > 0, tag >> 3 < 1 << 29 else {
            return nil
        }
        let number = Int(tag >> 3)
        switch type {
        case .varint: return varint().map { (number, .varint($0)) }
        case .fixed64: return fixed(8).map { (number, .fixed64($0)) }
        case .fixed32: return fixed(4).map { (number, .fixed32(UInt32($0))) }
        case .lengthDelimited:
            guard let count = varint(), count <= UInt64(rest.count) else { return nil }
            defer { rest = rest.dropFirst(Int(count)) }
            return (number, .bytes(rest.prefix(Int(count))))
        }
    }

    /// A number of at most ten bytes.
    mutating func varint() -> UInt64? {
        var value: UInt64 = 0
        for (index, byte) in rest.prefix(10).enumerated() {
            value |= UInt64(byte & 0x7F) << UInt64(7 * index)
            if byte < 0x80 {
                rest = rest.dropFirst(index + 1)
                return value
            }
        }
        return nil
    }

    /// A number of so many bytes, the lowest first.
    mutating func fixed(_ count: Int) -> UInt64? {
        guard rest.count >= count else { return nil }
        var value: UInt64 = 0
        for (index, byte) in rest.prefix(count).enumerated() { value |= UInt64(byte) << UInt64(8 * index) }
        rest = rest.dropFirst(count)
        return value
    }
}
