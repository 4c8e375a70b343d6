import TestKit

/// What the upstream of the conformance tests answers; a request names its script in `x-script`.
enum ConformanceScripts {
    static func choose(_ request: WireMessage) -> UpstreamScript {
        all[request.values("x-script").first ?? ""] ?? ok
    }

    private static let ok = UpstreamScript.reply(200, [WireField("x-upstream", "one")], body: "hello")

    private static let all: [String: UpstreamScript] = [
        "chunked": ok.with { $0.framing = .chunked },
        "trailers": ok.with {
            $0.framing = .chunked
            $0.trailers = [WireField("x-checksum", "abc")]
        },
        "until-close": ok.with {
            $0.framing = .untilClose
            $0.ending = .close
        },
        "close": ok.with { $0.ending = .close },
        "no-content": .raw("HTTP/1.1 204 No Content\r\nx-upstream: one\r\n\r\n"),
        "not-modified": .raw("HTTP/1.1 304 Not Modified\r\netag: \"a\"\r\n\r\n"),
        "missing": .reply(404, body: "upstream has none"),
        "broken": .reply(503, body: "upstream is broken"),
        "hints": .raw("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"),
        "continue": .raw("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"),
        "reset": .raw("", then: .reset),
        "hang-up": .raw("", then: .close),
        "silent": .silent,
        "stuck": .raw("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf", then: .silence),
        "broken-off": .raw("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf", then: .close),
        "hop": .raw(
            "HTTP/1.1 200 OK\r\nconnection: x-private\r\nx-private: 1\r\nkeep-alive: timeout=5\r\ncontent-length: 2\r\n\r\nok"
        ),
        "server": .reply(
            200, [WireField("server", "upstream"), WireField("date", "Sun, 06 Nov 1994 08:49:37 GMT")], body: "ok"),
        "cookies": .reply(200, [WireField("set-cookie", "a=1"), WireField("set-cookie", "b=2")], body: "ok"),
        "kept": .reply(
            200,
            [WireField("x-kept", "theirs"), WireField("x-upstream", "one"), WireField("x-answer-level", "upstream")],
            body: "ok"),
        "upper": .raw("HTTP/1.1 200 OK\r\nX-Mixed-Case: Yes\r\nContent-Length: 2\r\n\r\nok"),
        "upgrade": .raw("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n").with {
            $0.echoes = true
        },
        "no-upgrade": .reply(200, body: "no"),
        "early": .reply(200, body: "early").with { $0.start = .afterHead },
        "grpc": grpc(
            .reply(200, [WireField("content-type", "application/grpc")], body: "\0\0\0\0\u{2}hi"), status: "0"),
        "grpc-only": .reply(200, [WireField("content-type", "application/grpc"), WireField("grpc-status", "5")]).with {
            $0.framing = .none
        },
        "garbage": .raw("SSH-2.0-OpenSSH\r\n\r\n"),
        "two-lengths": .raw("HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nokk"),
        "framed-twice": .raw("HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
    ]

    private static func grpc(_ script: UpstreamScript, status: String) -> UpstreamScript {
        script.with {
            $0.framing = .none
            $0.trailers = [WireField("grpc-status", status)]
        }
    }
}
