import Bytes
import HTTPModel
import Testing

@testable import HTTPCodec

struct HTTP2FlowTests {
    static func bytes(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) } }

    @Test("a large body crosses both windows whole", arguments: [1000, 65_536, 1_000_000])
    func large(size: Int) throws {
        let pair = try SessionPair()
        pair.server.reaction = { event, server in
            if case .headers = event.kind, let stream = event.stream { server.respond(stream, body: Self.bytes(size)) }
        }
        pair.client.request()
        pair.run()
        #expect(pair.client.bodySeen(1).bytes == Self.bytes(size))
        #expect(pair.client.seen.last == .closed(1, .noError, .complete))
        #expect(pair.server.blocks.inUse == 0)
    }

    @Test("a receiver that passes nothing on is sent one stream window and no more (row 27)")
    func stall() throws {
        let pair = try SessionPair()
        pair.client.consumesAtOnce = false
        pair.client.request()
        pair.run()
        let stream = try #require(pair.server.streams[1])
        pair.server.respond(stream, body: Self.bytes(200_000))
        pair.run()
        let window = Int(HTTP2Options().initialStreamWindow)
        #expect(pair.client.bodySeen(1).bytes.count == window)
        #expect(stream.outboundCount == 200_000 - window)

        stream.writableBelow = 50_000
        let received = try #require(pair.client.streams[1])
        pair.client.session.consumed(received, window)
        pair.run()
        #expect(!pair.server.seen.contains(.writable(1)))
        pair.client.session.consumed(received, window)
        pair.run()
        #expect(pair.server.seen.contains(.writable(1)))
        #expect(stream.writableBelow == -1)
    }

    @Test("a complete message that the peer gives no window for is reset at its deadline, others are not (row 27)")
    func unflushed() throws {
        let pair = try SessionPair()
        pair.client.consumesAtOnce = false
        for _ in 0..<4 { pair.client.request() }
        pair.run()
        let streams = try [1, 3, 5, 7].map { try #require(pair.server.streams[$0]) }
        pair.server.respond(streams[0], body: Self.bytes(200_000))
        pair.server.respond(streams[1], body: Self.bytes(200_000))
        pair.server.respond(streams[2], body: Self.bytes(10))
        pair.server.respond(streams[3], body: Self.bytes(200_000), endStream: false)
        streams[0].flushDeadline = 2_000
        streams[1].flushDeadline = 3_000
        streams[2].flushDeadline = 1_000
        pair.run()
        #expect(pair.server.session.resetUnflushed(now: 1_999) == 2_000)
        #expect(pair.server.session.resetUnflushed(now: 2_000) == 3_000)
        pair.run()
        let endings = pair.client.seen.filter { $0.closedStream != nil }
        #expect(endings == [.closed(5, .noError, .complete), .closed(1, .internalError, .peerReset)])
        #expect(pair.server.counters.sentFlushTimeout == 1)
        #expect(pair.server.session.resetUnflushed(now: 3_000) == nil)
        pair.run()
        #expect(pair.client.seen.last == .closed(3, .internalError, .peerReset))
        // What was reset is heard of no more.
        #expect(pair.server.pool.streamsInUse == 1)
    }

    @Test("streams that end unread give the connection's window back")
    func abandonedWindow() throws {
        let pair = try SessionPair()
        pair.client.consumesAtOnce = false
        for round in 0..<40 {
            let id = try #require(pair.client.request()).id
            pair.run()
            pair.server.respond(try #require(pair.server.streams[id]), body: Self.bytes(60_000))
            pair.run()
            if round % 2 == 0 {
                // Read to the end, never consumed.
                #expect(pair.client.bodySeen(id).ended)
            }
        }
        // 2.4 MB have come through a window of 1 MiB of which nothing was given back by hand.
        #expect(pair.client.seen.filter { $0.closedStream != nil }.count == 40)
    }

    @Test("streams that are reset while data waits give the connection's window back")
    func resetWindow() throws {
        let pair = try SessionPair()
        pair.client.consumesAtOnce = false
        pair.client.reaction = { event, client in
            if case .data = event.kind, let stream = event.stream { client.session.reset(stream, .cancel) }
        }
        for _ in 0..<40 {
            let id = try #require(pair.client.request()).id
            pair.run()
            pair.server.respond(try #require(pair.server.streams[id]), body: Self.bytes(60_000))
            pair.run()
        }
        #expect(pair.client.pool.streamsInUse == 0)
        let id = try #require(pair.client.request()).id
        pair.client.reaction = { _, _ in }
        pair.run()
        pair.server.respond(try #require(pair.server.streams[id]), body: Self.bytes(60_000))
        pair.run()
        #expect(pair.client.bodySeen(id).bytes.count == 60_000)
    }

    @Test("padding gives its window back by itself")
    func padding() throws {
        let server = try TestSession.server()
        server.receive([.headers(1, HTTP2HostileTests.post, endStream: false)])
        for _ in 0..<1000 {
            let padded = RawFrame(
                type: 0, flags: RawFrame.padded, stream: 1, payload: [255, 1] + Array(repeating: 0, count: 255))
            #expect(server.receive([padded]) == nil)
            _ = server.produce()
        }
        #expect(server.bodySeen(1).bytes.count == 1000)
        #expect(server.session.failure == nil)
    }

    @Test("production stops at the limit and goes on where it stopped", arguments: [1, 100, 20_000])
    func bounded(limit: Int) throws {
        let pair = try SessionPair()
        pair.client.request()
        pair.run()
        let stream = try #require(pair.server.streams[1])
        pair.server.respond(stream, body: Self.bytes(60_000))
        var wire: [UInt8] = []
        while pair.server.session.wantsWrite {
            let piece = pair.server.produce(upTo: limit)
            #expect(piece.count < limit + 16_384 + 9)
            if piece.isEmpty { break }
            wire += piece
        }
        pair.client.receive(wire)
        #expect(pair.client.bodySeen(1).bytes == Self.bytes(60_000))
    }

    @Test("a stream that is reset while its frame waits for room is dropped cleanly")
    func resetWhileBlocked() throws {
        let pair = try SessionPair()
        pair.client.request()
        pair.run()
        let stream = try #require(pair.server.streams[1])
        pair.server.respond(stream, body: Self.bytes(60_000))
        var wire = pair.server.produce(upTo: 10)
        // The second frame of the body is cut and waits.
        wire += pair.server.produce(upTo: 1)
        pair.server.session.reset(stream, .cancel)
        wire += pair.server.produce()
        pair.client.receive(wire)
        #expect(pair.client.seen.last == .closed(1, .cancel, .peerReset))
        #expect(pair.server.pool.streamsInUse == 0)
        #expect(pair.server.blocks.inUse == 0)
        pair.client.request("/next")
        pair.run()
        #expect(pair.server.streams[3] != nil)
    }

    @Test("moving a queue into a stream sends its bytes")
    func moving() throws {
        let pair = try SessionPair()
        pair.client.request()
        pair.run()
        let stream = try #require(pair.server.streams[1])
        pair.server.respond(stream, endStream: false)
        var queue = ByteQueue(pool: pair.server.blocks)
        queue.append(Self.bytes(50_000))
        pair.server.session.submitData(stream, moving: &queue, endStream: true)
        let left = queue.count
        #expect(left == 0)
        pair.run()
        #expect(pair.client.bodySeen(1).bytes == Self.bytes(50_000))
    }
}
