import Foundation
import Glibc
import TestKit
import Testing

/// What the bounds on a client's connection come to: of its requests, of its time, and of what it leaves unread.
@Suite("Life of a downstream connection", .serialized, .enabled(if: SupervisedProxy.program != nil, "no heddle-proxy is built"))
struct ConnectionLifeTests {
    private static let bigBody = 48 * 1024 * 1024
    /// What a worker may take for a client that reads nothing, whatever it asks for.
    private static let bound = 16 * 1024 * 1024
    private static let directBody = String(repeating: "d", count: 4096)

    private let upstream = RecordingUpstream { request in
        .reply(200, body: request.startLine.contains("/big") ? String(repeating: "b", count: bigBody) : "hello")
    }

    private func proxy(_ manager: [String] = [], _ parts: SupervisedProxy.Parts = .init()) throws -> SupervisedProxy {
        var parts = parts
        parts.manager = manager
        parts.listener = "per_connection_buffer_limit_bytes: 32768"
        parts.routes =
            "{match: {path: /direct}, direct_response: {status: 200, body: {inline_string: \(Self.directBody)}}}, "
            + "{match: {path: /redirect}, redirect: {path_redirect: /elsewhere}}, "
        return try SupervisedProxy(workers: 1, upstream: upstream.port, parts: parts)
    }

    // MARK: Requests

    @Test("the last request that an HTTP/1 connection may serve is answered, and says that the connection ends", arguments: [1, 3])
    func lastRequest(limit: Int) throws {
        let proxy = try proxy(["common_http_protocol_options: {max_requests_per_connection: \(limit)}"])
        for request in ["GET /direct HTTP/1.1\r\nhost: test\r\n\r\n", "POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 2\r\n\r\nab"] {
            let client = try #require(WireClient(port: proxy.port))
            client.send(String(repeating: request, count: limit + 1))
            var answers = WireAnswers(methods: [])
            answers.read(client, until: limit + 1, Deadline(seconds: 5))
            #expect(answers.messages.map(\.status) == Array(repeating: 200, count: limit))
            let closes = answers.messages.map { $0.values("connection") == ["close"] }
            #expect(closes == Array(repeating: false, count: limit - 1) + [true])
            #expect(client.ending == .ended)
        }
        #expect(try proxy.counter("http.in.downstream_cx_max_requests_reached") == 2)
    }

    @Test("the last request that an HTTP/2 connection may serve is answered, and GOAWAY says that it ends")
    func lastHTTP2Request() throws {
        let proxy = try proxy(["common_http_protocol_options: {max_requests_per_connection: 1}"])
        let client = try #require(WireHTTP2Client(port: proxy.port))
        let stream = client.request(WireHTTP2Client.get("test", "/"))
        #expect(client.answer(of: stream).body == Array("hello".utf8))
        #expect(client.reads(Deadline(seconds: 5)) { $0.goAway == 0 })
    }

    // MARK: Unread answers

    @Test("a client that pipelines 1,000,000 requests and reads no answer is held", arguments: ["/direct", "/redirect"])
    func unreadAnswers(path: String) throws {
        let proxy = try proxy()
        let worker = try #require(proxy.workerIDs.first)
        let client = try #require(WireClient(port: proxy.port, receiveBuffer: 4096))
        let before = Self.residentBytes(worker)
        let requests = Array(String(repeating: "GET \(path) HTTP/1.1\r\nhost: t\r\n\r\n", count: 1000).utf8)
        var sent = 0
        while sent < 1000, client.send(requests, deadline: Deadline(seconds: 1)) { sent += 1 }
        #expect(sent < 1000, "all of it was taken")
        #expect(Self.residentBytes(worker) < before + Self.bound)
        let other = try #require(WireClient(port: proxy.port))
        other.send("GET / HTTP/1.1\r\nhost: test\r\n\r\n")
        #expect(other.receive { String(decoding: $0, as: UTF8.self).hasSuffix("hello") } == .bytes)
    }

    @Test("a large answer of a host behind unread answers is not buffered, and comes whole when the client reads")
    func unreadBody() throws {
        let proxy = try proxy()
        let worker = try #require(proxy.workerIDs.first)
        let client = try #require(WireClient(port: proxy.port, receiveBuffer: 4096))
        let count = 2000
        let requests = String(repeating: "GET /direct HTTP/1.1\r\nhost: t\r\n\r\n", count: count)
        let before = Self.residentBytes(worker)
        #expect(client.send(requests + "GET /big HTTP/1.1\r\nhost: t\r\n\r\n"))
        #expect(!Deadline(seconds: 2).polls { Self.residentBytes(worker) > before + Self.bound })
        let least = count * Self.directBody.utf8.count + Self.bigBody
        #expect(client.receive(Deadline(seconds: 60)) { $0.count > least && $0.last == UInt8(ascii: "b") } == .bytes)
        var answers = WireAnswers(methods: [])
        answers.read(client, until: count + 1, Deadline(seconds: 20))
        #expect(answers.messages.count == count + 1)
        #expect(answers.messages.last?.body.count == Self.bigBody)
        #expect(answers.messages.dropLast().allSatisfy { $0.body.count == Self.directBody.utf8.count })
    }

    private static func residentBytes(_ process: Int32) -> Int {
        let status = (try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        return (line?.split(separator: " ").dropLast().last.flatMap { Int($0) } ?? 0) * 1024
    }

    // MARK: Time

    @Test("request_timeout ends no tunnel: it bounds the request until the response begins")
    func requestTimeoutOfTunnel() throws {
        let echo = RecordingUpstream { _ in
            .raw("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n").with { $0.echoes = true }
        }
        var parts = SupervisedProxy.Parts()
        parts.cluster = SupervisedProxy.assignment([(Loopback.address, echo.port)])
        let proxy = try proxy(["request_timeout: 0.2s", "upgrade_configs: [{upgrade_type: websocket}]"], parts)
        let client = try #require(WireClient(port: proxy.port))
        client.send("GET / HTTP/1.1\r\nhost: test\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n")
        #expect(client.receive { String(decoding: $0, as: UTF8.self).hasSuffix("\r\n\r\n") } == .bytes)
        let timeIsUp = Deadline(seconds: 0.6)
        while !timeIsUp.isOver {
            client.received = []
            client.send("ping")
            try #require(client.receive { $0 == Array("ping".utf8) } == .bytes)
        }
        #expect(try proxy.counter("http.in.downstream_rq_timeout") == 0)
    }

    @Test("request_timeout ends no call that streams both ways once the response has begun")
    func requestTimeoutOfCall() throws {
        let echo = RecordingUpstream(http2: true) { _ in
            UpstreamScript.reply(200, [WireField("content-type", "application/grpc")]).with {
                $0.echoes = true
                $0.trailers = [WireField("grpc-status", "0")]
            }
        }
        let proxy = try proxy(["request_timeout: 0.2s"], .http2(port: echo.port))
        let call = try GRPCCall(port: proxy.port)
        let timeIsUp = Deadline(seconds: 0.6)
        while !timeIsUp.isOver { try #require(call.exchanges("again")) }
        #expect(call.end() == "0")
        #expect(try proxy.counter("http.in.downstream_rq_timeout") == 0)
    }

    @Test("an HTTP/2 connection that was idle for too long is told so with GOAWAY before it ends")
    func idleHTTP2() throws {
        let proxy = try proxy(["common_http_protocol_options: {idle_timeout: 0.2s}", "drain_timeout: 0.2s"])
        for asks in [false, true] {
            let client = try #require(WireHTTP2Client(port: proxy.port))
            if asks {
                let stream = client.request(WireHTTP2Client.get("test", "/"))
                #expect(client.answer(of: stream).body == Array("hello".utf8))
            }
            client.reads(Deadline(seconds: 5)) { _ in false }
            #expect(client.goAway == 0)
            // The first names no stream yet, the second the last one that counts.
            #expect(client.counts[7] == 2)
            #expect(client.wire.ending == .ended)
        }
        #expect(try proxy.counter("http.in.downstream_cx_idle_timeout") == 2)
    }
}
