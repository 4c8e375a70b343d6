import HTTPCodec
import Testing

@Suite struct HTTP2KeepaliveTests {
    private let settings = HTTP2Keepalive.Settings(interval: 100, timeout: 20, jitterPercent: 0)

    @Test("asks after each interval, and not while an answer is due")
    func interval() {
        var keepalive = HTTP2Keepalive(settings, now: 0, random: 7)
        #expect(keepalive.deadline == 100)
        #expect(keepalive.due(now: 99) == .nothing)
        #expect(keepalive.due(now: 100) == .ping(1))
        #expect(keepalive.deadline == 120)
        #expect(keepalive.due(now: 110) == .nothing)
        keepalive.answered(1, now: 115, random: 7)
        #expect(keepalive.deadline == 215)
        #expect(keepalive.due(now: 215) == .ping(2))
    }

    @Test("gives up when the answer is late; another PING's answer does not count")
    func timeout() {
        var keepalive = HTTP2Keepalive(settings, now: 0, random: 7)
        _ = keepalive.due(now: 100)
        keepalive.answered(9, now: 101, random: 7)
        #expect(keepalive.due(now: 119) == .nothing)
        #expect(keepalive.due(now: 120) == .giveUp)
    }

    @Test("adds at most the configured part of the interval", arguments: [UInt64(0), 14, 15, 1_000_003])
    func jitter(random: UInt64) {
        var settings = settings
        settings.jitterPercent = 15
        let keepalive = HTTP2Keepalive(settings, now: 0, random: random)
        #expect(keepalive.deadline == 100 + random % 15)
    }

    @Test("asks before a request when nothing came for the idle interval")
    func idle() {
        let settings = HTTP2Keepalive.Settings(timeout: 20, idleInterval: 50)
        var keepalive = HTTP2Keepalive(settings, now: 0, random: 7)
        #expect(keepalive.deadline == nil)
        #expect(keepalive.requestBegins(now: 49) == .nothing)
        #expect(keepalive.requestBegins(now: 50) == .ping(1))
        #expect(keepalive.requestBegins(now: 51) == .nothing)
        keepalive.answered(1, now: 55, random: 7)
        keepalive.received(now: 60)
        #expect(keepalive.deadline == nil)
        #expect(keepalive.requestBegins(now: 109) == .nothing)
        #expect(keepalive.requestBegins(now: 110) == .ping(2))
    }
}
