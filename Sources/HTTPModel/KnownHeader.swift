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

    // Pseudo-header fields (RFC 9113 section 8.3) come first.
    package static let method = KnownHeader(1)
    package static let path = KnownHeader(2)
    package static let authority = KnownHeader(3)
    package static let scheme = KnownHeader(4)
    package static let `protocol` = KnownHeader(5)
    package static let status = KnownHeader(6)
    // Message framing and connection.
    package static let contentLength = KnownHeader(7)
    package static let transferEncoding = KnownHeader(8)
    package static let connection = KnownHeader(9)
    package static let keepAlive = KnownHeader(10)
    package static let proxyConnection = KnownHeader(11)
    package static let upgrade = KnownHeader(12)
    package static let te = KnownHeader(13)
    package static let trailer = KnownHeader(14)
    package static let expect = KnownHeader(15)
    package static let http2Settings = KnownHeader(16)
    package static let host = KnownHeader(17)
    // What policies and logs look at.
    package static let contentType = KnownHeader(18)
    package static let userAgent = KnownHeader(19)
    package static let accept = KnownHeader(20)
    package static let acceptEncoding = KnownHeader(21)
    package static let cookie = KnownHeader(22)
    package static let setCookie = KnownHeader(23)
    package static let date = KnownHeader(24)
    package static let server = KnownHeader(25)
    package static let location = KnownHeader(26)
    package static let authorization = KnownHeader(27)
    package static let via = KnownHeader(28)
    package static let referer = KnownHeader(29)
    package static let origin = KnownHeader(30)
    package static let retryAfter = KnownHeader(31)
    package static let contentEncoding = KnownHeader(32)
    package static let cacheControl = KnownHeader(33)
    package static let etag = KnownHeader(34)
    package static let acceptLanguage = KnownHeader(35)
    package static let lastModified = KnownHeader(36)
    // Forwarding and mesh.
    package static let xForwardedFor = KnownHeader(37)
    package static let xForwardedProto = KnownHeader(38)
    package static let xForwardedHost = KnownHeader(39)
    package static let xForwardedPort = KnownHeader(40)
    package static let xForwardedClientCert = KnownHeader(41)
    package static let xRequestID = KnownHeader(42)
    package static let xEnvoyInternal = KnownHeader(43)
    package static let xEnvoyExternalAddress = KnownHeader(44)
    package static let xEnvoyExpectedRequestTimeoutMS = KnownHeader(45)
    package static let xEnvoyUpstreamRequestTimeoutMS = KnownHeader(46)
    package static let xEnvoyUpstreamServiceTime = KnownHeader(47)
    package static let xEnvoyOriginalPath = KnownHeader(48)
    package static let xEnvoyAttemptCount = KnownHeader(49)
    package static let xEnvoyDownstreamServiceCluster = KnownHeader(50)
    package static let xEnvoyDecoratorOperation = KnownHeader(51)
    package static let xEnvoyOverloaded = KnownHeader(52)
    // gRPC and traces.
    package static let grpcStatus = KnownHeader(53)
    package static let grpcMessage = KnownHeader(54)
    package static let grpcTimeout = KnownHeader(55)
    package static let grpcEncoding = KnownHeader(56)
    package static let traceparent = KnownHeader(57)
    package static let tracestate = KnownHeader(58)
    package static let xHeddleExplain = KnownHeader(59)
    package static let xEnvoyRetryOn = KnownHeader(60)
    package static let xEnvoyMaxRetries = KnownHeader(61)
    package static let xEnvoyUpstreamRequestPerTryTimeoutMS = KnownHeader(62)
    package static let xEnvoyOriginalHost = KnownHeader(63)

    /// The name, lower-case; pseudo-headers begin with a colon.
    package var name: UnsafeRawBufferPointer { KnownHeaderTable.shared.name(rawValue) }

    /// True for the names that HTTP/2 writes with a leading colon.
    package var isPseudo: Bool { rawValue <= 6 }

    /// Finds a lower-case name in the table.
    /// - Returns: nil when the proxy does not know the name.
    package static func lookup(_ name: UnsafeRawBufferPointer) -> KnownHeader? {
        let found = KnownHeaderTable.shared.lookup(name)
        return found == 0 ? nil : KnownHeader(found)
    }
}

/// The names in the order of their raw values, and a hash table over them.
struct KnownHeaderTable: Sendable {
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

    static let shared = KnownHeaderTable()

    private static let slotCount = 512

    // Safety: both point to memory that is written once here and then lives, read only, as long as the process.
    nonisolated(unsafe) private let slots: UnsafePointer<UInt8>
    nonisolated(unsafe) private let spans: UnsafePointer<UnsafeRawBufferPointer>

    private init() {
        let spans = UnsafeMutablePointer<UnsafeRawBufferPointer>.allocate(capacity: 64)
        let slots = UnsafeMutablePointer<UInt8>.allocate(capacity: Self.slotCount)
        slots.initialize(repeating: 0, count: Self.slotCount)
        spans.initialize(repeating: .empty, count: 64)
        precondition(Self.names.count == 64)
        for (index, name) in Self.names.enumerated().dropFirst() {
            spans[index] = UnsafeRawBufferPointer(name)
            var slot = Self.hash(spans[index])
            while slots[slot] != 0 { slot = (slot + 1) & (Self.slotCount - 1) }
            slots[slot] = UInt8(index)
        }
        self.spans = UnsafePointer(spans)
        self.slots = UnsafePointer(slots)
    }

    func name(_ index: UInt8) -> UnsafeRawBufferPointer { spans[Int(index & 63)] }

    func lookup(_ name: UnsafeRawBufferPointer) -> UInt8 {
        guard name.count > 1, name.count < 40 else { return 0 }
        var slot = Self.hash(name)
        while true {
            let index = slots[slot]
            if index == 0 { return 0 }
            if spans[Int(index)].equals(name) { return index }
            slot = (slot + 1) & (Self.slotCount - 1)
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
