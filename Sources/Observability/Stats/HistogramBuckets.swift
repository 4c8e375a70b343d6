/// The one bucket layout of all distributions: zero and 1…10 on their own, then fifteen buckets a decade up to 10^10,
/// and one for what is above.
///
/// A bucket holds the values of (lower, upper] and no bucket is wider than a fifth of its lower edge, so that its middle
/// is within 10 % of each of its values. 2.5, 5, 3, 6, 1.8 and 3.6 of each decade are edges: with them Envoy's
/// Prometheus boundaries fall on edges and are counted without interpolation.
public enum HistogramBuckets {
    static let upperDigits: [UInt64] = [12, 14, 16, 18, 20, 22, 25, 30, 36, 42, 50, 60, 70, 84, 100]
    private static let decades = 9
    private static let exact = 11

    /// Number of buckets, the one for too large values included.
    public static let count = exact + decades * 15 + 1
    /// Words of one distribution: buckets and the sum of the values.
    static let words = count + 1

    /// The bucket of `value`.
    static func index(of value: UInt64) -> Int {
        if value <= 10 { return Int(value) }
        var rest = value - 1
        var base = exact
        while rest >= 100 {
            rest /= 10
            base += 15
        }
        let index = base + position(of: Int(truncatingIfNeeded: rest))
        return index < count ? index : count - 1
    }

    /// Largest value of a bucket; nil for the one without end.
    public static func upperBound(_ index: Int) -> UInt64? {
        if index < exact { return UInt64(index) }
        guard index < count - 1 else { return nil }
        let (decade, position) = (index - exact).quotientAndRemainder(dividingBy: 15)
        return upperDigits[position] * powerOfTen(decade)
    }

    /// The value that stands for all of a bucket.
    public static func representative(_ index: Int) -> Double {
        if index < exact { return Double(index) }
        let lower = Double(upperBound(index - 1) ?? 0)
        guard let upper = upperBound(index) else { return lower }
        return (lower + Double(upper)) / 2
    }

    private static func powerOfTen(_ exponent: Int) -> UInt64 {
        (0..<exponent).reduce(1) { value, _ in value * 10 }
    }

    /// Which of a decade's buckets the leading two digits (10...99, of the value less one) fall into.
    private static func position(of digits: Int) -> Int {
        if digits < 22 { return (digits - 10) >> 1 }
        if digits < 42 { return digits < 30 ? (digits < 25 ? 6 : 7) : (digits < 36 ? 8 : 9) }
        if digits < 60 { return digits < 50 ? 10 : 11 }
        return digits < 70 ? 12 : (digits < 84 ? 13 : 14)
    }
}
