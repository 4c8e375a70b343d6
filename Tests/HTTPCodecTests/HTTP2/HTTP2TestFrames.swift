import Bytes

@testable import HTTPCodec

/// A frame as it stands on the wire, for tests that say exactly what a peer sends.
struct RawFrame: Equatable {
    var type: UInt8
    var flags: UInt8 = 0
    var stream: UInt32 = 0
    var payload: [UInt8] = []

    static let endStream: UInt8 = 1
    static let endHeaders: UInt8 = 4
    static let padded: UInt8 = 8

    var bytes: [UInt8] {
        let size = payload.count
        return [UInt8(size >> 16 & 255), UInt8(size >> 8 & 255), UInt8(size & 255), type, flags] + Self.number(stream) + payload
    }

    static func number(_ value: UInt32) -> [UInt8] {
        [UInt8(value >> 24), UInt8(value >> 16 & 255), UInt8(value >> 8 & 255), UInt8(value & 255)]
    }

    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    static func settings(_ entries: [(UInt16, UInt32)] = []) -> RawFrame {
        RawFrame(type: 4, payload: entries.flatMap { [UInt8($0.0 >> 8), UInt8($0.0 & 255)] + number($0.1) })
    }

    static func headers(_ stream: UInt32, _ fields: [(String, String)], endStream: Bool = true) -> RawFrame {
        RawFrame(
            type: 1, flags: endHeaders | (endStream ? Self.endStream : 0), stream: stream, payload: encode(fields))
    }

    static func data(_ stream: UInt32, _ payload: [UInt8], endStream: Bool = false) -> RawFrame {
        RawFrame(type: 0, flags: endStream ? Self.endStream : 0, stream: stream, payload: payload)
    }

    static func reset(_ stream: UInt32, code: UInt32 = 8) -> RawFrame {
        RawFrame(type: 3, stream: stream, payload: number(code))
    }

    static func windowUpdate(_ stream: UInt32, _ increment: UInt32) -> RawFrame {
        RawFrame(type: 8, stream: stream, payload: number(increment))
    }

    static func ping(_ value: UInt8, acknowledges: Bool = false) -> RawFrame {
        RawFrame(type: 6, flags: acknowledges ? 1 : 0, payload: Array(repeating: value, count: 8))
    }

    static func goAway(last: UInt32, code: UInt32) -> RawFrame {
        RawFrame(type: 7, payload: number(last) + number(code))
    }

    static func priority(_ stream: UInt32, dependsOn: UInt32) -> RawFrame {
        RawFrame(type: 2, stream: stream, payload: number(dependsOn) + [15])
    }

    /// HPACK without table and Huffman code: each field a literal that is never indexed (RFC 7541 section 6.2.3).
    static func encode(_ fields: [(String, String)]) -> [UInt8] {
        fields.flatMap { [0x10] + encode($0.0) + encode($0.1) }
    }

    static func encode(_ text: String) -> [UInt8] {
        let bytes = text == "\0" ? [0] : Array(text.utf8)
        if bytes.count < 127 { return [UInt8(bytes.count)] + bytes }
        var rest = bytes.count - 127
        var length: [UInt8] = [127]
        while rest >= 128 {
            length.append(UInt8(rest % 128 + 128))
            rest /= 128
        }
        return length + [UInt8(rest)] + bytes
    }

    /// The frames in what a session produced; a client's preface is skipped.
    static func parse(_ bytes: [UInt8]) -> [RawFrame] {
        var rest = bytes[...]
        if rest.starts(with: preface) { rest = rest.dropFirst(preface.count) }
        var frames: [RawFrame] = []
        while rest.count >= 9 {
            let head = Array(rest.prefix(9))
            let size = Int(head[0]) << 16 | Int(head[1]) << 8 | Int(head[2])
            guard rest.count >= 9 + size else { break }
            let stream = UInt32(head[5]) << 24 | UInt32(head[6]) << 16 | UInt32(head[7]) << 8 | UInt32(head[8])
            frames.append(RawFrame(type: head[3], flags: head[4], stream: stream, payload: Array(rest.dropFirst(9).prefix(size))))
            rest = rest.dropFirst(9 + size)
        }
        return frames
    }

    /// The error code of a RST_STREAM or GOAWAY frame.
    var errorCode: HTTP2ErrorCode? {
        let at: Int
        switch type {
        case 3: at = 0
        case 7: at = 4
        default: return nil
        }
        guard payload.count >= at + 4 else { return nil }
        let code = payload[at..<(at + 4)].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        return HTTP2ErrorCode(rawValue: code)
    }
}
