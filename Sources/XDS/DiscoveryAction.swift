package import ProxyModel

/// What whoever runs a ``DiscoveryMachine`` is to do, in order.
package enum DiscoveryAction: Equatable, Sendable {
    /// Open a stream; the answer is ``DiscoveryMachine/opened(now:)`` or ``DiscoveryMachine/closed(now:rng:)``.
    case connect
    /// Send this message.
    case send([UInt8])
    /// End the stream: the other side breaks the protocol. The machine knows already.
    case disconnect(reason: String)
    /// Put this into force; the answer is ``DiscoveryMachine/applied(_:now:)``. There is one at a time.
    case apply(ResourceBatch)
    /// Go on without these.
    case fetchEnded([ResourceKey])
    /// For statistics and the log alone.
    case note(DiscoveryNote)
}

/// What is worth counting or logging.
package enum DiscoveryNote: Equatable, Sendable {
    /// A type was asked for, or is waited for again.
    case attempt(ResourceType)
    /// A response was taken whole.
    case accepted(ResourceType, version: String)
    /// Something of a response was refused.
    case rejected(ResourceType, reason: String)
    /// The stream ended, or a file cannot be read: why, where nothing else says so.
    case failed(ResourceType, reason: String? = nil)
    /// Names did not come in time.
    case timedOut(ResourceType, names: Int)
    /// A response of a type that was not asked for, which nobody can use.
    case unexpected(typeURL: String)
    /// Fields that Heddle does not have were left aside.
    case ignored(fields: [String])
    /// A request waits for the rate limit.
    case rateLimited
    /// Who answers.
    case controlPlane(String)
}
