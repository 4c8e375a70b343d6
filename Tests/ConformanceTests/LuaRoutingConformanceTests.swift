import Foundation
import TestKit
import Testing

/// Scripts that choose clusters and match texts, in Envoy and in Heddle.
@Suite(
    .serialized, .enabled(if: ProxyProcess.Kind.envoy.program != nil, "\(ProxyProcess.Kind.envoy.whyMissing)"),
    .enabled(if: ProxyProcess.Kind.heddle.program != nil, "\(ProxyProcess.Kind.heddle.whyMissing)"))
struct LuaRoutingConformanceTests {
    /// What `envoy_on_route` returns.
    private static let choices = [
        "'one'", "'one', 'two'", "12", "nil", "{}", "true", "error('x')", "'none'", "h:headers():get('X-Two')", "h:headers():get('x-none')",
        "h:headers():get('x-two') == 'a,b' and 'one' or 'two'", "h:headers():get('host') == 'act.test' and 'one'",
        "h:headers() == h:headers() and 'one'", "h:getCluster('none') == nil and 'one'",
        "h:getCluster('one'):numRequests() == 0 and 'one'", "h:getCluster('one'):numConnections() == 0 and 'one'",
        "h:getCluster('one'):numPendingRequests() == 0 and 'one'", "h:getCluster({})", "h:headers():add('x', 'y')", "h:nothing()",
        "pcall(h.headers) == false and 'one'", "tostring(h:logInfo('x')) and 'one'",
    ]

    /// What `envoy_match` returns for the text `v`.
    private static let matches = [
        "s == 'v'", "s ~= 'v'", "true, false", "false, true", "nil", "0", "'x'", "{}", "error('x')", "#s == 1", "s:upper() == 'V'",
    ]

    @Test("each choice of a cluster and each match of a text is the same")
    func same() throws {
        let envoy = try answers(.envoy)
        let heddle = try answers(.heddle)
        #expect(envoy.count == Self.choices.count + Self.matches.count)
        for (index, what) in (Self.choices + Self.matches).enumerated() where index < min(envoy.count, heddle.count) {
            #expect(envoy[index] == heddle[index], "\(what)")
        }
        #expect(Set(envoy).isSuperset(of: ["503 one", "503 two", "200 yes", "200 no"]), "\(envoy)")
    }

    private func answers(_ kind: ProxyProcess.Kind) throws -> [String] {
        let port = Loopback.freePort()
        let proxy = try ProxyProcess(kind, config: Self.configuration(port), ports: [port])
        defer { proxy.stop() }
        let paths = Self.choices.indices.map { "/choice/\($0)" } + Self.matches.indices.map { "/match/\($0)" }
        return try paths.map { path in
            guard let client = WireClient(port: port) else {
                throw ProxyProcess.NotReady(description: "\(kind) takes no connection: \(proxy.output.suffix(2000))")
            }
            client.send("GET \(path) HTTP/1.1\r\nHost: act.test\r\nx-a: v\r\nx-two: a\r\nx-two: b\r\n\r\n")
            var answers = WireAnswers(methods: ["GET"])
            answers.read(client, until: 1, Deadline(seconds: 5))
            guard let message = answers.messages.first else { return "no answer" }
            let cluster = message.fields.first { $0.name.lowercased() == "x-cluster" }?.value
            return "\(message.status) \(cluster ?? String(decoding: message.body, as: UTF8.self))"
        }
    }

    private static func configuration(_ port: UInt16) -> String {
        let choices = choices.enumerated().map { index, code in
            """
            - match: { path: /choice/\(index) }
              response_headers_to_add: [{ header: { key: x-cluster, value: "%UPSTREAM_CLUSTER%" } }]
              route:
                inline_cluster_specifier_plugin:
                  extension:
                    name: envoy.router.cluster_specifier_plugin.lua
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.router.cluster_specifiers.lua.v3.LuaConfig
                      source_code: { inline_string: "function envoy_on_route(h) return \(code) end" }
                      default_cluster: two
            """
        }
        let matches = matches.enumerated().map { index, code in
            """
            - match:
                path: /match/\(index)
                headers:
                - name: x-a
                  string_match:
                    custom:
                      name: envoy.string_matcher.lua
                      typed_config:
                        "@type": type.googleapis.com/envoy.extensions.string_matcher.lua.v3.Lua
                        source_code: { inline_string: "function envoy_match(s) return \(code) end" }
              direct_response: { status: 200, body: { inline_string: "yes" } }
            """
        }
        let clusters = ["one", "two", "\"12\""].map { name in
            """
            - name: \(name)
              type: STATIC
              load_assignment:
                cluster_name: \(name)
                endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: \(Loopback.address), port_value: 1 } } } }] }]
            """
        }
        let rest = "- { match: { prefix: / }, direct_response: { status: 200, body: { inline_string: \"no\" } } }"
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
                      http_filters:
                      - name: envoy.filters.http.router
                        typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
                      route_config:
                        name: routes
                        virtual_hosts:
                        - name: all
                          domains: ["*"]
                          routes:
                          \((choices + matches + [rest]).map { indented($0, 14) }.joined(separator: "\n").drop { $0 == " " })
              clusters:
              \(clusters.map { indented($0, 2) }.joined(separator: "\n").drop { $0 == " " })
            """
    }

    private static func indented(_ text: String, _ spaces: Int) -> String {
        let indent = String(repeating: " ", count: spaces)
        return text.split(separator: "\n").map { indent + $0 }.joined(separator: "\n")
    }
}
