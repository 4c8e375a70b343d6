import HTTPModel
package import Observability

/// What a connection manager counts, as events; the names are Envoy's (`http.<stat_prefix>.*`).
package struct HTTPConnectionStats: Sendable {
    let http: HTTPStats
    /// The same responses by listener.
    let listener: ListenerHTTPStats

    package init(_ http: HTTPStats, of listener: ListenerHTTPStats) {
        self.http = http
        self.listener = listener
    }

    func connectionBegan(_ version: HTTPVersion, isSecure: Bool) {
        http[.downstreamCxTotal].add()
        http[.downstreamCxActive].add()
        http[version == .http2 ? .downstreamCxHTTP2Total : .downstreamCxHTTP1Total].add()
        http[version == .http2 ? .downstreamCxHTTP2Active : .downstreamCxHTTP1Active].add()
        if isSecure {
            http[.downstreamCxSSLTotal].add()
            http[.downstreamCxSSLActive].add()
        }
    }

    func connectionEnded(
        _ version: HTTPVersion, isSecure: Bool, byUs: Bool, activeRequests: Int, age: UInt64, read: UInt64,
        written: UInt64
    ) {
        http[.downstreamCxActive].subtract()
        http[version == .http2 ? .downstreamCxHTTP2Active : .downstreamCxHTTP1Active].subtract()
        if isSecure { http[.downstreamCxSSLActive].subtract() }
        http[.downstreamCxDestroy].add()
        http[byUs ? .downstreamCxDestroyLocal : .downstreamCxDestroyRemote].add()
        if activeRequests > 0 {
            http[.downstreamCxDestroyActiveRq].add()
            http[byUs ? .downstreamCxDestroyLocalActiveRq : .downstreamCxDestroyRemoteActiveRq].add()
        }
        http[.downstreamCxLengthMS].record(nanoseconds: age)
        http[.downstreamCxRxBytesTotal].add(read)
        http[.downstreamCxTxBytesTotal].add(written)
    }

    func requestBegan(_ version: HTTPVersion) {
        http[.downstreamRqTotal].add()
        http[.downstreamRqActive].add()
        http[version == .http2 ? .downstreamRqHTTP2Total : .downstreamRqHTTP1Total].add()
    }

    func requestEnded(status: Int, duration: UInt64, answered: Bool) {
        http[.downstreamRqActive].subtract()
        http[.downstreamRqTime].record(nanoseconds: duration)
        guard answered else { return }
        http[.downstreamRqCompleted].add()
        http.countClass(status)
        listener[.downstreamRqCompleted].add()
        listener.countClass(status)
    }

    func requestReceivedReset() { http[.downstreamRqRxReset].add() }
    func responseBrokenOff() {
        http[.downstreamRqTxReset].add()
        http[.rqResetAfterDownstreamResponseStarted].add()
    }
    func idleTimeout() { http[.downstreamRqIdleTimeout].add() }
    func streamDurationReached() { http[.downstreamRqMaxDurationReached].add() }
    func delayedCloseTimeout() { http[.downstreamCxDelayedCloseTimeout].add() }
    func requestTimeout() { http[.downstreamRqTimeout].add() }
    func requestHeadersTimeout() { http[.downstreamRqHeaderTimeout].add() }
    func requestTooLarge() { http[.downstreamRqTooLarge].add() }
    func responseTooLarge() { http[.rsTooLarge].add() }
    func pathNormalizationFailed() { http[.downstreamRqFailedPathNormalization].add() }
    func pathNormalizationRedirected() { http[.downstreamRqRedirectedWithNormalizedPath].add() }
    func tooManyPrematureResets() { http[.downstreamRqTooManyPrematureResets].add() }
    func requestQuarantined() { http[.downstreamRqQuarantined].add() }
    func upgradeRefused() { http[.downstreamRqWsOnNonWsRoute].add() }
    func upgraded() {
        http[.downstreamCxUpgradesTotal].add()
        http[.downstreamCxUpgradesActive].add()
    }
    func upgradeEnded() { http[.downstreamCxUpgradesActive].subtract() }
    func protocolError() { http[.downstreamCxProtocolError].add() }
    func connectionIdle() { http[.downstreamCxIdleTimeout].add() }
    func connectionDurationReached() { http[.downstreamCxMaxDurationReached].add() }
    func connectionRequestsReached() { http[.downstreamCxMaxRequestsReached].add() }
    func drainClose() { http[.downstreamCxDrainClose].add() }
    func routed() { http[.rqTotal].add() }
    func noRoute() { http[.noRoute].add() }
    func noCluster() { http[.noCluster].add() }
    func directResponse() { http[.rqDirectResponse].add() }
    /// Envoy counts the answer of a redirect route as a direct response.
    func redirected() { http[.rqDirectResponse].add() }
    func readingPaused() { http[.downstreamFlowControlPausedReadingTotal].add() }
    func readingResumed() { http[.downstreamFlowControlResumedReadingTotal].add() }
    func responseBeforeRequestComplete() { http[.downstreamRqResponseBeforeRqComplete].add() }
}
