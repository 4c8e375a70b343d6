import Observability
import ProxyModel
import Reactor

/// Keeps the file of the last good configuration up to date, some time after a change, and restores it at the start.
@WorkerActor final class LastGoodKeeper {
    /// Between a change and its writing, nanoseconds: changes come in bursts.
    static let delay: UInt64 = 1_000_000_000
    /// Of this process's time at most one part in so many goes into writing.
    static let restFactor: UInt64 = 50

    private let path: String
    private let ledger: ResourceLedger
    private let loop: EventLoop
    private let log: Log
    private let stats: ControlPlaneStats
    private var timer: LoopTimer?
    private var isScheduled = false
    private var savedRevision: UInt64 = 0
    /// How long the last writing took, nanoseconds.
    private var lastDuration: UInt64 = 0
    private var hasUnconfirmed = false
    /// Before the file was read nothing is written over it.
    private var isRestored = false

    init(path: String, ledger: ResourceLedger, loop: EventLoop, log: Log, stats: ControlPlaneStats) {
        self.path = path
        self.ledger = ledger
        self.loop = loop
        self.log = log
        self.stats = stats
        timer = LoopTimer(loop: loop) { [unowned self] in self.save() }
    }

    /// Something may have come into force, or gone.
    func resourcesChanged() {
        let unconfirmed = ledger.store.lastGoodCount
        stats[.lastGoodResources].set(unconfirmed)
        if hasUnconfirmed, unconfirmed == 0 {
            log.info(.config, "nothing of the last good configuration is left that its source has not confirmed")
        }
        hasUnconfirmed = unconfirmed > 0
        guard isRestored, !isScheduled, ledger.store.revision != savedRevision else { return }
        isScheduled = true
        timer?.schedule(after: max(Self.delay, lastDuration * Self.restFactor))
    }

    /// Writes now what is not written yet.
    func save() {
        timer?.cancel()
        isScheduled = false
        let revision = ledger.store.revision
        guard isRestored, revision != savedRevision else { return }
        loop.updateTime()
        let began = loop.now
        let resources = ledger.store.dynamicResources
        do {
            try LastGoodFile.write(try LastGoodFile.encode(resources), to: path)
            stats[.lastGoodSaved].add()
        } catch {
            stats[.lastGoodSaveFailed].add()
            log.error(.config, "the last good configuration cannot be written to \(path): \(error)")
        }
        savedRevision = revision
        loop.updateTime()
        lastDuration = loop.now - began
    }

    /// Brings what the file holds into force; the sources correct it when they speak.
    /// - Parameters:
    ///   - types: of which the bootstrap has a source, besides those that others name.
    ///   - done: called once, when all workers have it, or there is nothing.
    func restore(_ types: Set<ResourceType>, done: @escaping @WorkerActor () -> Void) {
        let resources: [ResourceChange]
        do throws(LastGoodFile.Failure) {
            let read = try LastGoodFile.read(path) ?? []
            resources = read.filter { !$0.key.type.isWildcard || types.contains($0.key.type) }
        } catch {
            log.error(.config, "the last good configuration in \(path) is not used: \(error)")
            return restored(done)
        }
        guard !resources.isEmpty else { return restored(done) }
        ledger.apply(
            ResourceLedger.Batch(origin: .lastGood, changes: resources) { [unowned self, log, path] refusals in
                for refusal in refusals {
                    log.error(.config, "\(refusal.key) of the last good configuration is refused: \(refusal.reason)")
                }
                log.warning(
                    .config,
                    "\(resources.count - refusals.count) resources of the last good configuration in \(path) are used until their sources speak")
                restored(done)
            })
    }

    private func restored(_ done: @WorkerActor () -> Void) {
        isRestored = true
        savedRevision = ledger.store.revision
        done()
    }
}
