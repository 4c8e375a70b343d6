import Foundation
import TestKit
import Testing

extension HostileSuites {
    /// Row 31: clients that go away while any filter is at any work.
    @Suite struct Resets {
        /// Two scripts one after the other, each told by a field what to do with the request and the response.
        final class Proxy: Sendable {
            static let running = Result { try Proxy() }

            let process: ProxyProcess
            let http1 = RecordingUpstream(choice: Proxy.choose)
            let http2 = RecordingUpstream(http2: true, choice: Proxy.choose)
            let port = Loopback.freePort()
            let adminPort = Loopback.freePort()
            let workers: [Int32]

            static let requestWork = ["none", "call", "body", "chunks", "trailers", "respond", "respond late", "set", "error"]
            static let responseWork = ["none", "call", "body", "chunks", "trailers", "set", "error"]
            static let answers = ["plain", "large", "trailers", "early", "broken off", "silent"]

            private static func choose(_ request: WireMessage) -> UpstreamScript {
                switch request.values("x-script").first ?? "" {
                case "large": .reply(200, body: String(repeating: "x", count: 300_000))
                case "trailers":
                    UpstreamScript.reply(200, body: "hello").with {
                        $0.framing = .chunked
                        $0.trailers = [WireField("x-trailer", "1")]
                    }
                case "early": UpstreamScript.reply(200, body: "early").with { $0.start = .afterHead }
                case "broken off": UpstreamScript.reply(200).with { $0.ending = .reset }
                case "silent": .silent
                default: .reply(200, body: "hello")
                }
            }

            private static func script(_ name: String) -> String {
                """
                - name: lua-\(name)
                  typed_config:
                    "@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua
                    default_source_code:
                      inline_string: |
                        local function work(handle, what)
                          if what == "call" then
                            handle:httpCall("one", {[":method"] = "GET", [":path"] = "/call", [":authority"] = "call.test"}, nil, 1000)
                          elseif what == "body" then handle:body(true)
                          elseif what == "set" then handle:body(true):setBytes("other")
                          elseif what == "chunks" then
                            for chunk in handle:bodyChunks() do chunk:length() end
                          elseif what == "trailers" then handle:trailers()
                          elseif what == "error" then error("as it was told")
                          end
                        end
                        function envoy_on_request(handle)
                          local what = handle:headers():get("x-\(name)-request")
                          handle:streamInfo():dynamicMetadata():set("\(name)", "response", handle:headers():get("x-\(name)-response") or "none")
                          work(handle, what)
                          if what == "respond late" then handle:body(true) end
                          if what == "respond" or what == "respond late" then handle:respond({[":status"] = "403"}, "no") end
                        end
                        function envoy_on_response(handle)
                          local metadata = handle:streamInfo():dynamicMetadata():get("\(name)")
                          if metadata then work(handle, metadata.response) end
                        end
                """
            }

            private static func cluster(_ name: String, _ port: UInt16, _ more: String) -> String {
                """
                {name: \(name), type: STATIC, load_assignment: {cluster_name: \(name), endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: \(Loopback.address), port_value: \(port)}}}}]}]},
                      typed_extension_protocol_options: {envoy.extensions.upstreams.http.v3.HttpProtocolOptions: {"@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, explicit_http_config: {\(more)}}}}
                """
            }

            private init() throws {
                let scripts = ["a", "b"].map(Self.script).joined(separator: "\n").split(separator: "\n").map { "          \($0)" }
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
                              stat_prefix: resets
                              stream_idle_timeout: 3s
                              http_protocol_options: {enable_trailers: true}
                              route_config: {virtual_hosts: [{name: all, domains: ["*"], routes: [{match: {prefix: /two}, route: {cluster: two, timeout: 3s}}, {match: {prefix: /}, route: {cluster: one, timeout: 3s}}]}]}
                              http_filters:
                    \(scripts.joined(separator: "\n"))
                              - {name: router, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}
                      clusters:
                      - \(Self.cluster("one", http1.port, "http_protocol_options: {enable_trailers: true}"))
                      - \(Self.cluster("two", http2.port, "http2_protocol_options: {}"))
                    """
                process = try ProxyProcess(.heddle, config: config, ports: [port, adminPort])
                // It listens before its workers are there.
                let process = process
                _ = Deadline(seconds: 10).polls { !process.workers.isEmpty }
                workers = process.workers
            }

            func counters() throws -> [String: Int] { try AdminClient.counters(port: adminPort) }
        }

        private static func fields(_ random: inout SplitMix, method: String) -> [WireField] {
            let work = ["a", "b"].flatMap { name in
                [
                    WireField("x-\(name)-request", random.pick(Proxy.requestWork)),
                    WireField("x-\(name)-response", random.pick(Proxy.responseWork)),
                ]
            }
            var fields = WireHTTP2Client.get(
                "h.test", random.pick(["/one", "/two"]), work + [WireField("x-script", random.pick(Proxy.answers))])
            fields[0] = WireField(":method", method)
            return fields
        }

        /// HEADERS, up to three pieces of body, and an end, with RST_STREAM after a step that was drawn; the answer is
        /// read for a moment between the steps, so that each request is caught at another work.
        private static func http2(_ random: inout SplitMix, _ port: UInt16) {
            guard let client = WireHTTP2Client(port: port) else { return }
            for _ in 0..<random.below(12) + 1 {
                let stream = client.takeStream()
                let pieces = random.below(4)
                let last = random.below(pieces + 3)
                let fields = fields(&random, method: pieces == 0 ? "GET" : "POST")
                for step in 0...pieces + 1 {
                    if step == 0 {
                        client.send(
                            HTTP2Frame(
                                .headers, flags: HTTP2Frame.endHeaders | (pieces == 0 ? 1 : 0), stream: stream,
                                FieldBlockCodec.encode(fields)))
                    } else if step <= pieces {
                        client.send(HTTP2Frame(.data, stream: stream, Array(repeating: 97, count: random.below(20_000))))
                    } else if pieces > 0 {
                        let trailers = FieldBlockCodec.encode([WireField("x-trailer", "1")])
                        client.send(HTTP2Frame(.headers, flags: HTTP2Frame.endHeaders | 1, stream: stream, trailers))
                    }
                    if random.below(3) > 0 { client.reads(Deadline(seconds: Double(random.below(4)) / 1000)) { _ in false } }
                    if step == last, client.sofar(stream).ending == "open" {
                        client.send(HTTP2Frame(.reset, stream: stream, HTTP2Frame.word(8)))
                        break
                    }
                }
            }
            if random.below(2) == 0 { client.wire.resetWhenGone() }
        }

        /// A head and a piece of its body; then the client is gone.
        private static func http1(_ random: inout SplitMix, _ port: UInt16) {
            guard let client = WireClient(port: port) else { return }
            let length = random.below(3) * 5000
            let fields = fields(&random, method: "POST")
            var head = "POST \(fields[3].value) HTTP/1.1\r\nHost: h.test\r\n"
            for field in fields.dropFirst(4) { head += "\(field.name): \(field.value)\r\n" }
            client.send(head + "Content-Length: \(length)\r\n\r\n")
            client.send(Array(repeating: 97, count: random.below(length + 1)))
            _ = client.receive(Deadline(seconds: Double(random.below(6)) / 1000))
            if random.below(2) == 0 { client.resetWhenGone() }
        }

        @Test("a client that goes away at any moment leaves nothing behind, and harms nobody", arguments: 1...20)
        func anyMoment(seed: Int) throws {
            let proxy = try Proxy.running.get()
            let before = try proxy.counters()["http.resets.downstream_rq_rx_reset"] ?? 0
            var random = SplitMix(seed: UInt64(seed))
            for _ in 0..<25 { if random.below(4) == 0 { Self.http1(&random, proxy.port) } else { Self.http2(&random, proxy.port) } }
            let left = ["http.resets.downstream_rq_active", "cluster.one.upstream_rq_active", "cluster.two.upstream_rq_active"]
            // The admin interface is answered by a connection of its own; the listener's are those of the clients.
            var counters: [String: Int] = [:]
            let isEmpty = try Deadline(seconds: 8).polls(every: 20) {
                counters = try proxy.counters()
                return (left + ["http.resets.downstream_cx_active"]).allSatisfy { counters[$0] == 0 }
            }
            #expect(isEmpty, "\(counters.filter { $0.key.hasSuffix("_active") && $0.value > 0 })")
            #expect((counters["http.resets.downstream_rq_rx_reset"] ?? 0) - before > 20)
            #expect(proxy.process.workers == proxy.workers, "\(proxy.process.output.suffix(3000))")
            let client = try #require(WireHTTP2Client(port: proxy.port))
            let next = ["/one", "/two"].map { client.request(WireHTTP2Client.get("h.test", $0)) }
            for stream in next { #expect(client.answer(of: stream).body == Array("hello".utf8)) }
        }
    }
}

/// A generator whose course a seed fixes (Steele, Lea and Flood, "Fast splittable pseudorandom number generators").
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func below(_ limit: Int) -> Int { Int.random(in: 0..<limit, using: &self) }

    mutating func pick(_ choices: [String]) -> String { choices[below(choices.count)] }
}
