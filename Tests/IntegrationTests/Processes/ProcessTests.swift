import Foundation
import Glibc
import TestKit
import Testing

@Suite("Supervisor and workers", .serialized, .enabled(if: SupervisedProxy.program != nil, "no heddle-proxy is built"))
struct ProcessTests {
    private let upstream = RecordingUpstream { _ in .reply(200, body: "hello") }

    private func proxy(_ workers: Int, _ flags: [String] = []) throws -> SupervisedProxy {
        try SupervisedProxy(workers: workers, upstream: upstream.port, flags: flags)
    }

    @Test("a killed worker costs only what it had in hand, and no counter goes backwards", arguments: [2, 4])
    func killedWorker(workers: Int) throws {
        let proxy = try proxy(workers)
        let load = SteadyLoad(port: proxy.port, clients: 4)
        #expect(load.waits(forMore: 50))
        let before = try proxy.counter("http.in.downstream_rq_total")
        let victim = try #require(proxy.workerIDs.first)
        kill(victim, SIGKILL)
        #expect(Deadline(seconds: 10).polls { proxy.workerIDs.count == workers && !proxy.workerIDs.contains(victim) })
        #expect(load.waits(forMore: 50))
        let after = try proxy.counter("http.in.downstream_rq_total")
        load.stop()
        #expect(after >= before + 50)
        // One connection a client at a time: no more can have been on one worker.
        #expect(load.failures.count <= 4, "\(load.failures)")
        #expect(try proxy.counter("server.worker_exits") == 1)
        #expect(proxy.log.contains("ended with signal 9"))
    }

    @Test("a reload costs no request, and a bad file is refused while the old one stays", arguments: [2, 4])
    func reload(workers: Int) throws {
        let proxy = try proxy(workers)
        let load = SteadyLoad(port: proxy.port, clients: 4)
        #expect(load.waits(forMore: 30))
        try proxy.write(proxy.config(route: "up", prefix: "second"))
        kill(proxy.id, SIGHUP)
        #expect(Deadline(seconds: 10).polls { proxy.log.contains("configuration 2 is in force") })
        #expect(load.waits(forMore: 30))
        #expect(try proxy.counter("http.second.downstream_rq_total") > 0)
        try proxy.write(proxy.config(route: "nowhere"))
        kill(proxy.id, SIGHUP)
        #expect(Deadline(seconds: 10).polls { proxy.log.contains("the old one stays") })
        #expect(proxy.log.contains("there is no cluster \"nowhere\""))
        #expect(load.waits(forMore: 30))
        load.stop()
        #expect(load.failures == [])
    }

    @Test("30 reloads that change a filter chain each cost no request, on connections that stay open either")
    func reloads() throws {
        let proxy = try proxy(2)
        let load = SteadyLoad(port: proxy.port, clients: 4)
        for round in 2...31 {
            try proxy.write(proxy.config(route: "up", prefix: "round\(round % 3)"))
            kill(proxy.id, SIGHUP)
            #expect(Deadline(seconds: 10).polls { proxy.log.contains("configuration \(round) is in force") })
            #expect(load.waits(forMore: 5))
        }
        load.stop()
        #expect(load.failures == [])
        #expect(try proxy.counter("listener_manager.listener_in_place_updated") == 30)
        #expect(try proxy.counter("cluster_manager.cluster_modified") == 0)
    }

    @Test("of two reloads in a row the second one counts, and connections that are open come to it")
    func secondReload() throws {
        let proxy = try proxy(1)
        let client = try #require(WireClient(port: proxy.port))
        #expect(!Self.ask(client).contains("connection: close"))
        try proxy.write(proxy.config(route: "up", prefix: "second"))
        kill(proxy.id, SIGHUP)
        try proxy.write(proxy.config(route: "up", prefix: "third"))
        kill(proxy.id, SIGHUP)
        // A counter is there from the first step on; the second step is done when a request has been counted.
        #expect(
            Deadline(seconds: 10).polls {
                _ = WireClient(port: proxy.port).map(Self.ask)
                return ((try? proxy.counter("http.third.downstream_rq_total")) ?? 0) > 0
            })
        // The open connection serves one more request, by what it was accepted with, and says that it ends.
        #expect(Self.ask(client).contains("connection: close"))
    }

    /// A request, and the answer to it as text.
    private static func ask(_ client: WireClient) -> String {
        client.received = []
        client.send("GET / HTTP/1.1\r\nhost: test\r\n\r\n")
        _ = client.receive { String(decoding: $0, as: UTF8.self).hasSuffix("hello") }
        return String(decoding: client.received, as: UTF8.self)
    }

    @Test("a reload that changes nothing but the runtime values holds for every listener, and for workers that start later")
    func runtimeReload() throws {
        let proxy = try proxy(2)
        func answer() -> String {
            guard let client = WireClient(port: proxy.port) else { return "" }
            client.send("GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n")
            _ = client.receiveEnd()
            return String(String(decoding: client.received, as: UTF8.self).suffix(6))
        }
        #expect(answer().hasSuffix("hello"))
        try proxy.write(proxy.config(route: "up", shared: 100))
        kill(proxy.id, SIGHUP)
        #expect(Deadline(seconds: 10).polls { proxy.log.contains("configuration 2 is in force") })
        #expect((0..<8).allSatisfy { _ in answer() == "shared" })
        let victims = proxy.workerIDs
        for victim in victims { kill(victim, SIGKILL) }
        #expect(Deadline(seconds: 10).polls { proxy.workerIDs.count == 2 && Set(proxy.workerIDs).isDisjoint(with: victims) })
        #expect(Deadline(seconds: 10).polls { answer() == "shared" })
    }

    @Test("a take-over costs no request", arguments: [2, 4])
    func takeOver(workers: Int) throws {
        let proxy = try proxy(workers, ["--socket-path", "@heddle-test-\(getpid())-\(workers)"])
        let load = SteadyLoad(port: proxy.port, clients: 4)
        #expect(load.waits(forMore: 30))
        let old = try proxy.takeOver()
        #expect(SupervisedProxy.exitCode(old) == 0)
        #expect(load.waits(forMore: 30))
        load.stop()
        #expect(load.failures == [])
    }

    @Test("counters go on over a take-over, what the old program still counts included")
    func takeOverCounters() throws {
        let proxy = try proxy(2, ["--socket-path", "@heddle-test-counters-\(getpid())"])
        func ask(_ count: Int) {
            for _ in 0..<count { _ = WireClient(port: proxy.port).map(Self.ask) }
        }
        let total = "http.in.downstream_rq_total"
        ask(7)
        #expect(Deadline(seconds: 5).polls { (try? proxy.counter(total)) == 7 })
        let open = try #require(WireClient(port: proxy.port))
        #expect(Self.ask(open).hasSuffix("hello"))
        let old = try proxy.takeOver()
        #expect(Deadline(seconds: 5).polls { (try? proxy.counter(total)) ?? 0 >= 8 })
        ask(3)
        #expect(SupervisedProxy.exitCode(old) == 0)
        #expect(Deadline(seconds: 5).polls { (try? proxy.counter(total)) == 11 })
        // And over the next one.
        let second = try proxy.takeOver()
        #expect(SupervisedProxy.exitCode(second) == 0)
        #expect(Deadline(seconds: 5).polls { (try? proxy.counter(total)) == 11 })
    }

    @Test("SIGTERM lets a request under way end, takes no new one, and ends with code 0")
    func drain() throws {
        let held = RecordingUpstream { message in
            message.startLine.contains("/slow") ? .silent : .reply(200, body: "hello")
        }
        let proxy = try SupervisedProxy(workers: 2, upstream: held.port)
        let client = try #require(WireClient(port: proxy.port))
        client.send("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 4\r\n\r\nab")
        #expect(Deadline(seconds: 5).polls { (try? proxy.counter("http.in.downstream_rq_active")) == 1 })
        kill(proxy.id, SIGTERM)
        #expect(Deadline(seconds: 5).polls { WireClient(port: proxy.port) == nil })
        client.send("cd")
        _ = client.receiveEnd()
        #expect(String(decoding: client.received, as: UTF8.self).hasSuffix("hello"))
        #expect(SupervisedProxy.exitCode(proxy.id) == 0)
    }

    @Test("when the supervisor is killed the workers drain and end")
    func orphans() throws {
        let proxy = try proxy(4)
        let workers = proxy.workerIDs
        #expect(workers.count == 4)
        kill(proxy.id, SIGKILL)
        #expect(SupervisedProxy.exitCode(proxy.id) == -SIGKILL)
        #expect(Deadline(seconds: 10).polls { !workers.contains { SupervisedProxy.runs($0) } })
    }

    @Test("8 long-lived connections over 4 workers end up 2 each")
    func spread() throws {
        let proxy = try proxy(4)
        let clients = (0..<8).compactMap { _ in WireClient(port: proxy.port) }
        #expect(clients.count == 8)
        for client in clients { client.send("GET / HTTP/1.1\r\nhost: test\r\n\r\n") }
        for client in clients { _ = client.receive { String(decoding: $0, as: UTF8.self).hasSuffix("hello") } }
        let counts = { (0..<4).compactMap { try? proxy.counter("worker.\($0).connections_active") } }
        #expect(Deadline(seconds: 5).polls { counts() == [2, 2, 2, 2] }, "\(counts())")
    }

    @Test("8 gRPC connections, each with a call that goes on, over 4 workers end up 2 each and work")
    func spreadCalls() throws {
        let echo = RecordingUpstream(http2: true) { _ in
            UpstreamScript.reply(200, [WireField("content-type", "application/grpc")]).with {
                $0.echoes = true
                $0.trailers = [WireField("grpc-status", "0")]
            }
        }
        let proxy = try SupervisedProxy(workers: 4, upstream: echo.port, parts: .http2(port: echo.port))
        let calls = try (0..<8).map { _ in try GRPCCall(port: proxy.port) }
        for (number, call) in calls.enumerated() { #expect(call.exchanges("first of \(number)")) }
        let counts = { (0..<4).compactMap { try? proxy.counter("worker.\($0).connections_active") } }
        #expect(Deadline(seconds: 5).polls { counts() == [2, 2, 2, 2] }, "\(counts())")
        for (number, call) in calls.enumerated() { #expect(call.exchanges("second of \(number)")) }
        for call in calls { #expect(call.end() == "0") }
    }

    @Test("a worker that hangs is killed by the watchdog and replaced")
    func watchdog() throws {
        let proxy = try proxy(2, ["--watchdog-s", "1"])
        let victim = try #require(proxy.workerIDs.first)
        kill(victim, SIGSTOP)
        #expect(Deadline(seconds: 15).polls { proxy.workerIDs.count == 2 && !proxy.workerIDs.contains(victim) })
        #expect(try proxy.counter("server.watchdog_mega_miss") == 1)
    }

    @Test("a fatal signal leaves a crash record in the log")
    func crashRecord() throws {
        let proxy = try proxy(2)
        kill(try #require(proxy.workerIDs.first), SIGSEGV)
        #expect(Deadline(seconds: 10).polls { proxy.log.contains("crash record: signal 11") })
    }
}
