/// Counts what is cheap to send and dear to receive, and says when a connection has done too much of it.
///
/// A pure machine: it is fed with facts about frames and with the time. The library beneath the session limits
/// CONTINUATION frames, acknowledgements that wait and the rate of RST_STREAM frames received, but none of this.
/// The formulas are those of Envoy's `http2_protocol_options`; the glitch bucket is ours.
public struct AbuseGuard: Sendable {
    private let limits: AbuseLimits
    private var openedStreams = 0
    private var closedStreams = 0
    private var prematureResets = 0
    private var emptyFramesInARow = 0
    private var priorityFrames = 0
    private var windowUpdateFrames = 0
    private var dataFramesSent = 0
    /// Glitches that have not been forgiven yet.
    private var glitches: Double = 0
    private var lastForgiven: UInt64

    /// - Parameter now: nanoseconds, monotonic; from here on glitches are forgiven with time.
    public init(limits: AbuseLimits, now: UInt64) {
        self.limits = limits
        lastForgiven = now
    }

    /// The peer opened a stream, or we did.
    public mutating func streamOpened() {
        openedStreams += 1
    }

    /// We sent a DATA frame.
    public mutating func dataFrameSent() {
        dataFramesSent += 1
    }

    /// A frame header came. DATA is told of when it is complete, with ``dataReceived(isEmpty:endsStream:)``.
    public mutating func frameReceived(type: UInt8, flags: UInt8, length: Int, now: UInt64) -> HTTP2Flood? {
        switch type {
        case FrameType.data:
            return nil
        case FrameType.headers, FrameType.continuation:
            return payloadReceived(isEmpty: length == 0, endsStream: flags & FrameFlag.endStream != 0)
        case FrameType.priority, FrameType.priorityUpdate:
            priorityFrames += 1
            let allowed = limits.maxInboundPriorityFramesPerStream * (1 + openedStreams)
            return priorityFrames > allowed ? .inboundPriorityFrames : nil
        case FrameType.windowUpdate:
            windowUpdateFrames += 1
            let paid = limits.maxInboundWindowUpdateFramesPerDataFrameSent * dataFramesSent
            return windowUpdateFrames > 5 + 2 * (openedStreams + paid) ? .inboundWindowUpdateFrames : nil
        case FrameType.resetStream:
            return nil
        case FrameType.settings, FrameType.ping:
            return flags & FrameFlag.acknowledgement != 0 ? nil : glitch(now: now)
        default:
            return glitch(now: now)
        }
    }

    /// A whole DATA frame came.
    public mutating func dataReceived(isEmpty: Bool, endsStream: Bool) -> HTTP2Flood? {
        payloadReceived(isEmpty: isEmpty, endsStream: endsStream)
    }

    /// A stream ended. `isPremature`: by a reset, the peer's or one that it made us send, before its time.
    public mutating func streamClosed(isPremature: Bool) -> HTTP2Flood? {
        closedStreams += 1
        guard isPremature else { return nil }
        prematureResets += 1
        // More than half of a window that is not full yet will be more than half of it when it is.
        let window = max(closedStreams, limits.prematureResetStreamCount)
        return prematureResets * 2 > window ? .prematureResets : nil
    }

    /// Something odd but legal, or an error that we answered with a reset.
    public mutating func glitch(now: UInt64) -> HTTP2Flood? {
        if now > lastForgiven {
            let seconds = Double(now - lastForgiven) / 1_000_000_000
            glitches = max(0, glitches - seconds * Double(limits.glitchesPerSecond))
            lastForgiven = now
        }
        glitches += 1
        return glitches > Double(limits.glitchBurst) ? .glitches : nil
    }

    /// So many frames wait to be written, `heads` of them HEADERS.
    public func outboundQueued(frames: Int, heads: Int) -> HTTP2Flood? {
        if frames - heads > limits.maxOutboundControlFrames { return .outboundControlFrames }
        return frames > limits.maxOutboundFrames ? .outboundFrames : nil
    }

    private mutating func payloadReceived(isEmpty: Bool, endsStream: Bool) -> HTTP2Flood? {
        guard isEmpty, !endsStream else {
            emptyFramesInARow = 0
            return nil
        }
        emptyFramesInARow += 1
        return emptyFramesInARow > limits.maxConsecutiveInboundFramesWithEmptyPayload ? .inboundEmptyFrames : nil
    }
}

/// Frame types that the session looks at (RFC 9113 section 6, RFC 9218 section 7.1).
enum FrameType {
    static let data: UInt8 = 0
    static let headers: UInt8 = 1
    static let priority: UInt8 = 2
    static let resetStream: UInt8 = 3
    static let settings: UInt8 = 4
    static let ping: UInt8 = 6
    static let goAway: UInt8 = 7
    static let windowUpdate: UInt8 = 8
    static let continuation: UInt8 = 9
    static let priorityUpdate: UInt8 = 16
}

/// Frame flags that the session looks at.
enum FrameFlag {
    static let endStream: UInt8 = 1
    static let acknowledgement: UInt8 = 1
}
