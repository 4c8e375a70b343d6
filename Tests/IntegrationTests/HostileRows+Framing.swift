extension HostileRow {
    private static let smuggled = "GET /evil HTTP/1.1\r\nHost: h.test\r\n\r\n"
    private static let refusedCoding: Verdict = .refused([400, 501])

    /// Rows 1 to 6: two framings, or one that is none (RFC 9112 section 6).
    static let framing: [HostileRow] = [
        .post(1, "CL.TE", "Content-Length: 6\r\nTransfer-Encoding: chunked", "0\r\n\r\nG"),
        .post(2, "TE.CL", "Transfer-Encoding: chunked\r\nContent-Length: 4", "5c\r\n\(smuggled)\r\n0\r\n\r\n"),
        .post(3, "chunked twice", "Transfer-Encoding: chunked, chunked", "0\r\n\r\n", refusedCoding),
        .post(3, "empty before", "Transfer-Encoding: ,chunked", "0\r\n\r\n", refusedCoding),
        .post(3, "empty after", "Transfer-Encoding: chunked,", "0\r\n\r\n", refusedCoding),
        .post(3, "xchunked", "Transfer-Encoding: xchunked", "0\r\n\r\n", refusedCoding),
        .post(3, "parameter", "Transfer-Encoding: chunked;q=1", "0\r\n\r\n", refusedCoding),
        .post(3, "vertical tab", "Transfer-Encoding: \u{b}chunked", "0\r\n\r\n", refusedCoding),
        .post(3, "tab and a length", "Transfer-Encoding:\tchunked\r\nContent-Length: 4", "0\r\n\r\n"),
        .post(3, "identity", "Transfer-Encoding: identity", "", refusedCoding),
        .post(3, "gzip, chunked", "Transfer-Encoding: gzip, chunked", "0\r\n\r\n", refusedCoding),
        .post(3, "two fields", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "0\r\n\r\n", refusedCoding),
        .post(
            3, "two fields, the last identity", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
            "0\r\n\r\n", refusedCoding),
        .post(3, "quoted", "Transfer-Encoding: \"chunked\"", "0\r\n\r\n", refusedCoding),
        .post(3, "underscore", "Transfer_Encoding: chunked\r\nContent-Length: 5", "0\r\n\r\n"),
        .post(3, "capitals are the same token", "Transfer-Encoding: CHUNKED ", "5\r\nhello\r\n0\r\n\r\n", .served(1)),
        HostileRow(
            4, "chunked in HTTP/1.0", "POST /up HTTP/1.0\r\nHost: h.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        ),
        HostileRow(
            4, "chunked and a length in HTTP/1.0",
            "POST /up HTTP/1.0\r\nHost: h.test\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"),
        .post(5, "plus", "Content-Length: +5", "hello"),
        .post(5, "minus", "Content-Length: -1", "hello"),
        .post(5, "minus zero", "Content-Length: -0"),
        .post(5, "hexadecimal", "Content-Length: 0x10", "hello"),
        .post(5, "underscore", "Content-Length: 1_0", "hello"),
        .post(5, "blank inside", "Content-Length: 5 5", "hello"),
        .post(5, "list", "Content-Length: 5,6", "hello!"),
        .post(5, "list of the same", "Content-Length: 5, 5", "hello"),
        .post(5, "empty", "Content-Length:", "hello"),
        .post(5, "exponent", "Content-Length: 1e3", "hello"),
        .post(5, "too large for 64 bits", "Content-Length: 18446744073709551621", "hello"),
        .post(5, "too large for anything", "Content-Length: 99999999999999999999999999", "hello"),
        .post(5, "point", "Content-Length: 5.0", "hello"),
        .post(5, "leading zero is decimal", "Content-Length: 05", "hello", .served(1)),
        .post(6, "two that differ", "Content-Length: 5\r\nContent-Length: 6", "hello!"),
        .post(6, "two that do not", "Content-Length: 5\r\nContent-Length: 5", "hello"),
    ]

    /// Row 7: the body of a request that the proxy answers itself is never the next request. Row 8: expectations.
    static let bodies: [HostileRow] = [
        HostileRow(
            7, "body of a redirect",
            "POST /redirect HTTP/1.1\r\nHost: h.test\r\nContent-Length: \(smuggled.utf8.count)\r\n\r\n\(smuggled)",
            .answered([301])),
        HostileRow(
            7, "body of a direct response",
            "POST /direct HTTP/1.1\r\nHost: h.test\r\nContent-Length: \(smuggled.utf8.count)\r\n\r\n\(smuggled)",
            .answered([200])),
        HostileRow(
            7, "body of an OPTIONS",
            "OPTIONS /direct HTTP/1.1\r\nHost: h.test\r\nContent-Length: \(smuggled.utf8.count)\r\n\r\n\(smuggled)",
            .answered([200])),
        HostileRow(
            7, "body of a GET",
            "GET /direct HTTP/1.1\r\nHost: h.test\r\nContent-Length: \(smuggled.utf8.count)\r\n\r\n\(smuggled)",
            .answered([200])),
        HostileRow(
            7, "chunked body of a redirect",
            "GET /redirect HTTP/1.1\r\nHost: h.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", .answered([301])),
        HostileRow(
            7, "body of a forwarded GET",
            "GET /up HTTP/1.1\r\nHost: h.test\r\nContent-Length: \(smuggled.utf8.count)\r\n\r\n\(smuggled)", .served(1)),
        .post(8, "unknown expectation", "Expect: y 100-continue\r\nContent-Length: 5", "hello", .refused([400, 417])),
        .post(8, "expectation list", "Expect: 100-continue, y\r\nContent-Length: 5", "hello", .refused([400, 417])),
        .get(8, "expectation without a body", line: "Expect: 100-continue", .served(1)),
        HostileRow(
            8, "early answer, then the body as a request",
            "POST /direct HTTP/1.1\r\nHost: h.test\r\nExpect: 100-continue\r\nContent-Length: \(smuggled.utf8.count)\r\n\r\n\(smuggled)",
            .answered([200])),
    ]

    /// Rows 9 to 11: what is no line and no field (RFC 9112 sections 2.2 and 5).
    static let lines: [HostileRow] = [
        HostileRow(9, "bare LF", "GET /up HTTP/1.1\nHost: h.test\n\n"),
        HostileRow(9, "bare LF after a field", "GET /up HTTP/1.1\r\nHost: h.test\nX: y\r\n\r\n"),
        HostileRow(9, "bare LF that ends the head", "GET /up HTTP/1.1\r\nHost: h.test\r\n\n"),
        .get(9, "CR in a value", line: "X: va\rlue"),
        .get(9, "CR before CRLF", line: "X: value\r"),
        .get(9, "CR in a name", line: "X\rY: value"),
        .get(9, "NUL in a value", line: "X: va\0lue"),
        .get(9, "NUL in a name", line: "X\0: value"),
        .get(9, "control character in a value", line: "X: va\u{1}lue"),
        .get(9, "DEL in a value", line: "X: va\u{7f}lue"),
        .get(10, "obs-fold", line: "X: one\r\n two"),
        .get(10, "obs-fold with a tab", line: "X: one\r\n\ttwo"),
        .post(10, "obs-fold hides the coding", "Transfer-Encoding:\r\n chunked\r\nContent-Length: 5", "hello"),
        HostileRow(10, "obs-fold first", "GET /up HTTP/1.1\r\n Host: h.test\r\n\r\n"),
        .get(11, "Connection nominates Host", line: "Connection: host"),
        .get(
            11, "Connection nominates X-Forwarded-For",
            line: "X-Forwarded-For: 9.9.9.9\r\nConnection: x-forwarded-for"),
        .get(11, "Connection nominates a pseudo-header", line: "Connection: :path"),
        .get(11, "Connection nominates ten fields", line: "Connection: a, b, c, d, e, f, g, h, i, j"),
        .get(11, "Connection nominates nine fields", line: "Connection: a, b, c, d, e, f, g, h, i", .served(1)),
        .get(11, "blank before the colon", line: "X : y"),
        .post(11, "blank before the colon of a length", "Content-Length : 5", "hello"),
        .get(11, "empty name", line: ": y"),
        .get(11, "no colon", line: "nonsense"),
        .get(11, "parenthesis in a name", line: "X(y): z"),
        .get(11, "tab in a name", line: "X\tY: z"),
        .get(11, "not ASCII in a name", line: "X\u{e9}: z"),
        .get(11, "colon first, then a length", line: ":Content-Length: 5"),
    ]
}
