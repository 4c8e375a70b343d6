import HTTPCodec

/// The keepalive of a call's connection: a ``HTTP2Keepalive`` with random numbers of its own.
struct GRPCKeepalive {
    private var machine: HTTP2Keepalive
    private var random: UInt64

    init(_ limits: GRPCLimits, now: UInt64) {
        random = Self.next(limits.pingSeed)
        let settings = HTTP2Keepalive.Settings(
            interval: limits.pingInterval, timeout: limits.pingTime, jitterPercent: limits.pingJitterPercent)
        machine = HTTP2Keepalive(settings, now: now, random: random >> 32)
    }

    var deadline: UInt64? { machine.deadline }

    mutating func due(now: UInt64) -> HTTP2Keepalive.Action { machine.due(now: now) }

    mutating func answered(_ opaque: UInt64, now: UInt64) {
        random = Self.next(random)
        machine.answered(opaque, now: now, random: random >> 32)
    }

    /// Knuth's linear congruential generator; the upper half is the better one.
    private static func next(_ state: UInt64) -> UInt64 { state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407 }
}
