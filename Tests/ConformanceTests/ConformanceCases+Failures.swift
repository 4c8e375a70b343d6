import TestKit

extension ConformanceCase {
    /// What goes wrong, and what the client, the log and the counters say then.
    static let failures: [ConformanceCase] = [
        .get("no route", "/none", host: "match.test"),
        .get("no route: POST", "/none", host: "match.test", method: "POST", body: "x"),
        .get("no healthy host", "/empty"),
        .get("connection refused", "/refused"),
        .get("connect timeout", "/hole"),
        .get("overflow", "/full"),
        .get("overflow: max_requests", "/no-requests"),
        .get("overflow: max_connections, and the one that each pool may have", "/no-connections"),
        .get("upstream connection of one request", "/once"),
        .get("upstream resets", "/rest", method: "POST", script: "reset"),
        .get("upstream hangs up", "/rest", method: "POST", script: "hang-up"),
        .get("upstream breaks off in the body", "/rest", script: "broken-off"),
        .get("upstream says garbage", "/rest", script: "garbage"),
        .get("upstream says two lengths", "/rest", script: "two-lengths"),
        .get("upstream frames twice", "/rest", script: "framed-twice"),
        .get("route timeout", "/short", script: "silent"),
        .get("route idle timeout", "/idle", script: "silent"),
        .get("stream idle timeout", "/rest", .timeouts, script: "silent"),
        .get("route timeout in the body", "/short", script: "stuck"),
        .get("route idle timeout in the body", "/idle", script: "stuck"),
        .get("stream idle timeout in the body", "/rest", .timeouts, script: "stuck"),
        ConformanceCase("request headers timeout", .timeouts, raw: "GET /rest HTTP/1.1\r\nHost: a"),
        ConformanceCase(
            "request timeout", .timeouts, raw: "POST /rest HTTP/1.1\r\nHost: act.test\r\ncontent-length: 5\r\n\r\nab"),
        .get("upstream 404", "/rest", script: "missing"),
        .get("upstream 503", "/rest", script: "broken"),
        .get("local reply: mapped", "/none", .replies, host: "match.test"),
        .get("local reply: format", "/empty", .replies),
        .get("local reply: JSON", "/empty", .replies, with: ["x-map: json"]),
        .get("local reply: no body to format", "/none", .replies, with: ["x-map: typed"]),
        .get("local reply: format with a type of its own", "/direct", .replies, with: ["x-map: typed"]),
        .get("local reply: field for the type", "/direct", .replies, with: ["x-map: own"]),
        .get("local reply: nothing left", "/direct", .replies, with: ["x-map: empty"]),
        .get("local reply: HEAD", "/empty", .replies, method: "HEAD"),
        .get("local reply: redirect", "/to/host", .replies),
        .get(
            "local reply: mapped gRPC", "/none", .replies, host: "match.test", method: "POST",
            with: ["content-type: application/grpc"], body: "x"),
        .get("direct response: format", "/direct-format"),
        .get("direct response: JSON", "/direct-json"),
        .get("direct response: format and local reply", "/direct-format", .replies),
        .get("stream duration: connection manager", "/rest", .capped, script: "silent"),
        ConformanceCase(
            "stream duration: request under way", .capped,
            raw: "POST /rest HTTP/1.1\r\nHost: act.test\r\ncontent-length: 5\r\n\r\nab"),
        .get("stream duration: route", "/duration", script: "silent"),
        .get("stream duration: connection manager, in the body", "/rest", .capped, script: "stuck"),
        .get("stream duration: route, in the body", "/duration", script: "stuck"),
        .get("stream duration: cluster, in the body", "/bounded", script: "stuck"),
        .get("stream duration: none by the route", "/unlimited", .capped),
        .get("stream duration: kept", "/duration"),
        .get("stream duration: cluster", "/bounded", script: "silent"),
        .get("grpc-timeout: asked", "/grpc-duration", script: "silent", with: ["grpc-timeout: 250m"]),
        .get("grpc-timeout: above the limit", "/grpc-duration", script: "silent", with: ["grpc-timeout: 5S"]),
        .get("grpc-timeout: answered", "/grpc-duration", with: ["grpc-timeout: 2S"]),
        .get("grpc-timeout: without the route's leave", "/rest", with: ["grpc-timeout: 100m"]),
        .get(
            "timeout: by header", "/rest", .trusting, script: "silent",
            with: ["x-envoy-upstream-rq-timeout-ms: 200"]),
        .get("timeout: by header from outside", "/short", .edge, script: "silent", with: ["x-envoy-upstream-rq-timeout-ms: 5000"]),
        .get("timeout: by header, no number", "/short", .trusting, script: "silent", with: ["x-envoy-upstream-rq-timeout-ms: soon"]),
        .get("timeout: none by header", "/short", .trusting, with: ["x-envoy-upstream-rq-timeout-ms: 0"]),
        .get("body: larger than the connection's limit", "/rest", .buffered, method: "POST", body: String(repeating: "a", count: 4000)),
        .get("body: larger than the connection's limit, as the route says", "/large", .buffered, method: "POST", body: String(repeating: "a", count: 4000)),
        .get("body: larger than the route's limit", "/large", .buffered, method: "POST", body: String(repeating: "a", count: 9000)),
        .get("malformed path: stream only", "/rest%2fadmin", .lenient, host: "match.test"),
        .get("runtime: fractions", "/share"),
        .get("local reply: upstream answers are not local", "/rest", .replies, script: "missing"),
        .get("local reply: gRPC", "/empty", method: "POST", with: ["content-type: application/grpc"], body: "x"),
        .get(
            "local reply: gRPC not found", "/none", host: "match.test", method: "POST",
            with: ["content-type: application/grpc"], body: "x"),
        .get("head: too many fields", "/rest", .limits, fields: 30),
        .get("head: too large", "/rest", .limits, with: ["x-big: " + String(repeating: "a", count: 9000)]),
        .get("method: unknown", "/rest", method: "BREW"),
        ConformanceCase("version: HTTP/1.0 refused", raw: "GET /rest HTTP/1.0\r\nHost: act.test\r\n\r\n"),
        ConformanceCase("no Host", raw: "GET /rest HTTP/1.1\r\n\r\n"),
        .get("connect: not configured", "act.test:80", method: "CONNECT"),
    ]

    private static func get(
        _ name: String, _ target: String, _ listener: ConformanceBootstrap.Listener, fields: Int
    ) -> ConformanceCase {
        let lines = (0..<fields).map { "x-\($0): \($0)\r\n" }.joined()
        return ConformanceCase(name, listener, raw: "GET \(target) HTTP/1.1\r\nHost: act.test\r\n\(lines)\r\n")
    }

    /// Framing, versions and upgrades.
    static let messages: [ConformanceCase] = [
        .get("body: length", "/rest", method: "POST", body: "some text"),
        ConformanceCase(
            "body: chunked",
            raw:
                "POST /rest HTTP/1.1\r\nHost: act.test\r\nTransfer-Encoding: chunked\r\n\r\n4;ext=1\r\nsome\r\n5\r\n text\r\n0\r\n\r\n"
        ),
        ConformanceCase(
            "body: chunked in capitals",
            raw: "POST /rest HTTP/1.1\r\nHost: act.test\r\nTransfer-Encoding: Chunked\r\n\r\n4\r\nsome\r\n0\r\n\r\n"),
        ConformanceCase(
            "body: request trailers dropped",
            raw:
                "POST /rest HTTP/1.1\r\nHost: act.test\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n0\r\nx-sum: 1\r\n\r\n"
        ),
        ConformanceCase(
            "body: request trailers passed", .trailers,
            raw:
                "POST /rest HTTP/1.1\r\nHost: act.test\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n0\r\nx-sum: 1\r\n\r\n"
        ),
        .get("body: on GET", "/rest", body: "read"),
        .get("body: length 0", "/rest", method: "POST", body: ""),
        .get("answer: chunked", "/rest", script: "chunked"),
        .get("answer: trailers dropped", "/rest", script: "trailers"),
        .get("answer: trailers passed", "/rest", .trailers, script: "trailers"),
        .get("answer: until the close", "/rest", script: "until-close"),
        .get("answer: upstream closes after it", "/rest", script: "close"),
        .get("answer: 204", "/rest", script: "no-content"),
        .get("answer: 304", "/rest", script: "not-modified"),
        .get("answer: to HEAD", "/rest", method: "HEAD"),
        .get("answer: chunked to HEAD", "/rest", method: "HEAD", script: "chunked"),
        .get("answer: 103 before it", "/rest", script: "hints"),
        .get("answer: 100 unasked", "/rest", script: "continue"),
        .get("answer: before the request ends", "/rest", method: "POST", script: "early", body: "late"),
        ConformanceCase(
            "answer: before the body came",
            raw: "POST /rest HTTP/1.1\r\nHost: act.test\r\nx-script: early\r\ncontent-length: 5\r\n\r\nab"),
        .get("connection: client asks to close", "/rest", with: ["connection: close"]),
        ConformanceCase(
            "connection: pipelined",
            raw:
                "GET /rest/1 HTTP/1.1\r\nHost: act.test\r\n\r\nPOST /rest/2 HTTP/1.1\r\nHost: act.test\r\ncontent-length: 2\r\n\r\nabGET /direct HTTP/1.1\r\nHost: act.test\r\n\r\n",
            answers: 3),
        ConformanceCase(
            "connection: one after the other", raw: "GET /rest/1 HTTP/1.1\r\nHost: act.test\r\n\r\n",
            "GET /none HTTP/1.1\r\nHost: match.test\r\n\r\n", answers: 2),
        ConformanceCase(
            "expect: 100-continue",
            raw: "POST /rest HTTP/1.1\r\nHost: act.test\r\nExpect: 100-continue\r\ncontent-length: 4\r\n\r\nbody"),
        ConformanceCase(
            "expect: another",
            raw: "POST /rest HTTP/1.1\r\nHost: act.test\r\nExpect: miracles\r\ncontent-length: 4\r\n\r\nbody"),
        ConformanceCase("old: HTTP/1.0", .old, raw: "GET /rest HTTP/1.0\r\nHost: act.test\r\n\r\n"),
        ConformanceCase("old: HTTP/1.0 without Host", .old, raw: "GET /rest HTTP/1.0\r\n\r\n"),
        ConformanceCase(
            "old: HTTP/1.0 kept alive", .old,
            raw: "GET /rest HTTP/1.0\r\nHost: act.test\r\nConnection: keep-alive\r\n\r\n"),
        ConformanceCase(
            "old: chunked answer to HTTP/1.0", .old,
            raw: "GET /rest HTTP/1.0\r\nHost: act.test\r\nx-script: chunked\r\n\r\n"),
        .get(
            "upgrade: accepted", "/rest", .upgrades, script: "upgrade",
            with: ["connection: Upgrade", "upgrade: websocket"]),
        .get(
            "upgrade: upstream declines", "/rest", .upgrades, script: "no-upgrade",
            with: ["connection: Upgrade", "upgrade: websocket"]),
        .get("upgrade: not configured", "/rest", with: ["connection: Upgrade", "upgrade: websocket"]),
        .get(
            "upgrade: allowed by the route", "/upgrade/yes", script: "upgrade",
            with: ["connection: Upgrade", "upgrade: websocket"]),
        .get(
            "upgrade: forbidden by the route", "/upgrade/no", .upgrades, script: "upgrade",
            with: ["connection: Upgrade", "upgrade: websocket"]),
        .get(
            "upgrade: no route", "/none", host: "match.test", with: ["connection: Upgrade", "upgrade: websocket"]),
        .get("upgrade: another token", "/rest", .upgrades, with: ["connection: Upgrade", "upgrade: h2c"]),
        ConformanceCase("crlf before the request", raw: "\r\n\r\nGET /rest HTTP/1.1\r\nHost: act.test\r\n\r\n"),
    ]

    /// HTTP/2 on either side.
    static let http2: [ConformanceCase] = [
        ConformanceCase(
            "h2 to h1", http2: request("GET", "/rest", [WireField("cookie", "a=1"), WireField("cookie", "b=2")])),
        ConformanceCase("h2 to h1: body", http2: request("POST", "/rest"), body: "some text"),
        ConformanceCase(
            "h2 to h1: trailers", http2: request("POST", "/rest"), body: "some", trailers: [WireField("x-sum", "1")]),
        ConformanceCase("h2 to h1: te trailers", http2: request("GET", "/rest", [WireField("te", "trailers")])),
        ConformanceCase(
            "h2 to h1: answer in chunks with trailers",
            http2: request("GET", "/rest", [WireField("x-script", "trailers")])),
        ConformanceCase("h2 to h1: HEAD", http2: request("HEAD", "/rest")),
        ConformanceCase(
            "h2 to h1: 103 before the answer", http2: request("GET", "/rest", [WireField("x-script", "hints")])),
        ConformanceCase("h2: no route", http2: request("GET", "/none", host: "match.test")),
        ConformanceCase("h2: redirect", http2: request("GET", "/to/host?a=b")),
        ConformanceCase(
            "h2: no healthy host, gRPC",
            http2: request("POST", "/empty", [WireField("content-type", "application/grpc")]), body: "x"),
        ConformanceCase(
            "h2: Host beside the authority", http2: request("GET", "/rest", [WireField("host", "other.test")])),
        ConformanceCase("h2 to h2", http2: request("GET", "/two")),
        ConformanceCase(
            "h2 to h2: gRPC",
            http2: request(
                "POST", "/two/s/m",
                [
                    WireField("content-type", "application/grpc"), WireField("te", "trailers"),
                    WireField("x-script", "grpc"),
                ]), body: "\0\0\0\0\u{2}hi"),
        ConformanceCase(
            "h2 to h2: gRPC in its head only",
            http2: request(
                "POST", "/two/s/m", [WireField("content-type", "application/grpc"), WireField("x-script", "grpc-only")]),
            body: "x"),
        ConformanceCase("h2 to h2: upstream resets", http2: request("GET", "/two", [WireField("x-script", "reset")])),
        ConformanceCase(
            "h2: malformed name ends the connection", http2: request("GET", "/rest", [WireField("X-Upper", "1")])),
        ConformanceCase(
            "h2: malformed name ends the stream", .lenient, http2: request("GET", "/rest", [WireField("X-Upper", "1")])),
        ConformanceCase(
            "h2: connection field", http2: request("GET", "/rest", [WireField("connection", "close")])),
        ConformanceCase("h2: no method", http2: Array(request("GET", "/rest").dropFirst())),
        .get("h1 to h2", "/two/a?b=c"),
        .get("upstream TLS: ALPN agrees on HTTP/2", "/loop-h2", host: "inner.test"),
        .get("upstream TLS: ALPN agrees on HTTP/1", "/loop-h1", host: "inner.test"),
        .get("upstream TLS: SNI of the request", "/loop-named", host: "inner.test:80"),
        .get("upstream TLS: certificate of another name", "/loop-named", host: "wrong.test"),
        .get("upstream TLS: SNI of a header", "/loop-header", host: "inner.test", with: ["x-server: header.test:1"]),
        .get("upstream TLS: SNI of a header that is missing", "/loop-header", host: "inner.test"),
        .get("upstream TLS: SNI of the host", "/loop-host", host: "inner.test"),
        .get("upstream TLS: untrusted", "/loop-untrusted", host: "inner.test"),
        .get("upstream TLS: untrusted accepted", "/loop-accepted", host: "inner.test"),
        .get("scheme: by x-forwarded-proto", "/two", with: ["x-forwarded-proto: https"]),
        .get("scheme: by a wrong x-forwarded-proto", "/two", with: ["x-forwarded-proto: ftp"]),
        .get("scheme: set", "/two", .schemed),
        .get("scheme: as upstream", "/two", .matched, with: ["x-forwarded-proto: https"]),
        ConformanceCase("scheme: set for HTTP/2", .schemed, http2: request("GET", "/two")),
        .get("h1 to h2: body", "/two", method: "POST", body: "some text"),
        .get("h1 to h2: HEAD", "/two", method: "HEAD"),
        .get("h1 to h2: trailers of the answer", "/two", .trailers, script: "grpc"),
        .get("h1 to h2: upstream resets", "/two", script: "reset"),
        .get("h1 to h2: timeout", "/two", script: "silent"),
    ]

    private static func request(_ method: String, _ path: String, _ more: [WireField] = [], host: String = "act.test")
        -> [WireField]
    {
        [
            WireField(":method", method), WireField(":scheme", "http"), WireField(":authority", host),
            WireField(":path", path),
        ] + more
    }

    static let all = routing + actions + forwarding + paths + failures + messages + http2
}
