// Size: one request with its attempts; the steps share state that nobody else should see.
import Bytes
import HTTPCodec
import HTTPModel
import Observability
package import Reactor
import TrafficPolicy

/// Makes routers; the router's configuration has nothing that differs between them.
@WorkerActor package final class RouterFactory: HTTPFilterFactory {
    package let name: String
    /// `suppress_envoy_headers`
    private let suppressesHeaders: Bool

    package init(name: String, suppressesHeaders: Bool = false) {
        self.name = name
        self.suppressesHeaders = suppressesHeaders
    }

    /// One router a stream.
    package func makeFilter() -> HTTPFilter { Router(name: name, suppressesHeaders: suppressesHeaders) }
}

/// The last filter of every chain: takes the request to a host of the cluster that its route names, and brings the
/// answer back.
@WorkerActor package final class Router: HTTPFilter, UpstreamRequestOwner {
    // Safety: the stream owns its filters; the reference is set while it is active and cleared by `reset`.
    private(set) unowned(unsafe) var stream: Stream?
    private let suppressesHeaders: Bool
    private var request: UpstreamRequest?
    /// The cluster's filters at the present attempt; nil where it has none.
    private var chain: UpstreamFilterChain?
    private var timer: LoopTimer?
    /// Made for the first request to a cluster that bounds the time of its streams.
    private var durationTimer: LoopTimer?
    /// For the whole request, in nanoseconds; 0 for none.
    private var timeout: UInt64 = 0
    private var cluster: Cluster?
    /// What the request counts for besides its cluster; nil where its virtual host has none.
    private var virtualCluster: VirtualCluster?
    private var requestEnded = false
    private var hasBody = false
    private var isForwarding = false
    private var responseStarted = false
    private var attempts: UInt32 = 0
    private var startedAt: UInt64 = 0
    private(set) var isUpgrade = false

    init(name: String, suppressesHeaders: Bool) {
        self.suppressesHeaders = suppressesHeaders
        super.init(name: name, callbacks: .request)
    }

    var bufferLimit: Int { stream?.requestBufferLimit ?? 0 }
    var upgradeToken: UnsafeRawBufferPointer? { isUpgrade ? stream?.requestHeaders.get(.upgrade) : nil }

    // MARK: The request

    package override func onRequestHeaders(_ stream: Stream, endStream: Bool) -> HeadersVerdict {
        self.stream = stream
        requestEnded = endStream
        stream.config.stats.routed()
        guard let choice = stream.routeChoice else {
            stream.config.stats.noRoute()
            stream.reply(LocalReply(status: 404, details: "route_not_found", flags: .noRouteFound))
            return .proceed
        }
        switch choice.entry.action {
        case .redirect(let redirect): answer(stream, choice, redirect)
        case .directResponse(let status, let body, let format):
            stream.config.stats.directResponse()
            answer(stream, status, body, format)
        case .forward(let target): forward(stream, choice, target)
        }
        return .proceed
    }

    package override func onRequestData(
        _ stream: Stream, _ data: inout UnsafeRawBufferPointer, endStream: Bool
    ) -> DataVerdict {
        hasBody = true
        if endStream { requestSent() }
        if let chain { chain.send(stream, data, endStream: endStream) } else { send(data, endStream: endStream) }
        return .proceed
    }

    package override func onRequestTrailers(_ stream: Stream) -> TrailersVerdict {
        requestSent()
        if let chain { chain.sendTrailers(stream) } else { sendTrailers() }
        return .proceed
    }

    private func forward(_ stream: Stream, _ choice: RouteChoice, _ target: RouteEntry.Target) {
        let route = choice.entry
        guard let cluster = resolve(stream, choice, target) else {
            stream.config.stats.noCluster()
            stream.recorder?.note(.cluster, "not found")
            stream.reply(
                LocalReply(status: route.clusterNotFoundStatus, details: "cluster_not_found", flags: .noClusterFound))
            return
        }
        self.cluster = cluster
        stream.info.clusterName = cluster.config.name
        if let virtualClusters = route.virtualClusters {
            virtualCluster = virtualClusters.find(stream.requestHeaders)
            stream.info.virtualClusterName = virtualCluster?.name
        }
        stream.recorder?.note(.cluster, cluster.config.name.text)
        isUpgrade = stream.upgrade != nil
        isForwarding = true
        startedAt = stream.worker.loop.now
        if let idle = route.idleTimeout { stream.setIdleTimeout(idle) }
        timeout = chooseTimeout(stream, route)
        prepareHead(stream, choice, route)
        if let refusal = refusalOfHead(stream) { return stream.reply(refusal) }
        if requestEnded { requestSent() }
        attempt()
    }

    /// The time for the request: the route's, unless somebody inside the mesh asks for another one. (What others say has
    /// been taken away before.)
    private func chooseTimeout(_ stream: Stream, _ route: RouteEntry) -> UInt64 {
        guard let asked = stream.requestHeaders.get(.xEnvoyUpstreamRequestTimeoutMS) else { return route.timeout }
        let nanoseconds = TimeoutPolicy.nanoseconds(asked)
        stream.requestHeaders.remove(.xEnvoyUpstreamRequestTimeoutMS)
        return nanoseconds ?? route.timeout
    }

    /// The request's head as the host will see it: the route's fields, rewrites, and what the router says itself.
    private func prepareHead(_ stream: Stream, _ choice: RouteChoice, _ route: RouteEntry) {
        if !suppressesHeaders, timeout > 0 {
            stream.requestHeaders.set(.xEnvoyExpectedRequestTimeoutMS, decimal: Int(timeout / 1_000_000))
        }
        if stream.config.schemeMatchesUpstream, let cluster {
            stream.requestHeaders.set(.scheme, cluster.config.sockets.otherwise.tls == nil ? "http" : "https")
        }
        if route.includesAttemptCount { stream.requestHeaders.set(.xEnvoyAttemptCount, decimal: 1) }
        if let weighted = choice.weighted, case .forward(.weighted(let clusters, _)) = route.action {
            clusters[weighted].mutations.apply(to: stream, .request)
        }
        for mutations in route.mutations { mutations.apply(to: stream, .request) }
        let worker = stream.worker
        if var hostRewrite = route.hostRewrite {
            if case .upstream = hostRewrite { return rewritePath(stream, choice, route) }
            if let weighted = choice.weighted, case .forward(.weighted(let clusters, _)) = route.action,
                let own = clusters[weighted].hostRewrite
            {
                hostRewrite = own
            }
            hostRewrite.apply(
                to: &stream.requestHeaders, upstreamName: nil, appendsForwardedHost: route.appendsForwardedHost,
                keepsOriginal: !suppressesHeaders, scratch: &worker.scratchText)
        }
        rewritePath(stream, choice, route)
    }

    private func rewritePath(_ stream: Stream, _ choice: RouteChoice, _ route: RouteEntry) {
        guard let rewrite = route.pathRewrite, let path = stream.requestHeaders.get(.path) else { return }
        let matched = stream.routes.table.matchedLength(choice.match, path: path)
        rewrite.apply(
            to: &stream.requestHeaders, matchedLength: matched, keepsOriginal: !suppressesHeaders,
            scratch: &stream.worker.scratchText)
    }

    /// The whole request has been handed over: from here on its time runs.
    private func requestSent() {
        requestEnded = true
        guard isForwarding, !responseStarted, let stream else { return }
        stream.info.times.lastUpstreamSend = stream.worker.loop.now
        guard timeout > 0, !isUpgrade else { return }
        let timer = self.timer ?? makeTimer(stream.worker.loop)
        timer.schedule(after: timeout)
    }

    private func makeTimer(_ loop: EventLoop) -> LoopTimer {
        // Safety: the timer is this object's alone and goes with it; a freed timer is never called.
        let timer = LoopTimer(loop: loop) { [unowned(unsafe) self] in self.timeoutExpired() }
        self.timer = timer
        return timer
    }

    // MARK: Attempts

    private func attempt() {
        guard let stream, let cluster else { return }
        attempts += 1
        stream.info.upstreamAttemptCount = attempts
        let priority = stream.route?.priority ?? .default
        let wanted = cluster.destinations == nil ? stream.hostOverride : destination(stream, cluster)
        switch cluster.pick(wanted, priority: priority) {
        case .overflow:
            countFailure(cluster)
            if let recorder = stream.recorder {
                recorder.note(.limit, "max_requests \(cluster.config.thresholds(priority).maxRequests) reached")
            }
            answerForHost(
                stream,
                LocalReply(
                    status: 503,
                    body: "upstream connect error or disconnect/reset before headers. reset reason: overflow",
                    details: "upstream_reset_before_response_started{overflow}", flags: .upstreamOverflow,
                    headers: [("x-envoy-overloaded", "true")]))
        case .noHealthyHost:
            countFailure(cluster)
            if let recorder = stream.recorder {
                recorder.note(.host, "none healthy of \(cluster.members.count)")
            }
            answerForHost(
                stream,
                LocalReply(
                    status: 503, body: "no healthy upstream", details: "no_healthy_upstream", flags: .noHealthyUpstream)
            )
        case .host(let host):
            if let recorder = stream.recorder {
                recorder.note(.host, "\(host.address) (\(cluster.grounds(for: host, wanted)))")
            }
            stream.info.upstreamRemoteAddress = host.address
            stream.info.upstreamHostName = host.hostname
            if cluster.config.sockets.isChoice, stream.config.schemeMatchesUpstream {
                stream.requestHeaders.set(.scheme, host.socket.tls == nil ? "http" : "https")
            }
            if let route = stream.route, let rewrite = route.hostRewrite, case .upstream = rewrite {
                rewrite.apply(
                    to: &stream.requestHeaders, upstreamName: host.hostname?.bytes,
                    appendsForwardedHost: route.appendsForwardedHost, keepsOriginal: !suppressesHeaders,
                    scratch: &stream.worker.scratchText)
            }
            let request = self.request ?? UpstreamRequest(owner: self, worker: stream.worker)
            self.request = request
            request.hold(
                host, version: cluster.config.version(for: stream.info.downstreamProtocol), priority: priority,
                name: cluster.config.serverName(of: host.socket, for: stream.requestHeaders, stream.info.filterState))
            let endStream = requestEnded && !hasBody
            guard let filters = cluster.config.httpFilters else { return begin(endStream: endStream) }
            let chain = filters.take(stream.worker)
            let earlier = self.chain
            self.chain = chain
            chain.begin(stream, after: earlier, endStream: endStream)
        }
    }

    /// The filters of the cluster, if it has any, let the head by.
    func begin(endStream: Bool) { request?.begin(endStream: endStream) }
    func send(_ bytes: UnsafeRawBufferPointer, endStream: Bool) { request?.send(bytes, endStream: endStream) }
    func sendTrailers() { request?.sendTrailers() }

    /// An answer in the place of a host's, after an attempt was made.
    private func answerForHost(_ stream: Stream, _ reply: LocalReply) {
        var reply = reply
        if stream.route?.answersAttemptCount == true {
            reply.headers.append(("x-envoy-attempt-count", "\(attempts)"))
        }
        stream.reply(reply)
    }

    func connected(_ codec: any UpstreamCodec) {
        guard let stream else { return }
        let now = stream.worker.loop.now
        virtualCluster?.stats[.upstreamRqTotal].add()
        stream.info.times.upstreamConnectionReady = now
        if stream.info.times.firstUpstreamSend == 0 { stream.info.times.firstUpstreamSend = now }
        stream.info.upstreamProtocol = codec.version
        stream.info.upstreamConnectionID = codec.connectionID
        if let facts = codec.tlsFacts { stream.info.upstreamTLS = facts }
        if let limit = cluster?.config.maxStreamDuration, limit > 0 { limitDuration(stream.worker.loop, limit) }
        if stream.recorder != nil {
            stream.recorder?.note(.connection, "#\(codec.connectionID) \(codec.requestCount == 0 ? "new" : "reused")")
        }
    }

    /// Whether the request may be sent once more: it is safe to repeat, has no body, and the connection that broke was
    /// an old one that had just been closed by the host.
    private var mayRepeat: Bool {
        guard attempts == 1, requestEnded, !hasBody, !isUpgrade, let method = stream?.requestHeaders.get(.method) else {
            return false
        }
        return method.equals("GET") || method.equals("HEAD") || method.equals("OPTIONS")
    }

    /// An answer in a host's place counts as one of its cluster.
    private func countFailure(_ cluster: Cluster, status: Int = 503) {
        cluster.stats.countClass(status)
        cluster.stats.codes.add(status)
        virtualCluster?.stats.countAnswer(status)
    }

    /// No connection could be had.
    func attemptFailed(_ reason: StreamReset, reason text: StaticString, detail: String?) {
        guard let stream, stream.isActive else { return }
        if let detail { stream.info.upstreamTransportFailureReason = .init(copying: detail) }
        if let cluster { countFailure(cluster) }
        let isOverflow = reason == .overflow
        let details: StaticString =
            switch reason {
            case .overflow: "upstream_reset_before_response_started{overflow}"
            case .connectionTimeout: "upstream_reset_before_response_started{connection_timeout}"
            default: "upstream_reset_before_response_started{remote_connection_failure}"
            }
        let body = "upstream connect error or disconnect/reset before headers. reset reason: \(text)"
        if let recorder = stream.recorder {
            if isOverflow, let thresholds = cluster?.config.thresholds(stream.route?.priority ?? .default) {
                recorder.note(.limit, "max_pending_requests \(thresholds.maxPendingRequests) reached")
            } else {
                recorder.note(.connection, detail ?? "\(text)")
            }
        }
        answerForHost(
            stream,
            LocalReply(
                status: 503, body: body, details: details,
                flags: isOverflow ? .upstreamOverflow : .upstreamConnectionFailure,
                headers: isOverflow ? [("x-envoy-overloaded", "true")] : []))
    }

    /// The attempt broke off on its connection.
    func attemptReset(_ reason: StreamReset, afterHead: Bool, onReusedConnection: Bool) {
        guard let stream, stream.isActive, let cluster else { return }
        // A head that the cluster's filters hold back is none yet.
        let afterHead = afterHead && responseStarted
        if reason == .remote { cluster.stats[.upstreamRqRxReset].add() }
        if onReusedConnection, reason == .connectionTermination || reason == .remoteRefused, mayRepeat {
            cluster.stats[.upstreamRqRetry].add()
            virtualCluster?.stats[.upstreamRqRetry].add()
            stream.recorder?.note(.retry, "the host had closed the reused connection")
            stream.info.giveUpAttempt()
            chain?.stop(stream)
            attempt()
            return
        }
        let flags: ResponseFlags =
            switch reason {
            case .protocolError: .upstreamProtocolError
            case .remote, .remoteRefused: .upstreamRemoteReset
            case .local: .localReset
            default: .upstreamConnectionTermination
            }
        guard !afterHead else {
            stream.info.responseCodeDetails =
                reason == .protocolError
                ? "upstream_reset_after_response_started{protocol_error}"
                : reason == .connectionTermination
                    ? "upstream_reset_after_response_started{connection_termination}"
                    : "upstream_reset_after_response_started{remote_reset}"
            stream.breakOffResponse(flags)
            return
        }
        let (text, details): (StaticString, StaticString) =
            switch reason {
            case .protocolError: ("protocol error", "upstream_reset_before_response_started{protocol_error}")
            case .remote: ("remote reset", "upstream_reset_before_response_started{remote_reset}")
            case .remoteRefused:
                ("remote refused stream reset", "upstream_reset_before_response_started{remote_refused_stream_reset}")
            default: ("connection termination", "upstream_reset_before_response_started{connection_termination}")
            }
        countFailure(cluster, status: reason == .protocolError ? 502 : 503)
        answerForHost(
            stream,
            LocalReply(
                status: reason == .protocolError ? 502 : 503,
                body: "upstream connect error or disconnect/reset before headers. reset reason: \(text)",
                details: details,
                flags: flags))
    }

    private func timeoutExpired() {
        guard let stream, stream.isActive, let cluster else { return }
        cluster.stats[.upstreamRqTimeout].add()
        virtualCluster?.stats[.upstreamRqTimeout].add()
        request?.noteTimeout()
        stream.info.responseFlags.insert(.upstreamRequestTimeout)
        guard !responseStarted else {
            stream.setDetails("response_timeout")
            request?.abandon()
            stream.breakOffResponse(.upstreamRequestTimeout)
            return
        }
        countFailure(cluster, status: 504)
        answerForHost(
            stream,
            LocalReply(
                status: 504, body: "upstream request timeout", details: "response_timeout",
                flags: .upstreamRequestTimeout))
    }

    /// `max_stream_duration` of the cluster: counts from when the request has its connection.
    private func limitDuration(_ loop: EventLoop, _ limit: UInt64) {
        // Safety: as for the timeout.
        let timer = durationTimer ?? LoopTimer(loop: loop) { [unowned(unsafe) self] in self.durationReached() }
        durationTimer = timer
        timer.schedule(after: limit)
    }

    private func durationReached() {
        guard let stream, stream.isActive, let cluster else { return }
        cluster.stats[.upstreamRqMaxDurationReached].add()
        request?.abandon()
        guard !responseStarted else {
            stream.setDetails("upstream_max_stream_duration_reached")
            stream.breakOffResponse(.upstreamMaxStreamDurationReached)
            return
        }
        answerForHost(
            stream,
            LocalReply(
                status: stream.isRequestComplete ? 504 : 408, body: "upstream max stream duration reached",
                details: "upstream_max_stream_duration_reached", flags: .upstreamMaxStreamDurationReached))
    }

    // MARK: For the attempt

    var isActive: Bool { stream?.isActive ?? false }

    func sendHead(_ request: UpstreamRequest, to codec: any UpstreamCodec, endStream: Bool) -> StreamReset? {
        guard let stream else { return .local }
        return codec.sendHeaders(request, &stream.requestHeaders, endStream: endStream)
    }

    func sendTrailers(_ request: UpstreamRequest, to codec: any UpstreamCodec) {
        guard let stream else { return }
        codec.sendTrailers(request, stream.requestTrailers)
    }

    func headWritten(_ bytes: Int) {
        stream?.info.upstreamHeaderBytesSent += UInt64(bytes)
    }

    func pauseRequest() {
        guard let stream else { return }
        stream.codec.pauseRequest(stream)
    }

    func resumeRequest() {
        guard let stream else { return }
        stream.codec.resumeRequest(stream)
    }

    // MARK: The response

    func responseInterim(_ fields: inout HeaderBlock) {
        guard let stream, stream.isActive, !responseStarted else { return }
        let status = fields.status
        // 100 was answered here already, or is asked for; other interim heads are not for a proxy to keep.
        swap(&stream.responseHeaders, &fields)
        if status != 100 || stream.config.proxy100Continue { stream.respondInterim(status: status) }
        stream.responseHeaders.reset()
    }

    func responseHeaders(_ fields: inout HeaderBlock, endStream: Bool) {
        guard let stream, stream.isActive else { return }
        stream.info.times.firstUpstreamReceive = stream.worker.loop.now
        swap(&stream.responseHeaders, &fields)
        if let chain { chain.receiveHeaders(stream, endStream: endStream) } else { answered(stream, endStream: endStream) }
    }

    /// The response's head has come, and the filters of the cluster, if it has any, let it by.
    func answered(_ stream: Stream, endStream: Bool) {
        guard let cluster else { return }
        responseStarted = true
        let now = stream.worker.loop.now
        if endStream { responseComplete(stream, now) }
        let status = stream.responseHeaders.status
        cluster.stats.countClass(status)
        cluster.stats.codes.add(status)
        virtualCluster?.stats.countAnswer(status)
        // While the request goes on there is no time to tell from its end.
        if !suppressesHeaders, requestEnded {
            stream.responseHeaders.set(.xEnvoyUpstreamServiceTime, decimal: Int((now - startedAt) / 1_000_000))
        }
        stream.info.responseCodeDetails = "via_upstream"
        if let choice = stream.routeChoice { choice.applyResponseMutations(to: stream, attempts: attempts) }
        stream.respond(endStream: endStream)
    }

    func responseData(_ bytes: UnsafeRawBufferPointer, endStream: Bool) {
        guard let stream, stream.isActive else { return }
        stream.info.times.lastUpstreamReceive = stream.worker.loop.now
        if let chain {
            chain.receiveData(stream, bytes, endStream: endStream)
        } else {
            answeredData(stream, bytes, endStream: endStream)
        }
    }

    func answeredData(_ stream: Stream, _ bytes: UnsafeRawBufferPointer, endStream: Bool) {
        if endStream { responseComplete(stream, stream.worker.loop.now) }
        stream.respondData(bytes, endStream: endStream)
    }

    func responseTrailers(_ fields: inout HeaderBlock) {
        guard let stream, stream.isActive else { return }
        swap(&stream.responseTrailers, &fields)
        if let chain { chain.receiveTrailers(stream) } else { answeredTrailers(stream) }
    }

    func answeredTrailers(_ stream: Stream) {
        responseComplete(stream, stream.worker.loop.now)
        if let code = stream.responseTrailers.get(.grpcStatus)?.decimal {
            stream.info.grpcStatus = UInt32(clamping: code)
        }
        stream.respondTrailers()
    }

    private func responseComplete(_ stream: Stream, _ now: UInt64) {
        timer?.cancel()
        durationTimer?.cancel()
        stream.info.times.lastUpstreamReceive = now
        cluster?.stats[.upstreamRqCompleted].add()
        cluster?.stats[.upstreamRqTime].record(nanoseconds: now - startedAt)
        if let virtualCluster { virtualCluster.stats[.upstreamRqTime].record(nanoseconds: now - startedAt) }
    }

    func pauseResponse() { request?.pauseResponse() }
    func resumeResponse() { request?.resumeResponse() }

    /// The stream is answered otherwise: whatever is under way here ends.
    func abandon() {
        timer?.cancel()
        durationTimer?.cancel()
        isForwarding = false
        request?.abandon()
        if let chain, let stream { chain.stop(stream) }
    }

    // MARK: The end

    package override func onStreamEnd(_ stream: Stream) {
        abandon()
    }

    package override func reset() {
        if let chain {
            self.chain = nil
            chain.recycle()
        }
        stream = nil
        cluster = nil
        if virtualCluster != nil { virtualCluster = nil }
        requestEnded = false
        hasBody = false
        isForwarding = false
        responseStarted = false
        attempts = 0
        timeout = 0
        isUpgrade = false
    }
}
