package import Bytes

/// An IPv4 or IPv6 address as two words, the most significant first; IPv4 takes the low 32 bits of ``low``.
package struct IPAddress: Hashable, Sendable {
    package let high: UInt64
    package let low: UInt64
    package let isIPv6: Bool

    /// - Parameter v4: the address with its first octet in the most significant byte.
    package init(v4: UInt32) {
        high = 0
        low = UInt64(v4)
        isIPv6 = false
    }

    package init(v6High: UInt64, low: UInt64) {
        high = v6High
        self.low = low
        isIPv6 = true
    }

    /// Reads `192.0.2.1` or an RFC 4291 address without brackets and zone; nil for anything else. Octets with leading
    /// zeros are refused, since others read them as octal.
    package init?(_ text: UnsafeRawBufferPointer) {
        if text.offset(of: 0x3A) != nil {
            guard let (high, low) = IPAddress.parse6(text) else { return nil }
            self.init(v6High: high, low: low)
        } else {
            guard let value = IPAddress.parse4(text) else { return nil }
            self.init(v4: value)
        }
    }

    package init?(_ text: String) {
        var copy = text
        guard let parsed = copy.withUTF8({ IPAddress(UnsafeRawBufferPointer($0)) }) else { return nil }
        self = parsed
    }

    /// 32 or 128.
    package var bitWidth: Int { isIPv6 ? 128 : 32 }

    /// An IPv4-mapped IPv6 address (`::ffff:a.b.c.d`) as IPv4, any other unchanged: what a dual-stack socket reports
    /// and what people mean.
    package var unmapped: IPAddress {
        guard isIPv6, high == 0, low >> 32 == 0xFFFF else { return self }
        return IPAddress(v4: UInt32(truncatingIfNeeded: low))
    }

    package var isLoopback: Bool {
        let plain = unmapped
        return plain.isIPv6 ? plain.high == 0 && plain.low == 1 : plain.low >> 24 == 127
    }

    /// `0.0.0.0` or `::`.
    package var isUnspecified: Bool { high == 0 && low == 0 }

    /// Appends the canonical text (RFC 5952 for IPv6), without brackets.
    package func append(to writer: inout ByteWriter) {
        guard isIPv6 else {
            IPAddress.append4(UInt32(truncatingIfNeeded: low), to: &writer)
            return
        }
        if high == 0, low >> 32 == 0xFFFF {
            writer.append("::ffff:")
            IPAddress.append4(UInt32(truncatingIfNeeded: low), to: &writer)
            return
        }
        let zeros = longestZeroRun()
        var index = 0
        while index < 8 {
            if index == zeros.start, zeros.count > 1 {
                writer.append("::")
                index += zeros.count
                continue
            }
            if index > 0, !(zeros.count > 1 && index == zeros.start + zeros.count) { writer.append(0x3A) }
            writer.append(hexadecimal: group(index))
            index += 1
        }
    }

    /// The text of ``append(to:)``; for callers off the hot path.
    package var text: String {
        var writer = ByteWriter(capacity: 64)
        append(to: &writer)
        return writer.text
    }

    // MARK: Private parts

    private func group(_ index: Int) -> UInt64 {
        let word = index < 4 ? high : low
        return (word >> UInt64((3 - index % 4) * 16)) & 0xFFFF
    }

    private func longestZeroRun() -> (start: Int, count: Int) {
        var best = (start: 0, count: 0)
        var current = (start: 0, count: 0)
        for index in 0..<8 {
            if group(index) != 0 {
                current = (index + 1, 0)
                continue
            }
            current.count += 1
            if current.count > best.count { best = current }
        }
        return best
    }

    private static func append4(_ value: UInt32, to writer: inout ByteWriter) {
        for shift: UInt32 in [24, 16, 8, 0] {
            writer.append(decimal: (value >> shift) & 0xFF)
            if shift > 0 { writer.append(0x2E) }
        }
    }

    private static func parse4(_ text: UnsafeRawBufferPointer) -> UInt32? {
        guard text.count >= 7, text.count <= 15 else { return nil }
        var value: UInt32 = 0
        var octet: UInt32 = 0
        var digits = 0
        var dots = 0
        for byte in text {
            if byte == 0x2E {
                guard digits > 0, dots < 3 else { return nil }
                value = value << 8 | octet
                (octet, digits, dots) = (0, 0, dots + 1)
                continue
            }
            guard byte >= 0x30, byte <= 0x39, !(digits > 0 && octet == 0) else { return nil }
            octet = octet * 10 + UInt32(byte - 0x30)
            digits += 1
            guard octet <= 255 else { return nil }
        }
        guard dots == 3, digits > 0 else { return nil }
        return value << 8 | octet
    }

    private static func parse6(_ text: UnsafeRawBufferPointer) -> (high: UInt64, low: UInt64)? {
        guard text.count >= 2, text.count <= 45 else { return nil }
        var groups = Groups()
        var index = 0
        if text[0] == 0x3A {
            guard text[1] == 0x3A else { return nil }
            groups.gap = 0
            index = 2
        }
        while index < text.count {
            var end = index
            while end < text.count, text[end] != 0x3A { end += 1 }
            let piece = text.slice(index, end)
            if end == text.count, piece.offset(of: 0x2E) != nil {
                guard let v4 = parse4(piece), groups.push(v4 >> 16), groups.push(v4 & 0xFFFF) else { return nil }
                return groups.words
            }
            guard let value = hexadecimalGroup(piece), groups.push(value) else { return nil }
            if end == text.count { break }
            index = end + 1
            guard index < text.count else { return nil }
            if text[index] == 0x3A {
                guard groups.gap == nil else { return nil }
                groups.gap = groups.count
                index += 1
            }
        }
        return groups.words
    }

    private static func hexadecimalGroup(_ text: UnsafeRawBufferPointer) -> UInt32? {
        guard text.count >= 1, text.count <= 4 else { return nil }
        var value: UInt32 = 0
        for byte in text {
            switch ASCII.lower(byte) {
            case 0x30...0x39: value = value << 4 | UInt32(byte - 0x30)
            case let letter where letter >= 0x61 && letter <= 0x66: value = value << 4 | UInt32(letter - 0x57)
            default: return nil
            }
        }
        return value
    }

    /// Up to eight 16-bit groups and where `::` stood among them.
    private struct Groups {
        var high: UInt64 = 0
        var low: UInt64 = 0
        var count = 0
        var gap: Int?

        mutating func push(_ value: UInt32) -> Bool {
            guard count < 8 else { return false }
            high = high << 16 | low >> 48
            low = low << 16 | UInt64(value)
            count += 1
            return true
        }

        /// The address, with zeros in the place of the gap; nil when groups are missing or a gap stands for none.
        var words: (high: UInt64, low: UInt64)? {
            guard let gap else { return count == 8 ? (high, low) : nil }
            guard count < 8 else { return nil }
            let behind = count - gap
            var result: (high: UInt64, low: UInt64) = (0, 0)
            for index in 0..<8 {
                let source = index < gap ? index : index - (8 - count)
                let value = index < gap || index >= 8 - behind ? pushed(source) : 0
                result = (result.high << 16 | result.low >> 48, result.low << 16 | value)
            }
            return result
        }

        private func pushed(_ index: Int) -> UInt64 {
            let fromEnd = count - 1 - index
            return fromEnd < 4 ? (low >> UInt64(fromEnd * 16)) & 0xFFFF : (high >> UInt64((fromEnd - 4) * 16)) & 0xFFFF
        }
    }
}
