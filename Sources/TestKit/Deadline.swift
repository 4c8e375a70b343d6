import Glibc

/// A moment after which a test no longer waits for what should have come.
package struct Deadline: Sendable {
    private let end: Int64

    /// - Parameter seconds: counted from now, on the monotonic clock.
    package init(seconds: Double) {
        end = Self.now + Int64(seconds * 1000)
    }

    /// Whether the time is over.
    package var isOver: Bool { millisecondsLeft == 0 }

    /// What is left, never negative.
    package var millisecondsLeft: Int32 { Int32(clamping: max(0, end - Self.now)) }

    /// Waits until a descriptor has what `events` asks for. False when the time is over first.
    package func waits(for descriptor: Int32, _ events: Int32) -> Bool {
        var entry = pollfd(fd: descriptor, events: Int16(events), revents: 0)
        while true {
            let ready = poll(&entry, 1, millisecondsLeft)
            if ready > 0 { return true }
            if ready == 0 || errno != EINTR { return false }
        }
    }

    /// Asks again and again, with a short pause between, until `condition` holds. False when the time is over first.
    package func polls(every milliseconds: Int32 = 5, _ condition: () throws -> Bool) rethrows -> Bool {
        while true {
            if try condition() { return true }
            if isOver { return false }
            poll(nil, 0, min(milliseconds, millisecondsLeft))
        }
    }

    /// Milliseconds of the monotonic clock.
    static var now: Int64 {
        var time = timespec()
        // Rule zero: a deadline of a test is about real processes, which the injected clock does not move.
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}
