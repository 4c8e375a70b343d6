/// A share of all requests (`type.v3.FractionalPercent`).
public struct FractionalPercent: Equatable, Sendable {
    /// What the numerator is a part of.
    public enum Denominator: UInt32, Sendable {
        case hundred = 100
        case tenThousand = 10_000
        case million = 1_000_000
    }

    /// So many of so many requests.
    public let numerator: UInt32
    public let denominator: Denominator

    /// A share; a numerator at or above the denominator means all.
    public init(_ numerator: UInt32, of denominator: Denominator = .hundred) {
        self.numerator = numerator
        self.denominator = denominator
    }

    /// Whether a request with this random value belongs to the share.
    public func contains(_ random: UInt64) -> Bool {
        random % UInt64(denominator.rawValue) < UInt64(numerator)
    }
}

extension FractionalPercent: CustomStringConvertible {
    public var description: String { "\(numerator)/\(denominator.rawValue)" }
}
