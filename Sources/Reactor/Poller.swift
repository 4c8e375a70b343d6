import CLinux
public import Glibc

/// What a descriptor is ready for, or is watched for.
public struct Readiness: OptionSet, Sendable {
    public let rawValue: UInt32

    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// There is something to read or to accept; there is room to write.
    public static let readable = Readiness(rawValue: EPOLLIN.rawValue)
    public static let writable = Readiness(rawValue: EPOLLOUT.rawValue)
    /// The peer has ended its direction.
    public static let readHangup = Readiness(rawValue: EPOLLRDHUP.rawValue)
    public static let hangup = Readiness(rawValue: EPOLLHUP.rawValue)
    public static let error = Readiness(rawValue: EPOLLERR.rawValue)
    /// Told once a change of state, not as long as the state lasts.
    public static let edgeTriggered = Readiness(rawValue: EPOLLET.rawValue)
    /// Of several processes that watch one listening socket, wake not all.
    public static let exclusive = Readiness(rawValue: EPOLLEXCLUSIVE.rawValue)

    /// The peer is gone or the connection broken.
    public static let ended = Readiness(rawValue: EPOLLRDHUP.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue)
    /// Worth a read.
    public static let input = Readiness(rawValue: EPOLLIN.rawValue | ended.rawValue)
    /// A connect has come to its end.
    public static let connectDone = Readiness(rawValue: EPOLLOUT.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue)

    /// Whether any of `others` is set.
    public func has(_ others: Readiness) -> Bool { rawValue & others.rawValue != 0 }

    /// A connection: both directions, by edges, so that one `epoll_ctl` serves its whole life.
    public static let connection: Readiness = [.readable, .writable, .readHangup, .edgeTriggered]
    /// A listening socket shared between workers.
    public static let listener: Readiness = [.readable, .exclusive]
}

/// One thing that became ready: the token it was registered with and for what.
public struct PollEvent: Sendable {
    public var token: UInt64
    public var readiness: Readiness

    /// What a poller says of one descriptor.
    public init(token: UInt64, readiness: Readiness) {
        self.token = token
        self.readiness = readiness
    }
}

/// Where the loop learns what is ready: epoll, or a simulated network of a test.
public protocol Poller: AnyObject {
    /// Watches `descriptor`. Fails with the `errno` of the system call.
    func add(_ descriptor: Int32, _ interest: Readiness, token: UInt64) throws(SystemError)
    func remove(_ descriptor: Int32)
    /// Waits for something ready.
    /// - Parameter timeout: nanoseconds; nil waits for ever.
    /// - Returns: how many elements of `events` were filled; 0 after a time-out or a signal.
    func wait(_ events: UnsafeMutableBufferPointer<PollEvent>, timeout: UInt64?) -> Int
    /// Ends a wait from any thread.
    func wake()
}

/// A failed system call.
public struct SystemError: Error, Equatable, CustomStringConvertible {
    /// The value of `errno`.
    public let code: Int32
    /// Which call, e.g. "bind".
    public let call: StaticString

    /// - Parameter code: as the call left it in `errno`.
    public init(_ call: StaticString, code: Int32 = errno) {
        self.code = code
        self.call = call
    }

    public static func == (left: SystemError, right: SystemError) -> Bool { left.code == right.code }

    public var description: String { "\(call): \(Self.text(code))" }

    /// The system's words for a value of `errno`.
    public static func text(_ code: Int32) -> String { String(cString: strerror(code)) }
}

/// epoll(7) with an eventfd to wake it.
public final class EpollPoller: Poller {
    private static let batch = 256
    private static let wakeToken = UInt64.max

    private let epoll: Int32
    private let eventDescriptor: Int32
    // Safety: `batch` elements, touched by the one thread that waits, freed in `deinit`.
    private let raw: UnsafeMutablePointer<epoll_event>

    public init() throws(SystemError) {
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard epoll >= 0 else { throw SystemError("epoll_create1") }
        eventDescriptor = eventfd(0, heddle_eventfd_flags)
        raw = .allocate(capacity: Self.batch)
        guard eventDescriptor >= 0 else { throw SystemError("eventfd") }
        var event = heddle_epoll_event(EPOLLIN.rawValue, Self.wakeToken)
        guard epoll_ctl(epoll, EPOLL_CTL_ADD, eventDescriptor, &event) == 0 else { throw SystemError("epoll_ctl") }
    }

    deinit {
        close(epoll)
        if eventDescriptor >= 0 { close(eventDescriptor) }
        raw.deallocate()
    }

    /// Registers the descriptor with epoll.
    public func add(_ descriptor: Int32, _ interest: Readiness, token: UInt64) throws(SystemError) {
        var event = heddle_epoll_event(interest.rawValue, token)
        guard epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) == 0 else { throw SystemError("epoll_ctl") }
    }

    /// Takes the descriptor out of epoll.
    public func remove(_ descriptor: Int32) {
        var event = heddle_epoll_event(0, 0)
        // A descriptor that is already gone is no longer watched, which is what was wanted.
        _ = epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, &event)
    }

    /// One `epoll_wait`; the waking eventfd is emptied here and not handed on.
    public func wait(_ events: UnsafeMutableBufferPointer<PollEvent>, timeout: UInt64?) -> Int {
        // Rounded up to the millisecond, so that a timer is never waited for in a tight loop.
        let milliseconds = timeout.map { Int32(clamping: ($0 + 999_999) / 1_000_000) } ?? -1
        let count = epoll_wait(epoll, raw, Int32(min(Self.batch, events.count)), milliseconds)
        guard count > 0 else { return 0 }
        var used = 0
        for index in 0..<Int(count) {
            let token = heddle_epoll_data(raw + index)
            if token == Self.wakeToken {
                var value: UInt64 = 0
                _ = read(eventDescriptor, &value, 8)
                continue
            }
            events[used] = PollEvent(token: token, readiness: Readiness(rawValue: raw[index].events))
            used += 1
        }
        return used
    }

    /// Writes to the eventfd that the wait watches too.
    public func wake() {
        var one: UInt64 = 1
        _ = write(eventDescriptor, &one, 8)
    }
}
