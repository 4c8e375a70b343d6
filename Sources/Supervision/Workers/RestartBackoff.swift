/// How long to wait before a worker that ended is started again: nothing after a time of health, then twice as long each
/// time up to a bound.
package struct RestartBackoff: Equatable, Sendable {
    /// First delay in nanoseconds.
    package static let first: UInt64 = 100_000_000
    /// Longest delay.
    package static let longest: UInt64 = 10_000_000_000
    /// A worker that ran for so long was healthy.
    package static let healthy: UInt64 = 10_000_000_000

    private var next: UInt64 = 0

    package init() {}

    /// A worker ended that had run for so many nanoseconds.
    /// - Returns: nanoseconds until the next start.
    package mutating func ended(after uptime: UInt64) -> UInt64 {
        if uptime >= Self.healthy { next = 0 }
        defer { next = min(max(next * 2, Self.first), Self.longest) }
        return next
    }
}
