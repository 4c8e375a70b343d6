import Bytes
import HTTPCodec
import HTTPModel
import Testing

/// Every bound, at it and one past it.
struct HTTP1LimitTests {
    private func request(fields: Int) -> String {
        "GET / HTTP/1.1\r\nHost: h\r\n" + (0..<fields).map { "x-\($0): \($0)\r\n" }.joined() + "\r\n"
    }

    @Test("100 fields are taken, 101 are refused")
    func fieldCount() {
        #expect(requestError(request(fields: 100)) == nil)
        #expect(requestError(request(fields: 101)) == .tooManyFields)
        #expect(requestError(request(fields: 10_000)) == .tooManyFields)
    }

    @Test(
        "a head of exactly the limit is taken, one byte more is refused, whole or byte by byte",
        arguments: [256, 60 * 1024])
    func headBytes(limit: Int) {
        var options = HTTP1Options()
        options.maximumHeadBytes = limit
        let frame = "GET / HTTP/1.1\r\nHost: h\r\nX: \r\n\r\n"
        let fits = Array(
            frame.replacingOctets("X: ", "X: " + String(repeating: "v", count: limit - frame.utf8.count)).utf8)
        #expect(fits.count == limit)
        #expect(parse(.request, fits, options: options).last == "end")
        let over = Array(String(decoding: fits, as: UTF8.self).replacingOctets("X: ", "X: v").utf8)
        #expect(parse(.request, over, options: options) == ["failed headTooLarge"])
        #expect(parse(.request, over + [1, 2, 3], options: options) == ["failed headTooLarge"])
        guard limit < 1024 else { return }
        #expect(parse(.request, fits, pieces: Array(0..<limit), options: options).last == "end")
        #expect(parse(.request, over, pieces: Array(0..<limit), options: options) == ["failed headTooLarge"])
    }

    @Test(
        "an endless line is refused at the limit",
        arguments: ["GET /", "GET / HTTP/1.1\r\nHost: h\r\nX: ", "GET / HTTP/1.1\r\nHost: h\r\nX"])
    func endlessLine(start: String) {
        #expect(requestError(start + String(repeating: "a", count: 70_000)) == .headTooLarge)
        #expect(requestError(start + String(repeating: "a", count: 1_000)) == nil)
    }

    @Test("trailers are bounded in bytes and in number")
    func trailers() {
        var options = HTTP1Options()
        options.maximumTrailerBytes = 64
        let head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
        let fits = "X: " + String(repeating: "v", count: 64 - 7) + "\r\n\r\n"
        #expect(requestError(head + fits, options: options) == nil)
        #expect(requestError(head + "X: v" + fits.dropFirst(3), options: options) == .trailersTooLarge)
        #expect(requestError(head + String(repeating: "v", count: 64), options: options) == .trailersTooLarge)
        #expect(requestError(head + (0..<101).map { "x-\($0): y\r\n" }.joined() + "\r\n") == .tooManyFields)
    }

    @Test("chunk extensions are bounded over the whole body")
    func chunkExtensions() {
        var options = HTTP1Options()
        options.maximumChunkExtensionBytes = 10
        let head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        #expect(requestError(head + "1;abcd\r\nx\r\n1;efgh\r\nx\r\n0\r\n\r\n", options: options) == nil)
        #expect(
            requestError(head + "1;abcd\r\nx\r\n1;efghi\r\nx\r\n0\r\n\r\n", options: options)
                == .chunkExtensionsTooLarge)
        #expect(
            requestError(head + "1 \t \t \t \t \t \r\nx\r\n0\r\n\r\n", options: options) == .chunkExtensionsTooLarge)
        #expect(requestError(head + "1;" + String(repeating: "e", count: 64 * 1024)) == .chunkExtensionsTooLarge)
    }

    @Test("32 interim responses are taken, 33 are refused")
    func informational() {
        let interim = "HTTP/1.1 102 P\r\n\r\n"
        let final = "HTTP/1.1 204 N\r\n\r\n"
        #expect(responseError(String(repeating: interim, count: 32) + final) == nil)
        #expect(responseError(String(repeating: interim, count: 33) + final) == .tooManyInformationalHeads)
    }

    @Test("a block of little room grows to what a head needs")
    func growth() {
        let text =
            "GET / HTTP/1.1\r\nHost: h\r\n"
            + (0..<90).map { "x-\($0): \(String(repeating: "v", count: 100 + $0))\r\n" }.joined() + "\r\n"
        var fields = HeaderBlock(fields: 4, bytes: 64)
        var parser = HTTP1Parser(role: .request)
        let bytes = Array(text.utf8)
        let step = bytes.withUnsafeBytes { parser.next($0, into: &fields) }
        #expect(step.consumed == bytes.count)
        do { let count = fields.count; #expect(count == 93) }
        do { let value = fields["x-89"]; #expect(value == String(repeating: "v", count: 189)) }
        let counted = fields.fields.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count }
        do { let byteCount = fields.byteCount; #expect(byteCount == counted) }
    }

    @Test("a head that comes byte by byte is looked at from the front again only when it has doubled")
    func linear() {
        var bytes = Array(request(fields: 100).utf8)
        var fields = HeaderBlock()
        var parser = HTTP1Parser(role: .request)
        func feed(_ size: Int) -> HTTP1Event {
            bytes.withUnsafeBytes { parser.next(UnsafeRawBufferPointer(rebasing: $0[..<size]), into: &fields).event }
        }
        #expect(feed(200) == .needMore)
        // A byte broken behind the parser's back shows when the front is read.
        let good = bytes[0]
        bytes[0] = 0
        for size in 201..<400 { #expect(feed(size) == .needMore) }
        bytes[0] = good
        #expect(feed(400) == .needMore)
        bytes[0] = 0
        #expect(feed(800) == .failed(.invalidMethod))
    }

    // MARK: Options

    @Test("each option changes what it says and nothing else")
    func options() {
        func with(_ change: (inout HTTP1Options) -> Void) -> HTTP1Options {
            var options = HTTP1Options()
            change(&options)
            return options
        }
        let bare = "\nGET / HTTP/1.1\nHost: h\r\nX: y\n\n"
        #expect(
            parseRequest(bare, options: with { $0.allowBareLF = true }) == [
                "head HTTP/1.1 none keepAlive | :method=GET; :path=/; :authority=h; x=y", "end",
            ])
        for pieces in [[5], Array(0..<bare.utf8.count)] {
            #expect(
                parse(.request, Array(bare.utf8), pieces: pieces, options: with { $0.allowBareLF = true }).last == "end"
            )
        }
        #expect(
            requestError("GET / HTTP/1.1\nHost: h\nX: a\rb\n\n", options: with { $0.allowBareLF = true })
                == .invalidLineEnd)
        #expect(
            requestError(
                "POST / HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n1\nx\n0\n\n",
                options: with { $0.allowBareLF = true }) == .invalidChunk)
        #expect(requestError("GET / HTTP/1.0\r\n\r\n", options: with { $0.acceptHTTP10 = false }) == .lowVersion)
        #expect(
            requestError("GET http://h/ HTTP/1.1\r\nHost: h\r\n\r\n", options: with { $0.allowAbsoluteURL = false })
                == .invalidTarget)
        #expect(
            requestError("FOO / HTTP/1.1\r\nHost: h\r\n\r\n", options: with { $0.allowCustomMethods = true }) == nil)
        #expect(
            requestError("GET /a\\b HTTP/1.1\r\nHost: h\r\n\r\n", options: with { $0.allowBackslashInPath = true })
                == nil)
        #expect(
            parseRequest(
                "POST / HTTP/1.1\r\nContent-Length: 3\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
                options: with { $0.allowChunkedLength = true })
                == [
                    "head HTTP/1.1 chunked hopByHop | :method=POST; :path=/; :authority=h; transfer-encoding=chunked",
                    "body x", "end",
                ])

        let under = "GET / HTTP/1.1\r\nHost: h\r\na_b: 1\r\nc: 2\r\n\r\n"
        #expect(requestError(under) == nil)
        #expect(requestError(under, options: with { $0.underscores = .rejectMessage }) == .underscoreInFieldName)
        #expect(
            parseRequest(under, options: with { $0.underscores = .dropField })
                == ["head HTTP/1.1 none keepAlive | :method=GET; :path=/; :authority=h; c=2", "end"])
    }
}
