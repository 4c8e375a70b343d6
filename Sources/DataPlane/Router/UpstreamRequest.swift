import Bytes
import HTTPModel
import Observability
import Reactor
import TrafficPolicy

/// One attempt to have a request answered by a host: from the pool's connection to the end of the response.
///
/// Belongs to its owner and serves one attempt after the other. While it waits for a connection it keeps the body that
/// has come, and slows the client down beyond the buffer limit.
@WorkerActor final class UpstreamRequest {
    enum State: Equatable {
        /// Next: `held`.
        case idle
        /// Has its host, and the filters of the cluster have the request. Next: `waiting`, `idle`.
        case held
        /// Waits for a connection. Next: `sending`, `idle`.
        case waiting
        /// On a connection. Next: `idle`.
        case sending
    }

    private(set) var state = State.idle
    // Safety: the owner, a router or a call of a filter, owns its attempt.
    private unowned(unsafe) let owner: any UpstreamRequestOwner
    private(set) var codec: (any UpstreamCodec)?
    private(set) var host: Host?
    private var pool: ConnectionPool?
    private var priority = RoutingPriority.default
    private var body: ByteQueue
    private var hasTrailers = false
    /// The end of the request has been handed to the codec.
    private(set) var isRequestSent = false
    private var requestEndSeen = false
    private var clientPaused = false
    private var isHostBlocked = false
    /// Whether response bytes of this attempt have come.
    private(set) var hasResponse = false
    /// The connection had served others before.
    private(set) var isOnReusedConnection = false
    /// Times the response was told to wait before or while there is a connection.
    private var pauses = 0

    // The codec's and the pool's own notes.
    var ticket: UInt64?
    var countsAsWaiting = false
    var codecContext: AnyObject?
    var codecSlot = 0
    var responsePauses = 0
    var responseCredit = 0
    /// The upgrade went out as an extended CONNECT.
    var isExtendedConnect = false

    init(owner: any UpstreamRequestOwner, worker: WorkerContext) {
        self.owner = owner
        body = ByteQueue(pool: worker.blocks)
    }

    var isUpgrade: Bool { owner.isUpgrade }
    /// The protocol that the request asks to change to, as its head names it; nil for none. Not for use while the
    /// head is lent out.
    var upgradeToken: UnsafeRawBufferPointer? { owner.upgradeToken }

    // MARK: From the owner

    /// Takes the host's place for a request that is not to be sent yet.
    /// - Parameter name: of the host, where the request decides it.
    func hold(_ host: Host, version: HTTPVersion?, priority: RoutingPriority = .default, name: UpstreamServerName?) {
        precondition(state == .idle, "an attempt began twice")
        state = .held
        self.host = host
        self.priority = priority
        pool = name.map { host.pool(version, priority: priority, as: $0) } ?? host.pool(version, priority: priority)
    }

    /// Asks for a connection.
    func begin(endStream: Bool) {
        guard state == .held else { return }
        state = .waiting
        requestEndSeen = endStream
        guard let pool else {
            host?.cluster.stats[.upstreamCxPoolOverflow].add()
            poolRefused()
            return
        }
        pool.acquire(self)
    }

    func send(_ bytes: UnsafeRawBufferPointer, endStream: Bool) {
        if endStream { requestEndSeen = true }
        guard let codec else {
            guard state == .waiting else { return }
            body.append(bytes)
            if body.count > owner.bufferLimit { pauseClient() }
            return
        }
        if endStream { isRequestSent = true }
        codec.sendData(self, bytes, endStream: endStream)
    }

    /// The owner has the request's trailers.
    func sendTrailers() {
        requestEndSeen = true
        hasTrailers = true
        guard let codec else { return }
        isRequestSent = true
        owner.sendTrailers(self, to: codec)
    }

    func pauseResponse() {
        pauses += 1
        host?.cluster.stats[.upstreamFlowControlPausedReadingTotal].add()
        codec?.pauseResponse(self)
    }

    func resumeResponse() {
        guard pauses > 0 else { return }
        pauses -= 1
        host?.cluster.stats[.upstreamFlowControlResumedReadingTotal].add()
        codec?.resumeResponse(self)
    }

    /// The host did not answer in time.
    func noteTimeout() {
        host?.stats[.rqTimeout].add()
        if !hasResponse { host?.stats[.rqError].add() }
    }

    /// Gives the attempt up; nothing is heard of it any more.
    func abandon() {
        switch state {
        case .idle:
            // A filter may have asked a complete response to wait, and never let it go on.
            pauses = 0
            return
        case .held: break
        case .waiting:
            if let ticket { pool?.cancel(self, ticket: ticket) }
        case .sending:
            codec?.abandon(self)
        }
        clear()
    }

    // MARK: From the pool

    func poolReady(_ codec: any UpstreamCodec) {
        guard state == .waiting, owner.isActive else { return }
        state = .sending
        self.codec = codec
        isOnReusedConnection = codec.requestCount > 0
        owner.connected(codec)
        let bodyFollows = !body.isEmpty || !requestEndSeen || hasTrailers
        if !bodyFollows { isRequestSent = true }
        if let refusal = owner.sendHead(self, to: codec, endStream: !bodyFollows) {
            return receiveReset(refusal, detail: "request_not_sent")
        }
        guard state == .sending else { return }
        for _ in 0..<pauses { codec.pauseResponse(self) }
        guard bodyFollows else { return }
        while !body.isEmpty {
            let piece = body.first
            let isLast = piece.count == body.count && requestEndSeen && !hasTrailers
            if isLast { isRequestSent = true }
            codec.sendData(self, piece, endStream: isLast)
            guard state == .sending else { return }
            body.consume(piece.count)
        }
        if hasTrailers {
            isRequestSent = true
            owner.sendTrailers(self, to: codec)
        } else if requestEndSeen, !isRequestSent {
            isRequestSent = true
            codec.sendData(self, .empty, endStream: true)
        }
        if !isHostBlocked { resumeClient() }
    }

    func poolRefused() {
        guard state == .waiting else { return }
        clear()
        owner.attemptFailed(.overflow, reason: "overflow", detail: nil)
    }

    func connectFailed(_ failure: ConnectFailure) {
        guard state == .waiting else { return }
        host?.stats[.rqError].add()
        clear()
        owner.attemptFailed(
            failure.isTimeout ? .connectionTimeout : .connectionFailure, reason: failure.reason, detail: failure.detail)
    }

    // MARK: From the codec

    func headWritten(_ bytes: Int) {
        owner.headWritten(bytes)
    }

    func receiveInterim(_ fields: inout HeaderBlock) {
        owner.responseInterim(&fields)
    }

    func receiveHeaders(_ fields: inout HeaderBlock, endStream: Bool) {
        hasResponse = true
        host?.stats.countAnswer(fields.status)
        owner.responseHeaders(&fields, endStream: endStream)
    }

    func receiveData(_ bytes: UnsafeRawBufferPointer, endStream: Bool) {
        owner.responseData(bytes, endStream: endStream)
    }

    func receiveTrailers(_ fields: inout HeaderBlock) {
        owner.responseTrailers(&fields)
    }

    /// The attempt broke off.
    func receiveReset(_ reason: StreamReset, detail: StaticString) {
        guard state == .sending else { return }
        let afterHead = hasResponse
        if !afterHead { host?.stats[.rqError].add() }
        let unanswered = isOnReusedConnection && !hasResponse
        clear()
        owner.attemptReset(reason, afterHead: afterHead, onReusedConnection: unanswered)
    }

    /// The codec is done with the attempt: the response is complete and its last part has been told.
    func released() {
        guard state == .sending else { return }
        clear()
    }

    /// The host takes less than the client gives.
    func hostBlocked() {
        host?.cluster.stats[.upstreamFlowControlBackedUpTotal].add()
        isHostBlocked = true
        pauseClient()
    }

    func hostUnblocked() {
        host?.cluster.stats[.upstreamFlowControlDrainedTotal].add()
        isHostBlocked = false
        resumeClient()
    }

    // MARK: Private parts

    private func pauseClient() {
        guard !clientPaused, owner.isActive else { return }
        clientPaused = true
        owner.pauseRequest()
    }

    private func resumeClient() {
        guard clientPaused else { return }
        clientPaused = false
        if owner.isActive { owner.resumeRequest() }
    }

    private func clear() {
        resumeClient()
        if let host { host.cluster.ended(host, priority: priority) }
        state = .idle
        isHostBlocked = false
        codec = nil
        codecContext = nil
        host = nil
        pool = nil
        ticket = nil
        body.removeAll()
        hasTrailers = false
        isRequestSent = false
        requestEndSeen = false
        hasResponse = false
        isOnReusedConnection = false
        responsePauses = 0
        responseCredit = 0
        isExtendedConnect = false
        pauses = 0
    }
}
