import Foundation

/// What one euro is worth.
struct ExchangeRates: Sendable, Equatable {
    /// Euro first, then in the order of the feed.
    let codes: [String]
    private let rates: [String: Double]

    init(_ list: [(code: String, rate: Double)]) {
        codes = list.map(\.code)
        rates = Dictionary(list, uniquingKeysWith: { first, _ in first })
    }

    /// Reads the bank's daily feed: `<Cube currency='USD' rate='1.1305'/>` for each currency. Nil where it has none.
    init?(feed: String) {
        let pattern = #/<Cube\s+currency=['"](?<code>[A-Z]{3})['"]\s+rate=['"](?<rate>[0-9.]+)['"]\s*\/>/#
        let found = feed.matches(of: pattern).compactMap { match in
            Double(match.output.rate).flatMap { $0 > 0 ? (code: String(match.output.code), rate: $0) : nil }
        }
        guard !found.isEmpty, Set(found.map(\.code)).count == found.count else { return nil }
        self.init([("EUR", 1)] + found.filter { $0.code != "EUR" })
    }

    /// The amount in another currency, by way of the euro; nil for a currency without a rate and an amount without sense.
    func convert(_ amount: Money, to code: String) -> Money? {
        guard let from = rates[amount.currencyCode], let to = rates[code] else { return nil }
        let euros = Self.carry(units: Double(amount.units) / from, nanos: Double(amount.nanos) / from)
        let result = Self.carry(units: euros.units * to, nanos: euros.nanos.rounded() * to)
        guard let units = Int64(exactly: result.units.rounded(.towardZero)),
            let nanos = Int32(exactly: result.nanos.rounded(.towardZero))
        else { return nil }
        return Money(code, units: units, nanos: nanos)
    }

    /// Moves the fraction of the units into the nanos, and whole units out of them.
    private static func carry(units: Double, nanos: Double) -> (units: Double, nanos: Double) {
        let inUnit = Double(Money.nanosInUnit)
        let all = nanos + units.truncatingRemainder(dividingBy: 1) * inUnit
        return (units.rounded(.towardZero) + (all / inUnit).rounded(.towardZero), all.truncatingRemainder(dividingBy: inUnit))
    }

    /// Rates of a day of 2019, for a shop without a bank; the bank of this program publishes them too.
    static let builtIn = ExchangeRates([
        ("EUR", 1.0), ("USD", 1.1305), ("JPY", 126.40), ("BGN", 1.9558), ("CZK", 25.592), ("DKK", 7.4609),
        ("GBP", 0.85970), ("HUF", 315.51), ("PLN", 4.2996), ("RON", 4.7463), ("SEK", 10.5375), ("CHF", 1.1360),
        ("ISK", 136.80), ("NOK", 9.8040), ("HRK", 7.4210), ("RUB", 74.4208), ("TRY", 6.1247), ("AUD", 1.6072),
        ("BRL", 4.2682), ("CAD", 1.5128), ("CNY", 7.5857), ("HKD", 8.8743), ("IDR", 15999.40), ("ILS", 4.0875),
        ("INR", 79.4320), ("KRW", 1275.05), ("MXN", 21.7999), ("MYR", 4.6289), ("NZD", 1.6679), ("PHP", 59.083),
        ("SGD", 1.5349), ("THB", 36.012), ("ZAR", 16.0583),
    ])

    /// The bank's feed with these rates.
    func feed(day: String) -> String {
        let cubes = codes.filter { $0 != "EUR" }.map { code in
            "      <Cube currency='\(code)' rate='\(rates[code] ?? 0)'/>"
        }
        return """
            <?xml version="1.0" encoding="UTF-8"?>
            <gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01" xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">
              <gesmes:subject>Reference rates</gesmes:subject>
              <Cube>
                <Cube time='\(day)'>
            \(cubes.joined(separator: "\n"))
                </Cube>
              </Cube>
            </gesmes:Envelope>

            """
    }
}
