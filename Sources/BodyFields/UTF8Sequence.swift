/// A character of several bytes (RFC 3629 section 4), as its bytes come.
struct UTF8Sequence {
    private var left = 0
    /// What the next byte may be.
    private var range: ClosedRange<UInt8> = 0x80...0xBF

    /// - Returns: whether `byte` can begin a character; for ASCII there is nothing to come.
    mutating func begin(_ byte: UInt8) -> Bool {
        range = 0x80...0xBF
        switch byte {
        case 0xC2...0xDF: left = 1
        case 0xE0: (left, range) = (2, 0xA0...0xBF)
        // Without the surrogates.
        case 0xED: (left, range) = (2, 0x80...0x9F)
        case 0xE1...0xEF: left = 2
        case 0xF0: (left, range) = (3, 0x90...0xBF)
        case 0xF1...0xF3: left = 3
        // Up to U+10FFFF.
        case 0xF4: (left, range) = (3, 0x80...0x8F)
        default: return false
        }
        return true
    }

    /// - Returns: whether `byte` goes on with the character.
    mutating func take(_ byte: UInt8) -> Bool {
        guard range.contains(byte) else { return false }
        range = 0x80...0xBF
        left -= 1
        return true
    }

    var isWhole: Bool { left == 0 }
}
