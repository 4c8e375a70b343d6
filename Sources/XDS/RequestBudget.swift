/// Envoy's `rate_limit_settings`: a bucket of tokens, one a request.
package struct RequestBudget: Equatable, Sendable {
    /// How large it is and how fast it fills.
    package struct Settings: Equatable, Sendable {
        /// Envoy's default is 100.
        package var maximumTokens: UInt32
        /// Tokens a second; Envoy's default is 10.
        package var fillRate: Double

        package init(maximumTokens: UInt32 = 100, fillRate: Double = 10) {
            self.maximumTokens = maximumTokens
            self.fillRate = fillRate
        }
    }

    private let settings: Settings
    private var tokens: Double
    private var filledAt: UInt64?

    /// A full bucket.
    package init(_ settings: Settings) {
        self.settings = settings
        tokens = Double(settings.maximumTokens)
    }

    /// Takes a token.
    /// - Returns: nil when there was one, else when there will be one.
    package mutating func take(now: UInt64) -> UInt64? {
        if let filledAt, now > filledAt {
            tokens = min(Double(settings.maximumTokens), tokens + Double(now - filledAt) / 1e9 * settings.fillRate)
        }
        filledAt = now
        guard tokens < 1 else {
            tokens -= 1
            return nil
        }
        // A nanosecond more, so that rounding never finds almost a token.
        let wait = (1 - tokens) / settings.fillRate * 1e9
        return now &+ UInt64(min(wait, 3600e9)) &+ 1
    }
}
