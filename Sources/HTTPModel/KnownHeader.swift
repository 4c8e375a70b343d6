import Bytes

/// A header name that the proxy itself knows: an index into one static table of lower-case names.
///
/// A known name costs no bytes in a ``HeaderBlock`` and is compared as one byte. There are at most 64, so that a block
/// can say "absent" by one bit.
package struct KnownHeader: RawRepresentable, Equatable, Hashable, Sendable {
    /// 1...63; 0 means "not a known name".
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    init(_ rawValue: UInt8) { self.rawValue = rawValue }

    /// Pseudo-header fields (RFC 9113 section 8.3) come first.
    package static var method: KnownHeader { KnownHeader(1) }
    package static var path: KnownHeader { KnownHeader(2) }
    package static var authority: KnownHeader { KnownHeader(3) }
    package static var scheme: KnownHeader { KnownHeader(4) }
    package static var `protocol`: KnownHeader { KnownHeader(5) }
    package static var status: KnownHeader { KnownHeader(6) }
    /// Message framing and connection.
    package static var contentLength: KnownHeader { KnownHeader(7) }
    package static var transferEncoding: KnownHeader { KnownHeader(8) }
    package static var connection: KnownHeader { KnownHeader(9) }
    package static var keepAlive: KnownHeader { KnownHeader(10) }
    package static var proxyConnection: KnownHeader { KnownHeader(11) }
    package static var upgrade: KnownHeader { KnownHeader(12) }
    package static var te: KnownHeader { KnownHeader(13) }
    package static var trailer: KnownHeader { KnownHeader(14) }
    package static var expect: KnownHeader { KnownHeader(15) }
    package static var http2Settings: KnownHeader { KnownHeader(16) }
    package static var host: KnownHeader { KnownHeader(17) }
    /// What policies and logs look at.
    package static var contentType: KnownHeader { KnownHeader(18) }
    package static var userAgent: KnownHeader { KnownHeader(19) }
    package static var accept: KnownHeader { KnownHeader(20) }
    package static var acceptEncoding: KnownHeader { KnownHeader(21) }
    package static var cookie: KnownHeader { KnownHeader(22) }
    package static var setCookie: KnownHeader { KnownHeader(23) }
    package static var date: KnownHeader { KnownHeader(24) }
    package static var server: KnownHeader { KnownHeader(25) }
    package static var location: KnownHeader { KnownHeader(26) }
    package static var authorization: KnownHeader { KnownHeader(27) }
    package static var via: KnownHeader { KnownHeader(28) }
    package static var referer: KnownHeader { KnownHeader(29) }
    package static var origin: KnownHeader { KnownHeader(30) }
    package static var retryAfter: KnownHeader { KnownHeader(31) }
    package static var contentEncoding: KnownHeader { KnownHeader(32) }
    package static var cacheControl: KnownHeader { KnownHeader(33) }
    package static var etag: KnownHeader { KnownHeader(34) }
    package static var acceptLanguage: KnownHeader { KnownHeader(35) }
    package static var lastModified: KnownHeader { KnownHeader(36) }
    /// Forwarding and mesh.
    package static var xForwardedFor: KnownHeader { KnownHeader(37) }
    package static var xForwardedProto: KnownHeader { KnownHeader(38) }
    package static var xForwardedHost: KnownHeader { KnownHeader(39) }
    package static var xForwardedPort: KnownHeader { KnownHeader(40) }
    package static var xForwardedClientCert: KnownHeader { KnownHeader(41) }
    package static var xRequestID: KnownHeader { KnownHeader(42) }
    package static var xEnvoyInternal: KnownHeader { KnownHeader(43) }
    package static var xEnvoyExternalAddress: KnownHeader { KnownHeader(44) }
    package static var xEnvoyExpectedRequestTimeoutMS: KnownHeader { KnownHeader(45) }
    package static var xEnvoyUpstreamRequestTimeoutMS: KnownHeader { KnownHeader(46) }
    package static var xEnvoyUpstreamServiceTime: KnownHeader { KnownHeader(47) }
    package static var xEnvoyOriginalPath: KnownHeader { KnownHeader(48) }
    package static var xEnvoyAttemptCount: KnownHeader { KnownHeader(49) }
    package static var xEnvoyDownstreamServiceCluster: KnownHeader { KnownHeader(50) }
    package static var xEnvoyDecoratorOperation: KnownHeader { KnownHeader(51) }
    package static var xEnvoyOverloaded: KnownHeader { KnownHeader(52) }
    /// gRPC and traces.
    package static var grpcStatus: KnownHeader { KnownHeader(53) }
    package static var grpcMessage: KnownHeader { KnownHeader(54) }
    package static var grpcTimeout: KnownHeader { KnownHeader(55) }
    package static var grpcEncoding: KnownHeader { KnownHeader(56) }
    package static var traceparent: KnownHeader { KnownHeader(57) }
    package static var tracestate: KnownHeader { KnownHeader(58) }
    package static var xHeddleExplain: KnownHeader { KnownHeader(59) }
    package static var xEnvoyRetryOn: KnownHeader { KnownHeader(60) }
    package static var xEnvoyMaxRetries: KnownHeader { KnownHeader(61) }
    package static var xEnvoyUpstreamRequestPerTryTimeoutMS: KnownHeader { KnownHeader(62) }
    package static var xEnvoyOriginalHost: KnownHeader { KnownHeader(63) }

    /// The name, lower-case; pseudo-headers begin with a colon.
    package var name: UnsafeRawBufferPointer { Self.name(rawValue) }

    /// True for the names that HTTP/2 writes with a leading colon.
    package var isPseudo: Bool { rawValue <= 6 }

    /// Finds a lower-case name in the table.
    /// - Returns: nil when the proxy does not know the name.
    package static func lookup(_ name: UnsafeRawBufferPointer) -> KnownHeader? {
        let found = find(name)
        return found == 0 ? nil : KnownHeader(found)
    }
}

extension KnownHeader {
    /// The names in the order of their raw values: what scripts/generate-header-table makes the literal tables of.
    static let names: [StaticString] = [
        "", ":method", ":path", ":authority", ":scheme", ":protocol", ":status",
        "content-length", "transfer-encoding", "connection", "keep-alive", "proxy-connection", "upgrade", "te", "trailer",
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
