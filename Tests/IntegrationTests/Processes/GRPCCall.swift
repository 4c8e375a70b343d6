import TestKit
import Testing

/// One call of a bidirectional gRPC method over a connection of its own, to a server that echoes.
final class GRPCCall {
    private let client: WireHTTP2Client
    private let stream: UInt32
    private var expected: [UInt8] = []

    init(port: UInt16) throws {
        client = try #require(WireHTTP2Client(port: port))
        stream = client.takeStream()
        let fields = [
            WireField(":method", "POST"), WireField(":scheme", "http"), WireField(":authority", "test"),
            WireField(":path", "/test.Echo/Talk"), WireField("content-type", "application/grpc"), WireField("te", "trailers"),
        ]
        client.send(HTTP2Frame(.headers, flags: HTTP2Frame.endHeaders, stream: stream, FieldBlockCodec.encode(fields)))
    }

    /// Sends a message and waits for the same to come back.
    func exchanges(_ text: String) -> Bool {
        // A message is a byte that says "not compressed", its length and its bytes.
        let message = [0] + HTTP2Frame.word(UInt32(text.utf8.count)) + Array(text.utf8)
        expected += message
        client.send(HTTP2Frame(.data, stream: stream, message))
        return client.reads(Deadline(seconds: 10)) { $0.sofar(stream).body.count >= expected.count }
            && client.sofar(stream).body == expected
    }

    /// Ends our direction; the status of the call.
    func end() -> String? {
        client.send(HTTP2Frame(.data, flags: HTTP2Frame.endStream, stream: stream))
        return client.answer(of: stream).trailers.first { $0.name == "grpc-status" }?.value
    }
}

extension SupervisedProxy.Parts {
    /// The cluster speaks HTTP/2.
    static func http2(port: UInt16) -> Self {
        let options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
        var parts = Self()
        parts.cluster =
            SupervisedProxy.assignment([(Loopback.address, port)])
            + ", typed_extension_protocol_options: {\(options): {\"@type\": type.googleapis.com/\(options), explicit_http_config: {http2_protocol_options: {}}}}"
        return parts
    }
}
