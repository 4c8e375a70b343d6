import HTTPModel

/// What a block of fields is, which decides what may stand in it.
enum HTTP2SectionKind {
    case request, response, trailers
}

/// Sets of names that the proxy knows, a bit for each. All names that it does not know may go anywhere.
struct HTTP2FieldSet: Sendable {
    let bits: UInt64

    init(_ names: KnownHeader...) {
        bits = names.reduce(0) { $0 | 1 << UInt64($1.rawValue) }
    }

    private init(bits: UInt64) { self.bits = bits }

    func contains(_ name: KnownHeader) -> Bool { bits & (1 &<< UInt64(name.rawValue)) != 0 }

    func union(_ other: HTTP2FieldSet) -> HTTP2FieldSet { HTTP2FieldSet(bits: bits | other.bits) }

    /// The sets in use. Read once a section: each access goes through `swift_once`.
    struct Table: Sendable {
        let pseudo = HTTP2FieldSet(.method, .path, .authority, .scheme, .protocol, .status)
        /// Fields that mean one connection only (RFC 9113 section 8.2.2), and `host`, which `:authority` has replaced.
        let connectionSpecific = HTTP2FieldSet(
            .connection, .keepAlive, .proxyConnection, .transferEncoding, .upgrade, .http2Settings, .host)
        /// Framing, routing and authentication have no place in trailers (RFC 9110 section 6.5.1).
        let forbiddenTrailers = HTTP2FieldSet(
            .contentLength, .host, .te, .trailer, .expect, .authorization, .cookie, .setCookie, .http2Settings)

        /// Fields whose value hardly comes twice. In the table of HPACK they would push out what does, and each would be
        /// compared with all that came before it.
        let seldomRepeated = HTTP2FieldSet(.xRequestID, .traceparent, .tracestate, .grpcTimeout)

        private let keptFromRequests: HTTP2FieldSet
        private let keptFromResponses: HTTP2FieldSet
        private let keptFromTrailers: HTTP2FieldSet

        init() {
            keptFromRequests = connectionSpecific.union(HTTP2FieldSet(.status))
            keptFromResponses = connectionSpecific.union(HTTP2FieldSet(.method, .path, .authority, .scheme, .protocol, .te))
            keptFromTrailers = connectionSpecific.union(pseudo).union(forbiddenTrailers)
        }

        /// What never goes out in such a section.
        func kept(from section: HTTP2SectionKind) -> HTTP2FieldSet {
            switch section {
            case .request: keptFromRequests
            case .response: keptFromResponses
            case .trailers: keptFromTrailers
            }
        }
    }

    static let shared = Table()
}
