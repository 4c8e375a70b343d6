import Synchronization
import TestKit
import Testing

@Suite(
    "Circuit breakers of several workers", .serialized,
    .enabled(if: SupervisedProxy.program != nil, "no heddle-proxy is built"))
struct RequestLimitTests {
    /// What the host has in hand at once, and whether it answers.
    private final class Desk: Sendable {
        private let state = Mutex((now: 0, most: 0, isOpen: false))

        var now: Int { state.withLock { $0.now } }
        var most: Int { state.withLock { $0.most } }
        func open() { state.withLock { $0.isOpen = true } }

        /// Keeps a request until the host answers; from then on until there are `wanted` of them, or for a moment.
        func serve(_ wanted: Int) {
            state.withLock { state in
                state.now += 1
                state.most = max(state.most, state.now)
            }
            _ = Deadline(seconds: 30).polls(every: 1) { state.withLock { $0.isOpen } }
            _ = Deadline(seconds: 0.02).polls(every: 1) { now >= wanted }
            state.withLock { $0.now -= 1 }
        }
    }

    private static let limit = 3

    /// Clients whose connections are with both workers.
    private func connect(_ proxy: SupervisedProxy) throws -> [WireClient] {
        var clients: [WireClient] = []
        while clients.count < 200 {
            clients.append(try #require(WireClient(port: proxy.port)))
            let (first, second) = (
                try proxy.counter("worker.0.connections_active"), try proxy.counter("worker.1.connections_active")
            )
            if clients.count >= 16, first >= 5, second >= 5 { return clients }
        }
        throw SupervisedProxy.Failed(description: "one worker takes all connections")
    }

    private func ask(_ client: WireClient) {
        client.received = []
        client.send("GET / HTTP/1.1\r\nhost: test\r\n\r\n")
    }

    private func answer(_ client: WireClient) -> WireMessage? {
        var answers = WireAnswers(methods: ["GET"])
        answers.read(client, until: 1, Deadline(seconds: 30))
        return answers.messages.first
    }

    @Test("max_requests holds for all workers together, and gives back what has ended")
    func maxRequests() throws {
        let desk = Desk()
        let upstream = RecordingUpstream { _ in
            desk.serve(Self.limit)
            return .reply(200, body: "hello")
        }
        var parts = SupervisedProxy.Parts()
        parts.cluster =
            "circuit_breakers: {thresholds: [{max_requests: \(Self.limit)}]}, "
            + SupervisedProxy.assignment([(Loopback.address, upstream.port)])
        let proxy = try SupervisedProxy(workers: 2, upstream: upstream.port, parts: parts)
        let clients = try connect(proxy)
        for client in clients { ask(client) }
        // All others are refused while three are under way, whichever worker has those.
        let isFull = Deadline(seconds: 20).polls {
            desk.now == Self.limit && (try? proxy.counter("http.in.downstream_rq_active")) == Self.limit
        }
        #expect(isFull, "\(desk.now) requests with the host")
        desk.open()
        let answers = clients.map { answer($0) }
        #expect(answers.count { $0?.status == 200 } == Self.limit)
        let refused = answers.filter { $0?.status == 503 }
        #expect(refused.count == clients.count - Self.limit)
        #expect(refused.allSatisfy { $0?.values("x-envoy-overloaded") == ["true"] })
        #expect(try proxy.counter("cluster.up.upstream_rq_total") == Self.limit)

        var served = 0
        for _ in 0..<30 {
            for client in clients { ask(client) }
            let statuses = clients.map { answer($0)?.status ?? 0 }
            #expect(statuses.allSatisfy { $0 == 200 || $0 == 503 }, "\(statuses)")
            served += statuses.count { $0 == 200 }
        }
        #expect(served >= 30)
        #expect(desk.most == Self.limit)
        #expect(Deadline(seconds: 10).polls { (try? proxy.counter("cluster.up.upstream_rq_active")) == 0 })
        // What was counted has been given back: there is room for three again.
        for client in clients.prefix(Self.limit) {
            ask(client)
            #expect(answer(client)?.status == 200)
        }
    }
}
