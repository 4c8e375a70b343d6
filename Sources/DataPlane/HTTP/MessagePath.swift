import Bytes
import Reactor

/// The two ways through a stream's filters.
package enum Direction: Sendable {
    /// From the client to the host; filters in the order of the configuration.
    case request
    /// From the host to the client; filters in reverse.
    case response
}

/// One direction of a stream: how far the message is, and the body that a filter holds back.
@WorkerActor final class MessagePath {
    var iteration = FilterIteration()
    /// Body that waits for a filter to let it go.
    var buffer: ByteQueue
    /// Whether the filter that holds everything back wants the sender slowed down instead of refused over the limit.
    var watermarkMode = false
    /// The sender was asked to stop, since `buffer` is over the limit.
    var senderPaused = false
    /// Nothing of this direction is handed to filters any more.
    var isStopped = false
    /// What the sink has got.
    var delivered = MessagePhase.head

    init(pool: BlockPool) {
        buffer = ByteQueue(pool: pool)
    }

    func reset() {
        iteration = FilterIteration()
        buffer.removeAll()
        senderPaused = false
        watermarkMode = false
        isStopped = false
        delivered = .head
    }
}
