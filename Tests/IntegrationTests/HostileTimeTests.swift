import Foundation
import TestKit
import Testing

extension HostileSuites {
    /// Rows 33, 34 and 36 with bounds so short that a test sees them all: what takes too long, and too few descriptors.
    @Suite struct Time {
        /// One listener with `request_headers_timeout` 1 s, `request_timeout` 2 s and `idle_timeout` 3 s.
        final class Proxy: Sendable {
            static let running = Result { try Proxy() }

            let process: ProxyProcess
            let upstream = RecordingUpstream { _ in .reply(200, body: "hello") }
            let port = Loopback.freePort()
            let adminPort = Loopback.freePort()

            init(descriptors: Int? = nil) throws {
                let config = """
                    admin: {address: {socket_address: {address: \(Loopback.address), port_value: \(adminPort)}}}
                    static_resources:
                      listeners:
                      - name: in
                        address: {socket_address: {address: \(Loopback.address), port_value: \(port)}}
                        filter_chains:
                        - filters:
                          - name: hcm
                            typed_config:
                              "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                              stat_prefix: time
                              request_headers_timeout: 1s
                              request_timeout: 2s
                              delayed_close_timeout: 0.1s
                              drain_timeout: 0.1s
                              common_http_protocol_options: {idle_timeout: \(descriptors == nil ? 3 : 60)s}
                              route_config: {virtual_hosts: [{name: all, domains: ["*"], routes: [{match: {prefix: /}, route: {cluster: one}}]}]}
                              http_filters: [{name: router, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}]
                      clusters:
                      - {name: one, type: STATIC, load_assignment: {cluster_name: one, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: \(Loopback.address), port_value: \(upstream.port)}}}}]}]}}
                    """
                process = try ProxyProcess(.heddle, config: config, ports: [port, adminPort], descriptors: descriptors)
            }

            func counter(_ name: String) throws -> Int { try AdminClient.counters(port: adminPort)[name] ?? 0 }
        }

        private static let block = FieldBlockCodec.encode(WireHTTP2Client.get("h.test", "/up"))

        /// A client that has nothing left to say by itself: no frame may come between HEADERS and CONTINUATION.
        private static func greeted(_ proxy: Proxy) throws -> WireHTTP2Client {
            let client = try #require(WireHTTP2Client(port: proxy.port, opensWindows: false))
            #expect(client.reads(Deadline(seconds: 5)) { $0.counts[HTTP2Frame.Kind.settings.rawValue, default: 0] > 0 })
            return client
        }

        @Test("row 33: an HTTP/2 head that does not end is answered with 408 in time", arguments: [false, true])
        func unfinishedHead(drips: Bool) throws {
            let proxy = try Proxy.running.get()
            let before = try proxy.counter("http.time.downstream_rq_header_timeout")
            let client = try Self.greeted(proxy)
            let stream = client.takeStream()
            client.send(HTTP2Frame(.headers, flags: HTTP2Frame.endStream, stream: stream, Self.block))
            let deadline = Deadline(seconds: 5)
            while drips, !deadline.isOver, client.sofar(stream).status == 0 {
                let field = FieldBlockCodec.encode([WireField("x", "y")])
                // Each a CONTINUATION in two halves, so that there is always something on its way.
                let bytes = HTTP2Frame(.continuation, stream: stream, field).bytes
                client.wire.send(bytes.prefix(5))
                client.reads(Deadline(seconds: 0.2)) { $0.sofar(stream).status != 0 }
                client.wire.send(bytes.dropFirst(5))
                client.reads(Deadline(seconds: 0.2)) { $0.sofar(stream).status != 0 }
            }
            let answer = client.answer(of: stream, deadline: deadline)
            #expect(answer.status == 408, "\(answer)")
            #expect(answer.body == Array("request header timeout".utf8))
            #expect(try proxy.counter("http.time.downstream_rq_header_timeout") == before + 1)
            // The connection lives on: the head may still end, and the next request is served.
            guard !drips else { return }
            client.send(HTTP2Frame(.continuation, flags: HTTP2Frame.endHeaders, stream: stream))
            #expect(client.answer(of: client.request(WireHTTP2Client.get("h.test", "/up"))).status == 200)
            #expect(proxy.upstream.takeRequests().count == 1)
        }

        @Test("row 33: after a head that never ends comes the end of the connection")
        func stuckConnection() throws {
            let proxy = try Proxy.running.get()
            let client = try Self.greeted(proxy)
            client.send(HTTP2Frame(.headers, flags: HTTP2Frame.endStream, stream: client.takeStream(), Self.block))
            #expect(client.wire.receiveEnd(Deadline(seconds: 8)) != .nothing)
        }

        @Test(
            "row 33: a connection on which nothing is said is ended",
            arguments: ["", "PRI * HTTP/2.0\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"])
        func silence(said: String) throws {
            let proxy = try Proxy.running.get()
            let before = try proxy.counter("http.time.downstream_cx_idle_timeout")
            let client = try #require(WireClient(port: proxy.port))
            if !said.isEmpty { client.send(said) }
            #expect(client.receiveEnd(Deadline(seconds: 8)) != .nothing)
            #expect(try Deadline(seconds: 2).polls { try proxy.counter("http.time.downstream_cx_idle_timeout") > before })
        }

        @Test("row 34: a body that comes byte by byte is answered with 408 in time")
        func drippedBody() throws {
            let proxy = try Proxy.running.get()
            let client = try #require(WireClient(port: proxy.port))
            client.send("POST /up HTTP/1.1\r\nHost: h.test\r\nContent-Length: 1000\r\n\r\n")
            let deadline = Deadline(seconds: 8)
            _ = deadline.polls(every: 50) {
                client.send("a")
                return client.receive(Deadline(seconds: 0)) != .nothing
            }
            #expect(!deadline.isOver)
            #expect(String(decoding: client.received, as: UTF8.self).hasPrefix("HTTP/1.1 408 "))
            #expect(client.receiveEnd(Deadline(seconds: 3)) != .nothing)
        }

        @Test("row 34: an HTTP/2 body that comes byte by byte is answered with 408 in time")
        func drippedHTTP2Body() throws {
            let proxy = try Proxy.running.get()
            let before = try proxy.counter("http.time.downstream_rq_timeout")
            let client = try #require(WireHTTP2Client(port: proxy.port))
            let stream = client.takeStream()
            var fields = WireHTTP2Client.get("h.test", "/up")
            fields[0] = WireField(":method", "POST")
            client.send(HTTP2Frame(.headers, flags: HTTP2Frame.endHeaders, stream: stream, FieldBlockCodec.encode(fields)))
            let deadline = Deadline(seconds: 8)
            while !deadline.isOver, client.sofar(stream).ending == "open" {
                client.send(HTTP2Frame(.data, stream: stream, [97]))
                client.reads(Deadline(seconds: 0.05)) { $0.sofar(stream).ending != "open" }
            }
            #expect(client.sofar(stream).status == 408)
            #expect(try proxy.counter("http.time.downstream_rq_timeout") == before + 1)
            #expect(proxy.upstream.takeRequests().allSatisfy { !$0.isComplete })
        }

        @Test("row 36: without descriptors accepting pauses without spinning, and goes on when there are some")
        func noDescriptors() throws {
            let proxy = try Proxy(descriptors: 80)
            defer { proxy.process.stop() }
            let worker = try #require(proxy.process.workers.first)
            var clients = (0..<120).compactMap { _ in WireClient(port: proxy.port) }
            #expect(clients.count == 120, "the kernel takes them for the proxy")
            // Some have been accepted and are served; the others wait.
            let request = "GET /up HTTP/1.1\r\nHost: h.test\r\n\r\n"
            for client in clients { client.send(request) }
            let isFull = Deadline(seconds: 5).polls(every: 20) { ProcessTimes.openDescriptors(worker) >= 79 }
            #expect(isFull)
            let before = ProcessTimes.ticks(worker)
            _ = Deadline(seconds: 1).polls(every: 100) { false }
            // A hundredth of a second each; a loop that spins takes a hundred.
            #expect(ProcessTimes.ticks(worker) - before < 30)
            #expect(proxy.process.workers == [worker])
            // Whoever leaves makes room.
            clients.removeFirst(100)
            let answered = clients.filter { $0.receive(Deadline(seconds: 5)) { $0.contains("\r\n\r\n") } == .bytes }
            #expect(answered.count == clients.count)
            let next = try #require(WireClient(port: proxy.port))
            next.send(request)
            #expect(next.receive { $0.contains("hello") } == .bytes)
            #expect(proxy.process.workers == [worker])
        }

        @Test("row 36: clients that have gone take their descriptors with them, however many there were at once")
        func descriptorsComeBack() throws {
            let proxy = try Proxy.running.get()
            #expect(Deadline(seconds: 10).polls(every: 20) { !proxy.process.workers.isEmpty })
            let worker = try #require(proxy.process.workers.first)
            let upstream = { try proxy.counter("cluster.one.upstream_cx_active") }
            let before = try ProcessTimes.openDescriptors(worker) - upstream()
            do {
                let clients = (0..<50).compactMap { _ in WireClient(port: proxy.port) }
                for client in clients { client.send("GET /up HTTP/1.1\r\nHost: h.test\r\n\r\n") }
                for client in clients { #expect(client.receive { $0.contains("hello") } == .bytes) }
            }
            let isFlat = try Deadline(seconds: 5).polls(every: 50) { try ProcessTimes.openDescriptors(worker) - upstream() <= before + 5 }
            #expect(isFlat, "\(before) before, \(ProcessTimes.openDescriptors(worker)) now")
            _ = proxy.upstream.takeRequests()
        }
    }
}

/// What the kernel says of a process.
enum ProcessTimes {
    /// Processor time used, in hundredths of a second.
    static func ticks(_ process: Int32) -> Int {
        let text = (try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)) ?? ""
        let fields = text.split(separator: ")").last?.split(separator: " ") ?? []
        return fields.count > 12 ? (Int(fields[11]) ?? 0) + (Int(fields[12]) ?? 0) : 0
    }

    static func openDescriptors(_ process: Int32) -> Int {
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/fd").count) ?? 0
    }
}
