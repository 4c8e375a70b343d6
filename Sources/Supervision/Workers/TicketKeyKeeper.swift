import Reactor
import SecureTransport

/// Makes the session ticket keys of the proxy and changes them in time.
@WorkerActor final class TicketKeyKeeper {
    private let loop: EventLoop
    private let interval: UInt64
    private var rotation: TicketKeyRotation
    private var timer: LoopTimer?
    private let changed: @WorkerActor ([TicketKey]) -> Void

    /// - Parameters:
    ///   - seconds: between two changes.
    ///   - inherited: of the program that this one takes over from, so that its tickets go on to be worth something.
    ///   - changed: there are other keys.
    init(
        loop: EventLoop, seconds: Int, inherited: [TicketKey], changed: @escaping @WorkerActor ([TicketKey]) -> Void
    ) {
        self.loop = loop
        self.changed = changed
        interval = UInt64(seconds) * 1_000_000_000
        rotation = TicketKeyRotation(continuing: inherited) ?? TicketKeyRotation(first: .fresh(), next: .fresh())
        let timer = LoopTimer(loop: loop) { [unowned self] in self.rotate() }
        self.timer = timer
        timer.schedule(after: interval)
    }

    var keys: [TicketKey] { rotation.keys }

    private func rotate() {
        rotation.rotate(next: .fresh())
        changed(rotation.keys)
        timer?.schedule(after: interval)
    }
}
