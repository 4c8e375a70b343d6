import Glibc
import TestKit
import Testing

/// What the request path promises about tasks, seen from outside, through the statistics of a real worker.
@Suite("Request path", .serialized, .enabled(if: SupervisedProxy.program != nil, "no heddle-proxy is built"))
struct RequestPathTests {
    private let upstream = RecordingUpstream { _ in .reply(200, body: "hello") }

    @Test("1,000 proxied requests make no task, and nothing reaches the loop from another thread")
    func noTask() throws {
        let proxy = try SupervisedProxy(workers: 1, upstream: upstream.port)
        let client = try #require(WireClient(port: proxy.port))
        // The first request connects to the host, which is when one would wait.
        try ask(client, times: 1)
        let before = try loopCounters(proxy)
        try ask(client, times: 1000)
        let after = try loopCounters(proxy)
        #expect(try proxy.counter("http.in.downstream_rq_total") >= 1001)
        #expect(after.jobs == before.jobs, "tasks were run on the loop")
        #expect(after.foreign == before.foreign, "jobs came from other threads")
    }

    private func ask(_ client: WireClient, times: Int) throws {
        for _ in 0..<times {
            client.received = []
            #expect(client.send("GET / HTTP/1.1\r\nhost: test\r\n\r\n"))
            let arrival = client.receive { String(decoding: $0, as: UTF8.self).hasSuffix("hello") }
            try #require(arrival == .bytes, "\(String(decoding: client.received, as: UTF8.self))")
        }
    }

    /// The loop's counters as of now: the worker writes them with each sign of life, and the next one counts everything
    /// that was before it.
    private func loopCounters(_ proxy: SupervisedProxy) throws -> (jobs: Int, foreign: Int) {
        let turns = try proxy.counter("worker.0.loop_iterations")
        let beaten = Deadline(seconds: 10).polls(every: 20) {
            (try? proxy.counter("worker.0.loop_iterations")).map { $0 > turns } ?? false
        }
        try #require(beaten, "the worker gives no sign of life")
        return (try proxy.counter("worker.0.loop_jobs"), try proxy.counter("worker.0.loop_foreign_jobs"))
    }
}
