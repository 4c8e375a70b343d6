import Foundation
import Glibc
import Synchronization
import Testing

@testable import Observability

/// A log whose lines come back as text, with a clock of its own.
private final class LogHarness {
    let log: Log
    private let reader: Int32
    private let writer: Int32
    let now = ClockBox()

    final class ClockBox: Sendable {
        let seconds = Atomic<UInt64>(0)
    }

    init(_ level: LogLevel = .info, format: Log.Format = .text, isColored: Bool? = nil) {
        var descriptors: [Int32] = [0, 0]
        precondition(pipe(&descriptors) == 0)
        (reader, writer) = (descriptors[0], descriptors[1])
        let now = now
        log = Log(
            levels: LogLevels(level), format: format, output: .descriptor(writer),
            clock: Log.Clock(
                wall: { 1_795_428_000_123_456_789 }, monotonic: { now.seconds.load(ordering: .relaxed) * 1_000_000_000 }),
            processID: 4711, isColored: isColored)
    }

    func lines() -> String {
        close(writer)
        defer { close(reader) }
        return drain(reader)
    }
}

struct LogTests {
    @Test("a line has Envoy's form")
    func text() {
        let harness = LogHarness()
        harness.log.info(.upstream, "cluster \"web\": 3 hosts")
        #expect(harness.lines() == "[2026-11-23 10:00:00.123][4711][info][upstream] cluster \"web\": 3 hosts\n")
    }

    @Test("JSON lines are objects")
    func json() throws {
        let harness = LogHarness(format: .json)
        harness.log.warning(.config, "a \"quoted\"\nmessage")
        let line = harness.lines()
        #expect(line.filter { $0 == "\n" }.count == 1)
        let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? NSDictionary
        #expect(
            object == [
                "time": "2026-11-23T10:00:00.123Z", "pid": 4711, "level": "warning", "component": "config",
                "message": "a \"quoted\"\nmessage",
            ])
    }

    @Test("a message below its component's level is not even built", arguments: LogLevel.allCases)
    func levels(level: LogLevel) {
        let harness = LogHarness(.off)
        harness.log.levels[.lua] = level
        var built: [LogLevel] = []
        func message(_ level: LogLevel) -> String {
            built.append(level)
            return level.name.description
        }
        let written = LogLevel.allCases.filter { $0 != .off }
        for level in written {
            harness.log.write(level, .lua, message(level))
            harness.log.write(level, .main, message(level))
        }
        let expected = written.filter { $0 >= level }
        #expect(built == expected)
        #expect(harness.lines().split(separator: "\n").count == expected.count)
    }

    @Test("no message makes a line of its own")
    func injection() {
        let harness = LogHarness()
        harness.log.error(.http, "a\nb\r\u{1B}[31m\u{7F}\t")
        #expect(harness.lines() == "[2026-11-23 10:00:00.123][4711][error][http] a\\nb\\r\\x1b[31m\\x7f\\t\n")
    }

    @Test("a long message is cut at its bound", arguments: [0, 1])
    func long(extra: Int) {
        let harness = LogHarness()
        harness.log.info(.main, String(repeating: "a", count: Log.maximumMessage + extra))
        #expect(harness.lines().filter { $0 == "a" }.count == Log.maximumMessage + 1)
    }

    @Test("repeats are held back and counted, kinds do not disturb each other")
    func limited() {
        let harness = LogHarness()
        for (second, kind) in [(0, "a"), (1, "a"), (2, "b"), (9, "a"), (10, "a"), (11, "a"), (20, "a"), (30, "a")] as [(UInt64, String)] {
            harness.now.seconds.store(second, ordering: .relaxed)
            harness.log.limited(.warning, .upstream, kind: kind, "\(kind) at \(second)")
        }
        let messages = harness.lines().split(separator: "\n").map { $0.split(separator: "] ")[1] }
        #expect(messages == ["a at 0", "b at 2", "a at 10 (2 more since the last one)", "a at 20 (1 more since the last one)", "a at 30"])
    }

    @Test("the kinds whose repeats are held back have a bound; over it messages go through")
    func manyKinds() {
        let harness = LogHarness()
        for _ in 0..<2 {
            for kind in 0...Log.maximumLimits { harness.log.limited(.warning, .main, kind: "\(kind)", "x") }
        }
        #expect(harness.lines().split(separator: "\n").count == Log.maximumLimits + 2)
    }

    @Test("colours come only when asked for or on a terminal")
    func colors() {
        let plain = LogHarness()
        plain.log.error(.main, "x")
        #expect(!plain.lines().contains("\u{1B}"))
        let colored = LogHarness(isColored: true)
        colored.log.error(.main, "x")
        #expect(colored.lines().contains("[\u{1B}[31merror\u{1B}[0m]"))
    }

    @Test("levels that are shared change for every process at once")
    func shared() throws {
        let levels = try LogLevels(sharing: .warning)
        let other = try LogLevels(mapping: dup(try #require(levels.descriptor)))
        for component in LogComponent.allCases { #expect(other[component] == .warning) }
        levels[.lua] = .trace
        other[.http] = .error
        #expect(other[.lua] == .trace && levels[.http] == .error && levels[.main] == .warning)
        levels.setAll(.off)
        #expect(LogComponent.allCases.allSatisfy { other[$0] == .off })
        let stats = try StatsSegment(named: "test")
        #expect(throws: RegionError.purpose(found: "stats", expected: "loglevel")) {
            try LogLevels(mapping: secondDescriptor(stats.region))
        }
    }

    @Test("components are stored in the order of their declaration, and level names are read back")
    func tables() {
        #expect(LogComponent.allCases.map(\.index) == Array(LogComponent.allCases.indices))
        for level in LogLevel.allCases { #expect(LogLevel(level.name.description) == level) }
        #expect(LogLevel("warn") == .warning)
        #expect(LogLevel("verbose") == nil)
    }

    @Test("through the writer's thread lines arrive too")
    func throughFile() throws {
        let directory = TemporaryDirectory()
        let writer = try LogFileWriter(flushInterval: 1_000_000)
        let log = Log(output: .file(try writer.open(directory.path + "/log"), writer))
        log.info(.main, "hello")
        writer.stop()
        #expect(contents(directory.path + "/log").hasSuffix("][info][main] hello\n"))
    }
}
