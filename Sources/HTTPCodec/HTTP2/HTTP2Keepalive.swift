/// When an HTTP/2 connection asks its peer whether it is still there (`connection_keepalive`).
///
/// Pure: the owner tells what happened and asks what is due; times are nanoseconds on its clock. A PING is sent every
/// interval, none while one is under way; one that is not answered in time means that the connection is gone. Where an
/// idle interval is set, a connection that had nothing to receive for so long asks before it carries a new request.
public struct HTTP2Keepalive: Sendable, Equatable {
    /// The settings of Envoy's `KeepaliveSettings`.
    public struct Settings: Sendable, Equatable {
        /// Between two PINGs; 0 for none but those before a request on an idle connection.
        public var interval: UInt64
        /// For the answer.
        public var timeout: UInt64
        /// Part of the interval that is added at random, in percent.
        public var jitterPercent: Double
        /// Without anything received for so long, a new request is preceded by a PING; 0 for never.
        public var idleInterval: UInt64

        /// What the configuration says.
        public init(interval: UInt64 = 0, timeout: UInt64, jitterPercent: Double = 15, idleInterval: UInt64 = 0) {
            self.interval = interval
            self.timeout = timeout
            self.jitterPercent = jitterPercent
            self.idleInterval = idleInterval
        }
    }

    /// What is to be done now.
    public enum Action: Sendable, Equatable {
        case nothing
        /// Send a PING with these bytes.
        case ping(UInt64)
        /// The peer does not answer: end the connection.
        case giveUp
    }

    private let settings: Settings
    private var nextPing: UInt64
    private var answerDue: UInt64?
    private var lastReceived: UInt64
    private var number: UInt64 = 0

    /// - Parameter random: decides on the first interval's jitter.
    public init(_ settings: Settings, now: UInt64, random: UInt64) {
        self.settings = settings
        lastReceived = now
        nextPing = .max
        scheduleNext(now, random)
    }

    /// When ``due(now:)`` is to be asked next; nil for never.
    public var deadline: UInt64? {
        if let answerDue { return answerDue }
        return nextPing == .max ? nil : nextPing
    }

    /// The time has come to look.
    public mutating func due(now: UInt64) -> Action {
        if let answerDue { return now >= answerDue ? .giveUp : .nothing }
        return now >= nextPing ? ping(now) : .nothing
    }

    /// Something came from the peer.
    public mutating func received(now: UInt64) {
        lastReceived = now
    }

    /// The peer answered a PING.
    public mutating func answered(_ opaque: UInt64, now: UInt64, random: UInt64) {
        guard answerDue != nil, opaque == number else { return }
        answerDue = nil
        scheduleNext(now, random)
    }

    /// A request is about to be sent.
    public mutating func requestBegins(now: UInt64) -> Action {
        guard settings.idleInterval > 0, answerDue == nil, now &- lastReceived >= settings.idleInterval else {
            return .nothing
        }
        return ping(now)
    }

    private mutating func ping(_ now: UInt64) -> Action {
        number &+= 1
        answerDue = now &+ settings.timeout
        return .ping(number)
    }

    private mutating func scheduleNext(_ now: UInt64, _ random: UInt64) {
        guard settings.interval > 0 else { return }
        let span = UInt64(Double(settings.interval) * settings.jitterPercent / 100)
        nextPing = now &+ settings.interval &+ (span > 0 ? random % span : 0)
    }
}
