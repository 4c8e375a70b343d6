import Bytes

/// What may stand in a field name and a field value (RFC 9110 section 5.5 and 5.6.2). Every write of a header that
/// does not come from a parser, which checks by the same tables, goes through here.
package enum HeaderRules {
    /// Lower-case form of each byte that may stand in a token, 0 for all others.
    // Safety: written once, then read only.
    nonisolated(unsafe) static let tokens: UnsafePointer<UInt8> = {
        let table = UnsafeMutablePointer<UInt8>.allocate(capacity: 256)
        table.initialize(repeating: 0, count: 256)
        for byte in UInt8(ascii: "0")...UInt8(ascii: "9") { table[Int(byte)] = byte }
        for byte in UInt8(ascii: "a")...UInt8(ascii: "z") {
            table[Int(byte)] = byte
            table[Int(byte) - 32] = byte
        }
        for byte in "!#$%&'*+-.^_`|~".utf8 { table[Int(byte)] = byte }
        return UnsafePointer(table)
    }()

    /// Lower-case form of a token byte, 0 when `byte` may not stand in a token.
    package static func lowerTokenByte(_ byte: UInt8) -> UInt8 { tokens[Int(byte)] }

    /// Whether `name` is a token, of either case.
    package static func isValidName(_ name: UnsafeRawBufferPointer) -> Bool {
        guard !name.isEmpty, name.count <= Int(UInt16.max) else { return false }
        for byte in name where tokens[Int(byte)] == 0 { return false }
        return true
    }

    /// Whether `value` is free of control characters except tab. Bytes above 0x7F are allowed (obs-text).
    package static func isValidValue(_ value: UnsafeRawBufferPointer) -> Bool {
        for byte in value where (byte < 0x20 && byte != 0x09) || byte == 0x7F { return false }
        return true
    }
}
