import Observability
import ProxyModel
import Reactor

/// Addresses that somebody else has when the proxy begins.
extension ResourceLedger {
    /// How long they are waited for, from the beginning, nanoseconds, and between two tries.
    static let addressTime: UInt64 = 2_000_000_000
    static let addressPause: UInt64 = 50_000_000

    /// Whether a batch may wait for an address that another process has: the workers of a supervisor that was killed have
    /// those of its listeners until they have seen it, and a source does not offer again what was refused. A bootstrap need
    /// not wait: who cannot listen at its addresses ends and is started again.
    func mayWaitForAddress(_ batch: Batch) -> Bool {
        batch.origin != .bootstrap && sockets.lacksAddress && now &- began < Self.addressTime
    }

    /// Has a batch wait for the address that a listener of it lacks, if it may; nothing of it is made ready then.
    func waitsForAddress(_ batch: Batch, _ key: ResourceKey) -> Bool {
        guard key.type == .listener, mayWaitForAddress(batch) else { return false }
        log.debug(.config, "the address of \(key) is taken; it is tried again")
        waiting.insert(batch, at: 0)
        lacksAddress = true
        addressTimer?.schedule(after: Self.addressPause)
        return true
    }

    /// Takes the batch that waits in hand once more.
    func tryAddress() {
        lacksAddress = false
        next()
    }
}
