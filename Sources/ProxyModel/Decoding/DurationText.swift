/// Durations as proto3's JSON mapping writes them: seconds with up to nine decimals and an `s`.
enum DurationText {
    /// The most seconds that a duration may have, about 10,000 years.
    static let maximumSeconds: Int64 = 315_576_000_000

    /// The parts, which have the same sign; nil when the text is no duration.
    static func parse(_ text: String) -> (seconds: Int64, nanoseconds: Int32)? {
        guard text.utf8.last == UInt8(ascii: "s"), text.utf8.count <= 32 else { return nil }
        var rest = text.utf8.dropLast()
        let isNegative = rest.first == .dash
        if isNegative { rest = rest.dropFirst() }
        let parts = rest.split(separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
        guard let whole = parts.first, let seconds = number(whole), seconds <= maximumSeconds else { return nil }
        var nanoseconds: Int64 = 0
        if parts.count == 2 {
            guard parts[1].count <= 9, let fraction = number(parts[1]) else { return nil }
            nanoseconds = fraction
            for _ in parts[1].count..<9 { nanoseconds *= 10 }
        }
        guard seconds < maximumSeconds || nanoseconds == 0 else { return nil }
        return (isNegative ? -seconds : seconds, Int32(isNegative ? -nanoseconds : nanoseconds))
    }

    private static func number(_ digits: Substring.UTF8View) -> Int64? {
        guard !digits.isEmpty, digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
            return nil
        }
        return Int64(Substring(digits))
    }
}
