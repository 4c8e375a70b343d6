import Bytes
import Glibc
import HTTPModel
import Testing

@testable import Observability

struct LogFileTests {
    static func append(_ file: LogFile, _ text: String) -> Bool {
        Array(text.utf8).withUnsafeBytes { file.append($0) }
    }

    @Test("lines are in the file after a flush, in order, and a file is opened once")
    func flush() throws {
        let directory = TemporaryDirectory()
        let writer = try LogFileWriter(flushInterval: 1_000_000)
        let file = try writer.open(directory.path + "/log")
        #expect(try writer.open(directory.path + "/log") === file)
        #expect(Self.append(file, "one\n"))
        #expect(Self.append(file, "two\n"))
        writer.flush()
        #expect(contents(directory.path + "/log") == "one\ntwo\n")
        #expect(Self.append(file, "three\n"))
        writer.flush()
        writer.flush()
        #expect(contents(directory.path + "/log") == "one\ntwo\nthree\n")
    }

    @Test("stopping writes what waits, of every file")
    func stop() throws {
        let directory = TemporaryDirectory()
        let writer = try LogFileWriter(flushInterval: 1_000_000)
        for name in ["a", "b"] { #expect(Self.append(try writer.open(directory.path + "/" + name), name + "\n")) }
        writer.stop()
        writer.flush()
        writer.stop()
        #expect(contents(directory.path + "/a") == "a\n")
        #expect(contents(directory.path + "/b") == "b\n")
    }

    @Test("after a rotation and a reopen, lines go to the new file")
    func reopen() throws {
        let directory = TemporaryDirectory()
        let path = directory.path + "/log"
        let writer = try LogFileWriter(flushInterval: 1_000_000)
        let file = try writer.open(path)
        _ = Self.append(file, "old\n")
        writer.flush()
        #expect(rename(path, path + ".1") == 0)
        _ = Self.append(file, "still old\n")
        writer.flush()
        writer.reopen()
        writer.flush()
        _ = Self.append(file, "new\n")
        writer.flush()
        #expect(contents(path + ".1") == "old\nstill old\n")
        #expect(contents(path) == "new\n")
    }

    @Test("a reopen that fails is counted and the old file stays in use")
    func reopenFails() throws {
        let directory = TemporaryDirectory()
        let path = directory.path + "/log"
        let segment = try StatsSegment(named: "test")
        let writer = try LogFileWriter(flushInterval: 1_000_000, stats: segment.filesystem())
        let file = try writer.open(path)
        #expect(rename(path, path + ".1") == 0)
        #expect(mkdir(path, 0o700) == 0)
        writer.reopen()
        writer.flush()
        _ = Self.append(file, "line\n")
        writer.flush()
        #expect(contents(path + ".1") == "line\n")
        #expect(segment.filesystem()[.reopenFailed].value == 1)
        rmdir(path)
    }

    @Test("a buffer takes lines up to its bound; beyond it they are dropped whole and counted")
    func bound() throws {
        let directory = TemporaryDirectory()
        let segment = try StatsSegment(named: "test")
        let writer = try LogFileWriter(bufferSize: 64, flushInterval: 1_000_000, stats: segment.filesystem())
        let file = try writer.open(directory.path + "/log")
        writer.stop()
        for _ in 0..<4 { #expect(Self.append(file, "0123456789abcde\n")) }
        #expect(!Self.append(file, "\n"))
        #expect(segment.filesystem()[.writeBuffered].value == 4)
        #expect(segment.filesystem()[.writeDropped].value == 1)
    }

    @Test("under load every line is either whole in the file or counted as dropped", arguments: [256, 4096, 200_000])
    func load(bufferSize: Int) throws {
        let directory = TemporaryDirectory()
        let path = directory.path + "/log"
        let segment = try StatsSegment(named: "test")
        let writer = try LogFileWriter(bufferSize: bufferSize, flushInterval: 1, stats: segment.filesystem())
        let file = try writer.open(path)
        var expected: [String] = []
        for index in 0..<20_000 {
            let line = "line \(index) " + String(repeating: "x", count: index % 97)
            if Self.append(file, line + "\n") { expected.append(line) }
        }
        writer.stop()
        let lines = contents(path).split(separator: "\n").map(String.init)
        #expect(lines == expected)
        #expect(expected.count + Int(segment.filesystem()[.writeDropped].value) == 20_000)
        #expect(segment.filesystem()[.writeBuffered].value == UInt64(expected.count))
    }

    @Test("a sleeping writer wakes for a first line without being asked")
    func wakes() throws {
        let directory = TemporaryDirectory()
        let path = directory.path + "/fifo"
        #expect(mkfifo(path, 0o600) == 0)
        let reader = open(path, O_RDONLY | O_NONBLOCK)
        #expect(fcntl(reader, F_SETFL, 0) == 0)
        let writer = try LogFileWriter(flushInterval: 1)
        let file = try writer.open(path)
        for round in 0..<50 {
            _ = Self.append(file, "round \(round)\n")
            var buffer = [UInt8](repeating: 0, count: 64)
            let size = read(reader, &buffer, 64)
            #expect(String(decoding: buffer[..<max(size, 0)], as: UTF8.self) == "round \(round)\n")
        }
        writer.stop()
        close(reader)
    }

    @Test("a path that cannot be opened is an error that names it")
    func cannotOpen() throws {
        let writer = try LogFileWriter()
        #expect(throws: LogFileError.cannotOpen(path: "/nowhere/log", code: ENOENT)) { try writer.open("/nowhere/log") }
    }

    @Test(
        "a write to a pipe ends with a line, and holds a longer line whole",
        arguments: [
            ("ab\ncd\nef\n", "", 9, 9), ("ab\ncd\nef\n", "", 8, 6), ("ab\ncd\n", "ef\n", 7, 6), ("ab", "c\nd\n", 4, 4), ("abcdef\nx\n", "", 3, 7),
            ("abc", "def\nx\n", 2, 7), ("abc", "", 2, 3), ("", "", 4, 0),
        ])
    func wholeLines(first: String, second: String, limit: Int, expected: Int) {
        let (first, second) = (Array(first.utf8), Array(second.utf8))
        let size = first.withUnsafeBytes { head in second.withUnsafeBytes { WrittenFile.wholeLines(head, $0, atMost: limit) } }
        #expect(size == expected)
    }

    @Test("an access log writes one line a stream, as text and as JSON")
    func accessLog() throws {
        let directory = TemporaryDirectory()
        let writer = try LogFileWriter(flushInterval: 1_000_000)
        let text = try AccessLog(
            .text(try SubstitutionFormat("%REQ(:METHOD)% %RESPONSE_CODE%\n", for: .logLine, environment: FormatSample.environment)),
            path: directory.path + "/text", writer: writer)
        let json = try AccessLog(
            .json(try JSONFormat(.object(["c": .string("%RESPONSE_CODE%")]), environment: FormatSample.environment)),
            path: directory.path + "/json", writer: writer)
        var info = StreamInfo()
        FormatSample.fill(&info)
        var scratch = ByteWriter()
        for log in [text, json, text] {
            log.write(
                scratch: &scratch, request: headers(FormatSample.request), response: headers(FormatSample.response),
                trailers: headers([]), info: info)
        }
        writer.stop()
        #expect(contents(directory.path + "/text") == "GET 200\nGET 200\n")
        #expect(contents(directory.path + "/json") == "{\"c\":200}\n")
    }

    @Test("a line longer than the bound is dropped and counted")
    func longLine() throws {
        let directory = TemporaryDirectory()
        let segment = try StatsSegment(named: "test")
        let writer = try LogFileWriter(stats: segment.filesystem())
        let log = try AccessLog(
            .text(try SubstitutionFormat("%REQ(user-agent)%", for: .logLine, environment: FormatSample.environment)),
            path: directory.path + "/log", writer: writer)
        var scratch = ByteWriter()
        for size in [AccessLog.maximumLine, AccessLog.maximumLine + 1] {
            log.write(
                scratch: &scratch, request: headers([("user-agent", String(repeating: "a", count: size))]), response: headers([]),
                trailers: headers([]), info: StreamInfo())
        }
        writer.stop()
        #expect(contents(directory.path + "/log").utf8.count == AccessLog.maximumLine)
        #expect(segment.filesystem()[.writeDropped].value == 1)
    }
}

struct ByteRingTests {
    @Test("what goes in comes out, whatever the sizes", arguments: 0..<50)
    func order(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let ring = ByteRing(capacity: Int.random(in: 1...100, using: &generator))
        defer { ring.deallocate() }
        var model: [UInt8] = []
        var next: UInt8 = 0
        for _ in 0..<500 {
            let bytes = (0..<Int.random(in: 0...40, using: &generator)).map { _ -> UInt8 in
                next &+= 1
                return next
            }
            let waiting = bytes.withUnsafeBytes { ring.append($0) }
            #expect(waiting == (bytes.count <= ring.capacity - model.count ? model.count : nil))
            if waiting != nil { model += bytes }
            let (first, second) = ring.readable
            #expect(Array(first) + Array(second) == model)
            let size = Int.random(in: 0...model.count, using: &generator)
            ring.consume(size)
            model.removeFirst(size)
            #expect(ring.count == model.count)
        }
    }
}
