import Glibc

/// Small verbs on borrowed bytes. All are free of allocation except those that make a `String` or an array.
extension UnsafeRawBufferPointer {
    /// No bytes.
    public static var empty: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: nil, count: 0) }

    /// The bytes of a literal; they live as long as the process.
    public init(_ literal: StaticString) {
        self.init(start: literal.utf8Start, count: literal.utf8CodeUnitCount)
    }

    /// Byte-wise equality.
    public func equals(_ other: UnsafeRawBufferPointer) -> Bool {
        guard count == other.count else { return false }
        guard count > 0 else { return true }
        return memcmp(baseAddress.unsafelyUnwrapped, other.baseAddress.unsafelyUnwrapped, count) == 0
    }

    /// Byte-wise equality with the UTF-8 of a literal.
    public func equals(_ literal: StaticString) -> Bool {
        equals(UnsafeRawBufferPointer(literal))
    }

    /// Whether the bytes begin with `other`; everything begins with nothing.
    public func hasPrefix(_ other: UnsafeRawBufferPointer) -> Bool {
        count >= other.count && UnsafeRawBufferPointer(rebasing: self[..<other.count]).equals(other)
    }

    /// Whether the bytes end in `other`; everything ends in nothing.
    public func hasSuffix(_ other: UnsafeRawBufferPointer) -> Bool {
        count >= other.count && UnsafeRawBufferPointer(rebasing: self[(count - other.count)...]).equals(other)
    }

    /// Equality that takes ASCII letters of either case for the same (RFC 9110 section 5.1).
    public func equalsIgnoringCase(_ other: UnsafeRawBufferPointer) -> Bool {
        guard count == other.count else { return false }
        for index in 0..<count where ASCII.lower(self[index]) != ASCII.lower(other[index]) { return false }
        return true
    }

    /// Equality with a literal that takes ASCII letters of either case for the same.
    public func equalsIgnoringCase(_ literal: StaticString) -> Bool {
        equalsIgnoringCase(UnsafeRawBufferPointer(literal))
    }

    /// Offset of the first `byte`, or nil.
    public func offset(of byte: UInt8) -> Int? {
        guard count > 0, let found = memchr(baseAddress.unsafelyUnwrapped, Int32(byte), count) else { return nil }
        return UnsafeRawPointer(found) - baseAddress.unsafelyUnwrapped
    }

    /// The bytes from `start` up to `end`.
    public func slice(_ start: Int, _ end: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: self[start..<end])
    }

    /// Without spaces and tabs at both ends (OWS of RFC 9110 section 5.6.3).
    public var trimmingWhitespace: UnsafeRawBufferPointer {
        var start = 0
        var end = count
        while start < end, self[start] == 0x20 || self[start] == 0x09 { start += 1 }
        while end > start, self[end - 1] == 0x20 || self[end - 1] == 0x09 { end -= 1 }
        return slice(start, end)
    }

    /// A non-negative decimal number of digits only; nil for anything else and for what does not fit.
    public var decimal: UInt64? {
        guard count > 0 else { return nil }
        var value: UInt64 = 0
        for byte in self {
            guard byte >= 48, byte <= 57 else { return nil }
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(UInt64(byte - 48))
            if overflow || carry { return nil }
            value = sum
        }
        return value
    }

    /// The bytes as text; invalid UTF-8 is replaced. For callers off the hot path.
    public var text: String { String(decoding: self, as: UTF8.self) }
}

/// ASCII letters without a locale.
public enum ASCII {
    /// `byte`, an upper-case letter made lower-case.
    public static func lower(_ byte: UInt8) -> UInt8 {
        byte &- 65 < 26 ? byte | 0x20 : byte
    }
}

extension ASCII {
    /// Value of a hexadecimal digit of either case, nil for any other byte.
    public static func hexadecimal(_ byte: UInt8) -> UInt8? {
        if byte &- 48 < 10 { return byte &- 48 }
        let lower = byte | 0x20
        return lower &- 97 < 6 ? lower &- 87 : nil
    }
}
