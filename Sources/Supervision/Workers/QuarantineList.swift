package import DataPlane

/// Which requests are refused because such ones killed workers. A request is known by its fingerprint; one that killed
/// often enough is refused for a time. After that, one more death suffices.
package struct QuarantineList {
    /// Deaths that put a request into quarantine.
    package static let deaths = 2
    /// Nanoseconds within which they must come, and for which a request is refused.
    package static let memory: UInt64 = 600_000_000_000
    package static let term: UInt64 = 600_000_000_000
    /// Requests that are remembered for one death; the one that is remembered longest goes first.
    package static let maximumSuspects = 64

    /// One kind of request that killed a worker.
    package struct Entry {
        /// As it was the last time.
        package var request: RequestInHand
        package var deaths: Int
        package var lastDeath: UInt64
        /// Until when it is refused; nil as long as it is only suspected.
        package var until: UInt64?
    }

    /// The oldest death first.
    package private(set) var entries: [Entry] = []

    package init() {}

    /// Those in quarantine.
    package var quarantined: [Entry] { entries.filter { $0.until != nil } }

    /// A worker died of `request`.
    /// - Returns: whether requests like it are refused from now on.
    package mutating func killed(by request: RequestInHand, now: UInt64) -> Bool {
        var entry = Entry(request: request, deaths: 0, lastDeath: now)
        if let index = entries.firstIndex(where: { $0.request.fingerprint == request.fingerprint }) {
            entry = entries.remove(at: index)
            entry.request = request
        }
        entry.deaths += 1
        entry.lastDeath = now
        if entry.deaths >= Self.deaths { entry.until = now + Self.term }
        entries.append(entry)
        bound()
        return entry.until != nil
    }

    /// Ends what has had its time.
    /// - Returns: the fingerprints that are no longer refused.
    package mutating func expire(now: UInt64) -> [UInt64] {
        guard !entries.isEmpty else { return [] }
        var released: [UInt64] = []
        for index in entries.indices {
            guard let until = entries[index].until, until <= now else { continue }
            released.append(entries[index].request.fingerprint)
            entries[index].until = nil
            entries[index].deaths = Self.deaths - 1
            entries[index].lastDeath = now
        }
        entries.removeAll { $0.until == nil && $0.lastDeath + Self.memory <= now }
        return released
    }

    /// Forgets everything.
    package mutating func clear() { entries = [] }

    private mutating func bound() {
        let suspects = entries.count(where: { $0.until == nil })
        if suspects > Self.maximumSuspects, let oldest = entries.firstIndex(where: { $0.until == nil }) {
            entries.remove(at: oldest)
        }
        let refused = entries.count(where: { $0.until != nil })
        if refused > RequestQuarantine.capacity, let oldest = entries.firstIndex(where: { $0.until != nil }) {
            entries.remove(at: oldest)
        }
    }
}
