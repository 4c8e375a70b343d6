import Foundation
import TestKit

/// A proxy that meets hostile peers: a plaintext and a TLS listener before an HTTP/1 and an HTTP/2 upstream.
final class HostileHarness: Sendable {
    static let heddle = Result { try HostileHarness(.heddle) }
    static let envoy = Result { try HostileHarness(.envoy) }

    /// How the client comes in.
    enum Door: String, CaseIterable, Sendable {
        case plain, tls
    }

    let proxy: ProxyProcess
    let http1: RecordingUpstream
    let http2: RecordingUpstream
    private let ports: [Door: UInt16]
    let adminPort: UInt16
    let logPath: String

    private init(_ kind: ProxyProcess.Kind) throws {
        http1 = RecordingUpstream(choice: HostileScripts.choose)
        http2 = RecordingUpstream(http2: true, choice: HostileScripts.choose)
        ports = [.plain: Loopback.freePort(), .tls: Loopback.freePort()]
        adminPort = Loopback.freePort()
        logPath = NSTemporaryDirectory() + "heddle-hostile-\(getpid())-\(adminPort).log"
        let config = HostileBootstrap(
            plain: ports[.plain] ?? 0, tls: ports[.tls] ?? 0, admin: adminPort, http1: http1.port, http2: http2.port,
            logPath: logPath)
        proxy = try ProxyProcess(kind, config: config.text, ports: Array(ports.values) + [adminPort])
    }

    func port(_ door: Door) -> UInt16 { ports[door] ?? 0 }

    /// What a client of a door must say first.
    static func tls(_ door: Door, _ protocols: [String] = []) -> WireClient.TLS? {
        door == .tls ? WireClient.TLS(serverName: "hostile.test", protocols: protocols) : nil
    }

    func connect(_ door: Door) -> WireClient? { WireClient(port: port(door), tls: Self.tls(door)) }

    func connectHTTP2(_ door: Door, settings: [(UInt16, UInt32)] = [], opensWindows: Bool = true) -> WireHTTP2Client? {
        WireHTTP2Client(
            port: port(door), tls: Self.tls(door, ["h2"]), settings: settings, opensWindows: opensWindows)
    }

    /// What an exchange came to.
    struct Outcome: CustomStringConvertible {
        var statuses: [Int] = []
        var isClosed = false
        var requests: [WireMessage] = []
        var malformed: [String] = []
        var upstreamBytes = 0
        var text = ""

        /// Requests that an upstream took for whole.
        var forwarded: Int { requests.count { $0.isComplete } }

        var description: String {
            "\(statuses) \(isClosed ? "closed" : "open"), upstream: \(requests.map(\.startLine)) \(malformed), answer: \(text.prefix(300))"
        }
    }

    /// Sends bytes over HTTP/1 and gathers what came of them.
    ///
    /// The end is certain without waiting: a connection that lives answers the probe that follows.
    func exchange(_ door: Door, _ parts: [[UInt8]], methods: [String]) -> Outcome {
        _ = (http1.take(), http2.take())
        var outcome = Outcome()
        guard let client = connect(door) else { return outcome }
        var answers = WireAnswers(methods: methods)
        for part in parts {
            client.send(part)
            answers.read(client, until: answers.messages.count + 1, Deadline(seconds: 3))
        }
        if client.ending == nil { client.send("GET /probe HTTP/1.1\r\nHost: probe.test\r\n\r\n") }
        let deadline = Deadline(seconds: 1)
        while client.ending == nil, !answers.messages.contains(where: { $0.body == Array("probe".utf8) }) {
            let before = answers.messages.count
            answers.read(client, until: before + 1, deadline)
            if deadline.isOver || answers.malformed != nil { break }
        }
        outcome.isClosed = client.ending != nil
        outcome.statuses = answers.messages.filter { $0.body != Array("probe".utf8) }.map(\.status).filter {
            $0 >= 200 || $0 == 101
        }
        outcome.text = String(decoding: client.received, as: UTF8.self)
        gather(&outcome)
        return outcome
    }

    /// Adds what the upstreams saw.
    func gather(_ outcome: inout Outcome) {
        for connection in http1.take() + http2.take() {
            outcome.requests += connection.requests
            if let reason = connection.malformed { outcome.malformed.append(reason) }
            outcome.upstreamBytes += connection.bytes.count
        }
    }

    /// Whether another client is served: the answer of the upstream to a plain request on a new connection.
    func servesNext(_ door: Door) -> Bool {
        guard let client = connect(door) else { return false }
        client.send("GET /next HTTP/1.1\r\nHost: next.test\r\n\r\n")
        var answers = WireAnswers(methods: ["GET"])
        answers.read(client, until: 1, Deadline(seconds: 5))
        defer { _ = (http1.take(), http2.take()) }
        return answers.messages.first?.status == 200 && answers.messages.first?.body == Array("hello".utf8)
    }

    /// One counter of the connection manager that serves a door.
    func counter(_ name: String, _ door: Door) throws -> Int {
        try AdminClient.counters(port: adminPort)["http.\(door.rawValue).\(name)"] ?? 0
    }
}
