/// When a stream began, by the wall clock, and the moments of its life, by the monotonic clock. All in nanoseconds;
/// 0 stands for "not yet".
package struct StreamTimes {
    /// Since 1970, UTC.
    package var wallStart: Int64 = 0
    package var start: UInt64 = 0
    package var lastDownstreamReceive: UInt64 = 0
    package var upstreamConnectionReady: UInt64 = 0
    package var firstUpstreamSend: UInt64 = 0
    package var lastUpstreamSend: UInt64 = 0
    package var firstUpstreamReceive: UInt64 = 0
    package var lastUpstreamReceive: UInt64 = 0
    package var firstDownstreamSend: UInt64 = 0
    package var lastDownstreamSend: UInt64 = 0
    /// End of the downstream TLS handshake.
    package var downstreamHandshakeComplete: UInt64 = 0
    /// When the stream was finished.
    package var end: UInt64 = 0

    package init() {}

    /// Begins at `monotonic`, which is `wall` by the wall clock.
    package mutating func begin(monotonic: UInt64, wall: Int64) {
        self = StreamTimes()
        start = monotonic
        wallStart = wall
    }

    /// A point that durations are measured between (`%COMMON_DURATION%` and its older relatives).
    package enum Point: UInt8, Sendable {
        case start, lastDownstreamReceive, upstreamConnectionReady, firstUpstreamSend, lastUpstreamSend
        case firstUpstreamReceive, lastUpstreamReceive, firstDownstreamSend, lastDownstreamSend
        case downstreamHandshakeComplete, end
    }

    /// The moment of `point`, nil when it has not come.
    package func moment(_ point: Point) -> UInt64? {
        let value =
            switch point {
            case .start: start
            case .lastDownstreamReceive: lastDownstreamReceive
            case .upstreamConnectionReady: upstreamConnectionReady
            case .firstUpstreamSend: firstUpstreamSend
            case .lastUpstreamSend: lastUpstreamSend
            case .firstUpstreamReceive: firstUpstreamReceive
            case .lastUpstreamReceive: lastUpstreamReceive
            case .firstDownstreamSend: firstDownstreamSend
            case .lastDownstreamSend: lastDownstreamSend
            case .downstreamHandshakeComplete: downstreamHandshakeComplete
            case .end: end
            }
        return value == 0 ? nil : value
    }

    /// Nanoseconds from `from` to `to`; nil when one has not come or they are in the wrong order.
    package func nanoseconds(from: Point, to: Point) -> UInt64? {
        guard let first = moment(from), let last = moment(to), last >= first else { return nil }
        return last - first
    }
}
