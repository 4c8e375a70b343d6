/// When and how a request is tried again (`config.route.v3.RetryPolicy`), compiled. Times are in nanoseconds.
///
/// The router does not act on it yet: the configuration refuses `retry_policy`.
public struct RetryPolicy: Sendable {
    public var retryOn: RetryOn
    public var retries: UInt32
    /// 0 means none.
    public var perTryTimeout: UInt64
    /// 0 means none.
    public var perTryIdleTimeout: UInt64
    public var statusCodes: [Int]
    /// Any of these in a response asks for a retry, under `retriable-headers`.
    public var responseHeaders: [HeaderMatcher]
    /// When there are some, only requests that match one of them are tried again.
    public var requestHeaders: [HeaderMatcher]
    public var baseInterval: UInt64
    public var maximumInterval: UInt64
    /// Hosts tried before are passed over (`previous_hosts`), for this many draws more.
    public var avoidsPreviousHosts: Bool
    public var hostSelectionAttempts: Int

    /// - Parameter maximumInterval: ten times the base when nil, as in Envoy.
    public init(
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
