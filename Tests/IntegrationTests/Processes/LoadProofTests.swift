import Foundation
import Glibc
import Synchronization
import TestKit
import Testing

/// What the end of a process costs while requests are under way: its own ones at most, and nothing where it ends in order.
@Suite("Processes that end under load", .serialized, .enabled(if: SupervisedProxy.program != nil, "no heddle-proxy is built"))
struct LoadProofTests {
    private let upstream = RecordingUpstream { _ in .reply(200, body: "hello") }

    private func proxy(_ workers: Int, _ flags: [String] = []) throws -> SupervisedProxy {
        try SupervisedProxy(workers: workers, upstream: upstream.port, flags: flags)
    }

    /// A client with a request whose body is not whole.
    private func hold(_ proxy: SupervisedProxy) throws -> WireClient {
        let client = try #require(WireClient(port: proxy.port))
        client.send("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 4\r\n\r\nab")
        return client
    }

    /// Completes the request; whether it is answered.
    private func completes(_ client: WireClient) -> Bool {
        client.send("cd")
        return client.receive { String(decoding: $0, as: UTF8.self).hasSuffix("hello") } == .bytes
    }

    /// The process of a worker, as the admin interface tells it.
    private func process(_ proxy: SupervisedProxy, ofWorker index: Int) throws -> Int32 {
        let page = try JSONSerialization.jsonObject(with: Data(proxy.get("/memory").utf8)) as? [String: Any]
        let all = page?["processes"] as? [[String: Any]] ?? []
        let worker = try #require(all.first { $0["name"] as? String == "worker \(index)" })
        return Int32(try #require(worker["pid"] as? Int))
    }

    @Test("a killed worker costs exactly the requests that its own gauge counts", arguments: [2, 4])
    func ownRequests(workers: Int) throws {
        let proxy = try proxy(workers)
        let clients = try (0..<8).map { _ in try hold(proxy) }
        let gauges = { (0..<workers).map { (try? proxy.counter("worker.\($0).streams_active")) ?? -1 } }
        #expect(Deadline(seconds: 5).polls { gauges().reduce(0, +) == clients.count }, "\(gauges())")
        let victim = try #require(gauges().indices.max { gauges()[$0] < gauges()[$1] })
        let own = gauges()[victim]
        #expect(own > 0 && own < clients.count)
        let id = try process(proxy, ofWorker: victim)
        kill(id, SIGKILL)
        #expect(Deadline(seconds: 10).polls { proxy.workerIDs.count == workers && !proxy.workerIDs.contains(id) })
        #expect(clients.count { !completes($0) } == own)
        #expect(Deadline(seconds: 5).polls { gauges().reduce(0, +) == 0 }, "\(gauges())")
    }

    @Test("no counter of any kind goes backwards while workers are killed and the configuration is loaded anew", arguments: [2, 4])
    func counters(workers: Int) throws {
        let proxy = try proxy(workers)
        let load = SteadyLoad(port: proxy.port, clients: 4)
        let watch = CounterWatch(port: try #require(proxy.adminPort))
        for round in 2...4 {
            #expect(load.waits(forMore: 30))
            let victim = try #require(proxy.workerIDs.first)
            kill(victim, SIGKILL)
            #expect(Deadline(seconds: 10).polls { proxy.workerIDs.count == workers && !proxy.workerIDs.contains(victim) })
            try proxy.write(proxy.config(route: "up", prefix: "round\(round)"))
            kill(proxy.id, SIGHUP)
            #expect(Deadline(seconds: 10).polls { proxy.log.contains("configuration \(round) is in force") })
        }
        #expect(load.waits(forMore: 30))
        #expect(watch.waits(forMore: 3))
        load.stop()
        watch.stop()
        #expect(watch.problems == [])
        // A kill takes at most what each client has under way.
        #expect(load.failures.count <= 3 * 4, "\(load.failures)")
        #expect(try proxy.counter("server.worker_exits") == 3)
    }

    @Test("a drain under load costs no request of connections that are open", arguments: [2, 4], [false, true])
    func drain(workers: Int, http2: Bool) throws {
        let proxy = try proxy(workers)
        let load = KeptLoad(port: proxy.port, clients: 8, http2: http2)
        #expect(load.waits(forMore: 200))
        kill(proxy.id, SIGTERM)
        #expect(load.waitsForEnd())
        #expect(load.failures == [])
        #expect(SupervisedProxy.exitCode(proxy.id) == 0)
    }

    @Test("a request under way when the supervisor is killed is answered, and then the workers end")
    func orphanedRequest() throws {
        let proxy = try proxy(2)
        let workers = proxy.workerIDs
        let client = try hold(proxy)
        #expect(Deadline(seconds: 5).polls { (try? proxy.counter("http.in.downstream_rq_active")) == 1 })
        kill(proxy.id, SIGKILL)
        #expect(SupervisedProxy.exitCode(proxy.id) == -SIGKILL)
        // The worker without a request has nothing to wait for.
        #expect(Deadline(seconds: 10).polls { workers.count { SupervisedProxy.runs($0) } == 1 })
        #expect(completes(client))
        #expect(String(decoding: client.received, as: UTF8.self).contains("connection: close"))
        #expect(Deadline(seconds: 10).polls { !workers.contains { SupervisedProxy.runs($0) } })
    }

    @Test("a take-over that fails leaves the old proxy serving, with its admin interface, and the next one succeeds")
    func failedTakeOver() throws {
        let proxy = try proxy(2, ["--socket-path", "@heddle-test-failed-\(getpid())"])
        let load = SteadyLoad(port: proxy.port, clients: 4)
        #expect(load.waits(forMore: 30))
        // The new program has the sockets when it finds that its admin interface cannot listen: the address is nobody's.
        let config = proxy.config(route: "up")
        let start = try #require(config.range(of: "admin: {address: {socket_address: {address: "))
        let end = try #require(config.range(of: ",", range: start.upperBound..<config.endIndex))
        try proxy.write(config.replacingCharacters(in: start.upperBound..<end.lowerBound, with: "192.0.2.77"))
        let failed = try proxy.launch(["--restart-epoch", "1"])
        let code = SupervisedProxy.exitCode(failed)
        #expect(code != nil && code != 0, "\(proxy.log)")
        #expect(proxy.log.contains("the admin interface cannot listen at 192.0.2.77"))
        #expect(load.waits(forMore: 30))
        try proxy.waitUntilLive()
        #expect(SupervisedProxy.runs(proxy.id))
        try proxy.write(proxy.config(route: "up"))
        let old = try proxy.takeOver()
        #expect(SupervisedProxy.exitCode(old) == 0)
        #expect(load.waits(forMore: 30))
        load.stop()
        #expect(load.failures == [])
    }
}

/// Looks at all counters again and again and notes those that went down.
private final class CounterWatch: Sendable {
    private struct State {
        var rounds = 0
        var problems: [String] = []
        var isStopping = false
        var isDone = false
    }

    private let state = Mutex(State())

    init(port: UInt16) {
        Thread.detachNewThread { [self] in
            var last: [String: Int] = [:]
            while !state.withLock({ $0.isStopping }) {
                guard let text = try? AdminClient.get("/stats?type=Counters", port: port) else {
                    state.withLock { $0.problems.append("no answer") }
                    break
                }
                for line in text.split(separator: "\n") {
                    let parts = line.components(separatedBy: ": ")
                    guard parts.count == 2, let value = Int(parts[1]) else { continue }
                    if let before = last[parts[0]], value < before {
                        state.withLock { $0.problems.append("\(parts[0]): \(before), then \(value)") }
                    }
                    last[parts[0]] = value
                }
                state.withLock { $0.rounds += 1 }
            }
            state.withLock { $0.isDone = true }
        }
    }

    var problems: [String] { state.withLock { $0.problems } }

    func waits(forMore count: Int) -> Bool {
        let goal = state.withLock { $0.rounds } + count
        return Deadline(seconds: 20).polls { state.withLock { $0.rounds >= goal || $0.isDone } }
    }

    func stop() {
        state.withLock { $0.isStopping = true }
        _ = Deadline(seconds: 20).polls { state.withLock { $0.isDone } }
    }
}

/// Clients that each ask again and again on one connection, until they are told that it ends.
private final class KeptLoad: Sendable {
    private struct State {
        var answered = 0
        var failures: [String] = []
        var clients: Int
    }

    private let state: Mutex<State>

    init(port: UInt16, clients: Int, http2: Bool) {
        state = Mutex(State(clients: clients))
        for _ in 0..<clients {
            Thread.detachNewThread { [self] in
                if let failure = http2 ? runHTTP2(port) : runHTTP1(port) { state.withLock { $0.failures.append(failure) } }
                state.withLock { $0.clients -= 1 }
            }
        }
    }

    var failures: [String] { state.withLock { $0.failures } }

    func waits(forMore count: Int) -> Bool {
        let goal = state.withLock { $0.answered } + count
        return Deadline(seconds: 20).polls { state.withLock { $0.answered } >= goal }
    }

    func waitsForEnd() -> Bool { Deadline(seconds: 20).polls { state.withLock { $0.clients } == 0 } }

    private func runHTTP1(_ port: UInt16) -> String? {
        guard let client = WireClient(port: port) else { return "no connection" }
        while true {
            client.received = []
            client.send("GET / HTTP/1.1\r\nhost: test\r\n\r\n")
            let arrival = client.receive { String(decoding: $0, as: UTF8.self).hasSuffix("hello") }
            let text = String(decoding: client.received, as: UTF8.self)
            guard arrival == .bytes, text.hasPrefix("HTTP/1.1 200") else { return "\(arrival): \(text)" }
            state.withLock { $0.answered += 1 }
            if text.contains("connection: close") { return nil }
        }
    }

    private func runHTTP2(_ port: UInt16) -> String? {
        guard let client = WireHTTP2Client(port: port) else { return "no connection" }
        while client.goAway == nil {
            let stream = client.request(WireHTTP2Client.get("test", "/"))
            let answer = client.answer(of: stream)
            guard answer.status == 200, answer.ending == "ended" else { return "\(answer.ending) \(answer.status)" }
            state.withLock { $0.answered += 1 }
        }
        return nil
    }
}
