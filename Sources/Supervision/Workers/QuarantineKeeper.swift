import DataPlane
import Observability
import Reactor

/// Keeps the quarantine of the proxy: takes note of the requests that kill workers, and tells the workers and the log
/// which ones are refused.
@WorkerActor final class QuarantineKeeper {
    /// How often it looks for what has had its time, in nanoseconds.
    private static let lookInterval: UInt64 = 1_000_000_000

    private(set) var list = QuarantineList()
    private let loop: EventLoop
    private let log: Log
    private let table: RequestQuarantine
    private var timer: LoopTimer?

    init(loop: EventLoop, log: Log, table: RequestQuarantine) {
        self.loop = loop
        self.log = log
        self.table = table
        timer = LoopTimer(loop: loop) { [unowned self] in self.look() }
    }

    var now: UInt64 { loop.now }

    /// A worker died of this request.
    func blame(_ request: RequestInHand) {
        let isRefused = list.killed(by: request, now: loop.now)
        publish()
        if isRefused {
            log.error(
                .supervisor,
                "requests like this one are refused for \(QuarantineList.term / 1_000_000_000) s, since they kill workers: \(request.text)")
        }
        timer?.schedule(after: Self.lookInterval)
    }

    /// Refuses nothing any longer, and forgets who is suspected.
    func clear() {
        list.clear()
        publish()
        log.warning(.supervisor, "the quarantine was cleared")
    }

    private func look() {
        let released = list.expire(now: loop.now)
        if !released.isEmpty {
            publish()
            for fingerprint in released {
                log.warning(.supervisor, "request \(RequestInHand.text(fingerprint)) has served its quarantine")
            }
        }
        if !list.entries.isEmpty { timer?.schedule(after: Self.lookInterval) }
    }

    private func publish() { table.publish(list.quarantined.map(\.request.fingerprint)) }
}
