/// A seeded generator (wyrand): one multiplication a number, the same sequence for the same seed on every machine.
///
/// Good enough for spreading load and jitter; never for a secret.
public struct FastRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// Equal seeds give equal numbers.
    public init(seed: UInt64) { state = seed }

    public mutating func next() -> UInt64 {
        state &+= 0xA076_1D64_78BD_642F
        let product = state.multipliedFullWidth(by: state ^ 0xE703_7ED1_A0B4_28DB)
        return product.high ^ product.low
    }

    /// A number below `bound`, which must be above 0. Multiply-shift: its bias is below bound / 2^64.
    public mutating func next(below bound: UInt64) -> UInt64 {
        next().multipliedFullWidth(by: bound).high
    }

    /// A number in [0, 1).
    public mutating func nextFraction() -> Double {
        Double(next() >> 11) * 0x1p-53
    }
}
