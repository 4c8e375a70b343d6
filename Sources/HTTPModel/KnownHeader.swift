import Bytes

/// A header name that the proxy itself knows: an index into one static table of lower-case names.
///
/// A known name costs no bytes in a ``HeaderBlock`` and is compared as one byte. There are at most 64, so that a block
/// can say "absent" by one bit.
public struct KnownHeader: RawRepresentable, Equatable, Hashable, Sendable {
    /// 1...63; 0 means "not a known name".
    public let rawValue: UInt8

    public init(rawValue: UInt8) { self.rawValue = rawValue }

    init(_ rawValue: UInt8) { self.rawValue = rawValue }

    /// Pseudo-header fields (RFC 9113 section 8.3) come first.
    public static var method: KnownHeader { KnownHeader(1) }
    public static var path: KnownHeader { KnownHeader(2) }
    public static var authority: KnownHeader { KnownHeader(3) }
    public static var scheme: KnownHeader { KnownHeader(4) }
    public static var `protocol`: KnownHeader { KnownHeader(5) }
    public static var status: KnownHeader { KnownHeader(6) }
    /// Message framing and connection.
    public static var contentLength: KnownHeader { KnownHeader(7) }
    public static var transferEncoding: KnownHeader { KnownHeader(8) }
    public static var connection: KnownHeader { KnownHeader(9) }
    public static var keepAlive: KnownHeader { KnownHeader(10) }
    public static var proxyConnection: KnownHeader { KnownHeader(11) }
    public static var upgrade: KnownHeader { KnownHeader(12) }
    public static var te: KnownHeader { KnownHeader(13) }
    public static var trailer: KnownHeader { KnownHeader(14) }
    public static var expect: KnownHeader { KnownHeader(15) }
    public static var http2Settings: KnownHeader { KnownHeader(16) }
    public static var host: KnownHeader { KnownHeader(17) }
    /// What policies and logs look at.
    public static var contentType: KnownHeader { KnownHeader(18) }
    public static var userAgent: KnownHeader { KnownHeader(19) }
    public static var accept: KnownHeader { KnownHeader(20) }
    public static var acceptEncoding: KnownHeader { KnownHeader(21) }
    public static var cookie: KnownHeader { KnownHeader(22) }
    public static var setCookie: KnownHeader { KnownHeader(23) }
    public static var date: KnownHeader { KnownHeader(24) }
    public static var server: KnownHeader { KnownHeader(25) }
    public static var location: KnownHeader { KnownHeader(26) }
    public static var authorization: KnownHeader { KnownHeader(27) }
    public static var via: KnownHeader { KnownHeader(28) }
    public static var referer: KnownHeader { KnownHeader(29) }
    public static var origin: KnownHeader { KnownHeader(30) }
    public static var retryAfter: KnownHeader { KnownHeader(31) }
    public static var contentEncoding: KnownHeader { KnownHeader(32) }
    public static var cacheControl: KnownHeader { KnownHeader(33) }
    public static var etag: KnownHeader { KnownHeader(34) }
    public static var acceptLanguage: KnownHeader { KnownHeader(35) }
    public static var lastModified: KnownHeader { KnownHeader(36) }
    /// Forwarding and mesh.
    public static var xForwardedFor: KnownHeader { KnownHeader(37) }
    public static var xForwardedProto: KnownHeader { KnownHeader(38) }
    public static var xForwardedHost: KnownHeader { KnownHeader(39) }
    public static var xForwardedPort: KnownHeader { KnownHeader(40) }
    public static var xForwardedClientCert: KnownHeader { KnownHeader(41) }
    public static var xRequestID: KnownHeader { KnownHeader(42) }
    public static var xEnvoyInternal: KnownHeader { KnownHeader(43) }
    public static var xEnvoyExternalAddress: KnownHeader { KnownHeader(44) }
    public static var xEnvoyExpectedRequestTimeoutMS: KnownHeader { KnownHeader(45) }
    public static var xEnvoyUpstreamRequestTimeoutMS: KnownHeader { KnownHeader(46) }
    public static var xEnvoyUpstreamServiceTime: KnownHeader { KnownHeader(47) }
    public static var xEnvoyOriginalPath: KnownHeader { KnownHeader(48) }
    public static var xEnvoyAttemptCount: KnownHeader { KnownHeader(49) }
    public static var xEnvoyDownstreamServiceCluster: KnownHeader { KnownHeader(50) }
    public static var xEnvoyDecoratorOperation: KnownHeader { KnownHeader(51) }
    public static var xEnvoyOverloaded: KnownHeader { KnownHeader(52) }
    /// gRPC and traces.
    public static var grpcStatus: KnownHeader { KnownHeader(53) }
    public static var grpcMessage: KnownHeader { KnownHeader(54) }
    public static var grpcTimeout: KnownHeader { KnownHeader(55) }
    public static var grpcEncoding: KnownHeader { KnownHeader(56) }
    public static var traceparent: KnownHeader { KnownHeader(57) }
    public static var tracestate: KnownHeader { KnownHeader(58) }
    public static var xHeddleExplain: KnownHeader { KnownHeader(59) }
    public static var xEnvoyRetryOn: KnownHeader { KnownHeader(60) }
    public static var xEnvoyMaxRetries: KnownHeader { KnownHeader(61) }
    public static var xEnvoyUpstreamRequestPerTryTimeoutMS: KnownHeader { KnownHeader(62) }
    public static var xEnvoyOriginalHost: KnownHeader { KnownHeader(63) }

    /// The name, lower-case; pseudo-headers begin with a colon.
    public var name: UnsafeRawBufferPointer { Self.name(rawValue) }

    /// True for the names that HTTP/2 writes with a leading colon.
    public var isPseudo: Bool { rawValue <= 6 }

    /// Finds a lower-case name in the table.
    /// - Returns: nil when the proxy does not know the name.
    public static func lookup(_ name: UnsafeRawBufferPointer) -> KnownHeader? {
        let found = find(name)
        return found == 0 ? nil : KnownHeader(found)
    }
}

extension KnownHeader {
    /// The names in the order of their raw values: what scripts/generate-header-table makes the literal tables of.
    static let names: [StaticString] = [
        "", ":method", ":path", ":authority", ":scheme", ":protocol", ":status",
        "content-length", "transfer-encoding", "connection", "keep-alive", "proxy-connection", "upgrade", "te",
        "trailer",
        "expect", "http2-settings", "host",
        "content-type", "user-agent", "accept", "accept-encoding", "cookie", "set-cookie", "date", "server", "location",
        "authorization", "via", "referer", "origin", "retry-after", "content-encoding", "cache-control", "etag",
        "accept-language", "last-modified",
        "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port", "x-forwarded-client-cert",
        "x-request-id", "x-envoy-internal", "x-envoy-external-address", "x-envoy-expected-rq-timeout-ms",
        "x-envoy-upstream-rq-timeout-ms", "x-envoy-upstream-service-time", "x-envoy-original-path",
        "x-envoy-attempt-count", "x-envoy-downstream-service-cluster", "x-envoy-decorator-operation",
        "x-envoy-overloaded",
        "grpc-status", "grpc-message", "grpc-timeout", "grpc-encoding", "traceparent", "tracestate",
        "x-heddle-explain", "x-envoy-retry-on", "x-envoy-max-retries", "x-envoy-upstream-rq-per-try-timeout-ms",
        "x-envoy-original-host",
    ]

    private static func offset(_ index: Int) -> Int {
        let digits = tableOffsets.utf8Start + 2 * index
        return Int(digits[0]) << 7 | Int(digits[1])
    }

    static func name(_ rawValue: UInt8) -> UnsafeRawBufferPointer {
        let index = Int(rawValue & 63)
        let start = offset(index)
        return UnsafeRawBufferPointer(start: tableText.utf8Start + start, count: offset(index + 1) - start)
    }

    /// The length of a name.
    static func length(_ rawValue: UInt8) -> Int {
        let index = Int(rawValue & 63)
        return offset(index + 1) - offset(index)
    }

    /// - Returns: the raw value, 0 when the name is not known.
    static func find(_ name: UnsafeRawBufferPointer) -> UInt8 {
        guard name.count > 1, name.count < 40 else { return 0 }
        let slots = tableSlots.utf8Start
        var slot = hash(name)
        while true {
            let index = slots[slot]
            if index == 0 { return 0 }
            if Self.name(index).equals(name) { return index }
            slot = (slot + 1) & 511
        }
    }

    /// Length, first, middle and last byte tell almost all of the names apart.
    private static func hash(_ name: UnsafeRawBufferPointer) -> Int {
        let count = name.count
        var value = UInt32(truncatingIfNeeded: count) &* 0x9E37
        value = (value ^ UInt32(name[count - 1])) &* 0x85EB
        value = (value ^ UInt32(name[count >> 1])) &* 0xC2B3
        value = (value ^ UInt32(name[0])) &* 0x27D5
        return Int((value ^ (value >> 13)) & 511)
    }
}
