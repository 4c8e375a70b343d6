import HTTPCodec
import Reactor

/// Runs the keepalive of one HTTP/2 connection, of either side.
@WorkerActor final class HTTP2KeepaliveTimer {
    private var machine: HTTP2Keepalive
    private let worker: WorkerContext
    private let session: HTTP2Session
    private let flush: @WorkerActor () -> Void
    private let giveUp: @WorkerActor () -> Void
    private var timer: LoopTimer?

    /// - Parameters:
    ///   - flush: told when the session has a PING to write.
    ///   - giveUp: told when the peer did not answer.
    init(
        _ settings: HTTP2Keepalive.Settings, _ worker: WorkerContext, _ session: HTTP2Session,
        flush: @escaping @WorkerActor () -> Void, giveUp: @escaping @WorkerActor () -> Void
    ) {
        machine = HTTP2Keepalive(settings, now: worker.loop.now, random: worker.random.next())
        self.worker = worker
        self.session = session
        self.flush = flush
        self.giveUp = giveUp
        // Safety: the timer is this object's alone and goes with it; a freed timer is never called.
        timer = LoopTimer(loop: worker.loop) { [unowned(unsafe) self] in self.due() }
        schedule()
    }

    func received() {
        machine.received(now: worker.loop.now)
    }

    func answered(_ opaque: UInt64) {
        machine.answered(opaque, now: worker.loop.now, random: worker.random.next())
        schedule()
    }

    func requestBegins() {
        perform(machine.requestBegins(now: worker.loop.now))
    }

    private func due() {
        // Giving up ends the connection, which lets go of this object.
        withExtendedLifetime(self) { perform(machine.due(now: worker.loop.now)) }
    }

    private func perform(_ action: HTTP2Keepalive.Action) {
        switch action {
        case .nothing: break
        case .ping(let opaque):
            session.ping(opaque)
            flush()
        case .giveUp:
            timer?.cancel()
            giveUp()
            return
        }
        schedule()
    }

    private func schedule() {
        if let deadline = machine.deadline { timer?.schedule(at: deadline) } else { timer?.cancel() }
    }
}
