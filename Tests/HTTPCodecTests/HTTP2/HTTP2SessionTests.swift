import Bytes
import HTTPModel
import Testing

@testable import HTTPCodec

struct HTTP2SessionTests {
    static let text = Array("a body of some length".utf8)

    @Test("a request and its response come out as they went in, split at any size", arguments: [1, 2, 3, 7, 9, 100, 100_000])
    func exchange(piece: Int) throws {
        let pair = try SessionPair()
        pair.server.reaction = { event, server in
            guard let stream = event.stream else { return }
            switch event.kind {
            case .trailers:
                server.interim(stream, status: "103")
                server.respond(stream, extra: [("x-reply", "yes")], body: Self.text, endStream: false)
                server.trailers(stream, [("grpc-status", "0"), ("x-more", "1")])
            default: break
            }
        }
        let stream = try #require(
            pair.client.request(
                "/path?q=1", method: "POST", extra: [("content-type", "application/grpc"), ("x-own", "value")], body: Self.text,
                endStream: false))
        pair.client.trailers(stream, [("x-check", "sum")])
        pair.run(piece: piece)

        let head = [
            ":method: POST", ":scheme: http", ":authority: a.test", ":path: /path?q=1", "content-type: application/grpc",
            "x-own: value",
        ]
        #expect(pair.server.seen.contains(.headers(1, head, endStream: false)))
        #expect(pair.server.bodySeen(1).bytes == Self.text)
        #expect(pair.server.seen.contains(.trailers(1, ["x-check: sum"])))
        #expect(pair.client.seen.contains(.interim(1, [":status: 103"])))
        #expect(pair.client.seen.contains(.headers(1, [":status: 200", "x-reply: yes"], endStream: false)))
        #expect(pair.client.bodySeen(1).bytes == Self.text)
        #expect(pair.client.seen.contains(.trailers(1, ["grpc-status: 0", "x-more: 1"])))
        for side in [pair.client, pair.server] {
            #expect(side.seen.last == .closed(1, .noError, .complete))
            #expect(side.pool.streamsInUse == 0)
            #expect(side.pool.sectionsInUse == 0)
            #expect(side.blocks.inUse == 0)
            #expect(side.counters.streamsActive == 0)
        }
    }

    @Test("a head without a body ends its stream")
    func headOnly() throws {
        let pair = try SessionPair()
        pair.server.reaction = { event, server in
            if case .headers(let endStream) = event.kind, let stream = event.stream {
                #expect(endStream)
                #expect(stream.isInboundEnded)
                server.respond(stream, status: "204")
            }
        }
        pair.client.request()
        pair.run()
        #expect(pair.client.seen.contains(.headers(1, [":status: 204"], endStream: true)))
        #expect(pair.client.seen.last == .closed(1, .noError, .complete))
    }

    @Test("events that wait keep their own fields: interim, final head and trailers in one read")
    func sectionsDoNotMix() throws {
        let client = try TestSession.client()
        client.request()
        _ = client.produce()
        client.receive([
            .headers(1, [(":status", "103"), ("link", "a")], endStream: false),
            .headers(1, [(":status", "200"), ("x", "b")], endStream: false),
            .data(1, [1, 2, 3]),
            .headers(1, [("grpc-status", "0")]),
        ])
        #expect(
            client.seen == [
                .interim(1, [":status: 103", "link: a"]),
                .headers(1, [":status: 200", "x: b"], endStream: false),
                .data(1, [1, 2, 3], endStream: false),
                .trailers(1, ["grpc-status: 0"]),
                .closed(1, .noError, .complete),
            ])
    }

    @Test("no empty DATA frame is sent between a body that is out and its trailers")
    func trailersAfterSilence() throws {
        let pair = try SessionPair()
        pair.client.request()
        pair.run()
        let stream = try #require(pair.server.streams[1])
        pair.server.respond(stream, body: Self.text, endStream: false)
        #expect(RawFrame.parse(pair.server.produce()).map(\.type) == [1, 0])
        pair.server.trailers(stream, [("grpc-status", "0")])
        #expect(RawFrame.parse(pair.server.produce()).map(\.type) == [1])
    }

    @Test("pseudo-headers go first, connection-specific fields and Host stay behind, and white space around values")
    func outgoingFields() throws {
        let pair = try SessionPair()
        var fields = HeaderBlock()
        for (name, value) in [
            ("x-first", " 1\t "), ("x-none", " "), ("connection", "close"), (":path", "/p"), ("host", "other.test"), ("te", "gzip"), ("te", "trailers"),
            ("transfer-encoding", "chunked"), ("upgrade", "h2c"), ("http2-settings", "AA"), (":method", "GET"),
            ("keep-alive", "1"), ("proxy-connection", "x"), (":scheme", "http"), (":authority", "a.test"), (":status", "200"),
        ] {
            fields.append(name, value)
        }
        _ = pair.client.session.submitRequest(fields, endStream: true, context: nil)
        pair.run()
        // In the order of the block, for each of the two kinds.
        let head = [":path: /p", ":method: GET", ":scheme: http", ":authority: a.test", "x-first: 1", "x-none: ", "te: trailers"]
        #expect(pair.server.seen.contains(.headers(1, head, endStream: true)))
    }

    @Test("cookie crumbs are joined, and the joined cookie is one field")
    func cookies() throws {
        let server = try TestSession.server()
        server.receive([.headers(1, HTTP2HostileTests.get + [("cookie", "a=1"), ("x", "y"), ("cookie", "b=2"), ("cookie", "c=3")])])
        let head = HTTP2HostileTests.get.map { "\($0.0): \($0.1)" } + ["cookie: a=1; b=2; c=3", "x: y"]
        #expect(server.seen == [.headers(1, head, endStream: true)])
    }

    @Test("a thousand requests use the objects of one")
    func pooling() throws {
        let pair = try SessionPair()
        pair.server.reaction = { event, server in
            if case .headers = event.kind, let stream = event.stream { server.respond(stream, body: Self.text) }
        }
        for _ in 0..<1000 {
            #expect(pair.client.request() != nil)
            pair.run()
        }
        #expect(pair.server.pool.streamsMade == 1)
        #expect(pair.client.pool.streamsMade == 1)
        #expect(pair.server.counters.glitchFlood == 0)
        #expect(pair.client.seen.filter { $0.closedStream != nil }.count == 1000)
    }

    @Test("the context is kept until the stream ends and is then let go")
    func context() throws {
        final class Token {}
        let pair = try SessionPair()
        weak var watched: Token?
        var fields = HeaderBlock()
        for (name, value) in HTTP2HostileTests.get { fields.append(name, value) }
        do {
            let token = Token()
            watched = token
            let stream = pair.client.session.submitRequest(fields, endStream: true, context: token)
            #expect(stream?.context === token)
        }
        pair.run()
        #expect(watched != nil)
        pair.server.respond(try #require(pair.server.streams[1]))
        pair.run()
        #expect(watched == nil)
    }

    @Test("PING comes back with its eight bytes, and the peer's is answered")
    func ping() throws {
        let pair = try SessionPair()
        pair.run()
        pair.client.session.ping(0x0102_0304_0506_0708)
        pair.run()
        #expect(pair.client.seen.last == .pingAck(0x0102_0304_0506_0708))
    }

    @Test("a peer that does not know our limit yet is refused the streams beyond it, and keeps its connection")
    func concurrencyNotKnownYet() throws {
        var options = HTTP2Options()
        options.maxConcurrentStreams = 2
        let server = try TestSession(.server, options: options)
        let heads = [1, 3, 5].map { RawFrame.headers($0, HTTP2HostileTests.post, endStream: false).bytes }
        #expect(server.receive(RawFrame.preface + RawFrame.settings().bytes + heads.flatMap { $0 }) == nil)
        #expect(server.streams.keys.sorted() == [1, 3])
        #expect(server.counters.streamRefusedErrors == 1)
        let resets = server.produceFrames().filter { $0.type == 3 }
        #expect(resets.map(\.stream) == [5])
        #expect(resets.first?.errorCode == .refusedStream)
    }

    @Test("a head that does not end can be answered; what still comes of it is nobody's")
    func unfinishedHead() throws {
        let server = try TestSession.server()
        let block = RawFrame.encode(HTTP2HostileTests.get)
        server.receive([RawFrame(type: 1, flags: 0, stream: 1, payload: Array(block.prefix(20)))])
        #expect(server.session.unfinishedRequest == 1)
        let stream = try #require(server.session.takeUnfinishedRequest())
        #expect(server.session.unfinishedRequest == 0)
        #expect(server.session.takeUnfinishedRequest() == nil)
        server.respond(stream, status: "408")
        // Before and after the answer is out.
        server.receive([RawFrame(type: 9, stream: 1, payload: Array(block.dropFirst(20).prefix(10)))])
        #expect(server.produceFrames().map(\.type) == [1, 3])
        server.receive([RawFrame(type: 9, flags: RawFrame.endHeaders, stream: 1, payload: Array(block.dropFirst(30)))])
        #expect(server.session.failure == nil)
        #expect(server.seen == [.closed(1, .noError, .complete)])
        server.receive([.headers(3, HTTP2HostileTests.get)])
        #expect(server.streams.keys.sorted() == [3])
    }

    @Test("SETTINGS of the server bound what a client opens")
    func concurrency() throws {
        var options = HTTP2Options()
        options.maxConcurrentStreams = 2
        let pair = try SessionPair(server: options)
        pair.run()
        #expect(pair.client.seen.contains(.settings(2)))
        #expect(pair.client.request() != nil)
        #expect(pair.client.request() != nil)
        #expect(!pair.client.session.canOpenStream)
        #expect(pair.client.request() == nil)
        pair.run()
        pair.server.respond(try #require(pair.server.streams[1]))
        pair.run()
        #expect(pair.client.session.canOpenStream)
        #expect(pair.client.request() != nil)
    }

    @Test("what is no HTTP/2 preface fails at once")
    func badPreface() throws {
        let server = try TestSession(.server)
        #expect(server.receive(Array("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n".utf8)) == .notHTTP2)
        #expect(server.receive(RawFrame.preface) == .notHTTP2)
        _ = server.produce()
        #expect(server.session.isFinished)
    }
}
