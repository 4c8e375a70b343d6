/// Makes rates of counts that are read now and then. Who does not answer once has no rate then, and the next one is over
/// all of the time since its last answer.
struct RateCounter {
    private var last: [String: (count: Int, seconds: Double)] = [:]

    /// The rates since the counts before, per second.
    ///
    /// - Parameters:
    ///   - counts: of those that answered.
    ///   - now: the time in seconds.
    mutating func rates(_ counts: [String: Int], now: Double) -> [String: Int] {
        var rates: [String: Int] = [:]
        for (name, count) in counts {
            // A proxy that was started anew counts from zero.
            if let before = last[name], now > before.seconds, count >= before.count {
                rates[name] = Int((Double(count - before.count) / (now - before.seconds)).rounded())
            }
            last[name] = (count, now)
        }
        return rates
    }
}
