import Bytes
import Glibc

/// A host and an optional port, as `Host` and `:authority` carry them (RFC 9110 section 4.2, RFC 3986 section 3.2),
/// without user information, which is refused (RFC 9110 section 4.2.4), and without a comma, at which peers have split.
///
/// Borrows the bytes it was made from.
public struct Authority {
    /// The host; an IPv6 literal with its brackets.
    public let host: UnsafeRawBufferPointer
    /// 1...65535, nil when none is given.
    public let port: UInt16?

    /// - Returns: nil when `bytes` are no valid authority; an empty one is not.
    public init?(_ bytes: UnsafeRawBufferPointer) {
        guard let first = bytes.first else { return nil }
        let end = first == UInt8(ascii: "[") ? Self.endOfLiteral(bytes) : Self.endOfName(bytes)
        guard end > 0 else { return nil }
        host = bytes.slice(0, end)
        if end == bytes.count {
            port = nil
        } else {
            guard bytes[end] == UInt8(ascii: ":"), let number = Self.port(bytes.slice(end + 1, bytes.count)) else {
                return nil
            }
            port = number
        }
    }

    /// Whether `bytes` are a valid authority.
    public static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool { Authority(bytes) != nil }

    /// `bytes` without the port, if they end with one; what is no valid authority comes back as it is.
    public static func withoutPort(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        Authority(bytes)?.host ?? bytes
    }

    /// A port in decimal, 1...65535.
    public static func port(_ digits: UnsafeRawBufferPointer) -> UInt16? {
        guard digits.count <= 5, let number = digits.decimal, number > 0, number <= 65_535 else { return nil }
        return UInt16(number)
    }

    /// Length of the registered name or IPv4 address at the start; 0 when there is none or a percent sign stands alone.
    private static func endOfName(_ bytes: UnsafeRawBufferPointer) -> Int {
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            if isNameByte(byte) { index += 1; continue }
            if byte == UInt8(ascii: ":") { return index }
            guard byte == UInt8(ascii: "%"), index + 2 < bytes.count, ASCII.hexadecimal(bytes[index + 1]) != nil,
                ASCII.hexadecimal(bytes[index + 2]) != nil
            else { return 0 }
            index += 3
        }
        return index
    }

    /// Length of the IPv6 literal at the start, brackets included; 0 when it is none.
    private static func endOfLiteral(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard let close = bytes.offset(of: UInt8(ascii: "]")), close > 2, close <= Int(INET6_ADDRSTRLEN) else {
            return 0
        }
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: close) { text in
            for index in 1..<close { text[index - 1] = CChar(bitPattern: bytes[index]) }
            text[close - 1] = 0
            var address = in6_addr()
            // Safety: `text` ends with NUL. A NUL within it makes the address shorter, so such bytes are refused first.
            guard bytes.slice(1, close).offset(of: 0) == nil else { return 0 }
            return inet_pton(AF_INET6, text.baseAddress.unsafelyUnwrapped, &address) == 1 ? close + 1 : 0
        }
    }

    /// What may stand in a registered name (RFC 3986 section 3.2.2) but a percent sign and a comma: two words with a bit
    /// for each ASCII character.
    private static func isNameByte(_ byte: UInt8) -> Bool {
        let word: UInt64 = byte < 64 ? 0x2BFF6FD200000000 : byte < 128 ? 0x47FFFFFE87FFFFFE : 0
        return word &>> UInt64(byte & 63) & 1 == 1
    }
}
