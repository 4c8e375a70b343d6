import Bytes
import HTTPCodec
import HTTPModel
import Testing

struct HTTP1ResponseTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var text: String
        var toHead = false
        var toConnect = false
        var events: [String]
        var testDescription: String { text }
    }

    static let accepted: [Case] = [
        Case(
            text: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nServer: x\r\n\r\nhi",
            events: ["head HTTP/1.1 length(2) keepAlive | :status=200; content-length=2; server=x", "body hi", "end"]),
        Case(
            text: "HTTP/1.1 200\r\ncontent-length:0\r\n\r\n",
            events: ["head HTTP/1.1 length(0) keepAlive | :status=200; content-length=0", "end"]),
        Case(
            text: "HTTP/1.1 999 \r\ncontent-length:0\r\n\r\n",
            events: ["head HTTP/1.1 length(0) keepAlive | :status=999; content-length=0", "end"]),
        Case(
            text: "HTTP/1.1 200 Réa\tson\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\ngrpc-status: 0\r\n\r\n",
            events: [
                "head HTTP/1.1 chunked keepAlive hopByHop | :status=200; transfer-encoding=chunked", "body hi",
                "trailers | grpc-status=0", "end",
            ]),
        Case(
            text: "HTTP/1.1 200 OK\r\n\r\nall", events: ["head HTTP/1.1 untilClose | :status=200", "body all", "end"]),
        Case(
            text: "HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\nx",
            events: ["head HTTP/1.0 length(1) | :status=200; content-length=1", "body x", "end"]),
        Case(
            text: "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\ncontent-length: 1\r\n\r\nx",
            events: [
                "head HTTP/1.0 length(1) keepAlive hopByHop | :status=200; connection=keep-alive; content-length=1",
                "body x", "end",
            ]),
        Case(
            text: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", toHead: true,
            events: ["head HTTP/1.1 none keepAlive head | :status=200; content-length=5", "end"]),
        Case(
            text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", toHead: true,
            events: ["head HTTP/1.1 none keepAlive hopByHop head | :status=200; transfer-encoding=chunked", "end"]),
        Case(text: "HTTP/1.1 204 No Content\r\n\r\n", events: ["head HTTP/1.1 none keepAlive | :status=204", "end"]),
        Case(
            text: "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
            events: ["head HTTP/1.1 none keepAlive | :status=304; content-length=9", "end"]),
        Case(
            text:
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\ny",
            events: [
                "head HTTP/1.1 none keepAlive informational | :status=100",
                "head HTTP/1.1 none keepAlive informational | :status=103; link=x",
                "head HTTP/1.1 length(1) hopByHop | :status=200; connection=close; content-length=1", "body y", "end",
            ]),
        Case(
            text: "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
            events: [
                "head HTTP/1.1 none keepAlive upgrade hopByHop | :status=101; connection=upgrade; upgrade=websocket",
                "end",
            ]),
        Case(
            text: "HTTP/1.1 200 OK\r\n\r\n", toConnect: true,
            events: ["head HTTP/1.1 none keepAlive connect | :status=200", "end"]),
        Case(
            text: "HTTP/1.1 403 No\r\nContent-Length: 1\r\n\r\nx", toConnect: true,
            events: ["head HTTP/1.1 length(1) keepAlive connect | :status=403; content-length=1", "body x", "end"]),
    ]

    @Test("a good response gives its events wherever it is cut, and byte by byte", arguments: accepted)
    func accepts(_ test: Case) {
        let bytes = Array(test.text.utf8)
        func events(_ pieces: [Int]) -> [String] {
            let events = parse(
                .response, bytes, toHead: test.toHead, toConnect: test.toConnect, pieces: pieces, closes: true)
            return events
        }
        #expect(events([]) == test.events)
        for cut in 0...bytes.count { #expect(events([cut]) == test.events, "cut at \(cut)") }
        #expect(events(Array(0..<bytes.count)) == test.events)
    }

    static let refused: [(text: String, error: HTTP1Error)] = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", .contentLengthAndChunked),
        ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n", .duplicateContentLength),
        ("HTTP/1.1 200 OK\r\nContent-Length: 3, 3\r\n\r\n", .invalidContentLength),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", .unsupportedTransferEncoding),
        ("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", .transferEncodingNotAllowed),
        ("HTTP/1.1 204 No\r\nContent-Length: 1\r\n\r\nx", .contentLengthNotAllowed),
        ("HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n", .transferEncodingNotAllowed),
        ("HTTP/1.1 100 C\r\nContent-Length: 1\r\n\r\n", .contentLengthNotAllowed),
        ("HTTP/1.1 101 S\r\nTransfer-Encoding: chunked\r\n\r\n", .transferEncodingNotAllowed),
        // Bytes behind the end: the next response would be someone else's.
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 200 OK\r\n\r\n", .unexpectedData),
        ("HTTP/1.1 204 No\r\n\r\nx", .unexpectedData),
        ("HTTP/1.1 304 No\r\nContent-Length: 1\r\n\r\nx", .unexpectedData),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n0\r\n\r\n", .unexpectedData),
        // HTTP/0.9 and broken status lines.
        ("hello world, this is no head\r\n\r\n", .invalidStartLine), ("<html>\n", .invalidStartLine),
        ("\r\nHTTP/1.1 200 OK\r\n\r\n", .invalidStartLine),
        ("HTTP/1.1 20 OK\r\n\r\n", .invalidStartLine), ("HTTP/1.1 2000 OK\r\n\r\n", .invalidStartLine),
        ("HTTP/1.1 099 OK\r\n\r\n", .invalidStartLine), ("HTTP/1.1  200 OK\r\n\r\n", .invalidStartLine),
        ("HTTP/1.1 2x0 OK\r\n\r\n", .invalidStartLine), ("HTTP/1.1\r\n\r\n\r\n\r\n", .invalidStartLine),
        ("HTTP/2.0 200 OK\r\n\r\n", .unsupportedVersion),
        ("HTTP/1.1 200 O\u{0}K\r\n\r\n", .invalidStartLine), ("HTTP/1.1 200 O\rK\r\n\r\n", .invalidLineEnd),
        ("HTTP/1.1 200 OK\n\n", .invalidLineEnd), ("HTTP/1.1 200 OK\r\nA B: x\r\n\r\n", .invalidFieldName),
        ("HTTP/1.1 200 OK\r\nA: x\r\n y\r\n\r\n", .foldedField),
    ]

    @Test("a response that two peers could read in two ways is refused", arguments: refused.indices)
    func refuses(index: Int) {
        #expect(responseError(Self.refused[index].text) == Self.refused[index].error)
    }

    @Test("2xx to CONNECT may not frame a body")
    func connectBody() {
        #expect(
            responseError("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", toConnect: true) == .contentLengthNotAllowed)
        #expect(
            responseError("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", toConnect: true)
                == .transferEncodingNotAllowed)
    }

    @Test("bytes that come while no response is due are a fault, and so is an end while one is")
    func unsolicited() {
        var driver = HTTP1Driver(.response)
        driver.feed("HTTP/1.1 408 Request Timeout\r\n\r\n".utf8)
        do { let failure = driver.failure; #expect(failure == .unexpectedData) }

        var quiet = HTTP1Parser(role: .response)
        do { let event = quiet.endOfInput(); #expect(event == .needMore) }
        quiet.expectResponse()
        do { let idle = quiet.isIdle; #expect(!idle) }
        do { let event = quiet.endOfInput(); #expect(event == .failed(.incomplete)) }
    }

    @Test("after 101 nothing is read until the tunnel begins; then all is body")
    func tunnel() {
        var driver = HTTP1Driver(.response)
        driver.parser.expectResponse()
        driver.feed("HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nearly".utf8)
        do { let waiting = driver.unconsumed; #expect(waiting == 5) }
        driver.parser.becomeTunnel()
        driver.feed(" and late\r\n\r\n".utf8)
        driver.end()
        let log = driver.log
        #expect(
            log == [
                "head HTTP/1.1 none keepAlive upgrade hopByHop | :status=101; connection=upgrade; upgrade=x",
                "body early and late\r\n\r\n", "end",
            ])
    }

    @Test("a CONNECT request's early bytes wait for the tunnel")
    func earlyConnectData() {
        var driver = HTTP1Driver(.request)
        driver.feed("CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\n\r\n".utf8)
        do { let waiting = driver.unconsumed; #expect(waiting == 18) }
        driver.parser.becomeTunnel()
        driver.feed([])
        driver.end()
        let log = driver.log
        #expect(
            log == [
                "head HTTP/1.1 none connect | :method=CONNECT; :authority=h:1", "body GET / HTTP/1.1\r\n\r\n", "end",
            ])
    }

    @Test("the connection can be used again: two responses, one after the other")
    func reuse() {
        var driver = HTTP1Driver(.response)
        for _ in 0..<2 {
            do { let idle = driver.parser.isIdle; #expect(idle) }
            driver.parser.expectResponse()
            driver.feed("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx".utf8)
        }
        let count = driver.log.count
        #expect(count == 6)
    }
}
