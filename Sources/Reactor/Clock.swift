import Glibc

/// Where the loop takes the time from: the kernel, or a test that moves it by hand.
public protocol LoopClock: Sendable {
    /// Nanoseconds on a clock that never goes back.
    func monotonic() -> UInt64
    /// Nanoseconds since 1970, UTC.
    func wall() -> UInt64
}

/// The kernel's clocks.
public struct SystemClock: LoopClock {
    public init() {}

    /// `CLOCK_MONOTONIC`.
    public func monotonic() -> UInt64 { Self.read(CLOCK_MONOTONIC) }

    /// `CLOCK_REALTIME`.
    public func wall() -> UInt64 { Self.read(CLOCK_REALTIME) }

    private static func read(_ clock: clockid_t) -> UInt64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
