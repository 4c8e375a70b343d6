/// The frames of an HTTP/2 client and of a host (RFC 9113, RFC 7541), written without a table so that each is the same but
/// for its stream.
final class HTTP2Peers {
    static let clusterOptions = """
        typed_extension_protocol_options: {envoy.extensions.upstreams.http.v3.HttpProtocolOptions: {"@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, explicit_http_config: {http2_protocol_options: {}}}}
        """

    private var requestStream: UInt32 = 1
    private var responseStream: UInt32 = 1

    private static let windowUpdate = frame(type: 8, flags: 0, stream: 0, number(1 << 30))
    private static let settings = frame(type: 4, flags: 0, stream: 0, [])

    /// Preface, empty SETTINGS and a window for all that will come.
    let clientPreface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + settings + windowUpdate
    let hostPreface = settings + windowUpdate

    /// HEADERS with END_STREAM and END_HEADERS.
    func nextRequest() -> [UInt8] {
        defer { requestStream += 2 }
        // :method GET and :scheme http from the static table.
        let block: [UInt8] =
            [0x82, 0x86] + Self.literal(4, "/items/1234?page=2") + Self.literal(1, "shop.example.com")
            + Self.literal(58, "micro/1.0") + Self.literal(19, "*/*") + Self.literal(16, "gzip, br")
            + Self.literal(32, "session=0f8fad5b-d9cb-469f-a165-70867728950e; theme=dark") + Self.literal("x-tenant", "tenant-0042")
        return Self.frame(type: 1, flags: 5, stream: requestStream, block)
    }

    /// HEADERS, then DATA with END_STREAM.
    func nextResponse() -> [UInt8] {
        defer { responseStream += 2 }
        // :status 200 from the static table, then content-type and content-length.
        let block: [UInt8] = [0x88] + Self.literal(31, "text/plain") + Self.literal(28, "1024")
        return Self.frame(type: 1, flags: 4, stream: responseStream, block)
            + Self.frame(type: 0, flags: 1, stream: responseStream, [UInt8](repeating: 0x61, count: 1024))
    }

    /// A literal field without indexing whose name is in the static table.
    private static func literal(_ name: UInt8, _ value: String) -> [UInt8] {
        (name < 15 ? [name] : [15, name - 15]) + text(value)
    }

    private static func literal(_ name: String, _ value: String) -> [UInt8] { [0] + text(name) + text(value) }

    private static func text(_ value: String) -> [UInt8] {
        precondition(value.utf8.count < 127, "longer than one byte tells")
        return [UInt8(value.utf8.count)] + Array(value.utf8)
    }

    private static func frame(type: UInt8, flags: UInt8, stream: UInt32, _ payload: [UInt8]) -> [UInt8] {
        Array(number(UInt32(payload.count))[1...]) + [type, flags] + number(stream) + payload
    }

    private static func number(_ value: UInt32) -> [UInt8] {
        [UInt8(value >> 24), UInt8(value >> 16 & 255), UInt8(value >> 8 & 255), UInt8(value & 255)]
    }
}
