import Foundation

/// Latencies in buckets that grow by a fiftieth, so that a percentile is right to within 2 % and memory has a bound.
struct LatencyHistogram: Sendable {
    private static let growth = log(1.02)
    /// From 10 µs up; the last bucket, at about 100 s, takes all above.
    private static let first = 0.01
    private static let count = 820

    private var buckets = [UInt32](repeating: 0, count: Self.count)
    private(set) var total = 0

    mutating func record(_ milliseconds: Double) {
        let index = milliseconds <= Self.first ? 0 : Int(log(milliseconds / Self.first) / Self.growth) + 1
        buckets[min(index, Self.count - 1)] += 1
        total += 1
    }

    mutating func merge(_ other: LatencyHistogram) {
        for index in buckets.indices { buckets[index] += other.buckets[index] }
        total += other.total
    }

    /// The latency in milliseconds that this share of the requests did not exceed; 0 without requests.
    func percentile(_ share: Double) -> Double {
        guard total > 0 else { return 0 }
        let rank = max(1, Int((share * Double(total)).rounded(.up)))
        var seen = 0
        for (index, count) in buckets.enumerated() {
            seen += Int(count)
            if seen >= rank { return Self.first * exp(Double(index) * Self.growth) }
        }
        return Self.first * exp(Double(Self.count) * Self.growth)
    }
}
