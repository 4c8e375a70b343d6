import Foundation
import TestKit
import Testing

/// Virtual clusters in Envoy and in Heddle: what they count, and what they are called.
@Suite(
    .serialized, .enabled(if: ProxyProcess.Kind.envoy.program != nil, "\(ProxyProcess.Kind.envoy.whyMissing)"),
    .enabled(if: ProxyProcess.Kind.heddle.program != nil, "\(ProxyProcess.Kind.heddle.whyMissing)"))
struct VirtualClusterConformanceTests {
    /// Requests: method, path, script of the upstream.
    private static let requests: [(method: String, path: String, script: String)] = [
        ("POST", "/cart/1", "ok"), ("GET", "/cart/2", "ok"), ("GET", "/cart/3", "missing"), ("GET", "/cart/4", "broken"),
        ("GET", "/else", "ok"), ("GET", "/else", "broken"), ("POST", "/cart/5", "hang-up"), ("GET", "/quick/1", "silent"),
        ("GET", "/nowhere/cart", "ok"), ("GET", "/away", "ok"), ("GET", "/direct", "ok"), ("GET", "/refused/1", "ok"),
    ]

    @Test("each request has the same name before and behind the router, and all count the same")
    func same() throws {
        let envoy = try facts(.envoy)
        let heddle = try facts(.heddle)
        #expect(envoy.answers.contains { $0.contains("<cart>") } && envoy.counters["vhost.shop.vcluster.cart.upstream_rq_total"] == 2)
        for (index, request) in Self.requests.enumerated() {
            #expect(envoy.answers[index] == heddle.answers[index], "\(request)")
        }
        #expect(envoy.counters.filter { $0.value != 0 } == heddle.counters.filter { $0.value != 0 })
        #expect(envoy.metrics == heddle.metrics)
    }

    private struct Facts {
        var answers: [String] = []
        var counters: [String: Int] = [:]
        /// Names and labels in the form of Prometheus.
        var metrics: Set<String> = []
    }

    private func facts(_ kind: ProxyProcess.Kind) throws -> Facts {
        let port = Loopback.freePort()
        let adminPort = Loopback.freePort()
        let upstream = RecordingUpstream(choice: ConformanceScripts.choose)
        let proxy = try ProxyProcess(
            kind, config: Self.configuration(port, adminPort, upstream.port, refusing: Loopback.freePort()), ports: [port, adminPort])
        defer { proxy.stop() }
        var facts = Facts()
        for request in Self.requests {
            guard let client = WireClient(port: port) else {
                throw ProxyProcess.NotReady(description: "\(kind) takes no connection: \(proxy.output.suffix(2000))")
            }
            client.send("\(request.method) \(request.path) HTTP/1.1\r\nHost: act.test\r\nx-script: \(request.script)\r\ncontent-length: 0\r\n\r\n")
            var answers = WireAnswers(methods: [request.method])
            answers.read(client, until: 1, Deadline(seconds: 5))
            guard let message = answers.messages.first else {
                facts.answers.append("no answer")
                continue
            }
            let names = message.fields.filter { $0.name.lowercased().hasPrefix("x-vc") }.map { "\($0.name.lowercased()) \($0.value)" }
            facts.answers.append("\(message.status) \(names.sorted().joined(separator: ", "))")
        }
        facts.counters = try AdminClient.counters(port: adminPort).filter { $0.key.hasPrefix("vhost.") }
        for line in try AdminClient.get("/stats/prometheus", port: adminPort).split(separator: "\n")
        where line.hasPrefix("envoy_vhost") && line.contains("_rq_total") {
            guard let open = line.firstIndex(of: "{"), let close = line.firstIndex(of: "}") else { continue }
            let labels = line[line.index(after: open)..<close].split(separator: ",").sorted().joined(separator: ",")
            facts.metrics.insert("\(line[..<open]) \(labels)")
        }
        return facts
    }

    private static func configuration(_ port: UInt16, _ adminPort: UInt16, _ upstream: UInt16, refusing: UInt16) -> String {
        let script =
            "function envoy_on_request(h) h:headers():add('x-seen', '<' .. h:streamInfo():virtualClusterName() .. '>') end "
            + "function envoy_on_response(h) h:headers():add('x-vc-before', h:requestHeaders():get('x-seen')) "
            + "h:headers():add('x-vc-after', '<' .. h:streamInfo():virtualClusterName() .. '>') end"
        func cluster(_ name: String, _ port: UInt16) -> String {
            "{ name: \(name), type: STATIC, load_assignment: { cluster_name: \(name), endpoints: [{ lb_endpoints: [{ endpoint: { "
                + "address: { socket_address: { address: \(Loopback.address), port_value: \(port) } } } }] }] } }"
        }
        return """
            admin: { address: { socket_address: { address: \(Loopback.address), port_value: \(adminPort) } } }
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
                      - name: envoy.filters.http.lua
                        typed_config:
                          "@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua
                          default_source_code: { inline_string: "\(script)" }
                      - name: envoy.filters.http.router
                        typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
                      route_config:
                        name: routes
                        response_headers_to_add:
                        - { header: { key: x-vc-name, value: "%VIRTUAL_CLUSTER_NAME%" }, keep_empty_value: true }
                        virtual_hosts:
                        - name: shop
                          domains: ["*"]
                          virtual_clusters:
                          - name: cart
                            headers:
                            - { name: ":path", string_match: { prefix: /cart } }
                            - { name: ":method", string_match: { exact: POST } }
                          - { name: carts, headers: [{ name: ":path", string_match: { prefix: /cart } }] }
                          - { name: quick, headers: [{ name: ":path", string_match: { prefix: /quick } }] }
                          - { name: rewritten, headers: [{ name: ":path", string_match: { prefix: /new } }] }
                          routes:
                          - { match: { path: /away }, redirect: { host_redirect: else } }
                          - { match: { path: /direct }, direct_response: { status: 200 } }
                          - { match: { prefix: /quick }, route: { cluster: main, timeout: 0.1s } }
                          - { match: { prefix: /refused }, route: { cluster: refused } }
                          - { match: { prefix: /nowhere }, route: { cluster: main, prefix_rewrite: /new } }
                          - { match: { prefix: / }, route: { cluster: main } }
              clusters:
              - \(cluster("main", upstream))
              - \(cluster("refused", refusing))
            """
    }
}
