/// How long to wait before the next try: anything up to a bound that doubles with each failure (full jitter), so that
/// the proxies of a mesh do not come back all at once.
package struct StreamBackoff: Equatable, Sendable {
    private let base: UInt64
    private let maximum: UInt64
    private var failures: UInt64 = 0

    /// Bounds in nanoseconds.
    package init(base: UInt64, maximum: UInt64) {
        precondition(base > 0 && maximum >= base, "a wait without bounds")
        self.base = base
        self.maximum = maximum
    }

    /// The wait after one more failure, at least a tenth of the base.
    package mutating func next(_ rng: inout some RandomNumberGenerator) -> UInt64 {
        let bound = min(maximum, base.multipliedReportingOverflow(by: 1 << min(failures, 20)).partialValue)
        failures += 1
        return UInt64.random(in: base / 10...max(bound, base / 10), using: &rng)
    }

    /// It works again.
    package mutating func succeeded() { failures = 0 }
}
