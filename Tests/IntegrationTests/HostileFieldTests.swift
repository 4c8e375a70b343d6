import Foundation
import TestKit
import Testing

extension HostileSuites {
    /// Row 19: values with line ends that our own features put into header fields.
    @Suite struct Fields {
        /// A proxy whose every way to write a field is given values with CR LF: of metadata that a script wrote, of the
        /// client's certificate, and of a query.
        final class Proxy: Sendable {
            static let running = Result { try Proxy() }

            let process: ProxyProcess
            let http1 = RecordingUpstream { _ in .reply(200, body: "hello") }
            let http2 = RecordingUpstream(http2: true) { _ in .reply(200, body: "hello") }
            let port = Loopback.freePort()
            /// Its names are `a CR LF evil: 1` as DNS, and the same as URI.
            static let client = TestCertificate(commonName: "client\r\nevil: 1", names: "DER:" + names)
            private static let server = TestCertificate(commonName: "fields.test")

            private static var names: String {
                let text = Array("a\r\nevil: 1".utf8)
                let members = [0x82, 0x86].flatMap { [UInt8($0), UInt8(text.count)] + text }
                return ([0x30, UInt8(members.count)] + members).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":")
            }

            private init() throws {
                process = try ProxyProcess(
                    .heddle, config: Self.config(port, http1.port, http2.port), ports: [port])
            }

            private static func quoted(_ text: String) -> String { "\"\(text.replacingOccurrences(of: "\n", with: "\\n"))\"" }

            private static func fields(_ place: String) -> String {
                let values = [
                    ("metadata", "%DYNAMIC_METADATA(evil:crlf)%"), ("nul", "%DYNAMIC_METADATA(evil:nul)%"),
                    ("mixed", "a%DYNAMIC_METADATA(evil:crlf)%b"), ("dns", "%DOWNSTREAM_PEER_DNS_SAN%"),
                    ("uri", "%DOWNSTREAM_PEER_URI_SAN%"), ("subject", "%DOWNSTREAM_PEER_SUBJECT%"),
                    ("fine", "%DYNAMIC_METADATA(evil:fine)%"),
                ]
                return values.map { "{header: {key: x-\(place)-\($0.0), value: \"\($0.1)\"}}" }.joined(separator: ", ")
            }

            private static func mutations(_ place: String) -> String {
                fields(place).replacingOccurrences(of: "{header: ", with: "{append: {header: ").replacingOccurrences(of: "\"}}", with: "\"}}}")
            }

            private static func route(_ match: String, _ cluster: String) -> String {
                """
                {match: {\(match)}, route: {cluster: \(cluster)}, request_headers_to_add: [\(fields("route"))], response_headers_to_add: [\(fields("back"))]}
                """
            }

            private static func cluster(_ name: String, _ port: UInt16, _ more: String = "") -> String {
                """
                {name: \(name), type: STATIC\(more), load_assignment: {cluster_name: \(name), endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: \(Loopback.address), port_value: \(port)}}}}]}]}}
                """
            }

            private static func config(_ port: UInt16, _ one: UInt16, _ two: UInt16) -> String {
                let type = "type.googleapis.com/envoy.extensions"
                return """
                    static_resources:
                      listeners:
                      - name: in
                        address: {socket_address: {address: \(Loopback.address), port_value: \(port)}}
                        filter_chains:
                        - transport_socket:
                            name: envoy.transport_sockets.tls
                            typed_config:
                              "@type": \(type).transport_sockets.tls.v3.DownstreamTlsContext
                              common_tls_context:
                                alpn_protocols: [h2, http/1.1]
                                tls_certificates: [{certificate_chain: {inline_string: \(quoted(server.certificate))}, private_key: {inline_string: \(quoted(server.key))}}]
                                validation_context: {trusted_ca: {inline_string: \(quoted(client.certificate))}}
                          filters:
                          - name: hcm
                            typed_config:
                              "@type": \(type).filters.network.http_connection_manager.v3.HttpConnectionManager
                              stat_prefix: fields
                              forward_client_cert_details: SANITIZE_SET
                              set_current_client_cert_details: {subject: true, dns: true, uri: true}
                              route_config:
                                virtual_hosts:
                                - name: all
                                  domains: ["*"]
                                  routes:
                                  - {match: {prefix: /redirect}, redirect: {prefix_rewrite: /else}}
                                  - {match: {prefix: /regex}, redirect: {regex_rewrite: {pattern: {regex: "^/regex(.*)$"}, substitution: "/to\\\\1"}}}
                                  - {match: {prefix: /host}, redirect: {host_redirect: other.test, strip_query: true}}
                                  - \(route("prefix: /two", "two"))
                                  - \(route("prefix: /", "one"))
                              http_filters:
                              - name: lua
                                typed_config:
                                  "@type": \(type).filters.http.lua.v3.Lua
                                  default_source_code:
                                    inline_string: |
                                      function envoy_on_request(handle)
                                        local metadata = handle:streamInfo():dynamicMetadata()
                                        metadata:set("evil", "crlf", "a\\r\\nevil: 1")
                                        metadata:set("evil", "nul", "a\\0b")
                                        metadata:set("evil", "fine", "fine")
                                      end
                              - name: mutation
                                typed_config:
                                  "@type": \(type).filters.http.header_mutation.v3.HeaderMutation
                                  mutations: {request_mutations: [\(mutations("filter"))], response_mutations: [\(mutations("answer"))]}
                              - {name: router, typed_config: {"@type": \(type).filters.http.router.v3.Router}}
                      clusters:
                      - \(cluster("one", one))
                      - \(cluster("two", two, ", typed_extension_protocol_options: {envoy.extensions.upstreams.http.v3.HttpProtocolOptions: {\"@type\": \(type).upstreams.http.v3.HttpProtocolOptions, explicit_http_config: {http2_protocol_options: {}}}}"))
                    """
            }

            func tls(_ protocols: [String]) -> WireClient.TLS {
                var tls = WireClient.TLS(serverName: "fields.test", protocols: protocols)
                tls.certificate = Self.client
                return tls
            }
        }

        private func check(_ fields: [WireField], _ places: [String]) {
            for place in places { #expect(fields.contains(WireField("x-\(place)-fine", "fine")), "\(fields)") }
            let texts = fields.flatMap { [$0.name, $0.value] }
            #expect(!fields.contains { $0.name == "evil" } && texts.allSatisfy { $0.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F } }, "\(fields)")
        }

        @Test("a field made of metadata or a certificate stays one field", arguments: ["/one", "/two"])
        func fields(path: String) throws {
            let proxy = try Proxy.running.get()
            _ = (proxy.http1.take(), proxy.http2.take())
            let client = try #require(WireClient(port: proxy.port, tls: proxy.tls([])))
            client.send("GET \(path) HTTP/1.1\r\nHost: fields.test\r\n\r\n")
            var answers = WireAnswers(methods: ["GET"])
            answers.read(client, until: 1, Deadline(seconds: 5))
            let answer = try #require(answers.messages.first)
            #expect(answer.status == 200)
            check(answer.fields, ["answer", "back"])
            #expect(!client.received.contains("\nevil"))

            let second = try #require(WireHTTP2Client(port: proxy.port, tls: proxy.tls(["h2"])))
            let reply = second.answer(of: second.request(WireHTTP2Client.get("fields.test", path)))
            #expect(reply.status == 200)
            check(reply.fields, ["answer", "back"])

            let connections = proxy.http1.take() + proxy.http2.take()
            #expect(connections.allSatisfy { $0.malformed == nil })
            let requests = connections.flatMap(\.requests)
            #expect(requests.count == 2)
            for request in requests {
                check(request.fields, ["filter", "route"])
                #expect(request.values("x-forwarded-client-cert").count == 1)
            }
        }

        @Test(
            "a redirect's Location has what the path has, escaped as it came",
            arguments: [
                ("/redirect/%0d%0aevil:%201", "/else/%0d%0aevil:%201"), ("/redirect?a=%0D%0Aevil:1", "/else?a=%0D%0Aevil:1"),
                ("/regex/%0d%0aevil:%201", "/to/%0d%0aevil:%201"), ("/host/%0d%0aevil", "/host/%0d%0aevil"),
            ])
        func location(path: String, expected: String) throws {
            let proxy = try Proxy.running.get()
            let client = try #require(WireClient(port: proxy.port, tls: proxy.tls([])))
            client.send("GET \(path) HTTP/1.1\r\nHost: fields.test\r\n\r\n")
            var answers = WireAnswers(methods: ["GET"])
            answers.read(client, until: 1, Deadline(seconds: 5))
            let answer = try #require(answers.messages.first)
            #expect(answer.status == 301)
            let host = path.hasPrefix("/host") ? "other.test" : "fields.test"
            #expect(answer.values("location") == ["https://\(host)\(expected)"])
            #expect(answer.values("evil") == [])
        }
    }
}
