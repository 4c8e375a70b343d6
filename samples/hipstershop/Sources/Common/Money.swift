/// Amounts with nine digits behind the point.
typealias Money = Hipstershop_Money

extension Money {
    static let nanosInUnit: Int64 = 1_000_000_000

    init(_ currency: String, units: Int64, nanos: Int32 = 0) {
        self.init()
        currencyCode = currency
        self.units = units
        self.nanos = nanos
    }

    /// The same currency and no amount.
    static func zero(_ currency: String) -> Money { Money(currency, units: 0) }

    /// Whether units and nanos contradict each other in sign or nanos are a whole unit.
    var isSound: Bool {
        abs(Int64(nanos)) < Self.nanosInUnit && !(units > 0 && nanos < 0) && !(units < 0 && nanos > 0)
    }

    /// The sum; nil for two currencies, and for one that has no place in the numbers.
    func adding(_ other: Money) -> Money? {
        guard currencyCode == other.currencyCode, isSound, other.isSound else { return nil }
        return Money.sum(currencyCode, units: units.addingReportingOverflow(other.units), nanos: Int64(nanos) + Int64(other.nanos))
    }

    /// So many times the amount; nil for one that has no place in the numbers.
    func times(_ count: Int32) -> Money? {
        guard isSound else { return nil }
        return Money.sum(
            currencyCode, units: units.multipliedReportingOverflow(by: Int64(count)), nanos: Int64(nanos) * Int64(count))
    }

    private static func sum(_ currency: String, units: (partialValue: Int64, overflow: Bool), nanos: Int64) -> Money? {
        let (whole, overflow) = units.partialValue.addingReportingOverflow(nanos / nanosInUnit)
        guard !units.overflow, !overflow else { return nil }
        var (units, rest) = (whole, nanos % nanosInUnit)
        // Both have the sign of the sum.
        if units > 0, rest < 0 { (units, rest) = (units - 1, rest + nanosInUnit) }
        if units < 0, rest > 0 { (units, rest) = (units + 1, rest - nanosInUnit) }
        return Money(currency, units: units, nanos: Int32(rest))
    }
}
