import CNGHTTP2

/// An HTTP/2 frame (RFC 9113 section 4.1), right or wrong.
package struct HTTP2Frame: Equatable, Sendable {
    /// The types of RFC 9113 section 6.
    package enum Kind: UInt8, Sendable {
        case data, headers, priority, reset, settings, push, ping, goAway, windowUpdate, continuation
    }

    /// The frame as it stands on the wire (RFC 9113 section 4.1), its length left out.
    package var type: UInt8
    package var flags: UInt8
    package var stream: UInt32
    package var payload: [UInt8]

    /// A frame of a known type.
    package init(_ kind: Kind, flags: UInt8 = 0, stream: UInt32 = 0, _ payload: [UInt8] = []) {
        type = kind.rawValue
        self.flags = flags
        self.stream = stream
        self.payload = payload
    }

    private init(type: UInt8, flags: UInt8, stream: UInt32, payload: [UInt8]) {
        self.type = type
        self.flags = flags
        self.stream = stream
        self.payload = payload
    }

    /// END_STREAM of DATA and HEADERS; ACK of SETTINGS and PING.
    package static let endStream: UInt8 = 1
    /// END_HEADERS.
    package static let endHeaders: UInt8 = 4
    /// What a client sends first.
    package static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    /// The type, nil for one that RFC 9113 does not know.
    package var kind: Kind? { Kind(rawValue: type) }

    /// As it stands on the wire.
    package var bytes: [UInt8] {
        let count = payload.count
        return [UInt8(count >> 16 & 0xFF), UInt8(count >> 8 & 0xFF), UInt8(count & 0xFF), type, flags]
            + Self.word(stream) + payload
    }

    /// A number of 32 bits as it stands in a frame.
    package static func word(_ value: UInt32) -> [UInt8] {
        [UInt8(value >> 24), UInt8(value >> 16 & 0xFF), UInt8(value >> 8 & 0xFF), UInt8(value & 0xFF)]
    }

    /// The number in the first four bytes at `offset` of the payload.
    package func word(at offset: Int) -> UInt32 {
        payload.dropFirst(offset).prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// The first frame of `bytes`, or nil while it is not whole.
    package static func parse(_ bytes: ArraySlice<UInt8>) -> (frame: HTTP2Frame, length: Int)? {
        guard bytes.count >= 9 else { return nil }
        let head = Array(bytes.prefix(9))
        let count = Int(head[0]) << 16 | Int(head[1]) << 8 | Int(head[2])
        guard bytes.count >= 9 + count else { return nil }
        let stream = head[5..<9].reduce(UInt32(0)) { $0 << 8 | UInt32($1) } & 0x7FFF_FFFF
        let payload = Array(bytes.dropFirst(9).prefix(count))
        return (HTTP2Frame(type: head[3], flags: head[4], stream: stream, payload: payload), 9 + count)
    }
}

/// Field blocks (RFC 7541) written plainly, so that any name and value can be said, and read with nghttp2's decoder.
package final class FieldBlockCodec {
    private var inflater: OpaquePointer?

    package init() {
        nghttp2_hd_inflate_new(&inflater)
    }

    deinit { nghttp2_hd_inflate_del(inflater) }

    /// Each field as a literal without indexing and without Huffman coding (section 6.2.2).
    package static func encode(_ fields: [(name: [UInt8], value: [UInt8])]) -> [UInt8] {
        fields.flatMap { [0] + string($0.name) + string($0.value) }
    }

    /// The same for text, each character one byte.
    package static func encode(_ fields: [WireField]) -> [UInt8] {
        encode(fields.map { (latin($0.name), latin($0.value)) })
    }

    /// A string literal (section 5.2).
    package static func string(_ bytes: [UInt8]) -> [UInt8] {
        integer(bytes.count, prefixBits: 7, first: 0) + bytes
    }

    /// An integer (section 5.1) whose first byte carries `first` beside the prefix.
    package static func integer(_ value: Int, prefixBits: Int, first: UInt8) -> [UInt8] {
        let most = 1 << prefixBits - 1
        if value < most { return [first | UInt8(value)] }
        var bytes = [first | UInt8(most)]
        var rest = value - most
        while rest >= 128 {
            bytes.append(UInt8(rest & 0x7F) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }

    /// The fields of a whole block, or nil when it is not one.
    package func decode(_ block: [UInt8]) -> [WireField]? {
        var fields: [WireField] = []
        var offset = 0
        while true {
            var pair = nghttp2_nv()
            var flags: Int32 = 0
            let used = block.withUnsafeBufferPointer {
                nghttp2_hd_inflate_hd2(
                    inflater, &pair, &flags, $0.baseAddress.map { $0 + offset }, $0.count - offset, 1)
            }
            guard used >= 0 else { return nil }
            offset += used
            if flags & Int32(NGHTTP2_HD_INFLATE_EMIT.rawValue) != 0 {
                fields.append(WireField(Self.text(pair.name, pair.namelen), Self.text(pair.value, pair.valuelen)))
            }
            if flags & Int32(NGHTTP2_HD_INFLATE_FINAL.rawValue) != 0 { break }
            if used == 0, offset >= block.count { return nil }
        }
        nghttp2_hd_inflate_end_headers(inflater)
        return fields
    }

    private static func latin(_ text: String) -> [UInt8] {
        text.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }
    }

    private static func text(_ start: UnsafeMutablePointer<UInt8>?, _ count: Int) -> String {
        String(String.UnicodeScalarView(UnsafeBufferPointer(start: start, count: count).map { Unicode.Scalar($0) }))
    }
}
