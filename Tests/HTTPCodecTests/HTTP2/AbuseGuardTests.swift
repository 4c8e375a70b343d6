import Testing

@testable import HTTPCodec

struct AbuseGuardTests {
    static func fresh(_ change: (inout AbuseLimits) -> Void = { _ in }) -> AbuseGuard {
        var limits = AbuseLimits()
        change(&limits)
        return AbuseGuard(limits: limits, now: 0)
    }

    @Test("premature resets close at the first one past half, before and after the window is full")
    func premature() {
        var early = Self.fresh { $0.prematureResetStreamCount = 10 }
        for _ in 0..<5 { #expect(early.streamClosed(isPremature: true) == nil) }
        #expect(early.streamClosed(isPremature: true) == .prematureResets)

        var late = Self.fresh { $0.prematureResetStreamCount = 10 }
        for _ in 0..<20 { #expect(late.streamClosed(isPremature: false) == nil) }
        // Of 20 + n closed, n premature: more than half from the 21st on.
        for _ in 0..<20 { #expect(late.streamClosed(isPremature: true) == nil) }
        #expect(late.streamClosed(isPremature: true) == .prematureResets)
    }

    @Test("glitches are forgiven with time, and never below none")
    func forgiven() {
        var abuse = Self.fresh {
            $0.glitchBurst = 10
            $0.glitchesPerSecond = 5
        }
        for _ in 0..<10 { #expect(abuse.glitch(now: 0) == nil) }
        #expect(abuse.glitch(now: 0) == .glitches)
        #expect(abuse.glitch(now: 1_000_000_000) == nil)
        for _ in 0..<10 { _ = abuse.glitch(now: 100_000_000_000) }
        #expect(abuse.glitch(now: 100_000_000_000) == .glitches)
        #expect(abuse.glitch(now: 50_000_000_000) == .glitches, "a clock that goes back forgives nothing")
    }

    @Test("waiting frames: at the limit and one past it")
    func outbound() {
        let abuse = Self.fresh()
        #expect(abuse.outboundQueued(frames: 1000, heads: 0) == nil)
        #expect(abuse.outboundQueued(frames: 1001, heads: 0) == .outboundControlFrames)
        #expect(abuse.outboundQueued(frames: 10_000, heads: 9_000) == nil)
        #expect(abuse.outboundQueued(frames: 10_001, heads: 9_001) == .outboundFrames)
    }

    @Test("acknowledgements and resets are no glitches by themselves")
    func innocent() {
        var abuse = Self.fresh { $0.glitchBurst = 0 }
        for type in [FrameType.settings, FrameType.ping] {
            #expect(abuse.frameReceived(type: type, flags: FrameFlag.acknowledgement, length: 0, now: 0) == nil)
            #expect(abuse.frameReceived(type: type, flags: 0, length: 0, now: 0) == .glitches)
        }
        #expect(abuse.frameReceived(type: FrameType.resetStream, flags: 0, length: 4, now: 0) == nil)
    }

    @Test("an empty frame that ends its stream is no flood")
    func emptyEnd() {
        var abuse = Self.fresh()
        for _ in 0..<10 { #expect(abuse.dataReceived(isEmpty: true, endsStream: true) == nil) }
        #expect(abuse.dataReceived(isEmpty: true, endsStream: false) == nil)
        #expect(abuse.dataReceived(isEmpty: true, endsStream: false) == .inboundEmptyFrames)
    }

    @Test("streams opened pay for PRIORITY frames")
    func priority() {
        var abuse = Self.fresh { $0.maxInboundPriorityFramesPerStream = 2 }
        abuse.streamOpened()
        for _ in 0..<4 { #expect(abuse.frameReceived(type: FrameType.priority, flags: 0, length: 5, now: 0) == nil) }
        #expect(abuse.frameReceived(type: FrameType.priority, flags: 0, length: 5, now: 0) == .inboundPriorityFrames)
    }
}
