/// Waiting times that double up to a maximum, fully jittered: each is drawn evenly between 0 and the present interval,
/// so that clients that failed together do not come back together.
public struct BackOff: Equatable, Sendable {
    private let maximum: UInt64
    private var interval: UInt64

    /// - Parameters:
    ///   - base: the first interval in nanoseconds, at least 1.
    ///   - maximum: the last, at least `base`.
    public init(base: UInt64, maximum: UInt64) {
        interval = max(base, 1)
        self.maximum = max(maximum, interval)
    }

    /// Nanoseconds to wait.
    public mutating func next(random: inout FastRandom) -> UInt64 {
        let delay = random.next(below: interval)
        interval = interval > maximum / 2 ? maximum : interval * 2
        return delay
    }
}
