import Glibc

/// Time as the demo needs it: it waits for processes and for people, so that no clock of a test would do.
struct Stopwatch {
    // Rule zero: the demo lives in real time.
    private let start = ContinuousClock.now

    /// Seconds since it was made.
    var seconds: Double { (ContinuousClock.now - start) / .seconds(1) }

    /// Waits until one of the descriptors can be read or the time is over; says which can be.
    static func wait(for descriptors: [Int32], seconds: Double) -> Set<Int32> {
        var entries = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        let milliseconds = Int32(max(0, min(seconds * 1000, 3_600_000)).rounded(.up))
        _ = poll(&entries, nfds_t(entries.count), milliseconds)
        return Set(entries.filter { $0.revents != 0 }.map(\.fd))
    }
}
