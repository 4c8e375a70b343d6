import Foundation
import Glibc
import Synchronization
import TestKit
import Testing

@Suite(
    "Uploads to a host that does not read", .serialized,
    .enabled(if: ProxyProcess.Kind.heddle.program != nil, "no heddle-proxy is built"))
struct UploadTests {
    private static let size = 64 << 20
    private static let certificate = TestCertificate(commonName: "upload.test")

    struct Way: Sendable, CustomTestStringConvertible {
        let isHTTP2: Bool
        let isSecure: Bool
        var testDescription: String { "\(isHTTP2 ? "HTTP/2" : "HTTP/1")\(isSecure ? " over TLS" : "")" }

        static let all = [false, true].flatMap { http2 in [false, true].map { Way(isHTTP2: http2, isSecure: $0) } }
    }

    @Test(
        "wait in the client, whatever it speaks: the proxy holds little of them, and all arrives once the host reads",
        arguments: Way.all)
    func upload(way: Way) throws {
        let host = IdleHost()
        let port = Loopback.freePort()
        let proxy = try ProxyProcess(
            .heddle, config: Self.config(port, isSecure: way.isSecure, host: host.port), ports: [port])
        defer { proxy.stop() }
        let tls =
            way.isSecure ? WireClient.TLS(serverName: "upload.test", protocols: [way.isHTTP2 ? "h2" : "http/1.1"]) : nil
        let begun: (any Upload)? = way.isHTTP2 ? HTTP2Upload(port, tls, Self.size) : HTTP1Upload(port, tls, Self.size)
        let upload = try #require(begun)
        let before = try servedBytes(proxy, port, tls)
        while upload.goesOn(Deadline(seconds: 0.5)) {}
        let held = proxy.residentBytes - before
        // The kernel's buffers take some MiB on both sides.
        #expect(upload.sent < Self.size / 2, "\(upload.sent) bytes were taken")
        #expect(held < 8 << 20, "\(held) bytes more in memory")
        host.read()
        while upload.sent < Self.size, upload.goesOn(Deadline(seconds: 10)) {}
        #expect(upload.sent == Self.size)
        #expect(upload.answer() == 200)
        #expect(host.received == Self.size)
        #expect(proxy.residentBytes - before < 8 << 20)
    }

    /// The memory of a proxy whose worker has come up and served somebody.
    private func servedBytes(_ proxy: ProxyProcess, _ port: UInt16, _ tls: WireClient.TLS?) throws -> Int {
        let client = try #require(WireClient(port: port, tls: tls.map { WireClient.TLS(serverName: $0.serverName) }))
        client.send("GET /warm HTTP/1.1\r\nhost: test\r\n\r\n")
        var answers = WireAnswers(methods: ["GET"])
        answers.read(client, until: 1, Deadline(seconds: 10))
        #expect(answers.messages.first?.status == 200)
        return proxy.residentBytes
    }

    private static func config(_ port: UInt16, isSecure: Bool, host: UInt16) -> String {
        func quoted(_ text: String) -> String { "\"\(text.replacingOccurrences(of: "\n", with: "\\n"))\"" }
        let socket = """
            transport_socket: {name: tls, typed_config: {"@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext,
                common_tls_context: {alpn_protocols: [h2, http/1.1], tls_certificates: [{certificate_chain: {inline_string: \(quoted(certificate.certificate))}, private_key: {inline_string: \(quoted(certificate.key))}}]}}}
            """
        return """
            static_resources:
              listeners:
              - name: in
                address: {socket_address: {address: \(Loopback.address), port_value: \(port)}}
                per_connection_buffer_limit_bytes: 65536
                filter_chains:
                - filters:
                  - name: hcm
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                      stat_prefix: in
                      route_config: {virtual_hosts: [{name: all, domains: ["*"], routes: [{match: {path: /warm}, direct_response: {status: 200}}, {match: {prefix: "/"}, route: {cluster: up, timeout: 0s}}]}]}
                      http_filters: [{name: router, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}]
                  \(isSecure ? socket : "")
              clusters:
              - {name: up, per_connection_buffer_limit_bytes: 65536, load_assignment: {cluster_name: up, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: \(Loopback.address), port_value: \(host)}}}}]}]}}
            """
    }
}

/// A client's upload in pieces.
private protocol Upload: AnyObject {
    var sent: Int { get }
    /// Sends a piece. False when it could not by the deadline, or is done.
    func goesOn(_ deadline: Deadline) -> Bool
    /// The status that came back.
    func answer() -> Int
}

private let piece = [UInt8](repeating: 0x78, count: 16384)

private final class HTTP1Upload: Upload {
    private let client: WireClient
    private let size: Int
    private(set) var sent = 0
    /// The rest of a piece that was cut short.
    private var rest: ArraySlice<UInt8> = []

    init?(_ port: UInt16, _ tls: WireClient.TLS?, _ size: Int) {
        guard let client = WireClient(port: port, tls: tls) else { return nil }
        self.client = client
        self.size = size
        client.send("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: \(size)\r\n\r\n")
    }

    func goesOn(_ deadline: Deadline) -> Bool {
        if rest.isEmpty { rest = piece[...] }
        guard sent < size else { return false }
        let count = client.sendSome(rest, deadline: deadline)
        sent += count
        rest.removeFirst(count)
        return count > 0
    }

    func answer() -> Int {
        var answers = WireAnswers(methods: ["POST"])
        answers.read(client, until: 1, Deadline(seconds: 10))
        return answers.messages.first?.status ?? 0
    }
}

private final class HTTP2Upload: Upload {
    private let client: WireHTTP2Client
    private let size: Int
    private let stream: UInt32
    private(set) var sent = 0

    init?(_ port: UInt16, _ tls: WireClient.TLS?, _ size: Int) {
        guard let client = WireHTTP2Client(port: port, tls: tls) else { return nil }
        self.client = client
        self.size = size
        stream = client.takeStream()
        let fields = [
            WireField(":method", "POST"), WireField(":scheme", "http"), WireField(":authority", "test"),
            WireField(":path", "/"),
            WireField("content-length", "\(size)"),
        ]
        client.send(HTTP2Frame(.headers, flags: HTTP2Frame.endHeaders, stream: stream, FieldBlockCodec.encode(fields)))
    }

    func goesOn(_ deadline: Deadline) -> Bool {
        guard sent < size, client.reads(deadline, until: { $0.window(of: stream) > 0 }) else { return false }
        let count = min(piece.count, client.window(of: stream), size - sent)
        guard client.sendData(Array(piece[..<count]), stream: stream, isLast: sent + count == size) else {
            return false
        }
        sent += count
        return true
    }

    func answer() -> Int { client.answer(of: stream, deadline: Deadline(seconds: 10)).status }
}

/// An HTTP/1 host that takes a connection and reads nothing from it until it is told to; then it reads one request and
/// answers it.
private final class IdleHost: Sendable {
    let port = Loopback.freePort()
    private let listener: Int32
    private let count = Mutex(0)

    /// Bytes of body that came.
    var received: Int { count.withLock { $0 } }

    init() {
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var size: Int32 = 65536
        setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        var name = Loopback.socketAddress(port: port)
        let isBound = withUnsafePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        precondition(isBound == 0 && listen(listener, 16) == 0, "the host cannot listen")
    }

    deinit { close(listener) }

    func read() {
        Thread.detachNewThread { [self] in
            let connection = accept(listener, nil, nil)
            defer { close(connection) }
            var buffer = [UInt8](repeating: 0, count: 1 << 18)
            var head: [UInt8] = []
            var length: Int?
            while received < length ?? .max {
                let count = recv(connection, &buffer, buffer.count, 0)
                guard count > 0 else { return }
                if length == nil {
                    head += buffer[..<count]
                    guard let end = head.firstRange(of: Array("\r\n\r\n".utf8)) else { continue }
                    let lines = String(decoding: head[..<end.lowerBound], as: UTF8.self).lowercased().split(
                        separator: "\r\n")
                    length = lines.first { $0.hasPrefix("content-length: ") }.flatMap { Int($0.dropFirst(16)) }
                    self.count.withLock { $0 = head.count - end.upperBound }
                } else {
                    self.count.withLock { $0 += count }
                }
            }
            let answer = Array("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".utf8)
            send(connection, answer, answer.count, Int32(MSG_NOSIGNAL))
            _ = recv(connection, &buffer, buffer.count, 0)
        }
    }
}
