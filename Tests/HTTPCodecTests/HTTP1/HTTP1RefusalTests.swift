import HTTPCodec
import HTTPModel
import Testing

/// What must be refused, by the rows of the table of hostile inputs.
struct HTTP1RefusalTests {
    private static func post(_ fields: String, _ body: String = "") -> String {
        "POST / HTTP/1.1\r\nHost: h\r\n\(fields)\r\n\r\n\(body)"
    }

    static let framing: [(text: String, error: HTTP1Error)] = [
        // Content-Length with Transfer-Encoding, in either order.
        (post("Content-Length: 6\r\nTransfer-Encoding: chunked", "0\r\n\r\nG"), .contentLengthAndChunked),
        (
            post("Transfer-Encoding: chunked\r\nContent-Length: 3", "8\r\nSMUGGLED\r\n0\r\n\r\n"),
            .contentLengthAndChunked
        ),
        (post("Transfer-Encoding:\tchunked\r\nContent-Length: 3"), .contentLengthAndChunked),
        (post("Transfer-Encoding: gzip\r\nContent-Length: 3"), .contentLengthAndChunked),
        // Transfer-Encoding that is not exactly chunked.
        (post("Transfer-Encoding: chunked, chunked"), .invalidTransferEncoding),
        (post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), .invalidTransferEncoding),
        (post("Transfer-Encoding: ,chunked"), .invalidTransferEncoding),
        (post("Transfer-Encoding: chunked,"), .invalidTransferEncoding),
        (post("Transfer-Encoding:"), .invalidTransferEncoding),
        (post("Transfer-Encoding: chunked;q=1"), .invalidTransferEncoding),
        (post("Transfer-Encoding: \"chunked\""), .invalidTransferEncoding),
        (post("Transfer-Encoding: \u{0B}chunked"), .invalidFieldValue),
        (post("Transfer-Encoding: xchunked"), .unsupportedTransferEncoding),
        (post("Transfer-Encoding: identity"), .unsupportedTransferEncoding),
        (post("Transfer-Encoding: gzip, chunked"), .unsupportedTransferEncoding),
        (post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity"), .unsupportedTransferEncoding),
        (post("Transfer_Encoding: chunked"), .underscoreInFieldName),
        (post("content_length: 5"), .underscoreInFieldName),
        ("POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", .transferEncodingNotAllowed),
        // Content-Length that is no plain number, or stands twice.
        (post("Content-Length: +5"), .invalidContentLength), (post("Content-Length: -1"), .invalidContentLength),
        (post("Content-Length: -0"), .invalidContentLength), (post("Content-Length: 0x10"), .invalidContentLength),
        (post("Content-Length: 1_0"), .invalidContentLength), (post("Content-Length: 5 5"), .invalidContentLength),
        (post("Content-Length: 5,6"), .invalidContentLength), (post("Content-Length: 5, 5"), .invalidContentLength),
        (post("Content-Length:"), .invalidContentLength), (post("Content-Length: 1e3"), .invalidContentLength),
        (post("Content-Length: 5."), .invalidContentLength), (post("Content-Length: ５"), .invalidContentLength),
        (post("Content-Length: 9223372036854775808"), .invalidContentLength),
        (post("Content-Length: 18446744073709551621"), .invalidContentLength),
        (post("Content-Length: 00000000000000000005"), .invalidContentLength),
        (post("Content-Length: 5\r\nContent-Length: 6"), .duplicateContentLength),
        (post("Content-Length: 5\r\nContent-Length: 5"), .duplicateContentLength),
        // Nominations (RFC 9110 section 7.6.1) of what must reach the host as the proxies before said it.
        (post("Connection: host"), .wrongNomination), (post("Connection: close, X-Forwarded-For"), .wrongNomination),
        (post("Connection: x-forwarded-host"), .wrongNomination), (post("Connection: :path"), .wrongNomination),
        (post("Connection: a\r\nConnection: x-forwarded-proto"), .wrongNomination),
        (post("Connection: a, b, c, d, e\r\nConnection: f, g, h, i, close"), .wrongNomination),
        // Expectations, upgrades, CONNECT.
        (post("Expect: y 100-continue\r\nContent-Length: 1"), .unknownExpectation),
        (post("Expect: 200-ok"), .unknownExpectation),
        (post("Expect:"), .unknownExpectation), ("GET / HTTP/1.0\r\nExpect: x\r\n\r\n", .unknownExpectation),
        (post("Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 1"), .upgradeWithBody),
        (post("Connection: upgrade\r\nUpgrade: websocket\r\nTransfer-Encoding: chunked"), .upgradeWithBody),
        ("CONNECT h:1 HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n", .contentLengthNotAllowed),
        ("CONNECT h:1 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", .transferEncodingNotAllowed),
    ]

    static let lines: [(text: String, error: HTTP1Error)] = [
        // Line ends.
        ("GET / HTTP/1.1\nHost: h\n\n", .invalidLineEnd),
        ("GET / HTTP/1.1\r\nHost: h\nX: y\r\n\r\n", .invalidLineEnd),
        ("GET / HTTP/1.1\r\nHost: h\r\n\n", .invalidLineEnd),
        ("GET / HTTP/1.1\r\r\nHost: h\r\n\r\n", .invalidLineEnd),
        ("GET / HTTP/1.1\rHost: h\r\n\r\n", .invalidLineEnd),
        ("GET / HTTP/1.1\r\nHost: h\r\nX: va\rlue\r\n\r\n", .invalidLineEnd),
        ("GET / HTTP/1.1\r\nHost: h\r\nX: y\r\r\n\r\n", .invalidLineEnd),
        ("GET / HTTP/1.1\r\nHost: h\r\n\rX: y\r\n\r\n", .invalidLineEnd),
        ("\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", .invalidLineEnd),
        ("\rGET / HTTP/1.1\r\nHost: h\r\n\r\n", .invalidLineEnd),
        (String(repeating: "\r\n", count: 9) + "GET / HTTP/1.1\r\nHost: h\r\n\r\n", .invalidStartLine),
        // Control characters.
        ("GET / HTTP/1.1\r\nHost: h\r\nX: a\u{0}b\r\n\r\n", .invalidFieldValue),
        ("GET / HTTP/1.1\r\nHost: h\r\nX: a\u{7F}b\r\n\r\n", .invalidFieldValue),
        ("GET / HTTP/1.1\r\nHost: h\r\nX: a-value-longer-than-a-vector\u{1}\r\n\r\n", .invalidFieldValue),
        // Folding.
        ("GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n", .foldedField),
        ("GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:\r\n chunked\r\n\r\n", .foldedField),
        ("GET / HTTP/1.1\r\n Host: h\r\n\r\n", .foldedField),
        ("GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n\tb\r\n\r\n", .foldedField),
        // Names.
        ("GET / HTTP/1.1\r\nHost : h\r\n\r\n", .invalidFieldName),
        ("GET / HTTP/1.1\r\nHost: h\r\n: x\r\n\r\n", .invalidFieldName),
        ("GET / HTTP/1.1\r\nHost: h\r\nno-colon\r\n\r\n", .invalidFieldName),
        ("GET / HTTP/1.1\r\nHost: h\r\na\tb: x\r\n\r\n", .invalidFieldName),
        ("GET / HTTP/1.1\r\nHost: h\r\na(b): x\r\n\r\n", .invalidFieldName),
        ("GET / HTTP/1.1\r\nHost: h\r\n\u{E9}: x\r\n\r\n", .invalidFieldName),
        ("GET / HTTP/1.1\r\nHost: h\r\na\u{0}b: x\r\n\r\n", .invalidFieldName),
        ("GET / HTTP/1.1\r\nHost: h\r\n:path: /evil\r\n\r\n", .invalidFieldName),
        ("GET / HTTP/1.1\r\nHost\u{0}\u{0}: h\r\nX: a-long-line-behind-it\r\n\r\n", .invalidFieldName),
        ("GET / HTTP/1.1\r\nHost: h\r\nContent-Length\u{0}: 5\r\nX: a-long-line-behind-it\r\n\r\n", .invalidFieldName),
        // Host.
        ("GET / HTTP/1.1\r\nX: y\r\n\r\n", .missingHost),
        ("GET http://h/ HTTP/1.1\r\nX: y\r\n\r\n", .missingHost),
        ("GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", .invalidHost),
        ("GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n", .invalidHost),
        ("GET / HTTP/1.1\r\nHost:\r\n\r\n", .invalidHost),
        ("GET / HTTP/1.1\r\nHost: u@h\r\n\r\n", .invalidHost),
        ("GET / HTTP/1.1\r\nHost: h,i\r\n\r\n", .invalidHost),
        ("GET / HTTP/1.1\r\nHost: h i\r\n\r\n", .invalidHost),
        ("GET / HTTP/1.1\r\nHost: h:65536\r\n\r\n", .invalidHost),
        ("GET http://a/ HTTP/1.1\r\nHost: u@h\r\n\r\n", .invalidHost),
    ]

    static let startLines: [(text: String, error: HTTP1Error)] = [
        ("GET  / HTTP/1.1\r\n", .invalidTarget), (" GET / HTTP/1.1\r\n", .invalidMethod),
        ("GET\t/ HTTP/1.1\r\n", .invalidMethod),
        ("get / HTTP/1.1\r\n", .invalidMethod), ("FOO / HTTP/1.1\r\n", .invalidMethod),
        ("G\u{0}T / HTTP/1.1\r\n", .invalidMethod),
        ("\u{16}\u{3}\u{1} TLS\r\n", .invalidMethod), ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .invalidMethod),
        (String(repeating: "A", count: 65) + " / HTTP/1.1\r\n", .invalidMethod),
        ("GET /\r\n", .invalidStartLine), ("GET / \r\n", .invalidStartLine), ("GET / HTTP\r\n", .invalidStartLine),
        ("GET / HTTP/1.1 \r\n", .invalidStartLine), ("GET /  HTTP/1.1\r\n", .invalidStartLine),
        ("GET / HTTP/1.1x\r\n", .invalidStartLine), ("GET / http/1.1\r\n", .invalidStartLine),
        ("GET / HTTP/1,1\r\n", .invalidStartLine), ("GET / HTTP/11\r\n\r\n\r\n", .invalidStartLine),
        ("GET / HTTP/1.\r\n", .invalidStartLine), ("GET / HTTP/x.1\r\n", .invalidStartLine),
        ("GET / HTTP/2.0\r\n", .unsupportedVersion), ("GET / HTTP/1.2\r\n", .unsupportedVersion),
        ("GET / HTTP/0.9\r\n", .unsupportedVersion), ("GET / HTTP/3.0\r\n", .unsupportedVersion),
        ("GET x HTTP/1.1\r\n", .invalidTarget), ("GET * HTTP/1.1\r\n", .invalidTarget),
        ("GET h:80 HTTP/1.1\r\n", .invalidTarget),
        ("GET /#f HTTP/1.1\r\n", .invalidTarget), ("GET /a-path-longer-than-a-vector#f HTTP/1.1\r\n", .invalidTarget),
        ("GET /\u{E9} HTTP/1.1\r\n", .invalidTarget), ("GET /\u{1} HTTP/1.1\r\n", .invalidTarget),
        ("GET /\u{7F} HTTP/1.1\r\n", .invalidTarget), ("GET /a\\b HTTP/1.1\r\n", .invalidTarget),
        ("GET \\a HTTP/1.1\r\n", .invalidTarget), ("GET /a\tb HTTP/1.1\r\n", .invalidTarget),
        ("GET ftp://h/ HTTP/1.1\r\n", .invalidTarget), ("GET http:/h/ HTTP/1.1\r\n", .invalidTarget),
        ("GET http://h/a\\b HTTP/1.1\r\n", .invalidTarget), ("GET http:// HTTP/1.1\r\n", .invalidTarget),
        ("GET http:///x HTTP/1.1\r\n", .invalidHost), ("GET http://u@h/ HTTP/1.1\r\n", .invalidHost),
        ("GET http://h:x/ HTTP/1.1\r\n", .invalidHost), ("GET http://h,i/ HTTP/1.1\r\n", .invalidHost),
        ("OPTIONS *x HTTP/1.1\r\n", .invalidTarget), ("CONNECT / HTTP/1.1\r\n", .invalidTarget),
        ("CONNECT h HTTP/1.1\r\n", .invalidTarget), ("CONNECT http://h/ HTTP/1.1\r\n", .invalidTarget),
        ("CONNECT u@h:1 HTTP/1.1\r\n", .invalidTarget), ("CONNECT * HTTP/1.1\r\n", .invalidTarget),
    ]

    static let chunks: [(text: String, error: HTTP1Error)] = [
        ("0x5\r\nhello\r\n", .invalidChunk), ("+5\r\nhello\r\n", .invalidChunk), ("-5\r\nhello\r\n", .invalidChunk),
        ("5_0\r\n", .invalidChunk), (" 5\r\nhello\r\n", .invalidChunk), ("\r\nhello\r\n", .invalidChunk),
        (";x\r\n", .invalidChunk),
        ("00000000000000005\r\nhello\r\n", .invalidChunk), ("FFFFFFFFFFFFFFFF\r\nx", .invalidChunk),
        ("8000000000000000\r\nx", .invalidChunk), ("5g\r\nhello\r\n", .invalidChunk),
        ("5 5\r\nhello\r\n", .invalidChunk),
        ("5\r\nhelloX\r\n", .invalidChunk), ("5\r\nhello0\r\n\r\n", .invalidChunk),
        ("5\r\nhello\n0\r\n\r\n", .invalidChunk),
        ("5\nhello\r\n", .invalidChunk), ("5\rhello", .invalidChunk), ("5\r\r\nhello", .invalidChunk),
        ("5;\nX\r\nhello\r\n", .invalidChunk), ("5;a=b\r\r\nhello", .invalidChunk), ("5\r\r;x\r\nhello", .invalidChunk),
        ("5;a\u{0}\r\nhello", .invalidChunk), ("5;a\u{7F}\r\nhello", .invalidChunk),
        ("5\u{0B}\r\nhello", .invalidChunk),
        ("0\r\nX: y\n\r\n", .invalidLineEnd), ("0\r\n\n", .invalidLineEnd), ("0\r\n X: y\r\n\r\n", .foldedField),
        ("0\r\nX : y\r\n\r\n", .invalidFieldName), ("0\r\nX: \u{0}\r\n\r\n", .invalidFieldValue),
        ("0\r\nGET / HTTP/1.1\r\n\r\n", .invalidFieldName),
    ]

    @Test("what frames a message in two ways is refused", arguments: framing.indices)
    func refusesFraming(index: Int) {
        #expect(requestError(Self.framing[index].text) == Self.framing[index].error)
    }

    @Test(
        "line ends, folds, control characters, names and hosts that peers read differently are refused",
        arguments: lines.indices)
    func refusesLines(index: Int) {
        #expect(requestError(Self.lines[index].text) == Self.lines[index].error)
    }

    @Test("a start line that is none is refused", arguments: startLines.indices)
    func refusesStartLine(index: Int) {
        let (text, error) = Self.startLines[index]
        #expect(requestError(text + "Host: h\r\n\r\n") == error)
    }

    @Test("broken chunk framing is refused", arguments: chunks.indices)
    func refusesChunks(index: Int) {
        let (text, error) = Self.chunks[index]
        #expect(requestError(Self.post("Transfer-Encoding: chunked", text)) == error)
    }

    @Test("a message that is refused whole is refused with the same error byte by byte")
    func refusesInPieces() {
        let all =
            Self.framing + Self.lines + Self.startLines.map { ($0.text + "Host: h\r\n\r\n", $0.error) }
            + Self.chunks.map { (Self.post("Transfer-Encoding: chunked", $0.text), $0.error) }
        for (text, error) in all {
            let bytes = Array(text.utf8)
            let events = parse(.request, bytes, pieces: Array(0..<bytes.count))
            #expect(events.last == "failed \(error)", "\(text)")
        }
    }

    @Test("a failed parser stays failed")
    func staysFailed() {
        var parser = HTTP1Parser(role: .request)
        var fields = HeaderBlock()
        func feed(_ text: String) -> HTTP1Step {
            Array(text.utf8).withUnsafeBytes { parser.next($0, into: &fields) }
        }
        #expect(feed("BROKEN\r\n").event == .failed(.invalidMethod))
        #expect(feed("GET / HTTP/1.1\r\nHost: h\r\n\r\n").event == .failed(.invalidMethod))
        let end = parser.endOfInput()
        #expect(end == .failed(.invalidMethod))
    }

    @Test("every error names a status and a reason")
    func errors() {
        for error in HTTP1Error.allCases {
            #expect([400, 417, 426, 431, 501, 505].contains(error.requestStatus))
            #expect(error.detail.utf8CodeUnitCount > 0)
        }
        #expect(HTTP1Error.unknownExpectation.requestStatus == 417)
        #expect(HTTP1Error.unsupportedTransferEncoding.requestStatus == 501)
        #expect(HTTP1Error.unsupportedVersion.requestStatus == 505)
        #expect(HTTP1Error.headTooLarge.requestStatus == 431)
    }
}
