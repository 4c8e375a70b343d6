/// A share of all requests (`type.v3.FractionalPercent`).
package struct FractionalPercent: Equatable, Sendable {
    /// What the numerator is a part of.
    package enum Denominator: UInt32, Sendable {
        case hundred = 100
        case tenThousand = 10_000
        case million = 1_000_000
    }

    /// So many of so many requests.
    package let numerator: UInt32
    package let denominator: Denominator

    package init(_ numerator: UInt32, of denominator: Denominator = .hundred) {
        self.numerator = numerator
        self.denominator = denominator
    }

    /// Whether a request with this random value belongs to the share.
    package func contains(_ random: UInt64) -> Bool {
        random % UInt64(denominator.rawValue) < UInt64(numerator)
    }
}

extension FractionalPercent: CustomStringConvertible {
    package var description: String { "\(numerator)/\(denominator.rawValue)" }
}
