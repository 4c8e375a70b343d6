import Foundation
import TestKit
import Testing

/// What a scenario came to, as far as both proxies must agree.
struct TLSOutcome: Equatable, Sendable {
    /// Of the answer, 0 for none.
    var status = 0
    /// Each `x-forwarded-client-cert` that the upstream got; nil when no request came.
    var forwarded: [String]?
    /// What formats say of the connection to the client, seen by the listener, and to the host, seen by the cluster.
    var clientFacts: [String] = []
    var hostFacts: [String] = []
    /// `listener.door.ssl.` and `cluster.way.ssl.`, those that are not zero.
    var counters: [String: Int] = [:]
}

/// A proxy in which a front listener leads, for each scenario, by TLS through a second listener to an upstream.
struct TLSConformanceHarness {
    /// What all scenarios came to, by their names.
    static let outcomes = Result {
        (envoy: try TLSConformanceHarness(.envoy).observe(), heddle: try TLSConformanceHarness(.heddle).observe())
    }

    private let upstream = RecordingUpstream { _ in .reply(200, body: "hello") }
    private let front = Loopback.freePort()
    private let admin = Loopback.freePort()
    private let doors = TLSScenario.all.map { _ in Loopback.freePort() }
    private let proxy: ProxyProcess

    private init(_ kind: ProxyProcess.Kind) throws {
        let text = Self.bootstrap(front: front, admin: admin, doors: doors, upstream: upstream.port)
        proxy = try ProxyProcess(kind, config: text, ports: doors + [front, admin])
    }

    private func observe() throws -> [String: TLSOutcome] {
        defer { proxy.stop() }
        var outcomes: [String: TLSOutcome] = [:]
        for (index, scenario) in TLSScenario.all.enumerated() { outcomes[scenario.name] = ask(index, scenario.claims) }
        for (name, value) in try AdminClient.counters(port: admin) where value != 0 {
            let parts = name.split(separator: ".")
            guard parts.count == 4, parts[2] == "ssl", Self.counters.contains(String(parts[3])),
                let index = parts[1].split(separator: "-").last.flatMap({ Int($0) })
            else { continue }
            outcomes[TLSScenario.all[index].name]?.counters["\(parts[0]).\(parts[3])"] = value
        }
        return outcomes
    }

    private static let counters: Set<String> = [
        "handshake", "session_reused", "no_certificate", "connection_error", "fail_verify_no_cert", "fail_verify_error",
        "fail_verify_san", "fail_verify_cert_hash",
    ]

    private func ask(_ index: Int, _ claims: [String]) -> TLSOutcome {
        var outcome = TLSOutcome()
        _ = upstream.take()
        guard let client = WireClient(port: front) else { return outcome }
        let fields = claims.map { "x-forwarded-client-cert: \($0)\r\n" }.joined()
        client.send("GET /\(index) HTTP/1.1\r\nHost: tls.test\r\n\(fields)\r\n")
        var answers = WireAnswers(methods: ["GET"])
        answers.read(client, until: 1, Deadline(seconds: 5))
        outcome.status = answers.messages.first?.status ?? 0
        outcome.hostFacts = answers.messages.first?.values("x-facts") ?? []
        let request = upstream.takeRequests().first
        outcome.clientFacts = request?.values("x-facts") ?? []
        outcome.forwarded = request.map { request in
            request.fields.filter { $0.name == "x-forwarded-client-cert" }.map(\.value)
        }
        return outcome
    }

    // MARK: Configuration

    private static let clientOperators = [
        "PEER_FINGERPRINT_1", "PEER_CERT_V_START", "PEER_CERT_V_END(%Y %m %d)", "PEER_IP_SAN", "PEER_EMAIL_SAN", "PEER_DNS_SAN", "PEER_SERIAL",
        "PEER_CHAIN_FINGERPRINTS_1", "PEER_CHAIN_FINGERPRINTS_256", "PEER_CHAIN_SERIALS", "LOCAL_IP_SAN", "LOCAL_EMAIL_SAN", "PEER_CERT",
    ]
    private static let hostOperators = [
        "PEER_CERT_V_START(%s)", "PEER_CERT_V_END", "PEER_IP_SAN", "LOCAL_IP_SAN", "PEER_CERT", "SERVER_NAME", "HOST_NAME_WITHOUT_PORT",
        "HOSTS_ATTEMPTED_WITHOUT_PORT", "HOST_NAMES_ATTEMPTED_WITHOUT_PORT",
    ]

    /// A field with what operators say, bars between.
    private static func facts(_ place: String, _ side: String, _ operators: [String]) -> String {
        let values = operators.map { "%\(side)_\($0)%" }.joined(separator: "|")
        return "\(place)_headers_to_add: [{header: {key: x-facts, value: \"\(values)\"}}]"
    }

    private static let tls = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3"

    private static func bootstrap(front: UInt16, admin: UInt16, doors: [UInt16], upstream: UInt16) -> String {
        var text = "admin: {address: {socket_address: {address: \(Loopback.address), port_value: \(admin)}}}\n"
        text += "static_resources:\n  listeners:\n"
        let ways = TLSScenario.all.indices.map { "{match: {path: /\($0)}, route: {cluster: way-\($0)}, \(facts("response", "UPSTREAM", hostOperators))}" }
        text += listener("front", front, manager: "forward_client_cert_details: ALWAYS_FORWARD_ONLY", routes: ways)
        for (index, scenario) in TLSScenario.all.enumerated() {
            let socket =
                "{name: tls, typed_config: {\"@type\": \(tls).DownstreamTlsContext, \(scenario.demands), common_tls_context: {tls_certificate_sds_secret_configs: [{name: server}], \(scenario.listener)}}}"
            text += listener(
                "door-\(index)", doors[index], manager: scenario.manager, routes: ["{match: {prefix: /}, route: {cluster: up}, \(facts("request", "DOWNSTREAM", clientOperators))}"],
                socket: scenario.isPlain ? nil : socket)
        }
        text += TLSIdentities.secrets
        text += "  clusters:\n" + cluster("up", upstream)
        for (index, scenario) in TLSScenario.all.enumerated() {
            let shown = scenario.shown.map { "tls_certificate_sds_secret_configs: [{name: \($0)}], " } ?? ""
            let more = scenario.cluster.isEmpty ? "" : ", " + scenario.cluster
            let socket =
                "{name: tls, typed_config: {\"@type\": \(tls).UpstreamTlsContext, sni: server.test, common_tls_context: {\(shown)tls_params: {tls_maximum_protocol_version: \(scenario.version)}\(more)}}}"
            text += cluster("way-\(index)", doors[index], scenario.choice, socket)
        }
        return text
    }

    private static let raw = "{name: raw, typed_config: {\"@type\": type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer}}"

    private static func cluster(_ name: String, _ port: UInt16, _ choice: TLSScenario.Choice? = nil, _ socket: String = raw) -> String {
        func metadata(_ labels: String?) -> String {
            labels.map { ", metadata: {filter_metadata: {envoy.transport_socket_match: \($0)}}" } ?? ""
        }
        let matches = choice.map {
            "transport_socket_matches: "
                + $0.matches.replacingOccurrences(of: "TLS}", with: socket + "}").replacingOccurrences(of: "RAW}", with: raw + "}")
        }
        let address = "{socket_address: {address: \(Loopback.address), port_value: \(port)}}"
        return """
              - name: \(name)
                type: \(choice?.clusterType ?? "STATIC")
                connect_timeout: 5s
                load_assignment: {cluster_name: \(name), endpoints: [{lb_endpoints: [{endpoint: {address: \(address)}\(metadata(choice?.endpoint))}]\(metadata(choice?.locality))}]}
                transport_socket: \(choice?.otherwiseTLS ?? true ? socket : raw)
                \(matches ?? "")

            """
    }

    private static func listener(
        _ name: String, _ port: UInt16, manager: String, routes: [String], socket: String? = nil
    ) -> String {
        """
          - name: \(name)
            stat_prefix: \(name)
            address: {socket_address: {address: \(Loopback.address), port_value: \(port)}}
            filter_chains:
            - \(socket.map { "transport_socket: \($0)" } ?? "name: plain")
              filters:
              - name: envoy.filters.network.http_connection_manager
                typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager,
                  stat_prefix: \(name), \(manager.isEmpty ? "" : manager + ",")
                  http_filters: [{name: envoy.filters.http.router, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}],
                  route_config: {name: routes, virtual_hosts: [{name: all, domains: ["*"], routes: [\(routes.joined(separator: ", "))]}]}}

        """
    }
}

@Suite(
    "TLS between proxies, compared with Envoy", .serialized,
    .enabled(if: ProxyProcess.Kind.envoy.program != nil, "\(ProxyProcess.Kind.envoy.whyMissing)"),
    .enabled(if: ProxyProcess.Kind.heddle.program != nil, "\(ProxyProcess.Kind.heddle.whyMissing)"))
struct TLSConformanceTests {
    @Test("who is let in, what is counted and what is said of the client is as in Envoy", arguments: TLSScenario.all)
    func sameAsEnvoy(scenario: TLSScenario) throws {
        let outcomes = try TLSConformanceHarness.outcomes.get()
        let envoy = try #require(outcomes.envoy[scenario.name])
        let heddle = try #require(outcomes.heddle[scenario.name])
        #expect(envoy.status != 0)
        #expect(heddle == envoy)
    }
}
