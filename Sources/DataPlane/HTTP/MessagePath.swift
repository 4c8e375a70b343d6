import Bytes
import Reactor

/// The two ways through a stream's filters.
package enum Direction: Sendable {
    /// From the client to the host; filters in the order of the configuration.
    case request
    /// From the host to the client; filters in reverse.
    case response
}

/// One direction of a message through one chain of filters: how far it is, and the body that a filter holds back. A stream
/// has two, and two more for each attempt at a host of a cluster that has filters.
@WorkerActor final class MessagePath {
    /// What is behind the last filter.
    enum Sink {
        /// Nothing: the last filter of a request takes it, which is the router or the codec of a cluster.
        case none
        /// The client, for a response that has passed the connection manager's filters.
        case client
        /// The router, for one that has passed a cluster's.
        case router
    }

    let direction: Direction
    let sink: Sink
    /// In the order of this direction.
    let filters: [HTTPFilter]
    /// The first filters that want a head and a piece of body; those before them are not asked.
    let firstForHead: Int
    let firstForBody: Int
    /// Filters that the message does not meet, a bit for each index.
    var switchedOff: UInt64 = 0
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

    /// - Parameter chain: in the order of the configuration; the last is the sink of the request and the source of the
    ///   response.
    init(_ direction: Direction, _ chain: [HTTPFilter], isUpstream: Bool, pool: BlockPool) {
        self.direction = direction
        sink = direction == .request ? .none : isUpstream ? .router : .client
        let wanted = chain.dropLast().reduce(into: FilterCallbacks()) { $0.formUnion($1.callbacks) }
        switch direction {
        case .request:
            filters = chain
            firstForHead = 0
            firstForBody = wanted.has(.requestData) ? 0 : chain.count - 1
        case .response:
            filters = chain.dropLast().reversed()
            firstForHead = wanted.has(.responseHeaders) ? 0 : filters.count
            firstForBody = wanted.has(.responseData) ? 0 : filters.count
        }
        buffer = ByteQueue(pool: pool)
    }

    /// Where a filter stands in this direction.
    func position(of filter: HTTPFilter) -> Int {
        direction == .request ? filter.index : filters.count - 1 - filter.index
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
