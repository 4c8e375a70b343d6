import Foundation
import TestKit
import Testing

/// HTTP filters of clusters, in Envoy and in Heddle.
@Suite(
    .serialized, .enabled(if: ProxyProcess.Kind.envoy.program != nil, "\(ProxyProcess.Kind.envoy.whyMissing)"),
    .enabled(if: ProxyProcess.Kind.heddle.program != nil, "\(ProxyProcess.Kind.heddle.whyMissing)"))
struct UpstreamFilterConformanceTests {
    /// Where Heddle does otherwise, by scenario; why stands in docs/DIFFERENCES.md.
    private static let known: [String: Set<String>] = [:]

    @Test("each request comes to the same on all sides")
    func same() throws {
        let envoy = try observations(.envoy)
        let heddle = try observations(.heddle)
        for scenario in UpstreamFilterScenario.all {
            let theirs = try #require(envoy[scenario.name])
            let ours = try #require(heddle[scenario.name])
            let differences = Observation.differences(envoy: theirs, heddle: ours)
            let known = Self.known[scenario.name] ?? []
            #expect(Set(differences.map(\.description)) == known, "\(scenario.name)")
        }
        #expect(envoy["order"]?.facts["upstream header x-up"] == "one | two | three")
        #expect(envoy["a filter answers"]?.facts["status"] == "403")
    }

    private func observations(_ kind: ProxyProcess.Kind) throws -> [String: Observation] {
        let port = Loopback.freePort()
        let adminPort = Loopback.freePort()
        let upstream = RecordingUpstream(choice: ConformanceScripts.choose)
        let http2 = RecordingUpstream(http2: true, choice: ConformanceScripts.choose)
        let logPath = NSTemporaryDirectory() + "heddle-upstream-filters-\(getpid())-\(adminPort).log"
        defer { unlink(logPath) }
        let proxy = try ProxyProcess(
            kind, config: Self.configuration(port, adminPort, upstream.port, http2.port, logPath), ports: [port, adminPort])
        defer { proxy.stop() }
        var observations: [String: Observation] = [:]
        for (index, scenario) in UpstreamFilterScenario.all.enumerated() {
            let before = try Self.counters(adminPort, index)
            var observation = try ask(scenario, index, port, proxy)
            _ = Deadline(seconds: 2).polls(every: 5) { upstream.isSettled && http2.isSettled }
            // In Envoy a connection is asked for before the filters have let the request by.
            for request in (upstream.takeRequests() + http2.takeRequests()).sorted(by: { $0.startLine < $1.startLine }) {
                observation.note("upstream line", request.startLine)
                observation.note("upstream header", request.fields.filter { !Self.unsteady.contains($0.name.lowercased()) })
                if !request.body.isEmpty { observation.note("upstream body", String(decoding: request.body, as: UTF8.self)) }
            }
            for (name, value) in try Self.counters(adminPort, index) where value != before[name] ?? 0 {
                observation.note("stat \(name)", "+\(value - (before[name] ?? 0))")
            }
            observations[scenario.name] = observation
        }
        proxy.stop()
        let lines = ((try? String(contentsOfFile: logPath, encoding: .utf8)) ?? "").split(separator: "\n")
        for (index, scenario) in UpstreamFilterScenario.all.enumerated() {
            let own = lines.filter { $0.hasPrefix("/\(index)/ ") }.joined(separator: " | ")
            observations[scenario.name]?.note("log", own)
        }
        return observations
    }

    private func ask(_ scenario: UpstreamFilterScenario, _ index: Int, _ port: UInt16, _ proxy: ProxyProcess) throws -> Observation {
        guard let client = WireClient(port: port) else {
            throw ProxyProcess.NotReady(description: "\(proxy.kind) takes no connection: \(proxy.output.suffix(2000))")
        }
        var text = "\(scenario.method) /\(index)/ HTTP/1.1\r\nHost: act.test\r\nx-script: \(scenario.script)\r\n"
        for field in scenario.fields { text += field + "\r\n" }
        if scenario.method == "POST" { text += "content-length: \(scenario.body.utf8.count)\r\n" }
        client.send(text + "\r\n" + scenario.body)
        var answers = WireAnswers(methods: [scenario.method])
        answers.read(client, until: 1, Deadline(seconds: 5))
        var observation = Observation()
        for message in answers.messages {
            observation.note("status", "\(message.status)")
            observation.note("header", message.fields)
            observation.note("body", String(decoding: message.body, as: UTF8.self))
            if !message.isComplete { observation.note("response", "broken off") }
        }
        return observation
    }

    /// Of calls the address of the machine.
    private static let unsteady: Set<String> = ["x-request-id", "x-forwarded-for"]

    private static let counted: Set<String> = [
        "upstream_rq_2xx", "upstream_rq_4xx", "upstream_rq_5xx", "upstream_rq_timeout", "upstream_rq_retry", "errors", "executions",
        "mine",
    ]

    /// Of the scenario's cluster.
    private static func counters(_ adminPort: UInt16, _ index: Int) throws -> [String: Int] {
        try AdminClient.counters(port: adminPort).filter { name, _ in
            name.hasPrefix("cluster.c\(index).") && name.split(separator: ".").last.map { counted.contains(String($0)) } == true
                && !name.contains(".external.") && !name.contains(".internal.")
        }
    }

    // MARK: Configuration

    private static func configuration(_ port: UInt16, _ adminPort: UInt16, _ upstream: UInt16, _ http2: UInt16, _ logPath: String) -> String {
        let scenarios = UpstreamFilterScenario.all.enumerated()
        let routes = scenarios.map { index, scenario in
            "- { name: route-\(index), match: { prefix: /\(index)/ }, route: { cluster: c\(index)\(scenario.action.isEmpty ? "" : ", " + scenario.action) }"
                + (scenario.route.isEmpty ? "" : ", " + scenario.route) + " }"
        }
        let clusters = scenarios.map { index, scenario in
            let port = scenario.name == "no host" ? nil : scenario.isHTTP2 ? http2 : upstream
            return cluster("c\(index)", port, scenario.filters, isHTTP2: scenario.isHTTP2)
        }
        let downstream = UpstreamFilterScenario.lua(
            "function envoy_on_response(h) local m = h:streamInfo():dynamicMetadata():get('up') "
                + "h:headers():add('x-down', h:headers():get(':status') .. ' ' .. tostring(m and (m.key or m.length))) end", named: "down")
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
                      server_name: mesh
                      access_log:
                      - name: file
                        typed_config:
                          "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog
                          path: \(logPath)
                          log_format: { text_format_source: { inline_string: "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %UPSTREAM_CLUSTER%\\n" } }
                      http_filters:
                      - \(downstream)
                      - name: envoy.filters.http.router
                        typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
                      route_config:
                        name: routes
                        virtual_hosts:
                        - name: all
                          domains: ["*"]
                          virtual_clusters: [{ name: everything, headers: [{ name: ":path", string_match: { prefix: / } }] }]
                          routes:
            \(routes.map { "              " + $0 }.joined(separator: "\n"))
              clusters:
            \((clusters + [cluster("plain", upstream, [])]).map { "  - " + $0 }.joined(separator: "\n"))
            """
    }

    private static func cluster(_ name: String, _ port: UInt16?, _ filters: [String], isHTTP2: Bool = false) -> String {
        let endpoint = port.map { "{ endpoint: { address: { socket_address: { address: \(Loopback.address), port_value: \($0) } } } }" }
        let codec = "{ name: codec, typed_config: { \"@type\": type.googleapis.com/envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec } }"
        let options =
            "\"@type\": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, explicit_http_config: { http\(isHTTP2 ? "2" : "")_protocol_options: {} }, "
            + "http_filters: [\((filters + [codec]).joined(separator: ", "))]"
        return "{ name: \(name), type: STATIC, load_assignment: { cluster_name: \(name), endpoints: [{ lb_endpoints: [\(endpoint ?? "")] }] }"
            + (filters.isEmpty ? "" : ", typed_extension_protocol_options: { envoy.extensions.upstreams.http.v3.HttpProtocolOptions: { \(options) } }") + " }"
    }
}
