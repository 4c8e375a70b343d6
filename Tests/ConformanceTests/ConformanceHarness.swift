import Foundation
import Synchronization
import TestKit

/// A proxy under the conformance bootstrap with its own upstreams.
final class ConformanceHarness: Sendable {
    /// What all cases came to, by their names; both proxies are asked at the same time, once.
    static let observations = Result {
        let other = Mutex<Result<[String: Observation], any Error>?>(nil)
        let isDone = Mutex(false)
        Thread.detachNewThread {
            let result = Result { try ConformanceHarness(.envoy).observe(ConformanceCase.all) }
            other.withLock { $0 = result }
            isDone.withLock { $0 = true }
        }
        let heddle = Result { try ConformanceHarness(.heddle).observe(ConformanceCase.all) }
        _ = Deadline(seconds: 200).polls(every: 20) { isDone.withLock { $0 } }
        guard let envoy = other.withLock({ $0 }) else {
            throw ProxyProcess.NotReady(description: "Envoy takes too long")
        }
        return (envoy: try envoy.get(), heddle: try heddle.get())
    }

    private let proxy: ProxyProcess
    private let bootstrap: ConformanceBootstrap
    private let http1: RecordingUpstream
    private let http2: RecordingUpstream
    private let full = FullListener()

    private init(_ kind: ProxyProcess.Kind) throws {
        http1 = RecordingUpstream(choice: ConformanceScripts.choose)
        http2 = RecordingUpstream(http2: true, choice: ConformanceScripts.choose)
        bootstrap = ConformanceBootstrap()
        let text = bootstrap.text(http1: http1.port, http2: http2.port, refusing: Loopback.freePort(), full: full.port)
        proxy = try ProxyProcess(kind, config: text, ports: Array(bootstrap.ports.values) + [bootstrap.adminPort])
    }

    /// Runs the cases one after the other. Lines of the access log may come late, so each case ends with a mark in it, and
    /// the log is read when all are done.
    private func observe(_ cases: [ConformanceCase]) throws -> [String: Observation] {
        defer { proxy.stop() }
        var observations: [String: Observation] = [:]
        for (index, one) in cases.enumerated() {
            observations[one.name] = try observe(one)
            try mark(index)
        }
        let last = Self.markPath(cases.count - 1)
        let isComplete = Deadline(seconds: 10).polls(every: 20) { logLines().last?.contains(last) ?? false }
        guard isComplete else {
            throw ProxyProcess.NotReady(description: "the access log of \(proxy.kind) is incomplete")
        }
        var index = 0
        for line in logLines() {
            if line.contains(Self.markPath(index)) {
                index += 1
            } else if !line.hasPrefix("probe.test ") {
                observations[cases[index].name]?.note("log", steady(String(line)))
            }
        }
        return observations
    }

    private static func markPath(_ index: Int) -> String { "/mark/\(index)/" }

    private func mark(_ index: Int) throws {
        guard let port = bootstrap.ports[.main], let client = WireClient(port: port) else {
            throw ProxyProcess.NotReady(description: "\(proxy.kind) takes no connection: \(proxy.output.suffix(2000))")
        }
        client.send("GET \(Self.markPath(index)) HTTP/1.1\r\nHost: probe.test\r\n\r\n")
        client.receive(Deadline(seconds: 5)) { $0.contains("probe") }
    }

    /// Runs one case and gathers what could be seen from all sides but the log.
    private func observe(_ one: ConformanceCase) throws -> Observation {
        _ = (http1.take(), http2.take())
        let before = try counters(one.listener)
        var observation = Observation()
        switch one.input {
        case .http1(let parts): observeHTTP1(one, parts, &observation)
        case .http2(let fields, let body, let trailers): observeHTTP2(one, fields, body, trailers, &observation)
        }
        noteUpstream(&observation)
        for (name, value) in try counters(one.listener) {
            let change = value - (before[name] ?? 0)
            if change != 0 { observation.note("stat \(name)", "+\(change)") }
        }
        if !proxy.isAlive { observation.note("process", "ended: \(proxy.output.suffix(2000))") }
        return observation
    }

    // MARK: Downstream

    private func observeHTTP1(_ one: ConformanceCase, _ parts: [String], _ observation: inout Observation) {
        guard let port = bootstrap.ports[one.listener], let client = WireClient(port: port) else {
            return observation.note("connection", "refused")
        }
        var answers = WireAnswers(methods: one.methods)
        for (index, part) in parts.enumerated() {
            client.send(part)
            let wanted = index == parts.count - 1 ? one.answers : index + 1
            answers.read(client, until: wanted, Deadline(seconds: 4))
        }
        answers.note(&observation)
        noteOutcome(client, answers, &observation)
    }

    /// Kept is a connection on which another request is answered.
    private func noteOutcome(_ client: WireClient, _ answers: WireAnswers, _ observation: inout Observation) {
        if answers.isUpgraded {
            client.received = []
            client.send("through the tunnel")
            client.receive(Deadline(seconds: 2)) { $0.count >= 18 }
            return observation.note("tunnel", String(decoding: client.received, as: UTF8.self))
        }
        client.received.removeFirst(answers.used)
        if client.ending == nil, client.send("GET /probe HTTP/1.1\r\nHost: probe.test\r\n\r\n") {
            client.receive(Deadline(seconds: 3)) { $0.contains("probe") }
        }
        if client.received.contains("probe") {
            observation.note("connection", "kept")
        } else {
            observation.note("connection", client.ending == nil ? "open but silent" : "closed")
            if !client.received.isEmpty {
                observation.note("left over", String(decoding: client.received.prefix(200), as: UTF8.self))
            }
        }
    }

    private func observeHTTP2(
        _ one: ConformanceCase, _ fields: [WireField], _ body: String?, _ trailers: [WireField],
        _ observation: inout Observation
    ) {
        guard let port = bootstrap.ports[one.listener], let client = WireHTTP2Client(port: port) else {
            return observation.note("connection", "refused")
        }
        let stream = client.request(fields, body: body.map { Array($0.utf8) }, trailers: trailers)
        let answer = client.answer(of: stream)
        observation.note("response head", answer.fields)
        observation.note("response trailer", answer.trailers)
        observation.note("response body", String(decoding: answer.body, as: UTF8.self))
        observation.note("stream", answer.ending)
        let probe = client.request(WireHTTP2Client.get("probe.test", "/probe"), body: nil)
        observation.note("connection", client.answer(of: probe).body.isEmpty ? "closed" : "kept")
    }

    // MARK: The other sides

    private func noteUpstream(_ observation: inout Observation) {
        _ = Deadline(seconds: 2).polls(every: 5) { http1.isSettled }
        for connection in http1.take() + http2.take() {
            if let malformed = connection.malformed { observation.note("upstream malformed", malformed) }
            for request in connection.requests {
                observation.note("upstream line", request.startLine)
                observation.note("upstream header", request.fields.map { WireField($0.name, steady($0.value)) })
                if !request.body.isEmpty {
                    observation.note("upstream body", String(decoding: request.body, as: UTF8.self))
                }
                observation.note("upstream trailer", request.trailers)
                if !request.isComplete { observation.note("upstream request", "broken off") }
            }
        }
    }

    private func logLines() -> [Substring] {
        let text = (try? String(contentsOfFile: bootstrap.logPath, encoding: .utf8)) ?? ""
        return text.split(separator: "\n")
    }

    /// Ports as words.
    private func steady(_ text: String) -> String {
        var text = text
        text = text.replacingOccurrences(of: Loopback.address, with: "<host>")
        for (listener, port) in bootstrap.ports {
            text = text.replacingOccurrences(of: ":\(port)", with: ":<\(listener)>")
        }
        return text.replacingOccurrences(of: ":\(http1.port)", with: ":<upstream>").replacingOccurrences(
            of: ":\(http2.port)", with: ":<upstream2>")
    }

    // MARK: Stats

    private static let clusterCounters = [
        "upstream_rq_2xx", "upstream_rq_4xx", "upstream_rq_5xx", "upstream_rq_total", "upstream_rq_timeout",
        "upstream_rq_retry",
        "upstream_rq_retry_success", "upstream_rq_pending_overflow", "upstream_cx_connect_fail",
        "upstream_rq_per_try_timeout",
        "upstream_cx_none_healthy", "upstream_cx_overflow", "upstream_cx_connect_timeout", "upstream_cx_max_requests",
        "upstream_rq_active_overflow", "upstream_rq_cancelled", "upstream_rq_tx_reset", "upstream_rq_rx_reset", "upstream_cx_protocol_error",
    ]
    private static let httpCounters = [
        "downstream_rq_2xx", "downstream_rq_3xx", "downstream_rq_4xx", "downstream_rq_5xx", "downstream_rq_total",
        "downstream_cx_protocol_error", "no_route", "no_cluster", "rq_redirect", "rq_direct_response",
        "downstream_rq_ws_on_non_ws_route",
        "downstream_rq_idle_timeout", "downstream_rq_timeout", "downstream_rq_header_timeout",
        "downstream_cx_upgrades_total",
        "downstream_rq_too_large", "downstream_rq_rejected_via_ip_detection", "downstream_rq_non_relative_path",
    ]

    private func counters(_ listener: ConformanceBootstrap.Listener) throws -> [String: Int] {
        let prefix = "http.\(listener.rawValue)."
        var chosen: [String: Int] = [:]
        for (name, value) in try AdminClient.counters(port: bootstrap.adminPort) {
            if name.hasPrefix(prefix), Self.httpCounters.contains(String(name.dropFirst(prefix.count))) {
                chosen[String(name.dropFirst(5))] = value
            } else if name.hasPrefix("cluster."), let last = name.split(separator: ".").last,
                Self.clusterCounters.contains(String(last)),
                name.split(separator: ".").count == 3
            {
                chosen[name] = value
            }
        }
        return chosen
    }
}

extension WireAnswers {
    var isUpgraded: Bool { messages.last?.status == 101 }

    func note(_ observation: inout Observation) {
        for message in messages {
            observation.note("response line", message.startLine)
            observation.note("response header", message.fields)
            if message.status >= 200 {
                observation.note("response body", String(decoding: message.body, as: UTF8.self))
            }
            observation.note("response trailer", message.trailers)
            if !message.isComplete { observation.note("response", "broken off") }
        }
        if messages.isEmpty { observation.note("response", "none") }
        if let malformed { observation.note("response malformed", malformed) }
    }
}

extension [UInt8] {
    /// Whether the bytes of a text stand somewhere in these.
    func contains(_ text: String) -> Bool {
        String(decoding: self, as: UTF8.self).contains(text)
    }
}
