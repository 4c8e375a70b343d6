import Foundation

/// Where the shop takes what is left to chance: a shop has no use for a repeatable one.
enum Chance {
    // Rule zero: a sample program, whose choices no test repeats.
    private static func generator() -> SystemRandomNumberGenerator { SystemRandomNumberGenerator() }

    /// A number from 0 up to, but not, 1.
    static func share() -> Double {
        var generator = generator()
        return Double.random(in: 0..<1, using: &generator)
    }

    static func number(in range: ClosedRange<Int>) -> Int {
        var generator = generator()
        return Int.random(in: range, using: &generator)
    }

    static func element<Element>(of list: [Element]) -> Element? {
        var generator = generator()
        return list.randomElement(using: &generator)
    }

    static func shuffled<Element>(_ list: [Element]) -> [Element] {
        var generator = generator()
        return list.shuffled(using: &generator)
    }

    /// A UUID of version 4.
    static func identifier() -> String {
        // Rule zero: as above.
        UUID().uuidString.lowercased()
    }

    /// A UUID of version 1, made of the time and a random node (RFC 9562 section 5.1).
    static func timeIdentifier(now: Date) -> String {
        let ticks = UInt64((now.timeIntervalSince1970 + 12_219_292_800) * 10_000_000)
        var bytes: [UInt8] = [
            UInt8(truncatingIfNeeded: ticks >> 24), UInt8(truncatingIfNeeded: ticks >> 16),
            UInt8(truncatingIfNeeded: ticks >> 8), UInt8(truncatingIfNeeded: ticks),
            UInt8(truncatingIfNeeded: ticks >> 40), UInt8(truncatingIfNeeded: ticks >> 32),
            0x10 | UInt8(truncatingIfNeeded: (ticks >> 56) & 0x0f), UInt8(truncatingIfNeeded: ticks >> 48),
        ]
        bytes += (0..<8).map { _ in UInt8(number(in: 0...255)) }
        bytes[8] = 0x80 | (bytes[8] & 0x3f)
        bytes[10] |= 1
        let digits = bytes.map { String(format: "%02x", $0) }
        let groups = [0..<4, 4..<6, 6..<8, 8..<10, 10..<16]
        return groups.map { digits[$0].joined() }.joined(separator: "-")
    }
}
