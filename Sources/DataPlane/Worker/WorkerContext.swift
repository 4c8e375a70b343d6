package import Bytes
import HTTPCodec
import HTTPModel
import Observability
package import Reactor
package import TrafficPolicy

/// What the connections of one worker share: the loop, memory that is used again, the generator of random numbers, and
/// the list of what must be done when the present event has been handled.
@WorkerActor package final class WorkerContext: TurnEndHandler {
    /// Size of the shared read buffer, in bytes.
    package static let readBufferSize = 64 * 1024

    /// The loop, the buffers and the generator that all connections of the worker share.
    package let loop: EventLoop
    package let blocks = BlockPool()
    package var random: FastRandom
    /// Where every transport reads to; what is not handled in the same event must be copied.
    // Safety: allocated once, used on the loop only, freed with this object.
    nonisolated(unsafe) let readBuffer: UnsafeMutableRawBufferPointer
    /// Where heads are parsed into before a stream takes them.
    var scratchFields = HeaderBlock()
    /// The clusters by name; connections hold the cluster itself.
    package let clusters = ClusterDirectory()
    let listeners = ListenerDirectory()
    /// Route configurations with names of their own, and secrets.
    package let routes = RouteDirectory()
    package let secrets = SecretDirectory()
    /// `/healthcheck/fail` was asked for.
    var failsHealthCheck = false
    /// What HTTP/2 sessions reuse and count.
    let http2Pool: HTTP2Pool
    let http2Counters = HTTP2CounterBook()
    /// What HTTP/1 codecs of clients count.
    let http1Counters = HTTP1CounterBook()
    /// Requests of all connections.
    var activeStreams = 0
    /// Where heads and lines are written.
    var scratchText = ByteWriter(capacity: 4096)

    /// Requests that are refused; nil where nobody keeps such a table.
    package var quarantine: RequestQuarantine?
    /// What was tried and is not any longer.
    package let rolledBack = RolledBack()
    /// The stream and the filter that run at this moment, for the record of a crash.
    // Safety: streams and filters live as long as the event in which they are set; both are cleared when it ends.
    unowned(unsafe) private(set) var streamInHand: Stream?
    unowned(unsafe) private(set) var filterInHand: HTTPFilter?

    private var dirty: [Transport] = []
    private var failed: [Transport] = []
    private var finished: [Stream] = []
    private var depth = 0
    private var turnEndAsked = false
    private var lastConnectionID: UInt64 = 0
    private var lastStreamID: UInt64

    /// - Parameter seed: of the worker's random numbers; a test gives a fixed one.
    package init(loop: EventLoop, seed: UInt64) {
        self.loop = loop
        random = FastRandom(seed: seed)
        lastStreamID = random.next() << 20
        http2Pool = HTTP2Pool(blocks: blocks)
        readBuffer = .allocate(byteCount: Self.readBufferSize, alignment: 64)
    }

    deinit {
        readBuffer.deallocate()
    }

    func nextConnectionID() -> UInt64 {
        lastConnectionID += 1
        return lastConnectionID
    }

    func nextStreamID() -> UInt64 {
        lastStreamID &+= 1
        return lastStreamID
    }

    /// From here on the event is about this stream, and in it about this filter.
    func takeInHand(_ stream: Stream, _ filter: HTTPFilter?) {
        streamInHand = stream
        filterInHand = filter
    }

    // MARK: The date header

    private var dateSecond: UInt64 = 0
    private var dateText = ByteWriter(capacity: 64)

    /// The present time as HTTP writes it (RFC 9110 section 5.6.7); made once a second.
    func httpDate() -> UnsafeRawBufferPointer {
        let second = loop.wallNow / 1_000_000_000
        if second != dateSecond {
            dateSecond = second
            dateText.reset()
            HTTPDate.append(second, to: &dateText)
        }
        return dateText.bytes
    }

    // MARK: What waits for the end of an event

    func eventBegan() {
        depth += 1
    }

    /// When the outermost event is over: output is written, broken connections are told of, finished streams go back to
    /// their pools. What these do may bring more of the same.
    func eventEnded() {
        depth -= 1
        guard depth == 0 else { return }
        streamInHand = nil
        filterInHand = nil
        settle()
    }

    func addDirty(_ transport: Transport) {
        dirty.append(transport)
        settleLater()
    }

    func addFailed(_ transport: Transport) {
        failed.append(transport)
        settleLater()
    }

    /// A finished stream may still be on the call stack; it is used again only when the event is over.
    func addFinished(_ stream: Stream) {
        finished.append(stream)
        settleLater()
    }

    /// What happens outside of an event (a timer, a resumed task) is settled at the end of the turn.
    private func settleLater() {
        guard depth == 0, !turnEndAsked else { return }
        turnEndAsked = true
        loop.atTurnEnd(self)
    }

    /// Writes what connections have gathered during the turn.
    package func turnEnded() {
        turnEndAsked = false
        streamInHand = nil
        filterInHand = nil
        settle()
    }

    private func settle() {
        guard !dirty.isEmpty || !failed.isEmpty || !finished.isEmpty else { return }
        depth += 1
        defer { depth -= 1 }
        while true {
            if let transport = dirty.popLast() {
                transport.flushDirty()
            } else if let transport = failed.popLast() {
                transport.finishFailed()
            } else if let stream = finished.popLast() {
                stream.recycle()
            } else {
                return
            }
        }
    }
}
