extension HostileRow {
    /// Rows 12 to 14: chunks, their extensions, and trailers (RFC 9112 section 7.1).
    static let chunks: [HostileRow] = [
        .chunked(12, "0x", "0x5\r\nhello\r\n0\r\n\r\n"),
        .chunked(12, "plus", "+5\r\nhello\r\n0\r\n\r\n"),
        .chunked(12, "minus", "-5\r\nhello\r\n0\r\n\r\n"),
        .chunked(12, "underscore", "5_0\r\nhello\r\n0\r\n\r\n"),
        .chunked(12, "blank before", " 5\r\nhello\r\n0\r\n\r\n"),
        .chunked(12, "17 digits", "00000000000000005\r\nhello\r\n0\r\n\r\n"),
        .chunked(12, "too large", "fffffffffffffffff\r\nhello\r\n0\r\n\r\n"),
        .chunked(12, "empty", "\r\nhello\r\n0\r\n\r\n"),
        .chunked(12, "rubbish after", "5 x\r\nhello\r\n0\r\n\r\n"),
        .chunked(12, "more data than said", "5\r\nhello!!\r\n0\r\n\r\n"),
        .chunked(12, "no CRLF after the data", "5\r\nhello0\r\n\r\n"),
        .chunked(12, "bare LF after the size", "5\nhello\r\n0\r\n\r\n"),
        .chunked(12, "bare LF after the data", "5\r\nhello\n0\r\n\r\n"),
        .chunked(12, "bare CR after the size", "5\rhello\r\n0\r\n\r\n"),
        .chunked(13, "LF in an extension", "5;\nX\r\nhello\r\n0\r\n\r\n"),
        .chunked(13, "CR in an extension", "5;a=b\r\rhello\r\n0\r\n\r\n"),
        .chunked(13, "CR before the semicolon", "5\r\r;\r\nhello\r\n0\r\n\r\n"),
        .chunked(13, "control character in an extension", "5;a=\u{1}\r\nhello\r\n0\r\n\r\n"),
        .chunked(13, "64 KiB of extension", "5;a=" + String(repeating: "b", count: 65536) + "\r\nhello\r\n0\r\n\r\n"),
        .chunked(
            13, "tiny chunks with large extensions",
            String(repeating: "1;" + String(repeating: "x", count: 64) + "\r\na\r\n", count: 1000) + "0\r\n\r\n"),
        .chunked(13, "an extension is dropped", "5;name=value\r\nhello\r\n0\r\n\r\n", .served(1)),
        .chunked(
            14, "field of framing in the trailers",
            "5\r\nhello\r\n0\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nHost: evil.test\r\nAuthorization: x\r\n\r\n",
            .served(1)),
        .chunked(
            14, "64 KiB of trailers", "5\r\nhello\r\n0\r\nx: " + String(repeating: "a", count: 65536) + "\r\n\r\n"),
        .chunked(
            14, "a thousand trailers", "5\r\nhello\r\n0\r\n" + String(repeating: "x: y\r\n", count: 1000) + "\r\n"),
        .chunked(14, "malformed trailer", "5\r\nhello\r\n0\r\nnonsense\r\n\r\n"),
    ]

    /// Row 16: targets, versions, methods and hosts (RFC 9112 section 3).
    static let targets: [HostileRow] = [
        .target("authority without CONNECT", "h.test:80"),
        .target("asterisk for GET", "*"),
        .target("fragment", "/up#part"),
        .target("blank", "/up /more"),
        .target("tab", "/up\tmore"),
        .target("control character", "/up\u{1}"),
        .target("NUL", "/up\0"),
        .target("not ASCII", "/\u{e9}"),
        .target("backslash", "/up\\more"),
        .target("empty", ""),
        .target("relative", "up"),
        .target("absolute with user information", "http://user@h.test/up"),
        .target("absolute with an empty host", "http:///up"),
        .target("absolute with a comma", "http://a.test,b.test/up"),
        .target("absolute of another scheme", "ftp://h.test/up"),
        HostileRow(16, "no Host", "GET /up HTTP/1.1\r\n\r\n"),
        HostileRow(16, "two Hosts", "GET /up HTTP/1.1\r\nHost: h.test\r\nHost: evil.test\r\n\r\n"),
        HostileRow(16, "the same Host twice", "GET /up HTTP/1.1\r\nHost: h.test\r\nHost: h.test\r\n\r\n"),
        HostileRow(16, "empty Host", "GET /up HTTP/1.1\r\nHost:\r\n\r\n"),
        HostileRow(16, "user information in Host", "GET /up HTTP/1.1\r\nHost: user@h.test\r\n\r\n"),
        HostileRow(16, "path in Host", "GET /up HTTP/1.1\r\nHost: h.test/x\r\n\r\n"),
        HostileRow(16, "comma in Host", "GET /up HTTP/1.1\r\nHost: a.test,b.test\r\n\r\n"),
        HostileRow(16, "version HTTP/1.2", "GET /up HTTP/1.2\r\nHost: h.test\r\n\r\n", .refused([400, 505])),
        HostileRow(16, "version HTTP/9", "GET /up HTTP/9\r\nHost: h.test\r\n\r\n", .refused([400, 505])),
        HostileRow(16, "version in lower case", "GET /up http/1.1\r\nHost: h.test\r\n\r\n", .refused([400, 505])),
        HostileRow(16, "rubbish after the version", "GET /up HTTP/1.1x\r\nHost: h.test\r\n\r\n", .refused([400, 505])),
        HostileRow(16, "no version", "GET /up\r\nHost: h.test\r\n\r\n", .refused([400, 505])),
        HostileRow(16, "no method", " /up HTTP/1.1\r\nHost: h.test\r\n\r\n"),
        HostileRow(16, "parenthesis in the method", "G(T /up HTTP/1.1\r\nHost: h.test\r\n\r\n"),
        HostileRow(16, "method that Envoy does not take", "M-SEARCH /up HTTP/1.1\r\nHost: h.test\r\n\r\n"),
        HostileRow(16, "method of WebDAV", "PROPFIND /up HTTP/1.1\r\nHost: h.test\r\n\r\n", .served(1)),
        HostileRow(16, "two blanks", "GET  /up HTTP/1.1\r\nHost: h.test\r\n\r\n"),
        HostileRow(16, "TLS on the plaintext port", "\u{16}\u{3}\u{1}\u{0}\u{a5}\u{1}\0\0\u{a1}\r\n\r\n"),
        HostileRow(16, "rubbish", String(repeating: "\u{ff}\u{fe}", count: 200) + "\r\n\r\n"),
        HostileRow(
            35, "one header line of 1 MB",
            "GET /up HTTP/1.1\r\nHost: h.test\r\nx: " + String(repeating: "a", count: 1 << 20) + "\r\n\r\n",
            .refused([400, 431])),
        HostileRow(
            35, "10,000 headers",
            "GET /up HTTP/1.1\r\nHost: h.test\r\n" + String(repeating: "x: y\r\n", count: 10000) + "\r\n",
            .refused([400, 431])),
        HostileRow(
            35, "path of 1 MB", "GET /" + String(repeating: "a", count: 1 << 20) + " HTTP/1.1\r\nHost: h.test\r\n\r\n",
            .refused([400, 414, 431])),
    ]

    /// Row 18: upgrades that nobody configured.
    static let upgrades: [HostileRow] = [
        .get(
            18, "WebSocket that is not configured", line: "Connection: Upgrade\r\nUpgrade: websocket", .answered([403])),
        .get(
            18, "h2c",
            line: "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA",
            .served(1)),
        .get(18, "TLS", line: "Connection: Upgrade\r\nUpgrade: TLS/1.0", .answered([403])),
        .post(
            18, "with a body", "Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 34",
            "GET /evil HTTP/1.1\r\nHost: h.test\r\n\r\n"),
        HostileRow(
            18, "CONNECT",
            "CONNECT h.test:80 HTTP/1.1\r\nHost: h.test:80\r\n\r\nGET /evil HTTP/1.1\r\nHost: h.test\r\n\r\n",
            .answered([404])),
    ]

    static let all = framing + bodies + lines + chunks + targets + upgrades
}
