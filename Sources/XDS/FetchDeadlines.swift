/// Until when names are waited for (`initial_fetch_timeout`). Names that were asked for together share a deadline, so
/// that ten thousand of them cost one.
struct FetchDeadlines: Equatable, Sendable {
    private var byName: [String: UInt64] = [:]
    private var byDeadline: [UInt64: Set<String>] = [:]

    /// The next one.
    var next: UInt64? { byDeadline.keys.min() }

    /// Whether the name is waited for.
    func contains(_ name: String) -> Bool { byName[name] != nil }

    mutating func add(_ names: some Sequence<String>, _ deadline: UInt64) {
        for name in names where byName[name] == nil {
            byName[name] = deadline
            byDeadline[deadline, default: []].insert(name)
        }
    }

    /// - Returns: whether it was waited for.
    @discardableResult
    mutating func remove(_ name: String) -> Bool {
        guard let deadline = byName.removeValue(forKey: name) else { return false }
        byDeadline[deadline]?.remove(name)
        if byDeadline[deadline]?.isEmpty == true { byDeadline[deadline] = nil }
        return true
    }

    /// Takes out the names whose time has come, in order.
    mutating func takeExpired(now: UInt64) -> [String] {
        var expired: [String] = []
        for deadline in byDeadline.keys where deadline <= now {
            for name in byDeadline.removeValue(forKey: deadline) ?? [] {
                byName[name] = nil
                expired.append(name)
            }
        }
        return expired.sorted()
    }
}
