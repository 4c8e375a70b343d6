import Bytes

/// When a listener filter is left out (`ListenerFilterChainMatchPredicate`), by what is known before any byte is read.
indirect enum ListenerFilterPredicate: Equatable, Sendable {
    case always
    /// From the first port to before the second.
    case destinationPort(from: Int32, before: Int32)
    case not(ListenerFilterPredicate)
    case all([ListenerFilterPredicate])
    case any([ListenerFilterPredicate])

    func matches(_ facts: ConnectionFacts) -> Bool {
        switch self {
        case .always: return true
        case .destinationPort(let from, let before):
            // A unix socket has no port.
            guard let port = facts.local.port else { return false }
            return Int32(port) >= from && Int32(port) < before
        case .not(let other): return !other.matches(facts)
        case .all(let others): return others.allSatisfy { $0.matches(facts) }
        case .any(let others): return others.contains { $0.matches(facts) }
        }
    }
}

/// Whether a listener has a filter, and which connections go by it.
package struct ListenerFilterUse: Sendable {
    /// Whether the filter is there at all.
    package var isConfigured = false
    /// `filter_disabled`; nil: the filter sees every connection.
    var disabled: ListenerFilterPredicate?

    /// Whether the filter looks at this connection.
    func applies(to facts: ConnectionFacts) -> Bool {
        guard isConfigured else { return false }
        guard let disabled else { return true }
        return !disabled.matches(facts)
    }
}
