/// Connections that another worker accepted for a listener which is not in force in this one yet.
///
/// Workers put a new listener in force one after the other, and the first that has it accepts for all. What it passes to a
/// worker that does not have it waits there, for a short time.
struct EarlyConnections: Sendable {
    private struct Entry: Sendable {
        let listener: String
        let descriptor: Int32
        let until: UInt64
    }

    /// Most that wait.
    static let maximum = 1024
    /// How long each waits, nanoseconds.
    static let patience: UInt64 = 5_000_000_000

    /// In the order in which they came, which is that in which their time is over.
    private var waiting: [Entry] = []

    /// When ``takeExpired(now:)`` has something to give; nil when nothing waits.
    var next: UInt64? { waiting.first?.until }

    /// - Returns: false when there is no room; the descriptor is still the caller's then.
    mutating func wait(_ descriptor: Int32, listener: String, now: UInt64) -> Bool {
        guard waiting.count < Self.maximum else { return false }
        waiting.append(Entry(listener: listener, descriptor: descriptor, until: now &+ Self.patience))
        return true
    }

    /// Everything that waits for a listener.
    mutating func take(_ listener: String) -> [Int32] {
        guard !waiting.isEmpty else { return [] }
        let taken = waiting.filter { $0.listener == listener }.map(\.descriptor)
        waiting.removeAll { $0.listener == listener }
        return taken
    }

    /// What has waited in vain.
    mutating func takeExpired(now: UInt64) -> [Int32] {
        let expired = waiting.prefix { $0.until <= now }.map(\.descriptor)
        waiting.removeFirst(expired.count)
        return expired
    }
}
