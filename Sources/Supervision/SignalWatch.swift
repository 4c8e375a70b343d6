import CLinux
import Glibc
import Reactor

/// Signals as events of the loop.
@WorkerActor final class SignalWatch: EventHandler {
    private let descriptor: Descriptor
    private let action: @WorkerActor (Int32) -> Void

    init(loop: EventLoop, _ signals: [Int32], _ action: @escaping @WorkerActor (Int32) -> Void) throws(SystemError) {
        let raw = heddle_signal_descriptor(signals, Int32(signals.count))
        guard raw >= 0 else { throw SystemError("signalfd") }
        descriptor = Descriptor(raw)
        self.action = action
        try loop.watch(raw, .readable, self)
    }

    func ready(_ readiness: Readiness) {
        while true {
            let signal = heddle_next_signal(descriptor.raw)
            guard signal > 0 else { return }
            action(signal)
        }
    }
}
