import Bytes

/// What may stand in a field name and a field value (RFC 9110 section 5.5 and 5.6.2). Every write of a header that
/// does not come from a parser, which checks by the same tables, goes through here.
public enum HeaderRules {
    /// Lower-case form of a token byte, 0 when `byte` may not stand in a token.
    public static func lowerTokenByte(_ byte: UInt8) -> UInt8 {
        // Two words with a bit for each ASCII character that may stand in a token.
        let word: UInt64 = byte < 64 ? 0x3FF6CFA00000000 : byte < 128 ? 0x57FFFFFFC7FFFFFE : 0
        return word &>> UInt64(byte & 63) & 1 == 0 ? 0 : ASCII.lower(byte)
    }

    /// Whether `name` is a token, of either case.
    public static func isValidName(_ name: UnsafeRawBufferPointer) -> Bool {
        guard !name.isEmpty, name.count <= Int(UInt16.max) else { return false }
        for byte in name where lowerTokenByte(byte) == 0 { return false }
        return true
    }

    /// Whether `value` is free of control characters except tab. Bytes above 0x7F are allowed (obs-text).
    public static func isValidValue(_ value: UnsafeRawBufferPointer) -> Bool {
        for byte in value where (byte < 0x20 && byte != 0x09) || byte == 0x7F { return false }
        return true
    }
}
