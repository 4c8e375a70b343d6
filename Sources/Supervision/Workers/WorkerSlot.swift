import CLinux
import Glibc
import Observability
import Reactor

/// The place of one worker: the process that has it at present, and what outlives the process.
@WorkerActor final class WorkerSlot {
    /// Where the process is in its life.
    enum State: Equatable {
        /// No process. Next: starting.
        case empty
        /// Started, has no configuration yet. Next: serving, ended.
        case starting
        /// Has the configuration in force. Next: draining, ended.
        case serving
        /// Told to end. Next: ended.
        case draining
    }

    let index: Int
    var state = State.empty
    var process: Int32 = 0
    var channel: MessageChannel?
    var startedAt: UInt64 = 0
    /// The generation under which the process was given everything and has not answered; nil at other times.
    var wholeGeneration: UInt64?
    var incarnation: UInt64 = 0
    var backoff = RestartBackoff()
    var watchdog: Watchdog
    /// The watchdog told the process to end with a crash record.
    var isAborted = false
    var restart: LoopTimer?
    /// Where connections for this worker are sent to, and where it takes them; both stay when its process ends.
    let inbox: Int32
    let inboxSender: Int32

    init(index: Int, patience: Int) throws(SystemError) {
        self.index = index
        watchdog = Watchdog(patience: patience)
        var pair: [Int32] = [-1, -1]
        guard heddle_message_pair(0, &pair) == 0 else { throw SystemError("socketpair") }
        inbox = pair[0]
        inboxSender = pair[1]
    }

    deinit {
        Glibc.close(inbox)
        Glibc.close(inboxSender)
    }

    func send(_ order: WorkerOrder, _ descriptors: [Int32] = []) {
        channel?.send(order.encoded, descriptors)
    }
}
