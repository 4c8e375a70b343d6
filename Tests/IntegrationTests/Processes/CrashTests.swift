import Foundation
import Glibc
import TestKit
import Testing

@Suite(
    "Workers that crash", .serialized,
    .enabled(if: SupervisedProxy.faultyProgram != nil, "no heddle-proxy-faulty is built"))
struct CrashTests {
    private let upstream = RecordingUpstream { _ in .reply(200, body: "hello") }

    private func proxy(_ flags: [String] = [], workers: Int = 2) throws -> SupervisedProxy {
        try SupervisedProxy(
            workers: workers, upstream: upstream.port, flags: flags, program: SupervisedProxy.faultyProgram,
            filters: """
                {name: faulty, typed_config: {"@type": type.googleapis.com/google.protobuf.Struct, value: {}}},
                """)
    }

    /// The status of the answer to a GET, nil when the connection ended without one.
    private func status(_ path: String, _ proxy: SupervisedProxy, headers: String = "") -> Int? {
        guard let client = WireClient(port: proxy.port) else { return nil }
        client.send("GET \(path) HTTP/1.1\r\nhost: test\r\n\(headers)connection: close\r\n\r\n")
        _ = client.receiveEnd()
        return Int(String(decoding: client.received.dropFirst(9).prefix(3), as: UTF8.self))
    }

    private func isWhole(_ proxy: SupervisedProxy) -> Bool {
        (0..<2).allSatisfy { (try? proxy.counter("worker.\($0).connections_active")) != nil } && proxy.workerIDs.count == 2
    }

    /// Sends what kills a worker and waits until both are there again.
    private func kills(_ path: String, _ proxy: SupervisedProxy) throws {
        let deaths = try proxy.counter("server.worker_exits")
        #expect(status(path, proxy) == nil)
        #expect(Deadline(seconds: 20).polls { (try? proxy.counter("server.worker_exits")) == deaths + 1 && isWhole(proxy) })
    }

    @Test("a crash names the request, and a request that killed twice is refused", arguments: ["/trap", "/abort", "/late"])
    func quarantine(path: String) throws {
        let proxy = try proxy()
        try kills(path, proxy)
        // Before the router has run there is no route.
        let route = path == "/late" ? ", route \"(prefix /)\"" : ""
        #expect(try proxy.log.contains(Regex("in hand request [0-9a-f]{16}\(NSRegularExpression.escapedPattern(for: route)), filter \"faulty\"")), "\(proxy.log)")
        #expect(try proxy.get("/quarantine").contains("\"quarantined\":[]"))
        try kills(path, proxy)
        #expect(proxy.log.contains("requests like this one are refused"))
        #expect(try proxy.get("/quarantine").contains("\"filter\":\"faulty\""))
        #expect(status(path, proxy) == 503)
        #expect(try proxy.counter("http.in.downstream_rq_quarantined") == 1)
        #expect(try proxy.counter("server.worker_exits") == 2)
        // Another path, and another set of fields.
        #expect(status("/else", proxy) == 200)
        #expect(status("/else", proxy, headers: "x-more: 1\r\n") == 200)
    }

    @Test("who clears the quarantine has the request looked at again")
    func clear() throws {
        let proxy = try proxy()
        for _ in 0..<2 { try kills("/trap", proxy) }
        #expect(status("/trap", proxy) == 503)
        let port = try #require(proxy.adminPort)
        let admin = try #require(WireClient(port: port))
        admin.send("POST /quarantine/clear HTTP/1.1\r\nhost: \(Loopback.address)\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        _ = admin.receiveEnd()
        try kills("/trap", proxy)
        #expect(try proxy.get("/quarantine").contains("\"quarantined\":[]"))
    }

    @Test("a worker that hangs leaves its stack and its request, and the request is to blame")
    func hang() throws {
        let proxy = try proxy(["--watchdog-s", "1"])
        for _ in 0..<2 { try kills("/hang", proxy) }
        #expect(proxy.log.contains("crash record: signal 6"))
        #expect(proxy.log.contains("filter \"faulty\""))
        #expect(try proxy.counter("server.watchdog_mega_miss") == 2)
        #expect(status("/hang", proxy) == 503)
    }

    @Test("a signal from outside puts no request into quarantine")
    func outside() throws {
        let proxy = try proxy(["--watchdog-s", "600"], workers: 1)
        for signal in [SIGSEGV, SIGABRT] {
            let client = try #require(WireClient(port: proxy.port))
            client.send("GET /hang HTTP/1.1\r\nhost: test\r\n\r\n")
            #expect(Deadline(seconds: 10).polls { (try? proxy.counter("http.in.downstream_rq_active")) == 1 })
            let victim = try #require(proxy.workerIDs.first)
            kill(victim, signal)
            #expect(Deadline(seconds: 10).polls { proxy.workerIDs.count == 1 && !proxy.workerIDs.contains(victim) })
        }
        #expect(proxy.log.contains("in hand request"))
        #expect(try proxy.get("/quarantine") == #"{"quarantined":[],"suspects":[]}"#)
    }
}
