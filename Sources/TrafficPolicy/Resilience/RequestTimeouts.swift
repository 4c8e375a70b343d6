import Bytes
public import HTTPModel

/// The times that a route allows (nanoseconds, 0 for none), and what they become for one request.
public struct TimeoutPolicy: Equatable, Sendable {
    /// Envoy's default of 15 s.
    public static let defaultTimeout: UInt64 = 15_000_000_000

    /// From the end of the request to the end of the response.
    public var timeout: UInt64
    /// Nil leaves the connection manager's stream idle timeout in force; 0 turns it off.
    public var idleTimeout: UInt64?
    /// A whole stream's life; nil when the route does not say.
    public var maxStreamDuration: UInt64?
    /// When set, `grpc-timeout` bounds the stream, itself bounded by this; 0 means not bounded.
    public var grpcTimeoutMaximum: UInt64?
    /// Taken off `grpc-timeout`, to leave time for the answer's way back.
    public var grpcTimeoutOffset: UInt64

    /// Envoy's defaults unless said otherwise.
    public init(
        timeout: UInt64 = defaultTimeout, idleTimeout: UInt64? = nil, maxStreamDuration: UInt64? = nil,
        grpcTimeoutMaximum: UInt64? = nil, grpcTimeoutOffset: UInt64 = 0
    ) {
        self.timeout = timeout
        self.idleTimeout = idleTimeout
        self.maxStreamDuration = maxStreamDuration
        self.grpcTimeoutMaximum = grpcTimeoutMaximum
        self.grpcTimeoutOffset = grpcTimeoutOffset
    }

    /// What holds for one request. Takes `x-envoy-upstream-rq-timeout-ms` and its per-try sibling out of the head, and
    /// tells the upstream what it has in `x-envoy-expected-rq-timeout-ms`.
    ///
    /// - Parameters:
    ///   - retry: its per-try times; nil when the route has no retry policy.
    ///   - tellsUpstream: false where `suppress_envoy_headers` is set.
    public func resolve(
        _ head: inout HeaderBlock, retry: RetryPolicy?, tellsUpstream: Bool = true
    ) -> RequestTimeouts {
        var result = RequestTimeouts(
            whole: timeout, perTry: retry?.perTryTimeout ?? 0, perTryIdle: retry?.perTryIdleTimeout ?? 0,
            idle: idleTimeout, stream: streamDuration(head))
        if let value = Self.nanoseconds(head.get(.xEnvoyUpstreamRequestTimeoutMS)) { result.whole = value }
        if let value = Self.nanoseconds(head.get(.xEnvoyUpstreamRequestPerTryTimeoutMS)) { result.perTry = value }
        head.remove(.xEnvoyUpstreamRequestTimeoutMS)
        head.remove(.xEnvoyUpstreamRequestPerTryTimeoutMS)
        // One attempt can last no longer than all of them.
        if result.whole != 0, result.perTry >= result.whole { result.perTry = 0 }
        let expected = result.perTry != 0 ? result.perTry : result.whole
        if tellsUpstream, expected != 0 {
            head.set(.xEnvoyExpectedRequestTimeoutMS, decimal: Int(expected / 1_000_000))
        }
        return result
    }

    private func streamDuration(_ head: borrowing HeaderBlock) -> UInt64? {
        guard let maximum = grpcTimeoutMaximum, let value = head.get(.grpcTimeout),
            let asked = GRPCTimeout.nanoseconds(value)
        else { return maxStreamDuration }
        let bounded = maximum == 0 ? asked : (asked == 0 ? maximum : min(asked, maximum))
        return bounded > grpcTimeoutOffset ? bounded - grpcTimeoutOffset : bounded
    }

    /// What a field with a time in milliseconds asks for, in nanoseconds; nil where it is absent, malformed or too large.
    public static func nanoseconds(_ milliseconds: UnsafeRawBufferPointer?) -> UInt64? {
        guard let number = milliseconds?.decimal else { return nil }
        let (product, overflow) = number.multipliedReportingOverflow(by: 1_000_000)
        return overflow ? nil : product
    }
}

/// The times of one request, in nanoseconds.
public struct RequestTimeouts: Equatable, Sendable {
    /// From the end of the request to the end of the response; 0 for none.
    public var whole: UInt64
    /// For one attempt; 0 for none.
    public var perTry: UInt64
    /// Without progress in one attempt; 0 for none.
    public var perTryIdle: UInt64
    /// Without progress; nil leaves the connection manager's.
    public var idle: UInt64?
    /// For the whole stream; nil leaves the connection manager's.
    public var stream: UInt64?

    /// No limit but `whole` unless said otherwise.
    public init(whole: UInt64, perTry: UInt64 = 0, perTryIdle: UInt64 = 0, idle: UInt64? = nil, stream: UInt64? = nil) {
        self.whole = whole
        self.perTry = perTry
        self.perTryIdle = perTryIdle
        self.idle = idle
        self.stream = stream
    }
}

/// The `grpc-timeout` header: up to eight digits and a unit (gRPC over HTTP/2, "Requests").
public enum GRPCTimeout {
    /// Nil when the value is malformed; what does not fit (584 years) is the largest number.
    public static func nanoseconds(_ value: UnsafeRawBufferPointer) -> UInt64? {
        guard value.count >= 2, value.count <= 9, let number = value.slice(0, value.count - 1).decimal else { return nil }
        let unit: UInt64
        switch value[value.count - 1] {
        case UInt8(ascii: "H"): unit = 3_600_000_000_000
        case UInt8(ascii: "M"): unit = 60_000_000_000
        case UInt8(ascii: "S"): unit = 1_000_000_000
        case UInt8(ascii: "m"): unit = 1_000_000
        case UInt8(ascii: "u"): unit = 1000
        case UInt8(ascii: "n"): unit = 1
        default: return nil
        }
        let (product, overflow) = number.multipliedReportingOverflow(by: unit)
        return overflow ? .max : product
    }
}
