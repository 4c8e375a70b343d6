import Observability
import Reactor

/// Counts readings of the bootstrap file, the first one and those after SIGHUP, under Envoy's names of a subscription:
/// `bootstrap.update_attempt`, `bootstrap.update_success`, `bootstrap.update_rejected`, `bootstrap.update_time`, `bootstrap.version`.
///
/// Whoever asks for a reload can tell its end: when successes and rejections together are more than the attempts were before.
@WorkerActor struct BootstrapUpdates {
    private let stats: NamedDiscoveryStats
    private let loop: EventLoop

    init(_ stats: NamedDiscoveryStats, loop: EventLoop) {
        self.stats = stats
        self.loop = loop
    }

    /// The file is about to be read.
    func attempted() { stats[.updateAttempt].add() }

    /// What was read is in force at all workers, or is what was in force before.
    ///
    /// - Parameter number: which configuration it is; the first is 1.
    func inForce(_ number: UInt64) {
        stats[.updateSuccess].add()
        stats[.version].set(Int(number))
        stats[.updateTime].set(Int(loop.wallNow / 1_000_000))
    }

    /// What was read is refused, and the old configuration stays.
    func rejected() { stats[.updateRejected].add() }
}
