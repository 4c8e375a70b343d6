import Foundation
import TestKit
import Testing

@Suite("Time that connections are given", .serialized, .enabled(if: ProxyProcess.Kind.heddle.program != nil, "no heddle-proxy is built"))
struct DurationTests {
    /// A listener for each bound, all in one proxy.
    private final class Proxy: Sendable {
        static let running = Result { try Proxy() }

        enum Listener: String, CaseIterable {
            case aged, idle, waiting, asking, tcpAged, tcpIdle, tcpWeighted
        }

        let process: ProxyProcess
        let ports: [String: UInt16]
        let admin = Loopback.freePort()
        let first = RecordingUpstream(choice: Proxy.choose)
        let second = RecordingUpstream(choice: Proxy.choose)

        private static func choose(_ request: WireMessage) -> UpstreamScript {
            switch request.values("x-script").first ?? "" {
            case "silent": .silent
            case "continue": .raw("HTTP/1.1 100 Continue\r\n\r\n").with { $0.start = .afterHead }
            case "refuse": UpstreamScript.reply(417, body: "no").with { $0.start = .afterHead }
            default: .reply(200, body: "hello")
            }
        }

        private static func http(_ more: String) -> String {
            """
            {name: hcm, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager,
                  \(more),
                  route_config: {virtual_hosts: [{name: all, domains: ["*"], routes: [{match: {prefix: /}, route: {cluster: first}}]}]},
                  http_filters: [{name: router, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}]}}
            """
        }

        private static func tcp(_ more: String) -> String {
            "{name: tcp, typed_config: {\"@type\": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy, \(more)}}"
        }

        private static let filters: [Listener: String] = [
            .aged: http("stat_prefix: aged, drain_timeout: 0.1s, common_http_protocol_options: {max_connection_duration: 0.6s}"),
            .idle: http("stat_prefix: idle, drain_timeout: 0.1s, common_http_protocol_options: {idle_timeout: 0.6s}"),
            .waiting: http("stat_prefix: waiting"), .asking: http("stat_prefix: asking, proxy_100_continue: true"),
            .tcpAged: tcp("stat_prefix: aged, cluster: first, max_downstream_connection_duration: 0.6s"),
            .tcpIdle: tcp("stat_prefix: idle, cluster: first, idle_timeout: 0.6s"),
            .tcpWeighted: tcp("stat_prefix: weighted, weighted_clusters: {clusters: [{name: first, weight: 1}, {name: second, weight: 3}]}"),
        ]

        private init() throws {
            let ports = Dictionary(uniqueKeysWithValues: Listener.allCases.map { ($0.rawValue, Loopback.freePort()) })
            self.ports = ports
            let listeners = Listener.allCases.map {
                "  - {name: \($0), address: {socket_address: {address: \(Loopback.address), port_value: \(ports[$0.rawValue] ?? 0)}}, filter_chains: [{filters: [\(Self.filters[$0] ?? "")]}]}"
            }
            let clusters = [("first", first.port), ("second", second.port)].map {
                "  - {name: \($0), type: STATIC, load_assignment: {cluster_name: \($0), endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: \(Loopback.address), port_value: \($1)}}}}]}]}}"
            }
            let config = """
                admin: {address: {socket_address: {address: \(Loopback.address), port_value: \(admin)}}}
                static_resources:
                  listeners:
                \(listeners.joined(separator: "\n"))
                  clusters:
                \(clusters.joined(separator: "\n"))
                """
            process = try ProxyProcess(.heddle, config: config, ports: Array(ports.values) + [admin])
        }

        func port(_ listener: Listener) -> UInt16 { ports[listener.rawValue] ?? 0 }
        func counter(_ name: String) throws -> Int { try AdminClient.counters(port: admin)[name] ?? 0 }
    }

    private static func request(_ more: String = "") -> String { "GET / HTTP/1.1\r\nhost: test\r\n\(more)\r\n" }

    @Test("max_connection_duration: an idle connection ends, one at work says so with its answer")
    func aged() throws {
        let proxy = try Proxy.running.get()
        let before = try proxy.counter("http.aged.downstream_cx_max_duration_reached")
        let idle = try #require(WireClient(port: proxy.port(.aged)))
        idle.send(Self.request())
        #expect(idle.receive { $0.contains("hello") } == .bytes)
        #expect(!String(decoding: idle.received, as: UTF8.self).lowercased().contains("connection: close"))
        let busy = try #require(WireClient(port: proxy.port(.aged)))
        // Half a request, so that it ends after the time.
        busy.send("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 2\r\n\r\na")
        #expect(idle.receiveEnd(Deadline(seconds: 5)) == .ended)
        #expect(try Deadline(seconds: 5).polls(every: 20) { try proxy.counter("http.aged.downstream_cx_max_duration_reached") == before + 2 })
        busy.send("b")
        #expect(busy.receiveEnd(Deadline(seconds: 5)) == .ended)
        let answer = String(decoding: busy.received, as: UTF8.self).lowercased()
        #expect(answer.hasPrefix("http/1.1 200") && answer.contains("connection: close") && answer.hasSuffix("hello"), "\(answer)")
    }

    @Test("max_connection_duration: an HTTP/2 client is told by GOAWAY, and its stream goes on")
    func agedHTTP2() throws {
        let proxy = try Proxy.running.get()
        let client = try #require(WireHTTP2Client(port: proxy.port(.aged)))
        let stream = client.takeStream()
        var fields = WireHTTP2Client.get("test", "/")
        fields[0] = WireField(":method", "POST")
        client.send(HTTP2Frame(.headers, flags: HTTP2Frame.endHeaders, stream: stream, FieldBlockCodec.encode(fields)))
        #expect(client.reads(Deadline(seconds: 5)) { $0.goAway != nil })
        #expect(client.goAway == 0)
        client.send(HTTP2Frame(.data, flags: 1, stream: stream, [97]))
        #expect(client.answer(of: stream).body == Array("hello".utf8))
        #expect(client.wire.receiveEnd(Deadline(seconds: 5)) == .ended)
    }

    @Test("idle_timeout: counts from the last answer, and not while a request is served")
    func idle() throws {
        let proxy = try Proxy.running.get()
        let before = try proxy.counter("http.idle.downstream_cx_idle_timeout")
        let client = try #require(WireClient(port: proxy.port(.idle)))
        for _ in 0..<3 {
            client.received = []
            client.send(Self.request())
            #expect(client.receive { $0.contains("hello") } == .bytes)
            #expect(client.receive(Deadline(seconds: 0.3)) == .nothing)
        }
        #expect(client.receiveEnd(Deadline(seconds: 5)) == .ended)
        let second = try #require(WireHTTP2Client(port: proxy.port(.idle)))
        #expect(second.answer(of: second.request(WireHTTP2Client.get("test", "/"))).status == 200)
        #expect(second.wire.receiveEnd(Deadline(seconds: 5)) == .ended)
        second.reads(Deadline(seconds: 1)) { $0.goAway != nil }
        #expect(second.goAway == 0)
        let waiting = try #require(WireClient(port: proxy.port(.idle)))
        waiting.send(Self.request("x-script: silent\r\n"))
        #expect(waiting.receive(Deadline(seconds: 1.5)) == .nothing)
        #expect(try proxy.counter("http.idle.downstream_cx_idle_timeout") == before + 2)
    }

    private static func expecting(_ script: String) -> String {
        "POST / HTTP/1.1\r\nhost: test\r\nexpect: 100-continue\r\ncontent-length: 2\r\nx-script: \(script)\r\n\r\n"
    }

    @Test("without proxy_100_continue the proxy says 100 itself, and the host hears nothing of it")
    func continueOfOurs() throws {
        let proxy = try Proxy.running.get()
        _ = proxy.first.take()
        let client = try #require(WireClient(port: proxy.port(.waiting)))
        client.send(Self.expecting(""))
        #expect(client.receive { $0.contains("HTTP/1.1 100 Continue\r\n\r\n") } == .bytes)
        client.send("ab")
        #expect(client.receive { $0.contains("hello") } == .bytes)
        let requests = proxy.first.takeRequests()
        #expect(requests.count == 1 && requests.first?.values("expect") == [] && requests.first?.body == Array("ab".utf8))
    }

    @Test("proxy_100_continue: what the host says of the expectation is what the client hears")
    func continueOfTheHost() throws {
        let proxy = try Proxy.running.get()
        _ = proxy.first.take()
        let client = try #require(WireClient(port: proxy.port(.asking)))
        client.send(Self.expecting("continue"))
        #expect(client.receive { $0.contains("HTTP/1.1 100 Continue\r\n\r\n") } == .bytes)
        client.send("ab")
        var requests: [WireMessage] = []
        #expect(Deadline(seconds: 5).polls { requests += proxy.first.takeRequests(); return requests.contains { $0.isComplete } })
        #expect(requests.first?.values("expect") == ["100-continue"] && requests.first?.body == Array("ab".utf8))
        let refused = try #require(WireClient(port: proxy.port(.asking)))
        refused.send(Self.expecting("refuse"))
        #expect(refused.receive { $0.contains("\r\n\r\nno") } == .bytes)
        #expect(String(decoding: refused.received, as: UTF8.self).hasPrefix("HTTP/1.1 417"))
    }

    @Test("tcp_proxy: max_downstream_connection_duration ends a connection at work")
    func tcpAged() throws {
        let proxy = try Proxy.running.get()
        let client = try #require(WireClient(port: proxy.port(.tcpAged)))
        let deadline = Deadline(seconds: 5)
        var rounds = 0
        while !deadline.isOver, client.ending == nil {
            client.send(Self.request())
            _ = client.receive(Deadline(seconds: 0.1))
            rounds += 1
        }
        #expect(client.ending != nil && rounds > 1)
        #expect(client.received.contains("hello"))
        #expect(try proxy.counter("tcp.aged.max_downstream_connection_duration") == 1)
        #expect(try proxy.counter("tcp.aged.idle_timeout") == 0)
    }

    @Test("tcp_proxy: idle_timeout counts from the last byte in either direction")
    func tcpIdle() throws {
        let proxy = try Proxy.running.get()
        let client = try #require(WireClient(port: proxy.port(.tcpIdle)))
        for _ in 0..<3 {
            client.received = []
            client.send(Self.request())
            #expect(client.receive { $0.contains("hello") } == .bytes)
            #expect(client.receive(Deadline(seconds: 0.3)) == .nothing)
        }
        #expect(client.receiveEnd(Deadline(seconds: 5)) == .ended)
        #expect(try proxy.counter("tcp.idle.idle_timeout") == 1)
    }

    @Test("tcp_proxy: weighted clusters get connections by their weights")
    func tcpWeighted() throws {
        let proxy = try Proxy.running.get()
        func share(_ listener: Proxy.Listener, of count: Int) throws -> Int {
            let before = proxy.first.acceptedConnections
            for _ in 0..<count {
                let client = try #require(WireClient(port: proxy.port(listener)))
                client.send(Self.request())
                #expect(client.receive { $0.contains("hello") } == .bytes)
            }
            return proxy.first.acceptedConnections - before
        }
        // A quarter of 200 is 50 with a deviation of 6; five of them on either side.
        #expect((20...80).contains(try share(.tcpWeighted, of: 200)))
    }
}
