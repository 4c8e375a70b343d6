/// How long what is new is waited for (`initial_fetch_timeout`), by name: those who ask over one stream need not wait
/// equally long.
package struct FetchTimes: Equatable, Sendable {
    /// Nanoseconds, for all but ``others``; 0: for ever.
    package var common: UInt64
    /// Names with a time of their own.
    package var others: [String: UInt64] = [:]

    /// The same time for all.
    package init(_ common: UInt64) { self.common = common }

    /// Each name's time; most of many names have the same one.
    package init(_ times: [String: UInt64]) {
        var counts: [UInt64: Int] = [:]
        for time in times.values { counts[time, default: 0] += 1 }
        let common = counts.max { ($0.value, $0.key) < ($1.value, $1.key) }?.key ?? 0
        self.common = common
        others = times.filter { $0.value != common }
    }

    /// The time of one name; 0: for ever.
    package subscript(_ name: String) -> UInt64 { others[name] ?? common }

    /// Of two times for one name: whoever waits longer is not let down.
    package static func longer(_ left: UInt64, _ right: UInt64) -> UInt64 {
        left == 0 || right == 0 ? 0 : max(left, right)
    }
}

extension FetchTimes: ExpressibleByIntegerLiteral {
    /// One time for all names, in nanoseconds.
    package init(integerLiteral value: UInt64) { self.init(value) }
}
