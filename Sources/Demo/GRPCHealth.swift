/// Asks a gRPC service by `grpc.health.v1.Health/Check` whether it serves: one call, written by hand, in HTTP/2 with prior
/// knowledge. Anything but SERVING is no.
enum GRPCHealth {
    private static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
    private static let mostBytes = 64 * 1024
    private static let frameHead = 9
    /// A message in gRPC's framing: not compressed, two bytes, field 1 is SERVING (1).
    private static let serving: [UInt8] = [0, 0, 0, 0, 2, 8, 1]

    private enum FrameType {
        static let data: UInt8 = 0
        static let headers: UInt8 = 1
        static let settings: UInt8 = 4
    }

    private enum Flag {
        static let endStream: UInt8 = 1
        static let endHeaders: UInt8 = 4
    }

    static func isServing(host: String, port: Int, seconds: Double) -> Bool {
        guard let connection = LoopbackConnection(host: host, port: port, seconds: seconds),
            connection.send(question(host, port))
        else { return false }
        var bytes: [UInt8] = []
        while bytes.count < mostBytes, let more = connection.receive() {
            bytes += more
            if let answer = answer(in: bytes) { return answer == serving }
        }
        return false
    }

    /// All that is sent: the preface, settings as they are by default, and the call with an empty message.
    static func question(_ host: String, _ port: Int) -> [UInt8] {
        let fields = [
            (":method", "POST"), (":scheme", "http"), (":path", "/grpc.health.v1.Health/Check"),
            (":authority", "\(host):\(port)"),
            ("te", "trailers"), ("content-type", "application/grpc"),
        ]
        return preface + frame(FrameType.settings, flags: 0, stream: 0, [])
            + frame(FrameType.headers, flags: Flag.endHeaders, stream: 1, fields.flatMap { literal($0.0, $0.1) })
            + frame(FrameType.data, flags: Flag.endStream, stream: 1, [0, 0, 0, 0, 0])
    }

    private static func frame(_ type: UInt8, flags: UInt8, stream: UInt8, _ payload: [UInt8]) -> [UInt8] {
        [0, UInt8(payload.count >> 8 & 0xff), UInt8(payload.count & 0xff), type, flags, 0, 0, 0, stream] + payload
    }

    /// A field in HPACK: literal, not indexed, no Huffman code. Names and values are shorter than 127 bytes.
    private static func literal(_ name: String, _ value: String) -> [UInt8] {
        [0, UInt8(name.utf8.count)] + Array(name.utf8) + [UInt8(value.utf8.count)] + Array(value.utf8)
    }

    /// The message of the answer, once it has come; empty where the call ended without one.
    static func answer(in bytes: [UInt8]) -> [UInt8]? {
        var offset = 0
        while bytes.count - offset >= frameHead {
            let length = Int(bytes[offset]) << 16 | Int(bytes[offset + 1]) << 8 | Int(bytes[offset + 2])
            let (type, flags, stream) = (bytes[offset + 3], bytes[offset + 4], bytes[offset + 8])
            let start = offset + frameHead
            guard bytes.count - start >= length else { return nil }
            if stream == 1, type == FrameType.data, length > 0 { return Array(bytes[start..<start + length]) }
            if stream == 1, flags & Flag.endStream != 0, type == FrameType.data || type == FrameType.headers {
                return []
            }
            offset = start + length
        }
        return nil
    }
}
