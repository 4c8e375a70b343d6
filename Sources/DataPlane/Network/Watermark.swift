/// Backpressure's one concept: bytes that wait have crossed `high` upwards, or have since come back to `low`.
///
/// Nothing is refused at the mark; whoever fills is told to stop and, half-way down, to go on.
package struct Watermark: Equatable, Sendable {
    /// What a change of the level means for whoever fills.
    package enum Crossing: Equatable, Sendable {
        case above, below
    }

    /// Bytes; 0 means no mark.
    package let high: Int
    package private(set) var isAbove = false

    package init(high: Int) { self.high = high }

    /// Bytes at which whoever fills may go on.
    package var low: Int { high / 2 }

    /// Tells the mark the present level.
    package mutating func update(_ level: Int) -> Crossing? {
        guard high > 0 else { return nil }
        if !isAbove, level > high {
            isAbove = true
            return .above
        }
        if isAbove, level <= low {
            isAbove = false
            return .below
        }
        return nil
    }
}
