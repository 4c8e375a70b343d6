import Bytes
import HTTPCodec
import HTTPModel
import Observability
import Reactor

/// The client side of HTTP/2 on one connection.
@WorkerActor final class HTTP2ClientCodec: UpstreamCodec, UpstreamCodecInput, TurnEndHandler {
    private static let produceSize = 64 * 1024

    let number: Int
    let connectionID: UInt64
    let transport: Transport
    // Safety: the connection owns its codec and clears this when it ends.
    unowned(unsafe) var connection: UpstreamConnection?
    private(set) var requestCount: UInt64 = 0
    let version = HTTPVersion.http2

    private let worker: WorkerContext
    private let pool: ConnectionPool
    private let cluster: Cluster
    private let session: HTTP2Session
    private var requests: [UpstreamRequest] = []
    private var turnEndAsked = false
    private var isClosed = false
    private var isHandling = false
    private var isDraining = false
    private var brokeOff = false
    /// The one whose response comes to its end at this moment.
    private var finishing: HTTP2Stream?
    private var keepalive: HTTP2KeepaliveTimer?

    init?(transport: Transport, pool: ConnectionPool, cluster: Cluster, number: Int, id: UInt64) {
        let worker = cluster.worker
        guard
            let session = HTTP2Session(
                role: .client, options: cluster.config.http2, pool: worker.http2Pool, counters: worker.http2Counters.cluster(cluster.config.statName),
                now: worker.loop.now)
        else { return nil }
        self.transport = transport
        self.pool = pool
        self.cluster = cluster
        self.worker = worker
        self.number = number
        self.session = session
        connectionID = id
    }

    var capacity: Int {
        min(session.peerMaxConcurrentStreams, Int(clamping: cluster.config.http2.maxConcurrentStreams))
    }

    var isBusy: Bool { !requests.isEmpty || brokeOff }

    func opened() {
        if let settings = cluster.config.http2Keepalive {
            // Safety: the timer goes with this object, which owns it.
            keepalive = HTTP2KeepaliveTimer(settings, worker, session, flush: { [unowned(unsafe) self] in self.flushLater() }) {
                [unowned(unsafe) self] in self.peerIsGone()
            }
        }
        flushLater()
        connection?.idleChanged(true)
    }

    // MARK: The request

    func sendHeaders(_ request: UpstreamRequest, _ fields: inout HeaderBlock, endStream: Bool) -> StreamReset? {
        connection?.idleChanged(false)
        keepalive?.requestBegins()
        requestCount += 1
        fields.remove(.transferEncoding)
        let submitted: HTTP2Stream?
        if request.isUpgrade, let token = fields.get(.upgrade) {
            submitted = submitConnect(request, fields, token)
        } else {
            submitted = session.submitRequest(fields, endStream: endStream, context: request)
        }
        guard let h2 = submitted else {
            // The request may be sent again, and must not come here.
            pool.ended(number, reusable: false)
            return .remoteRefused
        }
        request.codecContext = h2
        request.codecSlot = requests.count
        requests.append(request)
        request.headWritten(0)
        flushLater()
        return nil
    }

    /// Extended CONNECT (RFC 8441) is the upgrade of HTTP/2. It goes out as a copy: filters and logs know the request as it
    /// came.
    private func submitConnect(
        _ request: UpstreamRequest, _ fields: borrowing HeaderBlock, _ token: UnsafeRawBufferPointer
    ) -> HTTP2Stream? {
        var connect = HeaderBlock()
        connect.copy(from: fields)
        connect.set(.method, "CONNECT")
        connect.append(.protocol, token)
        HopByHop.strip(&connect, keepUpgrade: false)
        request.isExtendedConnect = true
        return session.submitRequest(connect, endStream: false, context: request)
    }

    /// The host's word for 101. Inside the proxy a tunnel has the words of HTTP/1, as it has for clients.
    private func acceptUpgrade(_ request: UpstreamRequest, _ fields: inout HeaderBlock) {
        guard request.isExtendedConnect, let token = request.upgradeToken, 200..<300 ~= fields.status else { return }
        fields.set(.status, "101")
        fields.set(.upgrade, token)
        fields.remove(.contentLength)
    }

    func sendData(_ request: UpstreamRequest, _ bytes: UnsafeRawBufferPointer, endStream: Bool) {
        guard let h2 = request.codecContext as? HTTP2Stream else { return }
        session.submitData(h2, bytes, endStream: endStream)
        let limit = cluster.config.bufferLimit
        if limit > 0, h2.outboundCount > limit, !endStream {
            h2.writableBelow = limit / 2
            request.hostBlocked()
        }
        flushLater()
    }

    func sendTrailers(_ request: UpstreamRequest, _ fields: borrowing HeaderBlock) {
        guard let h2 = request.codecContext as? HTTP2Stream else { return }
        session.submitTrailers(h2, fields)
        flushLater()
    }

    func abandon(_ request: UpstreamRequest) {
        guard let h2 = request.codecContext as? HTTP2Stream else { return }
        if h2 !== finishing { cluster.stats[.upstreamRqTxReset].add() }
        release(request, h2)
        session.reset(h2, .cancel)
        flushLater()
        ended()
    }

    private func release(_ request: UpstreamRequest, _ h2: HTTP2Stream) {
        if request.responseCredit > 0 {
            session.consumed(h2, request.responseCredit)
            request.responseCredit = 0
        }
        h2.context = nil
        request.codecContext = nil
        let slot = request.codecSlot
        requests.swapAt(slot, requests.count - 1)
        requests.removeLast()
        if slot < requests.count { requests[slot].codecSlot = slot }
    }

    /// One request less on this connection; of one that is gone the pool has heard already.
    private func ended() {
        guard !isClosed else { return }
        if requests.isEmpty { connection?.idleChanged(true) }
        pool.ended(number, reusable: !isDraining && !session.isGoAwayReceived)
    }

    // MARK: The response

    func receive(_ bytes: UnsafeRawBufferPointer) -> Int {
        let failure = session.receive(bytes, now: worker.loop.now)
        keepalive?.received()
        drainEvents()
        flushLater()
        if failure != nil, !isClosed {
            cluster.stats[.upstreamCxProtocolError].add()
            flush()
            brokeOff = !requests.isEmpty
            endRequests(.protocolError, detail: "http2.protocol_error")
            transport.closeNow()
        }
        return bytes.count
    }

    /// Whoever handles an event holds the fields of its stream, which the next event may give back to the pool: what an
    /// event leads to (a pool that drains, a transport that closes) leaves the others to the loop that is on its way.
    private func drainEvents() {
        guard !isHandling else { return }
        isHandling = true
        defer { isHandling = false }
        while let event = session.nextEvent() {
            if !isClosed { handle(event) }
        }
    }

    private func handle(_ event: HTTP2Event) {
        switch event.kind {
        case .goAway:
            isDraining = true
            cluster.stats[.upstreamCxCloseNotify].add()
            pool.drained(number)
            return
        case .pingAck(let opaque):
            keepalive?.answered(opaque)
            return
        case .settingsChanged:
            if connection?.isUp == true { pool.capacityChanged(number, to: capacity) }
            return
        default: break
        }
        guard let h2 = event.stream else { return }
        guard let request = h2.context as? UpstreamRequest else {
            if case .data(let bytes, _) = event.kind { session.consumed(h2, bytes.count) }
            return
        }
        switch event.kind {
        case .headers(let endStream):
            acceptUpgrade(request, &h2.fields)
            if endStream { finish(request, h2) { request.receiveHeaders(&h2.fields, endStream: true) } } else {
                request.receiveHeaders(&h2.fields, endStream: false)
            }
        case .interim: request.receiveInterim(&h2.fields)
        case .data(let bytes, let endStream):
            if request.responsePauses > 0 { request.responseCredit += bytes.count } else { session.consumed(h2, bytes.count) }
            if endStream { finish(request, h2) { request.receiveData(bytes, endStream: true) } } else {
                request.receiveData(bytes, endStream: false)
            }
        case .trailers: finish(request, h2) { request.receiveTrailers(&h2.fields) }
        case .writable: request.hostUnblocked()
        case .closed(_, let cause):
            release(request, h2)
            request.receiveReset(reason(cause), detail: "upstream_reset_before_response_started{remote_reset}")
            ended()
        default: break
        }
    }

    /// The response is complete. A request that is not is given up: nobody waits for its rest.
    private func finish(_ request: UpstreamRequest, _ h2: HTTP2Stream, _ last: () -> Void) {
        finishing = h2
        last()
        finishing = nil
        // What `last` led to may have ended the request already.
        if request.codecContext === h2 {
            let requestOpen = !request.isRequestSent
            release(request, h2)
            if requestOpen { session.reset(h2, .noError) }
            request.released()
            ended()
        }
        flushLater()
    }

    private func peerIsGone() {
        guard !isClosed else { return }
        worker.http2Counters.cluster(cluster.config.statName).keepaliveTimeout += 1
        transport.closeNow()
    }

    private func reason(_ cause: HTTP2CloseCause) -> StreamReset {
        switch cause {
        case .unprocessed: .remoteRefused
        case .violation: .protocolError
        case .connectionLost: .connectionTermination
        case .complete, .peerReset: .remote
        }
    }

    func inputEnded() {
        transport.closeNow(.remote)
    }

    // MARK: Backpressure

    func pauseResponse(_ request: UpstreamRequest) {
        request.responsePauses += 1
    }

    func resumeResponse(_ request: UpstreamRequest) {
        guard request.responsePauses > 0 else { return }
        request.responsePauses -= 1
        guard request.responsePauses == 0, request.responseCredit > 0, let h2 = request.codecContext as? HTTP2Stream else {
            return
        }
        session.consumed(h2, request.responseCredit)
        request.responseCredit = 0
        flushLater()
    }

    func outputCrossed(_ crossing: Watermark.Crossing) {
        if crossing == .below { flushLater() }
    }

    // MARK: Output

    private func flushLater() {
        guard !turnEndAsked, !isClosed else { return }
        turnEndAsked = true
        worker.loop.atTurnEnd(self)
    }

    func turnEnded() {
        turnEndAsked = false
        guard !isClosed else { return }
        worker.eventBegan()
        defer { worker.eventEnded() }
        flush()
    }

    private func flush() {
        while session.wantsWrite, !transport.watermark.isAbove, !isClosed, transport.isOpen {
            var output = ByteQueue(pool: worker.blocks)
            let failure = session.produce(into: &output, upTo: Self.produceSize)
            let made = output.count
            transport.write(&output)
            drainEvents()
            if failure != nil || made == 0 { break }
        }
        if session.isFinished, !isClosed, requests.isEmpty { transport.closeAfterFlush() }
    }

    // MARK: Ending

    func drain() {
        isDraining = true
        guard requests.isEmpty else { return }
        session.goAway()
        flush()
        transport.closeAfterFlush()
    }

    private func endRequests(_ reason: StreamReset, detail: StaticString) {
        while let request = requests.last {
            if let h2 = request.codecContext as? HTTP2Stream { release(request, h2) } else { requests.removeLast() }
            request.receiveReset(reason, detail: detail)
        }
    }

    func connectionClosed(_ reason: TransportClose) {
        guard !isClosed else { return }
        isClosed = true
        keepalive = nil
        endRequests(.connectionTermination, detail: "upstream_reset_before_response_started{connection_termination}")
        session.connectionLost()
        drainEvents()
    }
}
