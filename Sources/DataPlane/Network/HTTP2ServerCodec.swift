import Bytes
import HTTPCodec
import HTTPModel
import Observability
import Reactor

/// The server side of HTTP/2 on one connection.
@WorkerActor final class HTTP2ServerCodec: DownstreamCodec, TurnEndHandler {
    /// Bytes made for the socket in one go.
    private static let produceSize = 64 * 1024

    // Safety: the manager owns its codec and outlives it.
    private unowned(unsafe) let manager: HTTPConnectionManager
    private let transport: Transport
    private let worker: WorkerContext
    private let session: HTTP2Session
    private var streams: [Stream] = []
    private var turnEndAsked = false
    private var isClosed = false
    private var isHandling = false
    private var drainTimer: LoopTimer?
    /// Looks after answers that are complete here and that the client gives no window for.
    private var flushTimer: LoopTimer?
    /// The earliest deadline among answers that were complete when the session was last without any.
    private var flushDeadline = UInt64.max
    private var keepalive: HTTP2KeepaliveTimer?
    /// The request whose head has begun and not ended, 0 for none, and what bounds the time that it takes.
    private var unfinishedHead: Int32 = 0
    private var headTimer: LoopTimer?

    /// Nil when there is no memory for a session.
    init?(manager: HTTPConnectionManager) {
        self.manager = manager
        transport = manager.transport
        let worker = manager.connection.worker
        self.worker = worker
        guard
            let session = HTTP2Session(
                role: .server, options: manager.config.http2, pool: worker.http2Pool, counters: worker.http2Counters.downstream,
                now: worker.loop.now)
        else { return nil }
        self.session = session
        if let settings = manager.config.http2Keepalive {
            // Safety: the timer goes with this object, which owns it.
            keepalive = HTTP2KeepaliveTimer(settings, worker, session, flush: { [unowned(unsafe) self] in self.flushLater() }) {
                [unowned(unsafe) self] in self.peerIsGone()
            }
        }
        flushLater()
    }

    let version = HTTPVersion.http2


    // MARK: The request

    func receive(_ bytes: UnsafeRawBufferPointer) -> Int {
        let failure = session.receive(bytes, now: worker.loop.now)
        if failure == .flood(.prematureResets) { manager.config.stats.tooManyPrematureResets() }
        keepalive?.received()
        drainEvents()
        if session.unfinishedRequest != unfinishedHead { watchHead() }
        flushLater()
        if failure != nil { fail() }
        return bytes.count
    }

    /// A head that comes in pieces has `request_headers_timeout`, counted from its HEADERS frame.
    private func watchHead() {
        unfinishedHead = session.unfinishedRequest
        let timeout = manager.config.requestHeadersTimeout
        guard unfinishedHead != 0, timeout > 0, !isClosed else {
            headTimer?.cancel()
            return
        }
        // Safety: the timer is this object's alone and goes with it; a freed timer is never called.
        let timer = headTimer ?? LoopTimer(loop: worker.loop) { [unowned(unsafe) self] in self.headTimeoutExpired() }
        headTimer = timer
        timer.schedule(after: timeout)
    }

    private func headTimeoutExpired() {
        guard !isClosed, let h2 = session.takeUnfinishedRequest() else { return }
        unfinishedHead = 0
        manager.config.stats.requestHeadersTimeout()
        let stream = makeStream(h2)
        manager.config.stats.requestBegan(.http2)
        stream.requestPath.iteration.endSeen = true
        stream.reply(LocalReply(status: 408, body: "request header timeout", details: "request_header_timeout"))
    }

    /// Whoever handles an event holds its stream, which the next event may give back to the pool: what an event leads to
    /// (a connection that closes) leaves the others to the loop that is on its way.
    private func drainEvents() {
        guard !isHandling else { return }
        isHandling = true
        defer { isHandling = false }
        while let event = session.nextEvent() {
            if !isClosed { handle(event) }
        }
    }

    private func handle(_ event: HTTP2Event) {
        guard let h2 = event.stream else {
            if case .pingAck(let opaque) = event.kind { keepalive?.answered(opaque) }
            return
        }
        switch event.kind {
        case .headers(let endStream): begin(h2, endStream: endStream)
        case .data(let bytes, let endStream):
            guard let stream = h2.context as? Stream, stream.isActive else {
                session.consumed(h2, bytes.count)
                return
            }
            if stream.requestPauses > 0 { stream.requestCredit += bytes.count } else { session.consumed(h2, bytes.count) }
            stream.receiveData(bytes, endStream: endStream)
        case .trailers:
            guard let stream = h2.context as? Stream, stream.isActive else { return }
            swap(&stream.requestTrailers, &h2.fields)
            stream.receiveTrailers()
        case .writable:
            (h2.context as? Stream)?.resumeHostAfterBacklog()
        case .closed(_, let cause):
            guard let stream = h2.context as? Stream else { return }
            stream.codecContext = nil
            h2.context = nil
            guard stream.isActive, cause != .complete || stream.responsePath.delivered != .ended else { return }
            stream.receiveReset(cause == .violation ? .protocolError : cause == .peerReset ? .remote : .connectionTermination)
        default: break
        }
    }

    private func begin(_ h2: HTTP2Stream, endStream: Bool) {
        guard h2.context == nil else { return }
        let stream = makeStream(h2)
        swap(&stream.requestHeaders, &h2.fields)
        if stream.requestHeaders.get(.expect).map({ $0.equalsIgnoringCase("100-continue") }) == true,
            !manager.config.proxy100Continue, !endStream
        {
            stream.requestHeaders.remove(.expect)
            sendInterim(stream, status: 100)
        }
        if let protocolName = stream.requestHeaders.get(.protocol) { asUpgrade(stream, protocolName) }
        stream.receiveHeaders(endStream: endStream)
    }

    private func makeStream(_ h2: HTTP2Stream) -> Stream {
        let stream = manager.makeStream(self)
        h2.context = stream
        stream.codecContext = h2
        add(stream)
        return stream
    }

    /// An extended CONNECT (RFC 8441) is an upgrade in other words: inside the proxy it is the HTTP/1 form.
    private func asUpgrade(_ stream: Stream, _ protocolName: UnsafeRawBufferPointer) {
        worker.scratchText.reset()
        worker.scratchText.append(protocolName)
        stream.requestHeaders.remove(.protocol)
        stream.requestHeaders.set(.method, "GET")
        stream.requestHeaders.set(.upgrade, worker.scratchText.bytes)
        stream.requestHeaders.set(.connection, "upgrade")
        stream.isExtendedConnect = true
    }

    func inputEnded() {
        manager.close()
    }

    private func fail() {
        manager.config.stats.protocolError()
        flush()
        manager.close()
        endStreams(.protocolError)
    }

    // MARK: The response

    func sendInterim(_ stream: Stream, status: Int) {
        guard let h2 = stream.codecContext as? HTTP2Stream else { return }
        if status == 100 {
            stream.responseHeaders.reset()
            stream.responseHeaders.append(.status, "100")
        }
        session.submitInterim(h2, stream.responseHeaders)
        stream.responseHeaders.reset()
        flushLater()
    }

    func sendHeaders(_ stream: Stream, endStream: Bool) {
        guard let h2 = stream.codecContext as? HTTP2Stream else { return }
        if stream.isExtendedConnect, stream.responseHeaders.status == 101 {
            stream.responseHeaders.set(.status, "200")
            HopByHop.strip(&stream.responseHeaders, keepUpgrade: false)
            stream.isTunnel = true
            manager.config.stats.upgraded()
        }
        stream.responseHeaders.remove(.transferEncoding)
        session.submitResponse(h2, stream.responseHeaders, endStream: endStream)
        flushLater()
    }

    func sendData(_ stream: Stream, _ bytes: UnsafeRawBufferPointer, endStream: Bool) {
        guard let h2 = stream.codecContext as? HTTP2Stream else { return }
        session.submitData(h2, bytes, endStream: endStream)
        let limit = manager.config.bufferLimit
        if limit > 0, h2.outboundCount > limit, !endStream {
            h2.writableBelow = limit / 2
            stream.pauseHostForBacklog()
        }
        flushLater()
    }

    func sendTrailers(_ stream: Stream) {
        guard let h2 = stream.codecContext as? HTTP2Stream else { return }
        session.submitTrailers(h2, stream.responseTrailers)
        flushLater()
    }

    func reset(_ stream: Stream, _ reason: StreamReset) {
        guard let h2 = stream.codecContext as? HTTP2Stream else { return }
        release(stream, h2)
        session.reset(h2, reason == .overflow ? .refusedStream : .internalError)
        flushLater()
    }

    func streamFinished(_ stream: Stream) {
        remove(stream)
        guard let h2 = stream.codecContext as? HTTP2Stream else { return }
        release(stream, h2)
        if stream.requestCredit > 0 {
            session.consumed(h2, stream.requestCredit)
            stream.requestCredit = 0
        }
        if stream.responsePath.delivered != .ended {
            session.reset(h2, .cancel)
        } else if stream.flushTimeout > 0 {
            h2.flushDeadline = worker.loop.now &+ stream.flushTimeout
            flushDeadline = min(flushDeadline, h2.flushDeadline)
        }
        flushLater()
    }

    private func release(_ stream: Stream, _ h2: HTTP2Stream) {
        h2.context = nil
        stream.codecContext = nil
    }

    // MARK: Streams of this connection

    private func add(_ stream: Stream) {
        stream.codecSlot = streams.count
        streams.append(stream)
    }

    private func remove(_ stream: Stream) {
        let slot = stream.codecSlot
        guard slot < streams.count, streams[slot] === stream else { return }
        streams.swapAt(slot, streams.count - 1)
        streams.removeLast()
        if slot < streams.count { streams[slot].codecSlot = slot }
    }

    private func endStreams(_ reason: StreamReset) {
        while let stream = streams.last {
            (stream.codecContext as? HTTP2Stream)?.context = nil
            stream.codecContext = nil
            stream.receiveReset(reason)
            remove(stream)
        }
    }

    // MARK: Backpressure

    func pauseRequest(_ stream: Stream) {
        stream.requestPauses += 1
        manager.config.stats.readingPaused()
    }

    func resumeRequest(_ stream: Stream) {
        guard stream.requestPauses > 0 else { return }
        stream.requestPauses -= 1
        manager.config.stats.readingResumed()
        guard stream.requestPauses == 0, stream.requestCredit > 0, let h2 = stream.codecContext as? HTTP2Stream else { return }
        session.consumed(h2, stream.requestCredit)
        stream.requestCredit = 0
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
        while session.wantsWrite, !transport.watermark.isAbove, !isClosed {
            var output = ByteQueue(pool: worker.blocks)
            let failure = session.produce(into: &output, upTo: Self.produceSize)
            let made = output.count
            transport.write(&output)
            drainEvents()
            if failure != nil || made == 0 { break }
        }
        if session.isFinished, !isClosed { manager.close() }
        watchUnflushed()
    }

    /// Streams that only the session still has are answers which wait for window.
    private func watchUnflushed() {
        guard session.activeStreams > streams.count else {
            flushDeadline = .max
            return
        }
        guard flushDeadline < flushTimer?.deadline ?? .max, !isClosed else { return }
        // Safety: the timer is this object's alone and goes with it; a freed timer is never called.
        let timer = flushTimer ?? LoopTimer(loop: worker.loop) { [unowned(unsafe) self] in self.flushTimeoutExpired() }
        flushTimer = timer
        timer.schedule(at: flushDeadline)
    }

    private func flushTimeoutExpired() {
        guard !isClosed else { return }
        flushDeadline = session.resetUnflushed(now: worker.loop.now) ?? .max
        flushLater()
    }

    private func peerIsGone() {
        guard !isClosed else { return }
        worker.http2Counters.downstream.keepaliveTimeout += 1
        manager.connection.transport.closeNow()
    }

    // MARK: Ending

    func drain() {
        guard drainTimer == nil else { return }
        session.shutdownNotice()
        flushLater()
        // Safety: the timer is this object\'s alone and goes with it; a freed timer is never called.
        let timer = LoopTimer(loop: worker.loop) { [unowned(unsafe) self] in self.drainGraceOver() }
        // The client has so long to hear of the first GOAWAY before the second names the last stream.
        timer.schedule(after: manager.config.drainTimeout)
        drainTimer = timer
    }

    /// GOAWAY tells the client which requests count, so that none is lost.
    func retire() { drain() }

    private func drainGraceOver() {
        guard !isClosed else { return }
        session.goAway()
        flushLater()
    }

    func connectionClosed(_ reason: TransportClose) {
        isClosed = true
        drainTimer = nil
        flushTimer = nil
        headTimer = nil
        keepalive = nil
        endStreams(.connectionTermination)
        session.connectionLost()
        drainEvents()
    }
}
