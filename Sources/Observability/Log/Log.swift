import Bytes
public import Glibc
import Synchronization

/// The proxy's own log: lines of text like Envoy's, or JSON objects.
///
/// ```
/// [2026-11-23 10:00:00.123][4711][info][upstream] cluster web: 3 hosts
/// ```
///
/// A message is built only when its level is on. Control characters in messages are escaped: what comes from outside
/// cannot make a line. One write a line, up to PIPE_BUF whole even among several processes.
public final class Log: Sendable {
    /// Longest message; the rest is cut.
    public static let maximumMessage = 3500
    /// Most kinds of message whose repeats are held back at a time.
    public static let maximumLimits = 256

    /// How a line is laid out.
    public enum Format: Sendable {
        case text, json
    }

    /// Where lines go.
    public enum Output: Sendable {
        /// Written at once by the thread that logs.
        case descriptor(Int32)
        /// Through the writer's thread. The file must live as long as the log.
        case file(LogFile, LogFileWriter)
    }

    /// Nanoseconds: since 1970, and monotonic.
    public struct Clock: Sendable {
        public let wall: @Sendable () -> Int64
        public let monotonic: @Sendable () -> UInt64

        public init(wall: @escaping @Sendable () -> Int64, monotonic: @escaping @Sendable () -> UInt64) {
            self.wall = wall
            self.monotonic = monotonic
        }

        /// The system's clocks.
        public static let system = Clock(
            wall: {
                // Rule zero: the clock that others have injected; the Reactor's is out of this layer's reach.
                var time = timespec()
                clock_gettime(CLOCK_REALTIME, &time)
                return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
            },
            monotonic: {
                // Rule zero: as above.
                var time = timespec()
                clock_gettime(CLOCK_MONOTONIC, &time)
                return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
            })
    }

    /// Which levels are on; may be changed while the log is in use.
    public let levels: LogLevels
    private let format: Format
    private let output: Output
    private let clock: Clock
    private let processID: Int32
    private let isColored: Bool

    /// Line buffer and the repeats that are held back, under one lock: a message is rare.
    private struct State: ~Copyable {
        var line = ByteWriter(capacity: 512)
        var limits: [String: RepeatLimit] = [:]
    }

    private let state = Mutex(State())

    /// - Parameter isColored: nil for colours on a terminal only.
    public init(
        levels: LogLevels = LogLevels(), format: Format = .text, output: Output = .descriptor(STDERR_FILENO),
        clock: Clock = .system, processID: Int32 = getpid(), isColored: Bool? = nil
    ) {
        self.levels = levels
        self.format = format
        self.output = output
        self.clock = clock
        self.processID = processID
        if case .descriptor(let descriptor) = output, case .text = format {
            self.isColored = isColored ?? (isatty(descriptor) == 1)
        } else {
            self.isColored = false
        }
    }

    /// Whether a message of this level would be written; for callers that must do work to have one.
    public func isEnabled(_ level: LogLevel, _ component: LogComponent) -> Bool { levels.isEnabled(level, component) }

    /// Writes one message; `message` is evaluated only when its level is on.
    public func write(_ level: LogLevel, _ component: LogComponent, _ message: @autoclosure () -> String) {
        guard levels.isEnabled(level, component) else { return }
        emit(level, component, message())
    }

    /// Writes what only who looks for a fault wants to see.
    public func debug(_ component: LogComponent, _ message: @autoclosure () -> String) {
        write(.debug, component, message())
    }

    /// Writes what is worth knowing though nothing is wrong.
    public func info(_ component: LogComponent, _ message: @autoclosure () -> String) {
        write(.info, component, message())
    }

    /// Writes what an operator should look at some time.
    public func warning(_ component: LogComponent, _ message: @autoclosure () -> String) {
        write(.warning, component, message())
    }

    /// Writes what went wrong for somebody.
    public func error(_ component: LogComponent, _ message: @autoclosure () -> String) {
        write(.error, component, message())
    }

    /// Writes at most one message of a kind in a time; the next one says how many were held back.
    /// - Parameters:
    ///   - kind: what makes messages alike, for instance `"connect-failed web"`. Never client input.
    ///   - seconds: how long to hold repeats back.
    public func limited(
        _ level: LogLevel, _ component: LogComponent, kind: String, every seconds: UInt64 = 10,
        _ message: @autoclosure () -> String
    ) {
        guard levels.isEnabled(level, component) else { return }
        let now = clock.monotonic()
        let heldBack = state.withLock { state -> Int? in
            if state.limits[kind] == nil, state.limits.count >= Log.maximumLimits {
                state.limits = state.limits.filter { !$0.value.isOver(now) }
                // Too many kinds at once: better one line too many than memory without bound.
                guard state.limits.count < Log.maximumLimits else { return 0 }
            }
            return state.limits[kind, default: RepeatLimit()].admit(now: now, interval: seconds * 1_000_000_000)
        }
        guard let heldBack else { return }
        let text = message()
        emit(level, component, heldBack == 0 ? text : "\(text) (\(heldBack) more since the last one)")
    }

    // MARK: Private parts

    private func emit(_ level: LogLevel, _ component: LogComponent, _ message: String) {
        let wall = clock.wall()
        var message = message
        state.withLock { state in
            state.line.reset()
            message.withUTF8 { bytes in
                let cut = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes).prefix(Log.maximumMessage))
                switch format {
                case .text: appendText(level, component, cut, wall: wall, to: &state.line)
                case .json: appendJSON(level, component, cut, wall: wall, to: &state.line)
                }
            }
            send(state.line.bytes)
        }
    }

    private func appendText(
        _ level: LogLevel, _ component: LogComponent, _ message: UnsafeRawBufferPointer, wall: Int64,
        to line: inout ByteWriter
    ) {
        line.append(0x5B)
        Log.timeFormat.append(wall, to: &line)
        line.append("][")
        line.append(decimal: processID)
        line.append("][")
        if isColored { line.append(Log.color(level)) }
        line.append(level.name)
        if isColored { line.append("\u{1B}[0m") }
        line.append("][")
        line.append(component.rawValue)
        line.append("] ")
        line.appendWithoutControls(message)
        line.append(0x0A)
    }

    private func appendJSON(
        _ level: LogLevel, _ component: LogComponent, _ message: UnsafeRawBufferPointer, wall: Int64,
        to line: inout ByteWriter
    ) {
        line.append("{\"time\":\"")
        line.appendISO8601(wall)
        line.append("\",\"pid\":")
        line.append(decimal: processID)
        line.append(",\"level\":\"")
        line.append(level.name)
        line.append("\",\"component\":\"")
        line.append(component.rawValue)
        line.append("\",\"message\":\"")
        line.appendJSON(message)
        line.append("\"}\n")
    }

    private func send(_ line: UnsafeRawBufferPointer) {
        switch output {
        case .file(let file, _): file.append(line)
        case .descriptor(let descriptor):
            var rest = line
            while !rest.isEmpty {
                let written = Glibc.write(descriptor, rest.baseAddress, rest.count)
                if written > 0 {
                    rest = rest.slice(written, rest.count)
                } else if errno != EINTR {
                    // Nobody can be told that the log is broken.
                    return
                }
            }
        }
    }

    private static let timeFormat = TimeFormat.logLine

    private static func color(_ level: LogLevel) -> StaticString {
        switch level {
        case .trace, .debug: "\u{1B}[2m"
        case .info: "\u{1B}[32m"
        case .warning: "\u{1B}[33m"
        case .error, .critical, .off: "\u{1B}[31m"
        }
    }
}

/// Lets the first message of a kind through and holds its repeats back for a while.
struct RepeatLimit: Equatable {
    private var end: UInt64 = 0
    private var heldBack = 0

    /// - Returns: how many were held back before this one; nil when this one is held back too.
    mutating func admit(now: UInt64, interval: UInt64) -> Int? {
        guard now >= end else {
            heldBack += 1
            return nil
        }
        end = now + interval
        defer { heldBack = 0 }
        return heldBack
    }

    func isOver(_ now: UInt64) -> Bool { now >= end }
}

extension ByteWriter {
    /// Appends `text` with control characters escaped and everything else as it is.
    mutating func appendWithoutControls(_ text: UnsafeRawBufferPointer) {
        var start = 0
        for index in 0..<text.count where text[index] < 0x20 || text[index] == 0x7F {
            append(text.slice(start, index))
            appendEscapedLine(text.slice(index, index + 1))
            start = index + 1
        }
        append(text.slice(start, text.count))
    }
}
