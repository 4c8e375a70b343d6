import Bytes
import HTTPModel
import Testing

@testable import HTTPCodec

struct HTTP2EndingTests {
    static let reply: @Sendable (HTTP2Event, TestSession) -> Void = { event, server in
        if case .headers = event.kind, let stream = event.stream { server.respond(stream) }
    }

    @Test("the peer's reset ends the stream with its code")
    func peerReset() throws {
        let pair = try SessionPair()
        let stream = try #require(pair.client.request(method: "POST", endStream: false))
        pair.run()
        pair.client.session.reset(stream, .cancel)
        pair.run()
        #expect(pair.server.seen.last == .closed(1, .cancel, .peerReset))
        #expect(!pair.client.seen.contains { $0.closedStream == 1 }, "who resets hears no more")
        #expect(pair.client.pool.streamsInUse == 0)
        #expect(pair.server.counters.receivedReset == 1)
        #expect(pair.client.counters.sentReset == 1)
    }

    @Test("who is told of the end finds what it left with the stream")
    func contextAtTheEnd() throws {
        final class Owner {}
        let owner = Owner()
        let pair = try SessionPair()
        var found: AnyObject?
        pair.server.reaction = { event, _ in
            switch event.kind {
            case .headers: event.stream?.context = owner
            case .closed: found = event.stream?.context
            default: break
            }
        }
        let stream = try #require(pair.client.request(method: "POST", endStream: false))
        pair.run()
        pair.client.session.reset(stream, .cancel)
        pair.run()
        #expect(found === owner)
    }

    @Test("REFUSED_STREAM says that the request may be tried again")
    func refused() throws {
        let pair = try SessionPair()
        pair.client.request()
        pair.run()
        pair.server.session.reset(try #require(pair.server.streams[1]), .refusedStream)
        pair.run()
        #expect(pair.client.seen.last == .closed(1, .refusedStream, .unprocessed))
    }

    @Test("a reset with NO_ERROR after a whole response leaves the response whole (row 30)")
    func earlyResponse() throws {
        let pair = try SessionPair()
        pair.server.reaction = Self.reply
        pair.client.request(method: "POST", endStream: false)
        pair.run()
        #expect(pair.client.seen.contains(.headers(1, [":status: 200"], endStream: true)))
        #expect(pair.client.seen.last == .closed(1, .noError, .complete))
        #expect(pair.server.seen.last == .closed(1, .noError, .complete))
    }

    @Test("GOAWAY ends the streams above its last id as unprocessed and lets the others finish (row 30)")
    func goAwayRace() throws {
        let client = try TestSession.client()
        client.request("/1")
        client.request("/2")
        client.request("/3")
        _ = client.produce()
        client.receive([.goAway(last: 3, code: 0)])
        #expect(client.seen == [.goAway(3, .noError), .closed(5, .refusedStream, .unprocessed)])
        #expect(!client.session.canOpenStream)
        #expect(client.request() == nil)
        client.receive([.headers(1, [(":status", "200")]), .headers(3, [(":status", "200")])])
        #expect(client.seen.suffix(1) == [.closed(3, .noError, .complete)])
        #expect(client.session.isFinished)
    }

    @Test("a server that says max_concurrent_streams 0 and GOAWAY opens nothing and breaks nothing (row 30)")
    func noStreamsAllowed() throws {
        let client = try TestSession.client()
        client.receive([.settings([(3, 0)]), .goAway(last: 0, code: 0)])
        #expect(client.request() == nil)
        #expect(client.session.failure == nil)
        #expect(client.pool.streamsInUse == 0)
    }

    @Test("a request that waits to be sent when GOAWAY comes is unprocessed")
    func unsentRequest() throws {
        let client = try TestSession.client()
        #expect(client.request() != nil)
        client.receive([.goAway(last: 0, code: 0)])
        _ = client.produce()
        #expect(client.seen.contains(.closed(1, .refusedStream, .unprocessed)))
        #expect(client.pool.streamsInUse == 0)
        #expect(client.session.waitingHeads == 0)
    }

    @Test("a request that is reset before it was sent is never sent")
    func resetUnsent() throws {
        let client = try TestSession.client()
        client.session.reset(try #require(client.request()), .cancel)
        #expect(!client.produceFrames().contains { $0.type == 1 })
        #expect(client.pool.streamsInUse == 0)
        #expect(client.request() != nil)
        #expect(client.produceFrames().contains { $0.type == 1 })
    }

    @Test("a graceful end serves what is open, refuses what comes later, and finishes")
    func graceful() throws {
        let pair = try SessionPair()
        pair.client.request("/1")
        pair.run()
        pair.server.session.shutdownNotice()
        pair.run()
        #expect(pair.client.seen.contains(.goAway(Int32.max, .noError)))
        pair.server.session.goAway()
        pair.run()
        #expect(pair.client.seen.contains(.goAway(1, .noError)))
        #expect(!pair.server.session.isFinished)
        pair.server.respond(try #require(pair.server.streams[1]))
        pair.run()
        #expect(pair.client.seen.last == .closed(1, .noError, .complete))
        #expect(pair.server.session.isFinished)
        #expect(pair.client.session.isFinished)
        #expect(pair.server.session.failure == nil)
    }

    @Test("a lost transport ends every stream")
    func lost() throws {
        let pair = try SessionPair()
        for index in 0..<5 { pair.client.request("/\(index)") }
        pair.run()
        for side in [pair.client, pair.server] {
            side.session.connectionLost()
            side.drain()
            #expect(Set(side.seen.compactMap(\.closedStream)) == [1, 3, 5, 7, 9])
            #expect(side.seen.last.map { if case .closed(_, _, .connectionLost) = $0 { true } else { false } } == true)
            #expect(side.pool.streamsInUse == 0)
            #expect(side.session.activeStreams == 0)
        }
    }

    @Test("a session that goes away with streams open returns all it had")
    func dropped() throws {
        let pool = HTTP2Pool(blocks: BlockPool())
        do {
            let server = try TestSession(.server, pool: pool)
            let bytes =
                RawFrame.preface + RawFrame.settings().bytes
                + RawFrame.headers(1, HTTP2HostileTests.post, endStream: false).bytes
                + RawFrame.headers(3, HTTP2HostileTests.post, endStream: false).bytes
            // Not drained: the events still hold sections.
            bytes.withUnsafeBytes { _ = server.session.receive($0, now: 2) }
            #expect(pool.streamsInUse == 2)
            #expect(pool.sectionsInUse == 2)
        }
        #expect(pool.streamsInUse == 0)
        #expect(pool.sectionsInUse == 0)
    }

    @Test("verbs on a stream that the peer has ended do nothing")
    func lateVerbs() throws {
        let server = try TestSession.server()
        server.reaction = { event, server in
            // The reset is behind the head in the same read: the library has closed the stream by now.
            guard case .headers = event.kind, let stream = event.stream else { return }
            server.respond(stream, body: [1, 2, 3], endStream: false)
            server.trailers(stream, [("x", "y")])
            server.session.consumed(stream, 10)
        }
        server.receive([.headers(1, HTTP2HostileTests.post, endStream: false), .reset(1)])
        #expect(server.seen.last == .closed(1, .cancel, .peerReset))
        #expect(server.produceFrames().isEmpty)
        #expect(server.pool.streamsInUse == 0)
        #expect(server.blocks.inUse == 0)
    }

    @Test("after a reset no event of the stream is seen, wherever it falls (row 31)", arguments: 0..<6)
    func resetPoint(point: Int) throws {
        let server = try TestSession.server()
        var count = 0
        server.reaction = { event, server in
            guard let stream = event.stream else { return }
            if count == point { server.session.reset(stream, .internalError) }
            count += 1
        }
        server.receive([
            .headers(1, HTTP2HostileTests.post, endStream: false), .data(1, [1]), .data(1, [2]), .data(1, [3]),
            .headers(1, [("x-end", "1")]),
        ])
        #expect(count == min(point + 1, 5))
        _ = server.produce()
        #expect(server.pool.streamsInUse == (point < 5 ? 0 : 1))
        #expect(server.pool.sectionsInUse == 0)
    }
}
