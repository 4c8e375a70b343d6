import Bytes

/// Conditions for a retry (`retry_on`, `x-envoy-retry-on`, `x-envoy-retry-grpc-on`).
public struct RetryOn: OptionSet, Hashable, Sendable {
    public let rawValue: UInt32

    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Outcomes of an attempt, each by Envoy's word for it; see ``words``.
    public static let serverError = RetryOn(rawValue: 1 << 0)
    public static let gatewayError = RetryOn(rawValue: 1 << 1)
    public static let reset = RetryOn(rawValue: 1 << 2)
    public static let resetBeforeRequest = RetryOn(rawValue: 1 << 3)
    public static let connectFailure = RetryOn(rawValue: 1 << 4)
    public static let refusedStream = RetryOn(rawValue: 1 << 5)
    public static let retriable4xx = RetryOn(rawValue: 1 << 6)
    public static let retriableStatusCodes = RetryOn(rawValue: 1 << 7)
    public static let retriableHeaders = RetryOn(rawValue: 1 << 8)
    public static let envoyRateLimited = RetryOn(rawValue: 1 << 9)
    public static let http3PostConnectFailure = RetryOn(rawValue: 1 << 10)
    public static let grpcCancelled = RetryOn(rawValue: 1 << 16)
    public static let grpcDeadlineExceeded = RetryOn(rawValue: 1 << 17)
    public static let grpcInternal = RetryOn(rawValue: 1 << 18)
    public static let grpcResourceExhausted = RetryOn(rawValue: 1 << 19)
    public static let grpcUnavailable = RetryOn(rawValue: 1 << 20)

    static let grpc: RetryOn = [
        .grpcCancelled, .grpcDeadlineExceeded, .grpcInternal, .grpcResourceExhausted, .grpcUnavailable,
    ]

    /// The words of the configuration. HTTP/3 is not spoken here, so that its word asks for what never happens.
    public static let words: [(word: StaticString, condition: RetryOn)] = [
        ("5xx", .serverError), ("gateway-error", .gatewayError), ("reset", .reset),
        ("reset-before-request", .resetBeforeRequest), ("connect-failure", .connectFailure),
        ("refused-stream", .refusedStream), ("retriable-4xx", .retriable4xx),
        ("retriable-status-codes", .retriableStatusCodes), ("retriable-headers", .retriableHeaders),
        ("envoy-ratelimited", .envoyRateLimited), ("http3-post-connect-failure", .http3PostConnectFailure),
        ("cancelled", .grpcCancelled), ("deadline-exceeded", .grpcDeadlineExceeded), ("internal", .grpcInternal),
        ("resource-exhausted", .grpcResourceExhausted), ("unavailable", .grpcUnavailable),
    ]

    /// Reads a list separated by commas. Words that are no condition are left out, as in Envoy; a configuration that
    /// should refuse them asks ``unknownWord(in:)``.
    public static func parse(_ list: UnsafeRawBufferPointer) -> RetryOn {
        var result: RetryOn = []
        forEachElement(of: list) { if let condition = condition($0) { result.formUnion(condition) } }
        return result
    }

    /// Reads a list separated by commas, as ``parse(_:)-(UnsafeRawBufferPointer)``.
    public static func parse(_ list: String) -> RetryOn {
        var list = list
        return list.withUTF8 { parse(UnsafeRawBufferPointer($0)) }
    }

    /// The first word that is no condition.
    public static func unknownWord(in list: String) -> String? {
        var list = list
        return list.withUTF8 { text in
            var unknown: String?
            forEachElement(of: UnsafeRawBufferPointer(text)) {
                if unknown == nil, condition($0) == nil { unknown = $0.text }
            }
            return unknown
        }
    }

    private static func condition(_ word: UnsafeRawBufferPointer) -> RetryOn? {
        for entry in words where word.equals(entry.word) { return entry.condition }
        return nil
    }
}

/// Visits the elements of a list separated by commas, without white space around them and without empty ones.
func forEachElement(of list: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void) {
    var start = 0
    while start <= list.count {
        let rest = list.slice(start, list.count)
        let end = rest.offset(of: UInt8(ascii: ",")) ?? rest.count
        let element = rest.slice(0, end).trimmingWhitespace
        if !element.isEmpty { body(element) }
        start += end + 1
    }
}
