import CLinux
import DataPlane
import Glibc
import Reactor

/// What a worker that crashes says of itself beside the signal: the request that it had in hand.
///
/// The object must live as long as the process: the handler of fatal signals points to it.
@WorkerActor final class CrashNotes {
    private let record: RequestRecord
    private let context: WorkerContext

    init(_ record: RequestRecord, of context: WorkerContext) {
        self.record = record
        self.context = context
    }

    /// From now on a fatal signal leaves its record in `crash` and the request in hand behind.
    func install(_ crash: UnsafeMutablePointer<heddle_crash_record>) {
        heddle_install_crash_handler(
            crash,
            { @Sendable context in
                guard let context else { return }
                // Safety: installed with this object, which is never freed, and called on the loop's thread. A crash inside
                // of the allocator may hang here; the basic record is complete by then, and the watchdog ends the process.
                let notes = Unmanaged<CrashNotes>.fromOpaque(context).takeUnretainedValue()
                WorkerActor.enter { notes.write() }
            }, Unmanaged.passRetained(self).toOpaque())
    }

    private func write() {
        guard let request = context.requestInHand else { return }
        record.write(request)
    }
}
