// Size: one object with one life; what its chain and its two directions do is beside it, in extensions.
import Bytes
import HTTPCodec
package import HTTPModel
package import Observability
public import Reactor

/// One request and its response on their way through the proxy.
///
/// A stream is made by its connection's codec, runs its head, body and trailers through the filters of its chain to the
/// router, takes what comes back in reverse, and ends in ``finish()``, the one place where a request ends. The object
/// belongs to its filter chain's pool and serves one request after the other.
@WorkerActor public final class Stream {
    package let worker: WorkerContext
    /// The configuration that the connection was accepted under; a stream never changes to a newer one.
    package let config: HTTPConnectionConfig
    /// The routes that were in force when the stream began; it keeps them to its end.
    package internal(set) var routes: RouteConfiguration
    /// The filters in the order of the configuration; the last is the router.
    let filters: [HTTPFilter]
    /// The last of them.
    let router: Router

    // Safety: a manager and its codec outlive the streams they serve. A stream that waits in the pool must not keep either:
    // the socket of a connection that has ended would stay open with it.
    /// The connection's manager, and the codec that the response goes to.
    package private(set) unowned(unsafe) var manager: HTTPConnectionManager
    package private(set) unowned(unsafe) var codec: any DownstreamCodec
    /// The codec's own object for this stream.
    package var codecContext: AnyObject?
    /// Place in the codec's list of streams, times the request was told to wait, and request bytes whose window the
    /// codec still owes its client: the codec's own notes.
    var codecSlot = 0
    var requestPauses = 0
    var requestCredit = 0

    /// What is known of the stream, for logs and policies, and the heads and trailers of both directions.
    package var info = StreamInfo()
    package var requestHeaders = HeaderBlock()
    package var responseHeaders = HeaderBlock()
    package var requestTrailers = HeaderBlock(fields: 4, bytes: 128)
    package var responseTrailers = HeaderBlock(fields: 4, bytes: 128)

    let requestPath: MessagePath
    let responsePath: MessagePath

    /// What the request asks for, kept since filters may change the fields.
    package internal(set) var isHead = false
    package internal(set) var isGRPC = false
    /// The client asked for an upgrade that the configuration allows; see ``isTunnel``.
    package internal(set) var upgrade: UpgradeConfig?
    /// 101 was sent: both directions carry bytes of another protocol.
    package internal(set) var isTunnel = false
    /// The upgrade came as an extended CONNECT and is answered as one.
    var isExtendedConnect = false
    private var backlogPaused = false
    /// The response was made here, not by a host.
    package internal(set) var isLocalReply = false
    /// The head has been accepted: the request has a route, or is known to have none.
    var isRoutable = false
    /// It was answered with 400: over HTTP/1 its connection serves no other request, unless the configuration says so.
    var isMalformed = false
    /// What a filter wrote in the place of the status' usual phrase, for HTTP/1; empty for none.
    package private(set) var reasonPhrase: [UInt8] = []
    /// The host that a filter wants the request to go to.
    package var hostOverride: HostOverride?
    /// Written when somebody asked why the request went where it did; see ``DecisionRecorder``.
    package var recorder: DecisionRecorder?

    /// Of the head as it came from the client; see `HeaderBlock.fingerprint`.
    var fingerprint: UInt64 = 0
    var routeState = RouteState.unknown
    /// The one that the route's specifier chose.
    var specifiedCluster: ClusterReference?
    var state = State.idle
    private var idleTimer: LoopTimer?
    private var requestTimer: LoopTimer?
    private var idleTimeout: UInt64 = 0
    /// Made for the first stream whose duration is bounded.
    private var durationTimer: LoopTimer?

    enum State: Equatable {
        /// In the pool. Next: `active`.
        case idle
        /// Serves a request. Next: `finished`.
        case active
        /// Over; the object may still be on the call stack. Next: `idle`.
        case finished
    }

    enum RouteState {
        /// Must be computed before it is used.
        case unknown
        case known(RouteChoice?)
    }

    init(config: HTTPConnectionConfig, manager: HTTPConnectionManager, codec: any DownstreamCodec, worker: WorkerContext) {
        self.config = config
        routes = config.routes
        self.worker = worker
        self.manager = manager
        self.codec = codec
        filters = config.makeFilters()
        guard let router = filters.last as? Router else { preconditionFailure("a filter chain without a router") }
        self.router = router
        for (index, filter) in filters.enumerated() { filter.index = index }
        requestPath = MessagePath(.request, filters, isUpstream: false, pool: worker.blocks)
        responsePath = MessagePath(.response, filters, isUpstream: false, pool: worker.blocks)
        // Safety: the timers are this object's alone and go with it; a freed timer is never called.
        idleTimer = LoopTimer(loop: worker.loop) { [unowned(unsafe) self] in self.idleTimeoutExpired() }
        requestTimer = LoopTimer(loop: worker.loop) { [unowned(unsafe) self] in self.requestTimeoutExpired() }
    }

    /// Serves a new request of `manager`'s connection.
    func begin(_ manager: HTTPConnectionManager, _ codec: any DownstreamCodec) {
        precondition(state == .idle, "a stream began twice")
        state = .active
        self.manager = manager
        self.codec = codec
        let now = worker.loop.now
        info.times.start = now
        info.times.wallStart = Int64(worker.loop.wallNow)
        info.times.lastDownstreamReceive = now
        info.streamID = worker.nextStreamID()
        info.downstreamProtocol = codec.version
        manager.connection.describe(&info)
        switchedOff = config.switchedOff
        idleTimeout = config.streamIdleTimeout
        noteActivity()
        if config.requestTimeout > 0 { requestTimer?.schedule(after: config.requestTimeout) }
        if config.maxStreamDuration > 0 { limitDuration(config.maxStreamDuration) }
    }

    /// Whether the stream has not ended.
    package var isActive: Bool { state == .active }

    // MARK: From the codec: the request

    /// The request's head is in ``requestHeaders``.
    func receiveHeaders(endStream: Bool) {
        worker.takeInHand(self, nil)
        guard RequestHead.accept(self, endStream: endStream) else { return }
        requestPath.iteration.endSeen = endStream
        if endStream { disarmRequestTimeout() }
        runHeaders(requestPath, from: 0)
    }

    func receiveData(_ bytes: UnsafeRawBufferPointer, endStream: Bool) {
        info.times.lastDownstreamReceive = worker.loop.now
        info.bytesReceived += UInt64(bytes.count)
        noteActivity()
        if endStream { disarmRequestTimeout() }
        feedData(requestPath, bytes, endStream: endStream)
    }

    /// The request's trailers are in ``requestTrailers``.
    func receiveTrailers() {
        noteActivity()
        disarmRequestTimeout()
        feedTrailers(requestPath)
    }

    /// The client reset the stream or its connection is gone.
    func receiveReset(_ reason: StreamReset) {
        guard state == .active else { return }
        if reason == .protocolError {
            info.responseFlags.insert(.downstreamProtocolError)
        } else if reason == .remote {
            info.responseFlags.insert(.downstreamRemoteReset)
            if info.responseCodeDetails.isAbsent { setDetails("downstream_remote_disconnect") }
        } else {
            info.responseFlags.insert(.downstreamConnectionTermination)
            // Whatever was said of the answer: the client has not got it.
            setDetails("downstream_remote_disconnect")
        }
        config.stats.requestReceivedReset()
        finish()
    }

    /// The request is complete, or its response begins: what the client still sends may take its time.
    private func disarmRequestTimeout() {
        if config.requestTimeout > 0 { requestTimer?.cancel() }
    }

    /// Whether the client has sent all of its request.
    package var isRequestComplete: Bool { requestPath.iteration.endSeen }

    // MARK: To the codec: the response

    /// Begins the response: the head is in ``responseHeaders``, from the router or a filter.
    package func respond(endStream: Bool) {
        guard state == .active else { return }
        disarmRequestTimeout()
        responsePath.iteration.endSeen = endStream
        runHeaders(responsePath, from: 0)
    }

    /// Goes on with the response: a piece of its body, from the router or a filter.
    package func respondData(_ bytes: UnsafeRawBufferPointer, endStream: Bool) {
        guard state == .active else { return }
        noteActivity()
        if endStream { responsePath.iteration.endSeen = true }
        runData(responsePath, bytes, endStream: endStream, from: 0)
    }

    /// Ends the response with the fields in ``responseTrailers``.
    package func respondTrailers() {
        guard state == .active else { return }
        responsePath.iteration.endSeen = true
        responsePath.iteration.trailersSeen = true
        runTrailers(responsePath, from: 0)
    }

    /// Sends an interim head (1xx) past the filters.
    package func respondInterim(status: Int) {
        guard state == .active, responsePath.delivered == .head else { return }
        codec.sendInterim(self, status: status)
    }

    /// A message of the host that broke off when the client already has its head: it must not take it for whole.
    package func breakOffResponse(_ flags: ResponseFlags) {
        guard state == .active else { return }
        info.responseFlags.formUnion(flags)
        codec.reset(self, .local)
        config.stats.responseBrokenOff()
        finish()
    }

    /// Takes the phrase for an HTTP/1 status line; it must be valid as a field value.
    package func setReasonPhrase(_ phrase: UnsafeRawBufferPointer) {
        reasonPhrase = Array(phrase)
    }

    /// How the stream came to its end; the last word counts, as in Envoy: a response that broke off is no longer
    /// `via_upstream`.
    func setDetails(_ details: StaticString) {
        info.responseCodeDetails = .literal(details)
    }

    // MARK: What comes out of the chain

    /// The last response filter let the head by.
    func deliverResponseHeaders(endStream: Bool) {
        worker.takeInHand(self, nil)
        ResponseHead.complete(self, endStream: endStream)
        noteActivity()
        if info.times.firstDownstreamSend == 0 { info.times.firstDownstreamSend = worker.loop.now }
        responsePath.delivered = .body
        codec.sendHeaders(self, endStream: endStream)
        if endStream { responseDelivered() }
    }

    func deliverResponseData(_ bytes: UnsafeRawBufferPointer, endStream: Bool) {
        worker.takeInHand(self, nil)
        info.bytesSent += UInt64(bytes.count)
        codec.sendData(self, bytes, endStream: endStream)
        if endStream { responseDelivered() }
    }

    func deliverResponseTrailers() {
        codec.sendTrailers(self)
        responseDelivered()
    }

    private func responseDelivered() {
        guard state == .active else { return }
        info.times.lastDownstreamSend = worker.loop.now
        responsePath.delivered = .ended
        // A tunnel ends with its host, as in Envoy: nobody is left to take what the client says.
        finish()
    }

    // MARK: Backpressure from the client

    /// The client takes less than the host gives.
    func pauseHostForBacklog() {
        guard !backlogPaused else { return }
        backlogPaused = true
        router.pauseResponse()
    }

    func resumeHostAfterBacklog() {
        guard backlogPaused else { return }
        backlogPaused = false
        router.resumeResponse()
    }

    // MARK: Time

    func noteActivity() {
        if idleTimeout > 0 { idleTimer?.schedule(after: idleTimeout) }
    }

    /// How long a complete answer may wait for the client's window; 0 for ever.
    var flushTimeout: UInt64 { config.streamFlushTimeout ?? idleTimeout }

    /// The route's idle timeout takes the place of the connection manager's; 0 switches it off.
    package func setIdleTimeout(_ nanoseconds: UInt64) {
        idleTimeout = nanoseconds
        if nanoseconds == 0 { idleTimer?.cancel() } else { idleTimer?.schedule(after: nanoseconds) }
    }

    private func idleTimeoutExpired() {
        guard state == .active else { return }
        config.stats.idleTimeout()
        info.responseFlags.insert(.streamIdleTimeout)
        guard responsePath.delivered == .head else {
            setDetails("stream_idle_timeout")
            breakOffResponse(.streamIdleTimeout)
            return
        }
        let status = isRequestComplete ? 504 : 408
        reply(LocalReply(status: status, body: "stream timeout", details: "stream_idle_timeout", flags: .streamIdleTimeout))
    }

    /// Bounds the time that the stream may take from its beginning; 0 takes the bound away.
    func limitDuration(_ nanoseconds: UInt64) {
        guard nanoseconds > 0 else {
            durationTimer?.cancel()
            return
        }
        // Safety: the timer is this object's alone and goes with it; a freed timer is never called.
        let timer = durationTimer ?? LoopTimer(loop: worker.loop) { [unowned(unsafe) self] in self.durationReached() }
        durationTimer = timer
        let used = worker.loop.now - info.times.start
        timer.schedule(after: nanoseconds > used ? nanoseconds - used : 0)
    }

    /// Whether a bound on the stream's time runs.
    var hasDurationLimit: Bool { durationTimer?.isArmed ?? false }

    /// No time at all was asked for.
    func endDurationNow() {
        limitDuration(1)
    }

    private func durationReached() {
        guard state == .active else { return }
        config.stats.streamDurationReached()
        let status = isRequestComplete ? 504 : 408
        reply(
            LocalReply(
                status: status, body: "downstream duration timeout", details: "max_duration_timeout",
                grpcStatus: UInt32(GRPCStatus.deadlineExceeded.rawValue)))
    }

    private func requestTimeoutExpired() {
        guard state == .active, !isRequestComplete else { return }
        config.stats.requestTimeout()
        reply(LocalReply(status: 408, body: "request timeout", details: "request_overall_timeout"))
    }

    // MARK: The end

    /// The one place where a request ends: timers, filters, counters, log, and the way back to the pool.
    func finish() {
        guard state == .active else { return }
        state = .finished
        idleTimer?.cancel()
        requestTimer?.cancel()
        durationTimer?.cancel()
        requestPath.isStopped = true
        responsePath.isStopped = true
        info.times.end = worker.loop.now
        worker.takeInHand(self, nil)
        for filter in filters { filter.onStreamEnd(self) }
        manager.streamEnded(self)
        codec.streamFinished(self)
        worker.addFinished(self)
    }

    /// Back to the first state and into the pool; called when nothing of the stream is on the call stack any more.
    func recycle() {
        precondition(state == .finished, "recycled a stream that is in use")
        for filter in filters { filter.reset() }
        info.reset()
        requestHeaders.reset()
        responseHeaders.reset()
        requestTrailers.reset()
        responseTrailers.reset()
        requestPath.reset()
        responsePath.reset()
        codecContext = nil
        upgrade = nil
        isHead = false
        isGRPC = false
        isTunnel = false
        isExtendedConnect = false
        backlogPaused = false
        requestPauses = 0
        requestCredit = 0
        isLocalReply = false
        isMalformed = false
        isRoutable = false
        if !reasonPhrase.isEmpty { reasonPhrase = [] }
        if hostOverride != nil { hostOverride = nil }
        recorder = nil
        fingerprint = 0
        routeState = .unknown
        if specifiedCluster != nil { specifiedCluster = nil }
        state = .idle
        config.giveBack(self)
    }
}
