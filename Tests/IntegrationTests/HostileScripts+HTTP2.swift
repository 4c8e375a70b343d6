import TestKit

extension HostileScripts {
    /// Row 17 in HTTP/2: what no upstream may say. None of them is passed on as a whole answer.
    static let http2Responses: [String: UpstreamScript] = [
        "h2 no status": answer([WireField("x", "1")]),
        "h2 two statuses": answer([WireField(":status", "200"), WireField(":status", "200")]),
        "h2 status 20": answer([WireField(":status", "20")]),
        "h2 status 2000": answer([WireField(":status", "2000")]),
        "h2 status 000": answer([WireField(":status", "000")]),
        "h2 status in words": answer([WireField(":status", "okay")]),
        "h2 late status": answer([WireField("x", "1"), WireField(":status", "200")]),
        "h2 path in a response": answer([WireField(":status", "200"), WireField(":path", "/")]),
        "h2 upper case": answer(ok(WireField("X-Upper", "1"))),
        "h2 CRLF in a value": answer(ok(WireField("x", "a\r\nset-cookie: poison"))),
        "h2 CRLF in a name": answer(ok(WireField("x\r\nset-cookie", "poison"))),
        "h2 NUL in a value": answer(ok(WireField("x", "a\0b"))),
        "h2 blank in a name": answer(ok(WireField("x y", "1"))),
        "h2 connection": answer(ok(WireField("connection", "close"))),
        "h2 transfer-encoding": answer(ok(WireField("transfer-encoding", "chunked"))),
        "h2 upgrade": answer(ok(WireField("upgrade", "h2c"))),
        "h2 length too large": answer(ok(WireField("content-length", "10")), "half"),
        "h2 length too small": answer(ok(WireField("content-length", "2")), "poison"),
        "h2 two lengths": answer(ok(WireField("content-length", "4"), WireField("content-length", "4")), "half"),
        "h2 length with a plus": answer(ok(WireField("content-length", "+4")), "half"),
        "h2 switch": answer([WireField(":status", "101")], "poison"),
        "h2 interim that ends": answer([WireField(":status", "103")]),
        "h2 interim storm": .frames { stream in
            Array(repeating: head(stream, [WireField(":status", "103")], ends: false), count: 5000)
        },
        "h2 body before the head": .frames { [HTTP2Frame(.data, flags: 1, stream: $0, Array("poison".utf8))] },
        "h2 second head": .frames { [head($0, ok(), ends: false), head($0, ok(WireField("x", "poison")), ends: false)] },
        "h2 status in the trailers": .frames { [head($0, ok(), ends: false), head($0, ok(), ends: true)] },
        "h2 huge head": .frames { stream in
            let block = FieldBlockCodec.encode(ok(WireField("x", String(repeating: "a", count: 1_000_000))))
            return pieces(stream, block)
        },
        "h2 continuations": .frames { stream in
            [HTTP2Frame(.headers, stream: stream, FieldBlockCodec.encode(ok()))]
                + Array(repeating: HTTP2Frame(.continuation, stream: stream), count: 5000)
        },
        "h2 bomb": .frames { stream in
            let entry: [UInt8] = [0x40] + FieldBlockCodec.string([120]) + FieldBlockCodec.string(Array(repeating: 97, count: 4000))
            return pieces(stream, FieldBlockCodec.encode(ok()) + entry + Array(repeating: 0xBE, count: 10_000))
        },
        "h2 push": .frames { stream in
            let promised = HTTP2Frame.word(2) + FieldBlockCodec.encode(WireHTTP2Client.get("h.test", "/pushed"))
            return [HTTP2Frame(.push, flags: HTTP2Frame.endHeaders, stream: stream, promised), head(stream, ok(), ends: true)]
        },
        "h2 body on stream 0": .frames { [HTTP2Frame(.data, stream: 0, [1]), head($0, ok(), ends: true)] },
        "h2 stream of its own": .frames { _ in [head(2, ok(), ends: true)] },
        "h2 reset": .frames { [HTTP2Frame(.reset, stream: $0, HTTP2Frame.word(1))] },
        "h2 GOAWAY": .frames { _ in [HTTP2Frame(.goAway, HTTP2Frame.word(0) + HTTP2Frame.word(0))] },
        "h2 window of zero": .frames { [HTTP2Frame(.windowUpdate, stream: $0, HTTP2Frame.word(0))] },
        "h2 short settings": .frames { _ in [HTTP2Frame(.settings, [0, 3, 0, 0, 0])] },
        "h2 table of HPACK": .frames { [HTTP2Frame(.headers, flags: HTTP2Frame.endHeaders | 1, stream: $0, [0xFF, 0xFF, 0xFF, 0xFF, 0x7F])] },
        "h2 plain HTTP/1": .raw("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison"),
    ]

    /// Answers that have no body whatever comes behind their head.
    static let http2Bodyless: [String: UpstreamScript] = [
        "h2 204 with a body": answer([WireField(":status", "204")], "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison"),
        "h2 304 with a body": answer([WireField(":status", "304")], "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison"),
        "h2 body": answer(ok(), "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison"),
    ]

    private static func ok(_ more: WireField...) -> [WireField] { [WireField(":status", "200")] + more }

    private static func head(_ stream: UInt32, _ fields: [WireField], ends: Bool) -> HTTP2Frame {
        HTTP2Frame(.headers, flags: HTTP2Frame.endHeaders | (ends ? 1 : 0), stream: stream, FieldBlockCodec.encode(fields))
    }

    private static func answer(_ fields: [WireField], _ body: String = "") -> UpstreamScript {
        .frames { stream in
            if body.isEmpty { return [head(stream, fields, ends: true)] }
            return [head(stream, fields, ends: false), HTTP2Frame(.data, flags: 1, stream: stream, Array(body.utf8))]
        }
    }

    /// A field block in frames of 16 KiB.
    private static func pieces(_ stream: UInt32, _ block: [UInt8]) -> [HTTP2Frame] {
        stride(from: 0, to: block.count, by: 16384).map { start in
            let end = min(block.count, start + 16384)
            let flags = end == block.count ? HTTP2Frame.endHeaders : 0
            let piece = Array(block[start..<end])
            return start == 0 ? HTTP2Frame(.headers, flags: flags, stream: stream, piece) : HTTP2Frame(.continuation, flags: flags, stream: stream, piece)
        }
    }
}
