/// What is waited for only so long: each item as long as every other, so that they end in the order in which they began.
struct Patience<Item: Hashable & Sendable>: Sendable {
    private struct Entry: Sendable {
        let item: Item
        let until: UInt64
    }

    /// Nanoseconds.
    let time: UInt64
    /// In order; those that ended otherwise stay until they come to the front.
    private var entries: ArraySlice<Entry> = []
    private var present: [Item: UInt64] = [:]

    init(time: UInt64) { self.time = time }

    /// When ``takeExpired(now:)`` has something to give; nil when nothing is waited for.
    var next: UInt64? { entries.first?.until }

    func contains(_ item: Item) -> Bool { present[item] != nil }

    /// Everything that is waited for, in no order.
    var items: some Sequence<Item> { present.keys }

    /// Something is waited for from now on; what is waited for already goes on as it was.
    mutating func begin(_ item: Item, now: UInt64) {
        guard present[item] == nil else { return }
        present[item] = now &+ time
        entries.append(Entry(item: item, until: now &+ time))
    }

    /// It came, or does not matter any more.
    mutating func end(_ item: Item) {
        guard present.removeValue(forKey: item) != nil else { return }
        while let first = entries.first, present[first.item] != first.until { entries.removeFirst() }
    }

    /// What did not come in time.
    mutating func takeExpired(now: UInt64) -> [Item] {
        var expired: [Item] = []
        while let first = entries.first, first.until <= now {
            entries.removeFirst()
            guard present[first.item] == first.until else { continue }
            present[first.item] = nil
            expired.append(first.item)
        }
        return expired
    }
}
