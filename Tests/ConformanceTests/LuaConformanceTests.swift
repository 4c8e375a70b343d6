import Filters
import Foundation
import TestKit
import Testing

/// The same scripts in Envoy and in Heddle.
@Suite(
    .serialized, .enabled(if: ProxyProcess.Kind.envoy.program != nil, "\(ProxyProcess.Kind.envoy.whyMissing)"),
    .enabled(if: ProxyProcess.Kind.heddle.program != nil, "\(ProxyProcess.Kind.heddle.whyMissing)"))
struct LuaConformanceTests {
    @Test("each example of the Lua API comes to the same, or to what the table says of Envoy")
    func examples() throws {
        let cases = LuaReference.cases
        let envoy = try answers(.envoy, cases.map(\.code))
        let heddle = try answers(.heddle, cases.map(\.code))
        #expect(envoy.count == cases.count && heddle.count == cases.count)
        for (index, one) in cases.enumerated() where index < min(envoy.count, heddle.count) {
            #expect(envoy[index] == one.envoy, "Envoy: \(one.code)")
            #expect(heddle[index] == one.result, "Heddle: \(one.code)")
        }
    }

    /// What each expression comes to in a request hook, a few at a time: one run has 5 ms.
    private func answers(_ kind: ProxyProcess.Kind, _ codes: [String]) throws -> [String] {
        try stride(from: 0, to: codes.count, by: 80).flatMap { start in
            try answersTogether(kind, Array(codes[start..<min(start + 80, codes.count)]))
        }
    }

    private func answersTogether(_ kind: ProxyProcess.Kind, _ codes: [String]) throws -> [String] {
        let port = Loopback.freePort()
        let proxy = try ProxyProcess(kind, config: Self.configuration(port, codes), ports: [port])
        defer { proxy.stop() }
        guard let client = WireClient(port: port) else {
            throw ProxyProcess.NotReady(description: "\(kind) takes no connection: \(proxy.output.suffix(2000))")
        }
        client.send("GET / HTTP/1.1\r\nHost: act.test\r\nx-a: 1\r\nx-a: 2\r\n\r\n")
        var answers = WireAnswers(methods: ["GET"])
        answers.read(client, until: 1, Deadline(seconds: 30))
        let body = String(decoding: answers.messages.first?.body ?? [], as: UTF8.self)
        return body.components(separatedBy: "\u{1}")
    }

    private static func configuration(_ port: UInt16, _ codes: [String]) -> String {
        // Not `return`: of a function that is called last, messages do not know the name.
        let calls = codes.map { "try(function() local value = \($0) return value end)" }.joined(separator: "\n")
        let script = """
            function envoy_on_request(h)
              local all = {}
              local function try(f)
                local ok, value = pcall(f)
                all[#all + 1] = tostring(value):gsub('^%[string ".-"%]:%d+: ', "")
              end
              \(calls)
              h:respond({[":status"] = "200"}, table.concat(all, "\\1"))
            end
            """.replacingOccurrences(of: "\n", with: "\n                      ")
        return """
            static_resources:
              listeners:
              - name: main
                address: { socket_address: { address: \(Loopback.address), port_value: \(port) } }
                filter_chains:
                - filters:
                  - name: http
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                      stat_prefix: test
                      route_config:
                        name: routes
                        virtual_hosts: [{ name: all, domains: ["*"], routes: [{ match: { prefix: / }, route: { cluster: main } }] }]
                      http_filters:
                      - name: envoy.filters.http.lua
                        typed_config:
                          "@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua
                          default_source_code:
                            inline_string: |
                              \(script.replacingOccurrences(of: "\n", with: "\n        "))
                      - name: envoy.filters.http.router
                        typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
              clusters:
              - name: main
                type: STATIC
                load_assignment:
                  cluster_name: main
                  endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: \(Loopback.address), port_value: 1 } } } }] }]
            """
    }
}
