import Testing

@testable import Demo

@Suite("What the demo reads of processes and proxies")
struct ReadingsTests {
    private func stat(_ name: String, state: String = "S") -> String {
        "42 (\(name)) \(state) 1 42 42 0 -1 4194560 1 0 0 0 7 8 0 0 20 0 1 0 123456 1000 10 18446744073709551615"
    }

    @Test("the time of a start is found behind any name", arguments: ["heddle", "a b", "a) S 1 2 (b", "))"])
    func start(name: String) { #expect(ProcessIdentity.start(in: stat(name)) == 123_456) }

    @Test("a process that has ended has none, nor has what is no such line")
    func ended() {
        #expect(ProcessIdentity.start(in: stat("a", state: "Z")) == nil)
        #expect(ProcessIdentity.start(in: "") == nil)
        #expect(ProcessIdentity.start(in: "1 (a) S 1") == nil)
    }

    @Test("a process is itself, and not another one of the same number")
    func identity() throws {
        let own = try #require(ProcessIdentity(of: 1))
        #expect(own.isRunning && own == ProcessIdentity(of: 1))
        #expect(ProcessIdentity(of: Int32.max) == nil)
    }

    @Test("a program that was built anew keeps its name")
    func programName() {
        #expect(Leftovers.name(of: "/a/heddle-proxy (deleted)") == "heddle-proxy")
        #expect(Leftovers.name(of: "/a/heddle") == "heddle")
    }

    @Test("a rate is what came since the last answer, over the time since then")
    func rates() {
        var counter = RateCounter()
        #expect(counter.rates(["a": 100, "b": 7], now: 0) == [:])
        #expect(counter.rates(["a": 110, "b": 9], now: 1) == ["a": 10, "b": 2])
        // One that does not answer once has no rate, and then not the total.
        #expect(counter.rates(["b": 9], now: 2) == ["b": 0])
        #expect(counter.rates(["a": 130, "b": 9], now: 3) == ["a": 10, "b": 0])
        // One that was started anew.
        #expect(counter.rates(["a": 5], now: 4) == [:])
        #expect(counter.rates(["a": 6], now: 4.5) == ["a": 2])
    }

    @Test("connections count that were accepted at the network of a workload and have something to read")
    func sockets() {
        let text = """
              sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
               0: 02032A7F:1B9E 00000000:0000 0A 00000000:00000001 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
               1: 02032A7F:1B9E 0100007F:9C40 01 00000000:00000021 00:00000000 00000000     0        0 2 1 0 20 4 30 10 -1
               2: 68032A7F:18EB 0100007F:9C41 01 00000000:00000100 00:00000000 00000000     0        0 3 1 0 20 4 30 10 -1
               3: 02032A7F:1B9E 0100007F:9C42 01 00000000:00000000 00:00000000 00000000     0        0 4 1 0 20 4 30 10 -1
               4: 02032A7F:1B9E 0100007F:9C43 01 00000000:00000021 00:00000000 00000000     0        0 0 1 0 20 4 30 10 -1
               5: 02032A7F:3A98 0100007F:9C44 01 00000000:00000021 00:00000000 00000000     0        0 6 1 0 20 4 30 10 -1
               6: 02042A7F:1B9E 0100007F:9C45 01 00000000:00000021 00:00000000 00000000     0        0 7 1 0 20 4 30 10 -1
            """
        #expect(SocketTable(text: text).unread(second: 42, third: 3, without: 15_000) == 2)
        #expect(SocketTable(text: "").unread(second: 42, third: 3, without: 15_000) == 0)
    }

    @Test("of a health check the first message counts, once all of it is there")
    func health() {
        let settings: [UInt8] = [0, 0, 0, 4, 0, 0, 0, 0, 0]
        let head: [UInt8] = [0, 0, 2, 1, 4, 0, 0, 0, 1, 0x88, 0x80]
        let message: [UInt8] = [0, 0, 0, 0, 2, 8, 1]
        let answer = settings + head + [0, 0, 7, 0, 0, 0, 0, 0, 1] + message
        for length in 0..<answer.count { #expect(GRPCHealth.answer(in: Array(answer[..<length])) == nil) }
        #expect(GRPCHealth.answer(in: answer) == message)
        // Only trailers: the call was refused.
        #expect(GRPCHealth.answer(in: settings + [0, 0, 1, 1, 5, 0, 0, 0, 1, 0x88]) == [])
    }

    @Test("the question is a whole call: preface, settings, head and the end of the stream")
    func question() {
        let bytes = GRPCHealth.question("127.7.3.1", 7070)
        #expect(String(decoding: bytes.prefix(24), as: UTF8.self) == "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        #expect(Array(bytes[24..<33]) == [0, 0, 0, 4, 0, 0, 0, 0, 0])
        let length = Int(bytes[34]) << 8 | Int(bytes[35])
        #expect(Array(bytes[36..<42]) == [1, 4, 0, 0, 0, 1])
        #expect(Array(bytes[(42 + length)...]) == [0, 0, 5, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0])
    }

    @Test("a time without a page has none that a page took")
    func rateLine() {
        func line(_ requests: Int) -> LoadLine {
            LoadLine(
                kind: "recent", seconds: 1, requests: requests, failures: 0, rps: Double(requests), p50_ms: 0,
                p90_ms: 0, p99_ms: 12.5, pages: nil, reasons: nil)
        }
        #expect(
            DemoScreen.head(line(2), total: (3, 1), seconds: 7)
                == "    7 s     2.0 pages/s  p50    0.0 ms  p99   12.5 ms  1 failed of 3")
        #expect(
            DemoScreen.head(line(0), total: (3, 1), seconds: 8)
                == "    8 s     0.0 pages/s  p50         -  p99         -  1 failed of 3")
    }

    @Test("on a terminal the start is one line that changes, and is gone at the end")
    func startOnTerminal() {
        var written: [String] = []
        var screen = StartScreen(isTerminal: true) { written.append($0) }
        let some = RunningShop.Progress(ready: 25, all: 29, missing: ["a", "b", "c", "d"])
        screen.show(some)
        screen.show(some)
        screen.show(RunningShop.Progress(ready: 28, all: 29, missing: ["d"]))
        screen.clear()
        #expect(
            written == [
                "\r\u{1b}[K25 of 29 ready, waiting for a, b, c, ...", "\r\u{1b}[K28 of 29 ready, waiting for d",
                "\r\u{1b}[K",
            ])
    }

    @Test("where there is no terminal a fast start says nothing")
    func startElsewhere() {
        var written: [String] = []
        var screen = StartScreen(isTerminal: false) { written.append($0) }
        screen.show(RunningShop.Progress(ready: 1, all: 2, missing: ["a"]))
        screen.clear()
        #expect(written == [])
    }
}
