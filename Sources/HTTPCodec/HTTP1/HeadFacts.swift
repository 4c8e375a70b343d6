import Bytes
import HTTPModel

/// What the fields that frame a message and steer its connection said, gathered while the head is scanned.
struct HeadFacts {
    enum Section: Equatable { case request, response, trailers }

    /// Whether a field becomes an entry of the block.
    enum Verdict { case keep, drop }

    /// What all Transfer-Encoding fields together amount to (RFC 9112 section 6.1).
    enum TransferCoding { case none, chunked, unsupported, malformed }

    struct Signs: OptionSet {
        let rawValue: UInt8
        static let close = Signs(rawValue: 1)
        static let keepAlive = Signs(rawValue: 2)
        static let upgrade = Signs(rawValue: 4)
        /// An Upgrade field names something other than `h2c`.
        static let upgradeToken = Signs(rawValue: 8)
        static let expectContinue = Signs(rawValue: 16)
        static let unknownExpectation = Signs(rawValue: 32)
        static let hopByHop = Signs(rawValue: 64)
        /// Connection nominates what a client may not take away, or too much.
        static let wrongNomination = Signs(rawValue: 128)
    }

    let section: Section
    var signs: Signs = []
    var coding = TransferCoding.none
    var hosts = 0
    /// Where the last Host lies in the text.
    var hostStart = 0
    var hostLength = 0
    var contentLengths = 0
    /// Elements of all Connection fields, as far as they matter.
    var connectionElements: UInt8 = 0
    /// The last Content-Length, nil when it is no valid number.
    var contentLength: UInt64?

    /// Bits of the known names that ``note(_:_:offset:)`` is called for.
    static func interesting(in section: Section) -> UInt64 {
        switch section {
        case .request: connectionNames | bits([.host, .expect])
        case .response: connectionNames
        case .trailers: forbiddenInTrailers
        }
    }

    static func bits(_ names: [KnownHeader]) -> UInt64 {
        names.reduce(0) { $0 | 1 << UInt64($1.rawValue) }
    }

    private static let connectionNames = bits([
        .contentLength, .transferEncoding, .connection, .upgrade, .keepAlive, .proxyConnection, .te, .http2Settings,
    ])

    /// Fields that frame, route, authenticate or describe the content have no place in trailers (RFC 9110 section 6.5.1).
    private static let forbiddenInTrailers = bits([
        .contentLength, .transferEncoding, .connection, .keepAlive, .proxyConnection, .upgrade, .te, .trailer, .expect,
        .http2Settings, .host, .contentType, .contentEncoding, .authorization, .cookie, .setCookie, .cacheControl,
        .location,
        .retryAfter, .via, .date, .xForwardedFor, .xForwardedProto, .xForwardedHost, .xForwardedPort,
        .xForwardedClientCert,
        .xRequestID, .xEnvoyInternal, .xEnvoyExternalAddress, .xEnvoyOriginalPath, .xEnvoyOriginalHost,
    ])

    /// Looks at a field whose bit is in ``interesting``; `value` lies in the text of a block, at `offset`.
    @inline(never)
    mutating func note(_ known: UInt64, _ value: UnsafeRawBufferPointer, offset: Int) -> Verdict {
        if section == .trailers { return .drop }
        switch KnownHeader(rawValue: UInt8(truncatingIfNeeded: known)) {
        case .host where section == .request:
            hosts += 1
            hostStart = offset
            hostLength = value.count
            return .drop
        case .contentLength:
            contentLengths += 1
            contentLength = Self.length(value)
        case .transferEncoding:
            signs.insert(.hopByHop)
            noteCoding(value)
        case .connection:
            signs.insert(.hopByHop)
            noteConnection(value)
        case .upgrade:
            signs.insert(.hopByHop)
            value.forEachListElement { token in
                if !token.isEmpty, !token.equalsIgnoringCase("h2c") { signs.insert(.upgradeToken) }
            }
        case .expect:
            signs.insert(value.equalsIgnoringCase("100-continue") ? .expectContinue : .unknownExpectation)
        default:
            signs.insert(.hopByHop)
        }
        return .keep
    }

    /// Digits only, at most 19 of them, so that no peer's arithmetic overflows (RFC 9112 section 6.3).
    private static func length(_ value: UnsafeRawBufferPointer) -> UInt64? {
        guard value.count <= 19, let number = value.decimal, number <= UInt64(Int64.max) else { return nil }
        return number
    }

    private mutating func noteConnection(_ value: UnsafeRawBufferPointer) {
        if Self.isKeepAlive(value) {
            signs.insert(.keepAlive)
            return
        }
        value.forEachListElement { token in
            noteNomination(token)
            if token.equalsIgnoringCase("close") {
                signs.insert(.close)
            } else if token.equalsIgnoringCase("keep-alive") {
                signs.insert(.keepAlive)
            } else if token.equalsIgnoringCase("upgrade") {
                signs.insert(.upgrade)
            }
        }
    }

    /// Elements of Connection that a request has at most, as in Envoy.
    private static let maximumConnectionElements: UInt8 = 9

    /// A client that nominates Host or X-Forwarded-* hopes that some proxy behind takes away what one before has said.
    private mutating func noteNomination(_ token: UnsafeRawBufferPointer) {
        guard section == .request, let first = token.first else { return }
        if connectionElements == Self.maximumConnectionElements {
            signs.insert(.wrongNomination)
        } else {
            connectionElements += 1
        }
        if first == UInt8(ascii: ":") || token.equalsIgnoringCase("host")
            || token.equalsIgnoringCase("x-forwarded-for") || token.equalsIgnoringCase("x-forwarded-host")
            || token.equalsIgnoringCase("x-forwarded-proto")
        {
            signs.insert(.wrongNomination)
        }
    }

    /// Whether a value, which must lie in the text of a block, is `keep-alive` in any case: by two comparisons.
    @inline(__always)
    static func isKeepAlive(_ value: UnsafeRawBufferPointer) -> Bool {
        guard value.count == 10, let base = value.baseAddress else { return false }
        // Setting the bit of small letters maps nothing else onto these: control characters were refused.
        return base.loadUnaligned(as: UInt64.self) | 0x2020_2020_2020_2020 == 0x696C_612D_7065_656B
            && base.loadUnaligned(fromByteOffset: 8, as: UInt16.self) | 0x2020 == 0x6576
    }

    private mutating func noteCoding(_ value: UnsafeRawBufferPointer) {
        value.forEachListElement { token in
            if !HeaderRules.isValidName(token) {
                coding = .malformed
            } else if !token.equalsIgnoringCase("chunked") {
                if coding != .malformed { coding = .unsupported }
            } else {
                switch coding {
                case .none: coding = .chunked
                // Chunked twice: some peer would decode it twice.
                case .chunked: coding = .malformed
                case .unsupported, .malformed: break
                }
            }
        }
    }
}

extension UnsafeRawBufferPointer {
    /// Visits the elements of a comma-separated list (RFC 9110 section 5.6.1), blanks around them left out; empty
    /// elements too.
    func forEachListElement(_ body: (UnsafeRawBufferPointer) -> Void) {
        var start = 0
        while true {
            var end = start
            while end < count, self[end] != UInt8(ascii: ",") { end += 1 }
            body(slice(start, end).trimmingWhitespace)
            guard end < count else { return }
            start = end + 1
        }
    }
}
