import Bytes
public import HTTPModel

/// How an attempt ended without a response.
public enum UpstreamReset: Equatable, Sendable {
    /// No connection came to be.
    case connectFailure
    /// The connection closed, or the upstream reset the stream.
    case remoteReset
    /// The upstream said that it did not begin to work on the stream (REFUSED_STREAM).
    case refusedStream
    /// Given up here: the time for one attempt ran out.
    case perTryTimeout
    /// The circuit breaker or the pool refused the attempt.
    case overflow
    /// The upstream broke the protocol.
    case protocolError
}

/// What to do after an attempt.
public enum RetryDecision: Equatable, Sendable {
    case no(RetryRefusal)
    /// Try again after this many nanoseconds. A place among the retries is held until the next outcome or
    /// ``RetryState/finish(_:)``.
    case after(UInt64)
}

/// Why there is no retry.
public enum RetryRefusal: Equatable, Sendable {
    /// The policy does not ask for a retry of this outcome.
    case notRetriable
    /// It would, but all attempts are used up (response flag URX).
    case limitReached
    /// It would, but the breaker admits no more retries (`upstream_rq_retry_overflow`).
    case overflow
}

/// The retries of one request: a pure machine, fed with the outcome of each attempt. The router does not use it yet; see
/// ``RetryPolicy``.
public struct RetryState: ~Copyable {
    /// Attempts that a client may ask for by header, whatever it writes there.
    public static let maximumRetriesByHeader: UInt64 = 1000
    /// Status codes and header names that a client may add by header.
    public static let maximumConditionsByHeader = 32

    private let policy: RetryPolicy
    private let priority: RoutingPriority
    private var retryOn: RetryOn
    private var remaining: UInt64
    private var backOff: BackOff
    private var statusCodesByHeader: [Int] = []
    private var headerNamesByHeader: [[UInt8]] = []
    private var holdsRetry = false

    /// Retries that were decided on.
    public private(set) var retriesMade = 0

    /// - Parameters:
    ///   - policy: the route's.
    ///   - request: its `x-envoy-retry-*` headers change the policy for this request and are taken out.
    public init(policy: RetryPolicy, request: inout HeaderBlock, priority: RoutingPriority = .default) {
        self.policy = policy
        self.priority = priority
        retryOn = policy.retryOn
        remaining = UInt64(policy.retries)
        backOff = BackOff(base: policy.baseInterval, maximum: policy.maximumInterval)
        readHeaders(request)
        Self.removeHeaders(from: &request)
    }

    /// Whether any outcome could lead to a retry: if not, the request need not be kept for it.
    public var mayRetry: Bool { !retryOn.isEmpty && remaining > 0 }

    /// A response head came (or trailers alone). Call before any of it went downstream.
    public mutating func responded(
        _ head: borrowing HeaderBlock, breaker: CircuitBreaker, random: inout FastRandom
    ) -> RetryDecision {
        decide(isRetriable(head), breaker, &random)
    }

    /// The attempt ended without a response.
    /// - Parameter requestStarted: some of the request went upstream.
    public mutating func reset(
        _ reason: UpstreamReset, requestStarted: Bool, breaker: CircuitBreaker, random: inout FastRandom
    ) -> RetryDecision {
        decide(isRetriable(reason, requestStarted), breaker, &random)
    }

    /// The request ends: gives back what a retry under way holds. Must be called once at the end of every stream.
    public mutating func finish(_ breaker: CircuitBreaker) {
        guard holdsRetry else { return }
        holdsRetry = false
        breaker.release(.retry, priority)
    }

    private mutating func decide(
        _ isRetriable: Bool, _ breaker: CircuitBreaker, _ random: inout FastRandom
    ) -> RetryDecision {
        finish(breaker)
        guard isRetriable else { return .no(.notRetriable) }
        guard remaining > 0 else { return .no(.limitReached) }
        remaining -= 1
        guard breaker.tryAcquire(.retry, priority) else { return .no(.overflow) }
        holdsRetry = true
        retriesMade += 1
        return .after(backOff.next(random: &random))
    }

    private func isRetriable(_ head: borrowing HeaderBlock) -> Bool {
        guard !retryOn.isEmpty else { return false }
        if head.has(.xEnvoyOverloaded) { return false }
        // A rate limit's answer is tried again only on demand: more load is what it is against.
        if head.get(UnsafeRawBufferPointer("x-envoy-ratelimited" as StaticString)) != nil {
            return retryOn.contains(.envoyRateLimited)
        }
        let status = head.status
        if retryOn.contains(.serverError), status >= 500, status < 600 { return true }
        if retryOn.contains(.gatewayError), status >= 502, status <= 504 { return true }
        if retryOn.contains(.retriable4xx), status == 409 { return true }
        if retryOn.contains(.retriableStatusCodes),
            policy.statusCodes.contains(status) || statusCodesByHeader.contains(status)
        { return true }
        if retryOn.contains(.retriableHeaders), hasRetriableHeader(head) { return true }
        return !retryOn.isDisjoint(with: .grpc) && isRetriableGRPC(head)
    }

    private func isRetriable(_ reason: UpstreamReset, _ requestStarted: Bool) -> Bool {
        if reason == .overflow { return false }
        // A reset counts as a 5xx, as it does in Envoy's stats.
        if !retryOn.isDisjoint(with: [.serverError, .gatewayError, .reset]) { return true }
        if retryOn.contains(.resetBeforeRequest), !requestStarted { return true }
        switch reason {
        case .connectFailure: return retryOn.contains(.connectFailure)
        case .refusedStream: return retryOn.contains(.refusedStream)
        case .remoteReset, .perTryTimeout, .protocolError, .overflow: return false
        }
    }

    private func isRetriableGRPC(_ head: borrowing HeaderBlock) -> Bool {
        switch head.get(.grpcStatus)?.decimal {
        case 1: retryOn.contains(.grpcCancelled)
        case 4: retryOn.contains(.grpcDeadlineExceeded)
        case 8: retryOn.contains(.grpcResourceExhausted)
        case 13: retryOn.contains(.grpcInternal)
        case 14: retryOn.contains(.grpcUnavailable)
        default: false
        }
    }

    private func hasRetriableHeader(_ head: borrowing HeaderBlock) -> Bool {
        for matcher in policy.responseHeaders where matcher.matches(head) { return true }
        for name in headerNamesByHeader {
            let index = name.withUnsafeBytes { head.firstIndex(of: $0) }
            if index != nil { return true }
        }
        return false
    }

    // MARK: Request headers

    private static let grpcOnName: StaticString = "x-envoy-retry-grpc-on"
    private static let statusCodesName: StaticString = "x-envoy-retriable-status-codes"
    private static let headerNamesName: StaticString = "x-envoy-retriable-header-names"
    private static let hedgeName: StaticString = "x-envoy-hedge-on-per-try-timeout"

    private mutating func readHeaders(_ request: borrowing HeaderBlock) {
        if let list = request.get(.xEnvoyRetryOn) { retryOn.formUnion(RetryOn.parse(list)) }
        if let list = request.get(UnsafeRawBufferPointer(Self.grpcOnName)) { retryOn.formUnion(RetryOn.parse(list)) }
        if !policy.requestHeaders.isEmpty, !Self.matchesAny(policy.requestHeaders, request) { retryOn = [] }
        guard !retryOn.isEmpty else { return }
        if let number = request.get(.xEnvoyMaxRetries)?.decimal { remaining = min(number, Self.maximumRetriesByHeader) }
        if let list = request.get(UnsafeRawBufferPointer(Self.statusCodesName)) {
            var codes: [Int] = []
            forEachElement(of: list) {
                if codes.count < Self.maximumConditionsByHeader, let code = $0.decimal, code < 1000 { codes.append(Int(code)) }
            }
            statusCodesByHeader = codes
        }
        if let list = request.get(UnsafeRawBufferPointer(Self.headerNamesName)) {
            var names: [[UInt8]] = []
            forEachElement(of: list) {
                if names.count < Self.maximumConditionsByHeader { names.append($0.map(ASCII.lower)) }
            }
            headerNamesByHeader = names
        }
    }

    private static func matchesAny(_ matchers: [HeaderMatcher], _ head: borrowing HeaderBlock) -> Bool {
        for matcher in matchers where matcher.matches(head) { return true }
        return false
    }

    private static func removeHeaders(from request: inout HeaderBlock) {
        request.remove(.xEnvoyRetryOn)
        request.remove(.xEnvoyMaxRetries)
        request.remove(UnsafeRawBufferPointer(grpcOnName))
        request.remove(UnsafeRawBufferPointer(statusCodesName))
        request.remove(UnsafeRawBufferPointer(headerNamesName))
        request.remove(UnsafeRawBufferPointer(hedgeName))
    }
}
