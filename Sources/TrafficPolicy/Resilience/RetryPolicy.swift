/// When and how a request is tried again (`config.route.v3.RetryPolicy`), compiled. Times are in nanoseconds.
package struct RetryPolicy: Sendable {
    package var retryOn: RetryOn
    package var retries: UInt32
    /// 0 means none.
    package var perTryTimeout: UInt64
    /// 0 means none.
    package var perTryIdleTimeout: UInt64
    package var statusCodes: [Int]
    /// Any of these in a response asks for a retry, under `retriable-headers`.
    package var responseHeaders: [HeaderMatcher]
    /// When there are some, only requests that match one of them are tried again.
    package var requestHeaders: [HeaderMatcher]
    package var baseInterval: UInt64
    package var maximumInterval: UInt64
    /// Hosts tried before are passed over (`previous_hosts`), for this many draws more.
    package var avoidsPreviousHosts: Bool
    package var hostSelectionAttempts: Int

    /// - Parameter maximumInterval: ten times the base when nil, as in Envoy.
    package init(
        retryOn: RetryOn, retries: UInt32 = 1, perTryTimeout: UInt64 = 0, perTryIdleTimeout: UInt64 = 0,
        statusCodes: [Int] = [], responseHeaders: [HeaderMatcher] = [], requestHeaders: [HeaderMatcher] = [],
        baseInterval: UInt64 = 25_000_000, maximumInterval: UInt64? = nil, avoidsPreviousHosts: Bool = false,
        hostSelectionAttempts: Int = 1
    ) {
        self.retryOn = retryOn
        self.retries = retries
        self.perTryTimeout = perTryTimeout
        self.perTryIdleTimeout = perTryIdleTimeout
        self.statusCodes = statusCodes
        self.responseHeaders = responseHeaders
        self.requestHeaders = requestHeaders
        self.baseInterval = baseInterval
        self.maximumInterval = maximumInterval ?? baseInterval.multipliedReportingOverflow(by: 10).partialValue
        self.avoidsPreviousHosts = avoidsPreviousHosts
        self.hostSelectionAttempts = hostSelectionAttempts
    }
}
