import HTTPCodec
import HTTPModel
import Testing

struct HTTP1RequestTests {
    /// Messages that are taken, and what is made of them.
    static let accepted: [(text: String, events: [String])] = [
        (
            "GET /a?b=c HTTP/1.1\r\nHost: h.example\r\nAccept: */*\r\n\r\n",
            ["head HTTP/1.1 none keepAlive | :method=GET; :path=/a?b=c; :authority=h.example; accept=*/*", "end"]
        ),
        (
            "\r\n\r\nGET / HTTP/1.1\r\nHOST:h\r\n\r\n",
            ["head HTTP/1.1 none keepAlive | :method=GET; :path=/; :authority=h", "end"]
        ),
        (
            "POST /p HTTP/1.1\r\ncontent-length: 5\r\nhost: h:8080\r\n\r\nhello",
            [
                "head HTTP/1.1 length(5) keepAlive | :method=POST; :path=/p; :authority=h:8080; content-length=5",
                "body hello", "end",
            ]
        ),
        (
            "POST / HTTP/1.1\r\nhost: h\r\nContent-Length: 010\r\n\r\n0123456789",
            [
                "head HTTP/1.1 length(10) keepAlive | :method=POST; :path=/; :authority=h; content-length=010",
                "body 0123456789", "end",
            ]
        ),
        (
            "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: \t chUNked \t\r\n\r\n5\r\nhello\r\n00001\r\n!\r\n0\r\n\r\n",
            [
                "head HTTP/1.1 chunked keepAlive hopByHop | :method=PUT; :path=/; :authority=h; transfer-encoding=chUNked",
                "body hello!", "end",
            ]
        ),
        (
            "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\na;x=\"y\";\r\n0123456789\r\n1 \t\r\nZ\r\n0;end\r\n\r\n",
            [
                "head HTTP/1.1 chunked keepAlive hopByHop | :method=PUT; :path=/; :authority=h; transfer-encoding=chunked",
                "body 0123456789Z", "end",
            ]
        ),
        (
            "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nA\r\n0\r\nX-Sum: 42\r\nHost: evil\r\nContent-Length: 9\r\nTransfer-Encoding: x\r\nAuthorization: y\r\n\r\n",
            [
                "head HTTP/1.1 chunked keepAlive hopByHop | :method=PUT; :path=/; :authority=h; transfer-encoding=chunked",
                "body A", "trailers | x-sum=42", "end",
            ]
        ),
        (
            "GET / HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\nConnection: x, Close\r\n\r\n",
            [
                "head HTTP/1.1 none keepAlive | :method=GET; :path=/; :authority=h", "end",
                "head HTTP/1.1 none hopByHop | :method=GET; :path=/2; :authority=h; connection=x, Close", "end",
            ]
        ),
        // HTTP/1.0: closes unless it asks, needs no Host.
        ("GET / HTTP/1.0\r\n\r\n", ["head HTTP/1.0 none | :method=GET; :path=/", "end"]),
        (
            "GET / HTTP/1.0\r\nX-A: 1\r\nConnection: Keep-Alive\r\n\r\n",
            ["head HTTP/1.0 none keepAlive hopByHop | :method=GET; :path=/; x-a=1; connection=Keep-Alive", "end"]
        ),
        // Absolute form wins over Host.
        (
            "GET HTTP://A.example:80/x?y HTTP/1.1\r\nHost: b.example\r\nX-A: 1\r\n\r\n",
            [
                "head HTTP/1.1 none keepAlive | :method=GET; :path=/x?y; :scheme=http; :authority=A.example:80; x-a=1",
                "end",
            ]
        ),
        (
            "GET https://a HTTP/1.1\r\nHost: a\r\n\r\n",
            ["head HTTP/1.1 none keepAlive | :method=GET; :path=/; :scheme=https; :authority=a", "end"]
        ),
        (
            "GET http://a?a-query-that-is-longer-than-one-vector HTTP/1.1\r\nHost: a\r\nX-Behind: ok\r\n\r\n",
            [
                "head HTTP/1.1 none keepAlive | :method=GET; :path=/?a-query-that-is-longer-than-one-vector; :scheme=http; :authority=a; x-behind=ok",
                "end",
            ]
        ),
        (
            "OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n",
            ["head HTTP/1.1 none keepAlive | :method=OPTIONS; :path=*; :scheme=http; :authority=a", "end"]
        ),
        (
            "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
            ["head HTTP/1.1 none keepAlive | :method=OPTIONS; :path=*; :authority=a", "end"]
        ),
        (
            "CONNECT a.example:443 HTTP/1.1\r\nHost: b.example\r\n\r\n",
            ["head HTTP/1.1 none connect | :method=CONNECT; :authority=a.example:443"]
        ),
        (
            "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n",
            ["head HTTP/1.1 none keepAlive head | :method=HEAD; :path=/; :authority=h", "end"]
        ),
        // 100-continue counts only where a body follows.
        (
            "PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\nx",
            [
                "head HTTP/1.1 length(1) keepAlive expectContinue | :method=PUT; :path=/; :authority=h; expect=100-Continue; content-length=1",
                "body x", "end",
            ]
        ),
        (
            "GET / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n\r\n",
            ["head HTTP/1.1 none keepAlive | :method=GET; :path=/; :authority=h; expect=100-continue", "end"]
        ),
        // Upgrades.
        (
            "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n",
            [
                "head HTTP/1.1 none keepAlive upgrade hopByHop | :method=GET; :path=/ws; :authority=h; connection=keep-alive, Upgrade; upgrade=websocket",
                "end",
            ]
        ),
        (
            "POST / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\nContent-Length: 1\r\n\r\nx",
            [
                "head HTTP/1.1 length(1) keepAlive hopByHop | :method=POST; :path=/; :authority=h; connection=Upgrade, HTTP2-Settings; upgrade=h2c; http2-settings=AA; content-length=1",
                "body x", "end",
            ]
        ),
        // Values: empty, blanks around, a tab within, bytes above 0x7F; names: rare bytes, long ones.
        (
            "GET / HTTP/1.1\r\nHost: h\r\nX-Empty:\r\nX-Blank: \t \r\nX-Tab: \ta\tb \t\r\nX-\u{00E9}\r\n\r\n"
                .replacingOctets("X-\u{00E9}\r\n", "X-Text: \u{00E9}\r\n"),
            [
                "head HTTP/1.1 none keepAlive | :method=GET; :path=/; :authority=h; x-empty=; x-blank=; x-tab=a\tb; x-text=\u{00E9}",
                "end",
            ]
        ),
        (
            "GET / HTTP/1.1\r\nHost: h\r\nX_Under!#$%&'*+.^`|~: 1\r\nX-A-Name-That-Is-Longer-Than-One-Vector-Of-Bytes: 2\r\nX-Forwarded-Client-Cert: 3\r\n\r\n",
            [
                "head HTTP/1.1 none keepAlive | :method=GET; :path=/; :authority=h; x_under!#$%&'*+.^`|~=1; x-a-name-that-is-longer-than-one-vector-of-bytes=2; x-forwarded-client-cert=3",
                "end",
            ]
        ),
        (
            "GET /q?back\\slash|{}\"<>^` HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
            ["head HTTP/1.1 none keepAlive | :method=GET; :path=/q?back\\slash|{}\"<>^`; :authority=[::1]:80", "end"]
        ),
    ]

    @Test("a good request gives its head, body, trailers and end", arguments: accepted.indices)
    func accepts(index: Int) {
        let (text, events) = Self.accepted[index]
        #expect(parseRequest(text) == events)
    }

    @Test(
        "wherever a good request is cut in two, and byte by byte, it gives the same events", arguments: accepted.indices
    )
    func splits(index: Int) {
        let (text, events) = Self.accepted[index]
        let bytes = Array(text.utf8)
        for cut in 0...bytes.count { #expect(parse(.request, bytes, pieces: [cut]) == events, "cut at \(cut)") }
        #expect(parse(.request, bytes, pieces: Array(0..<bytes.count)) == events)
    }

    @Test("a request that ends early fails wherever it ends")
    func truncation() {
        let text = "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\n"
        let bytes = Array(text.utf8)
        for size in 1..<bytes.count {
            let events = parse(.request, Array(bytes[..<size]), closes: true)
            #expect(events.last == "failed incomplete", "after \(size) bytes")
        }
        #expect(parse(.request, bytes, closes: true).last == "end")
        #expect(parse(.request, [], closes: true) == [])
    }
}

extension String {
    /// `self` with every `old` made `new`; without Foundation.
    func replacingOctets(_ old: String, _ new: String) -> String {
        split(separator: old, omittingEmptySubsequences: false).joined(separator: new)
    }
}
