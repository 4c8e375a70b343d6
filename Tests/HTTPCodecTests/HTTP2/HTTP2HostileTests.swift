import Bytes
import HTTPModel
import Testing

@testable import HTTPCodec

/// What a peer may not do to one stream: semantics that must not reach HTTP/1 behind us.
struct HTTP2HostileTests {
    static let get = [(":method", "GET"), (":scheme", "http"), (":authority", "a.test"), (":path", "/")]
    static let post = [(":method", "POST"), (":scheme", "http"), (":authority", "a.test"), (":path", "/")]

    struct Head: Sendable, CustomTestStringConvertible {
        let name: String
        let fields: [(String, String)]
        var testDescription: String { name }

        init(_ name: String, _ fields: [(String, String)]) {
            self.name = name
            self.fields = fields
        }

        /// A GET whose pseudo-header `name` has `value`, or none.
        init(_ name: String, _ value: String?) {
            self.name = "\(name) = \(value ?? "nothing")"
            fields = get.compactMap { $0.0 == name ? value.map { (name, $0) } : $0 }
        }

        /// A GET with one more field.
        init(extra name: String, _ value: String) {
            self.name = "\(name): \(value)"
            fields = get + [(name, value)]
        }
    }

    static let badHeads: [Head] = [
        // Row 20: what HTTP/1 would read as framing or as a second message.
        Head(extra: "transfer-encoding", "chunked"), Head(extra: "connection", "close"), Head(extra: "upgrade", "h2c"),
        Head(extra: "keep-alive", "timeout=5"), Head(extra: "proxy-connection", "close"), Head(extra: "te", "gzip"),
        Head(extra: "x", "a\r\nb: c"), Head(extra: "x", "a\nb"), Head(extra: "x", "a\rb"), Head(extra: "x", "a\0b"),
        Head(extra: "x", " a"), Head(extra: "x", "a "), Head(extra: "x\r\ny", "a"), Head(extra: "x y", "a"), Head(extra: "x:", "a"),
        Head(extra: "X-Upper", "a"), Head(extra: "", "a"), Head(extra: "x", "\u{7F}"),
        Head(extra: "content-length", "5, 5"), Head(extra: "content-length", "+5"), Head(extra: "content-length", ""),
        Head(extra: "content-length", "99999999999999999999"), Head(extra: "content-length", "3"),
        Head("two lengths", post + [("content-length", "0"), ("content-length", "0")]),
        Head(":method", "GET / HTTP/1.1\r\nx"), Head(":method", "GE T"), Head(":method", ""), Head(":path", "/ HTTP/1.1\r\nx: y"),
        Head(":path", "/a b"), Head(":path", "/a\0"), Head(":path", "/a#b"), Head(":path", "/\u{E9}"),
        Head(":authority", "a.test\r\nx: y"), Head(":authority", "a test"), Head(":scheme", "http\r\nx"),
        // Row 21: pseudo-headers.
        Head(":method", nil), Head(":scheme", nil), Head(":path", nil), Head(":authority", nil), Head(":path", ""),
        Head(":path", "no-slash"), Head(":path", "*"), Head(":path", "http://b.test/"), Head(":scheme", "http://evil/?"),
        Head(":scheme", "ftp"), Head(":scheme", ""),
        Head(":authority", ""), Head(":authority", "user@a.test"), Head(":authority", "user:pass@a.test"),
        Head(":authority", "a.test,b.test"), Head(":authority", "a.test/x"), Head(":authority", "a.test?x"),
        Head(":authority", "a.test#x"), Head(":authority", "a\\b"),
        Head("twice", get + [(":path", "/b")]), Head("unknown", get + [(":other", "x")]), Head("status", get + [(":status", "200")]),
        Head("late", [(":method", "GET"), (":scheme", "http"), ("x", "y"), (":authority", "a.test"), (":path", "/")]),
        Head("protocol without permission", [(":method", "CONNECT"), (":protocol", "websocket")] + get.dropFirst()),
        Head("connect without permission", [(":method", "CONNECT"), (":authority", "a.test:443")]),
        Head("protocol without connect", get + [(":protocol", "websocket")]),
    ]

    @Test("a head that breaks a rule is reset and never seen (rows 20, 21)", arguments: badHeads)
    func refused(head: Head) throws {
        let server = try TestSession.server()
        #expect(server.receive([.headers(1, head.fields)]) == nil)
        let frames = server.produceFrames()
        #expect(server.seen.isEmpty)
        #expect(frames.map(\.type) == [3], "exactly one RST_STREAM")
        #expect(frames.first?.errorCode == .protocolError)
        #expect(server.pool.streamsInUse == 0)
        #expect(server.pool.sectionsInUse == 0)
        #expect(server.counters.receivedMessagingError == 1)
        // The connection goes on.
        server.receive([.headers(3, Self.get)])
        #expect(server.seen.count == 1)
    }

    @Test(
        "real clients are not hurt",
        arguments: [
            Head(extra: "te", "trailers"), Head(extra: "x", "\u{E9}t\u{E9}"), Head(extra: "x", ""), Head(extra: "x_y", "a"),
            Head(extra: "content-length", "0"), Head(":method", "PROPFIND"), Head(":authority", "[::1]:80"),
            Head(":authority", "a.test:8080"), Head(":path", "/a?b=/%2e;c='d'&e=\"f\"|g"), Head(":scheme", "https"),
        ])
    func accepted(head: Head) throws {
        let server = try TestSession.server()
        server.receive([.headers(1, head.fields)])
        #expect(server.seen == [.headers(1, head.fields.map { "\($0.0): \($0.1)" }, endStream: true)])
    }

    @Test("the scheme is made lower-case, OPTIONS may ask for *")
    func normalised() throws {
        let server = try TestSession.server()
        server.receive([.headers(1, [(":method", "OPTIONS"), (":scheme", "HTTPS"), (":authority", "a.test"), (":path", "*")])])
        #expect(
            server.seen == [
                .headers(1, [":method: OPTIONS", ":scheme: https", ":authority: a.test", ":path: *"], endStream: true)
            ])
    }

    @Test("Host never stands beside :authority, and takes its place when that is absent (row 21)")
    func host() throws {
        let server = try TestSession.server()
        server.receive([.headers(1, Self.get + [("host", "evil.test")])])
        server.receive([.headers(3, [(":method", "GET"), (":scheme", "http"), (":path", "/"), ("host", "b.test"), ("x", "y")])])
        #expect(
            server.seen == [
                .headers(1, Self.get.map { "\($0.0): \($0.1)" }, endStream: true),
                .headers(3, [":method: GET", ":scheme: http", ":path: /", "x: y", ":authority: b.test"], endStream: true),
            ])
        server.receive([.headers(5, [(":method", "GET"), (":scheme", "http"), (":path", "/"), ("host", "u@b.test")])])
        #expect(server.seen.count == 2)
    }

    @Test("a body shorter or longer than content-length resets the stream (row 20)", arguments: [3, 7])
    func length(size: Int) throws {
        let server = try TestSession.server()
        server.receive([
            .headers(1, Self.post + [("content-length", "5")], endStream: false),
            .data(1, Array(repeating: 65, count: size), endStream: true),
        ])
        let frames = server.produceFrames()
        #expect(frames.contains { $0.type == 3 && $0.errorCode == .protocolError })
        #expect(!server.bodySeen(1).ended)
        #expect(server.seen.last == .closed(1, .protocolError, .violation))
        #expect(server.pool.streamsInUse == 0)
    }

    @Test("trailers with a pseudo-header, or that do not end the stream, are refused (row 21)", arguments: [true, false])
    func trailers(endStream: Bool) throws {
        let server = try TestSession.server()
        server.receive([
            .headers(1, Self.post, endStream: false),
            .headers(1, endStream ? [(":path", "/x")] : [("x", "y")], endStream: endStream),
        ])
        _ = server.produce()
        #expect(server.seen.last == .closed(1, .protocolError, .violation))
        #expect(!server.seen.contains { if case .trailers = $0 { true } else { false } })
    }

    @Test("trailers lose what frames, routes or authenticates")
    func forbiddenTrailers() throws {
        let server = try TestSession.server()
        server.receive([
            .headers(1, Self.post, endStream: false),
            .headers(1, [("authorization", "x"), ("host", "b"), ("x-sum", "1"), ("cookie", "a"), ("trailer", "x")]),
        ])
        #expect(server.seen.last == .trailers(1, ["x-sum: 1"]))
    }

    @Test("CONNECT and extended CONNECT pass when the option allows them")
    func connect() throws {
        var options = HTTP2Options()
        options.allowConnect = true
        let server = try TestSession.server(options)
        server.receive([.headers(1, [(":method", "CONNECT"), (":authority", "a.test:443")], endStream: false)])
        server.receive([
            .headers(3, [(":method", "CONNECT"), (":protocol", "websocket")] + Self.get.dropFirst(), endStream: false)
        ])
        #expect(server.seen.count == 2)
        server.receive([.headers(5, [(":method", "CONNECT"), (":authority", "a.test:443"), (":path", "/")], endStream: false)])
        server.receive([.headers(7, [(":method", "CONNECT"), (":protocol", "websocket"), (":authority", "a.test")])])
        #expect(server.seen.count == 2)
    }

    static let badResponses: [Head] = [
        Head("no status", [("x", "y")]), Head("status with four digits", [(":status", "2000")]), Head("status 99", [(":status", "099")]),
        Head("text", [(":status", "ok")]), Head("path", [(":status", "200"), (":path", "/")]), Head("101", [(":status", "101")]),
        Head("te", [(":status", "200"), ("transfer-encoding", "chunked")]), Head("crlf", [(":status", "200"), ("x", "a\r\nb")]),
        Head("two lengths", [(":status", "200"), ("content-length", "1"), ("content-length", "2")]),
    ]

    @Test("a response that breaks a rule ends the stream as a violation (row 17)", arguments: badResponses)
    func badResponse(head: Head) throws {
        let client = try TestSession.client()
        client.request()
        _ = client.produce()
        client.receive([.headers(1, head.fields, endStream: false)])
        _ = client.produce()
        #expect(client.seen == [.closed(1, .protocolError, .violation)])
        #expect(client.session.canOpenStream)
    }

    @Test("interim responses are bounded: the last one allowed passes, the next does not")
    func interimFlood() throws {
        let client = try TestSession.client()
        client.request()
        _ = client.produce()
        let limit = HTTP2Options().maxInterimResponses
        for _ in 0..<limit { client.receive([.headers(1, [(":status", "100")], endStream: false)]) }
        #expect(client.seen.count == limit)
        client.receive([.headers(1, [(":status", "100")], endStream: false)])
        _ = client.produce()
        #expect(client.seen.last == .closed(1, .enhanceYourCalm, .violation))
    }

    // MARK: Row 28: header bombs

    @Test("the header count is bounded, crumbs included: at the bound and one past it", arguments: ["x", "cookie"])
    func headerCount(name: String) throws {
        let server = try TestSession.server()
        let room = HTTP2Options().maxHeaderCount - Self.get.count
        server.receive([.headers(1, Self.get + Array(repeating: (name, "a"), count: room))])
        #expect(server.seen.count == 1)
        server.receive([.headers(3, Self.get + Array(repeating: (name, "a"), count: room + 1))])
        #expect(server.seen.count == 1)
        #expect(server.counters.headerOverflow == 1)
        let frames = server.produceFrames()
        #expect(frames.map(\.type) == [3])
        #expect(frames.first?.errorCode == .enhanceYourCalm)
        #expect(server.pool.sectionsInUse == 0)
    }

    @Test("fields of requests with an underscore in their name are left out, or end the request, as told")
    func underscores() throws {
        let fields = Self.get + [("x_under", "1"), ("x-plain", "2")]
        let plain = try TestSession.server()
        plain.receive([.headers(1, fields)])
        #expect("\(plain.seen)".contains("x_under"))
        var options = HTTP2Options()
        options.underscores = .dropField
        let dropping = try TestSession.server(options)
        dropping.receive([.headers(1, fields)])
        #expect(dropping.seen.count == 1)
        #expect(!"\(dropping.seen)".contains("x_under") && "\(dropping.seen)".contains("x-plain"))
        #expect(dropping.counters.droppedFieldsWithUnderscores == 1)
        options.underscores = .rejectMessage
        let refusing = try TestSession.server(options)
        refusing.receive([.headers(1, fields), .headers(3, Self.get)])
        #expect(refusing.seen.count == 1)
        #expect(refusing.counters.requestsRejectedForUnderscores == 1)
        #expect(refusing.produceFrames().first { $0.type == 3 }?.errorCode == .protocolError)
        #expect(refusing.pool.sectionsInUse == 0)
    }

    @Test("the header bytes are bounded: at the bound and one past it")
    func headerBytes() throws {
        var options = HTTP2Options()
        options.maxHeaderBytes = 1000
        let used = Self.get.reduce(0) { $0 + $1.0.utf8.count + $1.1.utf8.count }
        let server = try TestSession.server(options)
        server.receive([.headers(1, Self.get + [("x", String(repeating: "a", count: 999 - used))])])
        #expect(server.seen.count == 1)
        server.receive([.headers(3, Self.get + [("x", String(repeating: "a", count: 1000 - used))])])
        #expect(server.seen.count == 1)
        #expect(server.counters.headerOverflow == 1)
    }

    @Test("trailers count against the same limits")
    func trailerCount() throws {
        let server = try TestSession.server()
        server.receive([
            .headers(1, Self.post, endStream: false), .headers(1, Array(repeating: ("x", "a"), count: 101)),
        ])
        _ = server.produce()
        #expect(server.seen.last == .closed(1, .enhanceYourCalm, .violation))
    }

    @Test("a table entry referred to 15,000 times costs one section of memory at most (row 28)", arguments: [4000, 1])
    func headerBomb(size: Int) throws {
        let server = try TestSession.server()
        // The first request puts a field into the table, the others refer to it.
        let entry = [0x40] + RawFrame.encode("x") + RawFrame.encode(String(repeating: "a", count: size))
        server.receive([
            RawFrame(type: 1, flags: 5, stream: 1, payload: RawFrame.encode(Self.get) + entry)
        ])
        #expect(server.seen.count == 1)
        for index in 1...50 {
            let bomb = RawFrame.encode(Self.get) + Array(repeating: 0xBE, count: 15_000)
            server.receive([RawFrame(type: 1, flags: 5, stream: UInt32(1 + 2 * index), payload: bomb)])
            _ = server.produce()
        }
        #expect(server.seen.count == 1)
        #expect(server.counters.headerOverflow == 50)
        #expect(server.pool.sectionsInUse == 0)
        #expect(server.pool.streamsInUse == 1)
    }

    @Test("a header block must not grow over CONTINUATION frames without end (row 24)", arguments: [0, 100])
    func continuations(size: Int) throws {
        let server = try TestSession.server()
        var frames = [RawFrame(type: 1, stream: 1, payload: RawFrame.encode(Self.get))]
        for _ in 0..<20 {
            frames.append(RawFrame(type: 9, stream: 1, payload: size == 0 ? [] : RawFrame.encode([("x", String(repeating: "a", count: size))])))
        }
        #expect(server.receive(frames) != nil || server.produceFrames().contains { $0.type == 7 && $0.errorCode != .noError })
        #expect(server.seen.isEmpty)
        #expect(server.session.failure != nil)
    }
}
