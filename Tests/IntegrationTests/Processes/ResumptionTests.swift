import Foundation
import Glibc
import TestKit
import Testing

/// A client resumes its TLS session at whichever worker takes its next connection.
@Suite("TLS resumption over workers", .serialized, .enabled(if: SupervisedProxy.program != nil, "no heddle-proxy is built"))
struct ResumptionTests {
    private let upstream = RecordingUpstream { _ in .reply(200, body: "hello") }

    private func proxy(_ flags: [String] = []) throws -> SupervisedProxy {
        let certificate = TestCertificate(commonName: "a.test")
        let chain = String(decoding: try JSONEncoder().encode(certificate.certificate), as: UTF8.self)
        let key = String(decoding: try JSONEncoder().encode(certificate.key), as: UTF8.self)
        var parts = SupervisedProxy.Parts()
        parts.chain =
            "transport_socket: {name: tls, typed_config: {\"@type\": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext, "
            + "common_tls_context: {tls_certificates: [{certificate_chain: {inline_string: \(chain)}, private_key: {inline_string: \(key)}}]}}}"
        return try SupervisedProxy(workers: 4, upstream: upstream.port, flags: flags, parts: parts)
    }

    /// A connection on which one request was answered, so that its tickets have come.
    private func connect(_ proxy: SupervisedProxy, tls13: Bool = true, _ ticket: TLSTicket? = nil) throws -> WireClient {
        var tls = WireClient.TLS(serverName: "a.test")
        tls.allowsTLS13 = tls13
        tls.ticket = ticket
        let client = try #require(WireClient(port: proxy.port, tls: tls))
        client.send("GET / HTTP/1.1\r\nhost: test\r\n\r\n")
        let isAnswered = client.receive { String(decoding: $0, as: UTF8.self).hasSuffix("hello") } == .bytes
        try #require(isAnswered)
        return client
    }

    private func ticket(_ proxy: SupervisedProxy, tls13: Bool) throws -> TLSTicket {
        let ticket = try #require(try connect(proxy, tls13: tls13).ticket)
        #expect(ticket.isResumable)
        return ticket
    }

    /// Whether of eight connections with the same ticket each worker has two, and all resumed.
    private func resumesEverywhere(_ proxy: SupervisedProxy, tls13: Bool, _ ticket: TLSTicket) throws -> Bool {
        let counts = { (0..<4).compactMap { try? proxy.counter("worker.\($0).connections_active") } }
        // A worker that has just been started does not take part at once.
        return try Deadline(seconds: 20).polls {
            guard Deadline(seconds: 5).polls({ counts() == [0, 0, 0, 0] }) else { return false }
            let clients = try (0..<8).map { _ in try connect(proxy, tls13: tls13, ticket) }
            let isSpread = Deadline(seconds: 1).polls { counts() == [2, 2, 2, 2] }
            #expect(clients.allSatisfy { $0.isResumed })
            return isSpread
        }
    }

    @Test("every worker resumes what one of them began, also after a reload and the workers' end", arguments: [false, true])
    func everyWorker(tls13: Bool) throws {
        let proxy = try proxy()
        let ticket = try ticket(proxy, tls13: tls13)
        #expect(try resumesEverywhere(proxy, tls13: tls13, ticket))
        try proxy.write(proxy.config(route: "up", prefix: "second"))
        kill(proxy.id, SIGHUP)
        #expect(Deadline(seconds: 10).polls { proxy.log.contains("configuration 2 is in force") })
        #expect(try resumesEverywhere(proxy, tls13: tls13, ticket))
        let before = proxy.workerIDs
        for worker in before { kill(worker, SIGKILL) }
        #expect(Deadline(seconds: 15).polls { proxy.workerIDs.count == 4 && Set(before).isDisjoint(with: proxy.workerIDs) })
        #expect(try resumesEverywhere(proxy, tls13: tls13, ticket))
    }

    @Test("a program that takes over resumes what the old one began", arguments: [false, true])
    func takeOver(tls13: Bool) throws {
        let proxy = try proxy(["--socket-path", "@heddle-resume-\(getpid())-\(tls13)"])
        let ticket = try ticket(proxy, tls13: tls13)
        let old = try proxy.takeOver()
        #expect(SupervisedProxy.exitCode(old) == 0)
        #expect(try resumesEverywhere(proxy, tls13: tls13, ticket))
    }

    @Test("a ticket is worth nothing once its key is gone, and the handshake goes on", arguments: [false, true])
    func rotation(tls13: Bool) throws {
        let proxy = try proxy(["--ticket-key-s", "1"])
        let old = try ticket(proxy, tls13: tls13)
        #expect(try connect(proxy, tls13: tls13, old).isResumed)
        #expect(try Deadline(seconds: 10).polls(every: 50) { try !connect(proxy, tls13: tls13, old).isResumed })
        let fresh = try ticket(proxy, tls13: tls13)
        #expect(try connect(proxy, tls13: tls13, fresh).isResumed)
    }
}
