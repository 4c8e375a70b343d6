import Bytes
import HTTPModel
import Testing

@testable import HTTPCodec

/// What a peer may not do to a connection: cheap frames without end.
struct HTTP2FloodTests {
    /// Sends `frames(0)`, `frames(1)`… one read each, and writes what the session answers, until it fails.
    /// - Returns: how many were taken.
    static func flood(_ server: TestSession, upTo limit: Int, _ frames: (Int) -> [RawFrame]) -> Int {
        for index in 0..<limit {
            if server.receive(frames(index)) != nil { return index }
            _ = server.produce()
            if server.session.failure != nil { return index }
        }
        return limit
    }

    static func expectCalmGoAway(_ server: TestSession) {
        let frames = server.produceFrames()
        #expect(frames.last?.type == 7)
        #expect(frames.last?.errorCode == .enhanceYourCalm)
        #expect(server.session.isFinished)
    }

    @Test("Rapid Reset is closed at half of 500, long before the library's own limit (row 22)")
    func rapidReset() throws {
        let server = try TestSession.server()
        let taken = Self.flood(server, upTo: 2000) {
            [.headers(UInt32(1 + 2 * $0), HTTP2HostileTests.get), .reset(UInt32(1 + 2 * $0))]
        }
        #expect(taken == 250)
        #expect(server.session.failure == .flood(.prematureResets))
        #expect(server.counters.prematureResetFlood == 1)
        Self.expectCalmGoAway(server)
    }

    @Test("a client that cancels some of its requests is not closed")
    func honestCancels() throws {
        let server = try TestSession.server()
        server.reaction = HTTP2EndingTests.reply
        let taken = Self.flood(server, upTo: 2000) { index in
            let id = UInt32(1 + 2 * index)
            server.now += 20_000_000
            return index % 3 == 0
                ? [.headers(id, HTTP2HostileTests.post, endStream: false), .reset(id)] : [.headers(id, HTTP2HostileTests.get)]
        }
        #expect(taken == 2000)
    }

    @Test("a reset after the lifetime is not premature")
    func lateResets() throws {
        let server = try TestSession.server()
        let taken = Self.flood(server, upTo: 600) { index in
            let id = UInt32(1 + 2 * index)
            server.receive([.headers(id, HTTP2HostileTests.get)])
            server.now += HTTP2Options().abuse.prematureResetLifetime
            return [.reset(id)]
        }
        #expect(taken == 600)
    }

    @Test(
        "MadeYouReset: a stream error that the peer provokes counts as its reset (row 23)",
        arguments: [
            [RawFrame.windowUpdate(0, 0x7FFF_FFFF)], [RawFrame.windowUpdate(0, 0)],
            [RawFrame(type: 2, stream: 0, payload: [1])], [RawFrame.data(0, [1])],
            [RawFrame.headers(0, HTTP2HostileTests.get)],
        ])
    func madeYouReset(attack: [RawFrame]) throws {
        let server = try TestSession.server()
        let taken = Self.flood(server, upTo: 2000) { index in
            let id = UInt32(1 + 2 * index)
            return [.headers(id, HTTP2HostileTests.get)]
                + attack.map {
                    var frame = $0
                    frame.stream = id
                    return frame
                }
        }
        #expect(taken <= 250)
        #expect(server.session.failure != nil)
        // What was said last has been written by the flood's own `produce`, or is now.
        let frames = server.lastProduced + server.produceFrames()
        #expect(frames.last?.type == 7)
        #expect(frames.last?.errorCode != .noError)
        #expect(server.session.isFinished)
    }

    @Test(
        "SETTINGS, PING and unknown frames are bounded over time (row 25)",
        arguments: [RawFrame.settings(), .settings([(1, 4096)]), .ping(1), RawFrame(type: 0xEE)])
    func glitches(frame: RawFrame) throws {
        let server = try TestSession.server()
        // The preface's own SETTINGS was the first.
        let burst = HTTP2Options().abuse.glitchBurst - 1
        let taken = Self.flood(server, upTo: burst + 10) { _ in [frame] }
        #expect(taken == burst)
        #expect(server.session.failure == .flood(.glitches))
        #expect(server.counters.glitchFlood == 1)
        Self.expectCalmGoAway(server)
    }

    @Test("heads for streams that are over are skipped, and bounded")
    func staleHeads() throws {
        let server = try TestSession.server()
        server.receive([.headers(5, HTTP2HostileTests.get)])
        let burst = HTTP2Options().abuse.glitchBurst - 1
        #expect(Self.flood(server, upTo: burst + 10) { _ in [.headers(3, HTTP2HostileTests.get)] } == burst)
        #expect(server.session.failure == .flood(.glitches))
        #expect(server.seen.count == 1)
    }

    @Test("pings at a rate that is forgiven never close")
    func slowPings() throws {
        let server = try TestSession.server()
        let taken = Self.flood(server, upTo: 5000) { _ in
            server.now += 10_000_000
            return [.ping(1)]
        }
        #expect(taken == 5000)
    }

    @Test("answers that the peer does not read are bounded: 1,000 acknowledgements wait, no more (row 25)")
    func unreadAcknowledgements() throws {
        var options = HTTP2Options()
        options.abuse.glitchBurst = 1_000_000
        let server = try TestSession.server(options)
        for index in 0..<1000 { #expect(server.receive([.ping(1)]) == nil, "ping \(index)") }
        #expect(server.receive([.ping(1)]) == .flood(.outboundControlFrames))
        #expect(server.counters.outboundControlFlood == 1)
    }

    @Test("responses that the peer does not read are bounded too")
    func unreadHeads() throws {
        var options = HTTP2Options()
        options.abuse.maxOutboundFrames = 50
        let server = try TestSession.server(options)
        server.reaction = HTTP2EndingTests.reply
        var failure: HTTP2Failure?
        var sent = 0
        while failure == nil, sent < 100 {
            failure = server.receive([.headers(UInt32(1 + 2 * sent), HTTP2HostileTests.get)])
            sent += 1
        }
        #expect(failure == .flood(.outboundFrames))
        #expect(sent == 52)
    }

    @Test("PRIORITY and PRIORITY_UPDATE frames are bounded for each stream (row 26)", arguments: [FrameType.priority, FrameType.priorityUpdate])
    func priorities(type: UInt8) throws {
        let server = try TestSession.server()
        let frame = RawFrame(
            type: type, stream: type == FrameType.priority ? 5 : 0,
            payload: RawFrame.number(type == FrameType.priority ? 0 : 5) + [UInt8(ascii: "u")])
        #expect(Self.flood(server, upTo: 500) { _ in [frame] } == 100)
        #expect(server.session.failure == .flood(.inboundPriorityFrames))
        #expect(server.counters.inboundPriorityFramesFlood == 1)
    }

    @Test("WINDOW_UPDATE frames are bounded by what was sent (row 26)")
    func windowUpdates() throws {
        let server = try TestSession.server()
        #expect(Self.flood(server, upTo: 500) { _ in [.windowUpdate(0, 1)] } == 5)
        #expect(server.session.failure == .flood(.inboundWindowUpdateFrames))
        #expect(server.counters.inboundWindowUpdateFramesFlood == 1)
    }

    @Test("each DATA frame sent pays for WINDOW_UPDATE frames")
    func paidWindowUpdates() throws {
        let server = try TestSession.server()
        server.reaction = { event, server in
            if case .headers = event.kind, let stream = event.stream { server.respond(stream, body: [1]) }
        }
        server.receive([.headers(1, HTTP2HostileTests.get)])
        _ = server.produce()
        // 5 + 2 * (1 stream + 10 * 1 frame)
        #expect(Self.flood(server, upTo: 500) { _ in [.windowUpdate(0, 1)] } == 27)
    }

    @Test("empty DATA frames that end nothing: one passes, the second closes (row 26)", arguments: [false, true])
    func emptyData(isPadded: Bool) throws {
        let server = try TestSession.server()
        server.receive([.headers(1, HTTP2HostileTests.post, endStream: false)])
        let empty = isPadded ? RawFrame(type: 0, flags: RawFrame.padded, stream: 1, payload: [3, 0, 0, 0]) : RawFrame.data(1, [])
        #expect(server.receive([empty, .data(1, [1]), empty]) == nil)
        #expect(server.receive([empty]) == .flood(.inboundEmptyFrames))
        #expect(server.counters.inboundEmptyFramesFlood == 1)
    }

    @Test("empty HEADERS and CONTINUATION frames in a row close (row 26)")
    func emptyHeaders() throws {
        let server = try TestSession.server()
        let failure = server.receive([
            RawFrame(type: 1, stream: 1), RawFrame(type: 9, stream: 1), RawFrame(type: 9, flags: 4, stream: 1),
        ])
        #expect(failure == .flood(.inboundEmptyFrames))
    }

    @Test("frames after the session ended are ignored (row 29)")
    func afterTheEnd() throws {
        let server = try TestSession.server()
        server.session.terminate(.enhanceYourCalm)
        for frame in [
            RawFrame(type: 10, payload: [0]), RawFrame(type: 16, payload: [1]), RawFrame(type: 0xEE), .headers(1, HTTP2HostileTests.get),
            .priority(3, dependsOn: 3),
        ] {
            server.receive([frame])
            _ = server.produce()
        }
        #expect(server.seen.isEmpty)
        #expect(server.session.isFinished)
    }

    @Test(
        "what breaks the connection's rules ends it with GOAWAY",
        arguments: [
            [RawFrame.data(1, [1])], [RawFrame.headers(2, HTTP2HostileTests.get)], [RawFrame(type: 4, payload: [1])],
            [RawFrame(type: 6, payload: [1])], [RawFrame.headers(0, HTTP2HostileTests.get)], [RawFrame(type: 9, stream: 1)],
            [RawFrame.windowUpdate(0, 0)], [RawFrame.settings([(4, 0x8000_0000)])], [RawFrame.settings([(2, 2)])],
            [RawFrame(type: 1, flags: 5, stream: 1, payload: [0xFF, 0xFF, 0xFF, 0xFF])],
            [RawFrame(type: 5, flags: 4, stream: 1, payload: [0, 0, 0, 2])],
            [RawFrame(type: 0, stream: 1, payload: Array(repeating: 0, count: 16_385))],
        ])
    func connectionErrors(frames: [RawFrame]) throws {
        let server = try TestSession.server()
        server.receive(frames)
        let answer = server.produceFrames()
        #expect(answer.contains { $0.type == 7 && $0.errorCode != .noError })
        #expect(server.session.failure != nil)
        #expect(server.counters.goawaySent == 1)
        #expect(server.session.isFinished || server.session.activeStreams > 0)
    }
}
