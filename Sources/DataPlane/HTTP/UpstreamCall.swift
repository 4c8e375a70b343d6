import Bytes
package import HTTPModel
import Observability
package import Reactor

/// One request that the proxy makes itself, to a cluster of its configuration: what a filter asks of another service.
///
/// It goes the way of any request behind the router: the cluster's limits admit it, its load balancer picks the host, a
/// pooled connection carries it. It has no route, so no retries. Every call ends in one response: where there is none,
/// in the one that a router would have made up.
@WorkerActor package final class UpstreamCall: UpstreamRequestOwner, TurnEndHandler {
    enum State: Equatable {
        /// Next: `running`.
        case prepared
        /// Next: `done`.
        case running
        case done
    }

    /// What to ask: pseudo-headers included; `content-length` is added.
    package var requestHeaders = HeaderBlock()
    package var requestBody: [UInt8] = []
    /// The answer; complete when the call is done.
    package private(set) var responseHeaders = HeaderBlock()
    package private(set) var responseBody: [UInt8] = []

    private let worker: WorkerContext
    /// Longest body that is taken; 0 for no bound.
    private let bodyLimit: Int
    private let whenDone: (@WorkerActor (UpstreamCall) -> Void)?
    private var state = State.prepared
    private var cluster: Cluster?
    private var request: UpstreamRequest?
    private var timer: LoopTimer?
    /// On the loop's clock.
    private var startTime: UInt64 = 0
    /// While the call is under way nobody else may keep it: its result may be of no interest to anyone.
    private var itself: UpstreamCall?

    /// - Parameters:
    ///   - bodyLimit: longest response body in bytes; a longer one is answered with 503. 0 for no bound.
    ///   - whenDone: told once, perhaps before ``begin(_:timeout:)`` returns, and never after ``cancel()``.
    package init(worker: WorkerContext, bodyLimit: Int, whenDone: (@WorkerActor (UpstreamCall) -> Void)? = nil) {
        self.worker = worker
        self.bodyLimit = bodyLimit
        self.whenDone = whenDone
    }

    /// Sends the request.
    /// - Parameter timeout: nanoseconds until the call ends with 504; 0 for none.
    package func begin(_ cluster: Cluster, timeout: UInt64) {
        precondition(state == .prepared, "a call began twice")
        state = .running
        self.cluster = cluster
        switch cluster.pick() {
        case .overflow: fail(503, "upstream connect error or disconnect/reset before headers. reset reason: overflow")
        case .noHealthyHost: fail(503, "no healthy upstream")
        case .host(let host):
            itself = self
            startTime = worker.loop.now
            if timeout > 0 { startTimer(timeout) }
            requestHeaders.remove(.transferEncoding)
            if requestBody.isEmpty {
                requestHeaders.remove(.contentLength)
            } else {
                requestHeaders.set(.contentLength, decimal: requestBody.count)
            }
            let request = UpstreamRequest(owner: self, worker: worker)
            self.request = request
            worker.eventBegan()
            defer { worker.eventEnded() }
            request.hold(
                host, version: cluster.config.version(for: nil),
                name: cluster.config.serverName(of: host.socket, for: requestHeaders, nil))
            request.begin(endStream: requestBody.isEmpty)
            if !requestBody.isEmpty { requestBody.withUnsafeBytes { request.send($0, endStream: true) } }
        }
    }

    /// The result is of no use any more.
    package func cancel() {
        guard state == .running else { return }
        state = .done
        release()
    }

    private func startTimer(_ timeout: UInt64) {
        let timer = LoopTimer(loop: worker.loop) { [weak self] in self?.timeoutExpired() }
        self.timer = timer
        timer.schedule(after: timeout)
    }

    private func timeoutExpired() {
        guard state == .running else { return }
        cluster?.stats[.upstreamRqTimeout].add()
        fail(504, "upstream request timeout")
    }

    // MARK: The end

    /// Ends the call with a response of the proxy's own.
    private func fail(_ status: Int, _ body: String) {
        responseHeaders.reset()
        responseHeaders.set(.status, decimal: status)
        responseHeaders.set(.contentLength, decimal: body.utf8.count)
        responseHeaders.append(.contentType, "text/plain")
        responseBody = Array(body.utf8)
        finish()
    }

    private func finish() {
        guard state == .running else { return }
        state = .done
        release()
        // Whoever is told must not find its stream ended under it; that is settled when it has returned.
        worker.eventBegan()
        defer { worker.eventEnded() }
        whenDone?(self)
    }

    private func release() {
        timer?.cancel()
        timer = nil
        let request = self.request
        self.request = nil
        // A response that is complete is released by its codec; giving it up then would close the connection.
        if !isResponseComplete { request?.abandon() }
        // The attempt may still be on the call stack and refers to its owner.
        if itself != nil { worker.loop.atTurnEnd(self) }
        itself = nil
    }

    /// Does nothing: the list of those to be called keeps the call alive until here.
    package func turnEnded() {}

    private var isResponseComplete = false

    // MARK: For the attempt

    var isActive: Bool { state == .running }
    var isUpgrade: Bool { false }
    var upgradeToken: UnsafeRawBufferPointer? { nil }
    var bufferLimit: Int { .max }

    func connected(_ codec: any UpstreamCodec) {}

    func sendHead(_ request: UpstreamRequest, to codec: any UpstreamCodec, endStream: Bool) -> StreamReset? {
        codec.sendHeaders(request, &requestHeaders, endStream: endStream)
    }

    func sendTrailers(_ request: UpstreamRequest, to codec: any UpstreamCodec) {}
    func headWritten(_ bytes: Int) {}
    // The whole body lies in memory: there is no sender to slow down.
    func pauseRequest() {}
    func resumeRequest() {}

    func attemptFailed(_ reason: StreamReset, reason text: StaticString, detail: String?) {
        isResponseComplete = true
        fail(503, "upstream connect error or disconnect/reset before headers. reset reason: \(text)")
    }

    func attemptReset(_ reason: StreamReset, afterHead: Bool, onReusedConnection: Bool) {
        isResponseComplete = true
        let text: StaticString =
            switch reason {
            case .protocolError: "protocol error"
            case .remote: "remote reset"
            case .remoteRefused: "remote refused stream reset"
            default: "connection termination"
            }
        fail(503, afterHead ? "upstream failure" : "upstream connect error or disconnect/reset before headers. reset reason: \(text)")
    }

    func responseInterim(_ fields: inout HeaderBlock) {}

    func responseHeaders(_ fields: inout HeaderBlock, endStream: Bool) {
        guard state == .running, let cluster else { return }
        swap(&responseHeaders, &fields)
        responseHeaders.set(.xEnvoyUpstreamServiceTime, decimal: Int((worker.loop.now &- startTime) / 1_000_000))
        let status = responseHeaders.status
        cluster.stats.countClass(status)
        cluster.stats.codes.add(status)
        if endStream { responseComplete() }
    }

    func responseData(_ bytes: UnsafeRawBufferPointer, endStream: Bool) {
        guard state == .running else { return }
        guard bodyLimit == 0 || responseBody.count + bytes.count <= bodyLimit else {
            fail(503, "upstream failure")
            return
        }
        responseBody.append(contentsOf: bytes)
        if endStream { responseComplete() }
    }

    func responseTrailers(_ fields: inout HeaderBlock) {
        guard state == .running else { return }
        responseComplete()
    }

    private func responseComplete() {
        cluster?.stats[.upstreamRqCompleted].add()
        isResponseComplete = true
        finish()
    }
}
