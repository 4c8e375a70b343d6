/// When a stream began, by the wall clock, and the moments of its life, by the monotonic clock. All in nanoseconds;
/// 0 stands for "not yet".
public struct StreamTimes {
    /// Since 1970, UTC.
    public var wallStart: Int64 = 0
    public var start: UInt64 = 0
    public var lastDownstreamReceive: UInt64 = 0
    public var upstreamConnectionReady: UInt64 = 0
    public var firstUpstreamSend: UInt64 = 0
    public var lastUpstreamSend: UInt64 = 0
    public var firstUpstreamReceive: UInt64 = 0
    public var lastUpstreamReceive: UInt64 = 0
    public var firstDownstreamSend: UInt64 = 0
    public var lastDownstreamSend: UInt64 = 0
    /// End of the downstream TLS handshake.
    public var downstreamHandshakeComplete: UInt64 = 0
    /// When the stream was finished.
    public var end: UInt64 = 0

    public init() {}

    /// Begins at `monotonic`, which is `wall` by the wall clock.
    public mutating func begin(monotonic: UInt64, wall: Int64) {
        self = StreamTimes()
        start = monotonic
        wallStart = wall
    }

    /// When the stream was finished, by the wall clock; its start while it has not been.
    public var wallEnd: Int64 { wallStart &+ Int64(clamping: nanoseconds(from: .start, to: .end) ?? 0) }

    /// A point that durations are measured between (`%COMMON_DURATION%` and its older relatives).
    public enum Point: UInt8, Sendable {
        case start, lastDownstreamReceive, upstreamConnectionReady, firstUpstreamSend, lastUpstreamSend
        case firstUpstreamReceive, lastUpstreamReceive, firstDownstreamSend, lastDownstreamSend
        case downstreamHandshakeComplete, end
    }

    /// The moment of `point`, nil when it has not come.
    public func moment(_ point: Point) -> UInt64? {
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
    public func nanoseconds(from: Point, to: Point) -> UInt64? {
        guard let first = moment(from), let last = moment(to), last >= first else { return nil }
        return last - first
    }
}
