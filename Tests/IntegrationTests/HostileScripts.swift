import TestKit

/// What the upstreams of the hostile tests answer; a request names its script in `x-script`.
enum HostileScripts {
    static func choose(_ request: WireMessage) -> UpstreamScript {
        let name = request.values("x-script").first ?? ""
        return responses[name] ?? others[name] ?? .reply(200, body: "hello")
    }

    /// Row 17: what no upstream may say. All of them are answered with 502 or broken off, and never used again.
    static let responses: [String: UpstreamScript] = [
        "framed-twice": .raw(
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
        "two-lengths": .raw("HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello!"),
        "bad-length": .raw("HTTP/1.1 200 OK\r\ncontent-length: +5\r\n\r\nhello"),
        "unknown-coding": .raw("HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
        "http-0.9": .raw("<html>hello</html>\r\n\r\n", then: .close),
        "bad-status": .raw("HTTP/1.1 20 OK\r\ncontent-length: 0\r\n\r\n"),
        "long-status": .raw("HTTP/1.1 2000 OK\r\ncontent-length: 0\r\n\r\n"),
        "bad-version": .raw("HTTP/3.1 200 OK\r\ncontent-length: 0\r\n\r\n"),
        "bad-name": .raw("HTTP/1.1 200 OK\r\nx y: 1\r\ncontent-length: 0\r\n\r\n"),
        "nul-value": .raw("HTTP/1.1 200 OK\r\nx: a\0b\r\ncontent-length: 0\r\n\r\n"),
        "bare-cr": .raw("HTTP/1.1 200 OK\r\nx: a\rb\r\ncontent-length: 0\r\n\r\n"),
        "huge-head": .raw("HTTP/1.1 200 OK\r\nx: " + String(repeating: "a", count: 1_000_000) + "\r\n\r\n"),
        "interim-storm": .raw(String(repeating: "HTTP/1.1 103 Early Hints\r\n\r\n", count: 5000)),
        "bad-chunk": .raw("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n"),
        "early-switch": .raw("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n"),
    ]

    private static let others: [String: UpstreamScript] = [
        "extra": .raw(
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison"),
        "204-with-body": .raw("HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison"),
        "304-with-body": .raw(
            "HTTP/1.1 304 Not Modified\r\ncontent-length: 6\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison"),
        "early": UpstreamScript.reply(200, body: "early").with { $0.start = .afterHead },
        "framed": UpstreamScript.reply(200).with {
            $0.body = HTTP2Frame(.goAway, HTTP2Frame.word(0) + HTTP2Frame.word(0)).bytes
        },
        "early-end": UpstreamScript.reply(200, body: "early").with {
            $0.start = .afterHead
            $0.resetsAfterwards = true
        },
        "silent": .silent,
        "large": UpstreamScript.reply(200).with { $0.body = large },
        "broken-off": .raw("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf", then: .close),
    ]

    /// 64 MiB.
    static let large = [UInt8](repeating: 120, count: 64 << 20)
}
