import TestKit
import Testing

/// One way for two proxies to meet by TLS: what the listener asks for, what the cluster shows and asks for, and what the
/// request says of the client already.
struct TLSScenario: Sendable, CustomTestStringConvertible {
    let name: String
    /// More of the listener's `common_tls_context`.
    var listener = trusting()
    /// More of its `DownstreamTlsContext`.
    var demands = "require_client_certificate: true"
    /// More of its connection manager.
    var manager = ""
    /// Which of the certificates the cluster shows; nil for none.
    var shown: String? = "client"
    /// More of the cluster's `common_tls_context`.
    var cluster = ""
    /// The newest protocol that the cluster offers.
    var version = "TLSv1_2"
    /// Values of `x-forwarded-client-cert` in the request.
    var claims: [String] = []
    /// Where the sockets of the cluster depend on its host.
    var choice: Choice?
    /// The listener takes connections without TLS.
    var isPlain = false

    /// Sockets by the labels of hosts, and the labels of the one host.
    struct Choice: Sendable {
        /// `transport_socket_matches`; `TLS` stands for the cluster's socket, `RAW` for none.
        var matches: String
        /// The metadata `envoy.transport_socket_match` of the endpoint and of its locality.
        var endpoint: String?
        var locality: String?
        /// Whether `TLS` is the socket where nothing matches.
        var otherwiseTLS = false
        var clusterType = "STATIC"
    }

    var testDescription: String { name }

    /// A listener that knows the clients, and more of its validation context.
    static func trusting(_ more: String = "") -> String {
        "validation_context: {trusted_ca: {inline_string: \(TLSIdentities.quoted(TLSIdentities.clients))}\(more.isEmpty ? "" : ", " + more)}"
    }

    private static func named(_ type: String, _ matcher: String) -> String {
        "match_typed_subject_alt_names: [{san_type: \(type), matcher: {\(matcher)}}]"
    }

    private static func matching(_ name: String, _ type: String, _ matcher: String, version: String = "TLSv1_2") -> TLSScenario {
        TLSScenario(name: "client's name: \(name)", listener: trusting(named(type, matcher)), version: version)
    }

    private static func combined(_ secret: String, _ base: String) -> String {
        "combined_validation_context: {default_validation_context: {\(base)}, validation_context_sds_secret_config: {name: \(secret)}}"
    }

    private static let own = "spiffe://mesh.test/ns/a/sa/client"

    private static let names: [TLSScenario] = [
        matching("a URI", "URI", #"exact: "\#(own)""#), matching("the second URI", "URI", "exact: urn:second"),
        matching("another URI", "URI", #"exact: "spiffe://mesh.test/ns/a/sa/other""#),
        matching("another URI, TLS 1.3", "URI", "exact: urn:third", version: "TLSv1_3"),
        matching("a URI by its beginning", "URI", #"prefix: "spiffe://mesh.test/ns/a/""#),
        matching("a URI by its end", "URI", "suffix: /client"), matching("a URI by a part", "URI", "contains: /sa/"),
        matching("a URI in other case", "URI", "exact: URN:SECOND"),
        matching("a URI in any case", "URI", "exact: URN:SECOND, ignore_case: true"),
        matching("a URI by an expression", "URI", "safe_regex: {regex: 'spiffe://[^/]+/.*'}"),
        matching("a URI by an expression for its beginning", "URI", "safe_regex: {regex: 'spiffe://'}"),
        matching("a URI asked for as DNS name", "DNS", "exact: urn:second"), matching("a DNS name", "DNS", "exact: client.test"),
        matching("a DNS name in other case", "DNS", "exact: CLIENT.test"),
        matching("a DNS name for a wildcard", "DNS", "exact: x.wild.test"),
        matching("a DNS name too deep for a wildcard", "DNS", "exact: x.y.wild.test"),
        matching("a wildcard by its beginning", "DNS", "prefix: x.wild"),
        matching("a DNS name that a partial wildcard stands for", "DNS", "exact: web.part.test"),
        matching("an address", "IP_ADDRESS", "exact: 10.0.0.1"),
        matching("an IPv6 address", "IP_ADDRESS", #"exact: "2001:db8::1""#), matching("mail", "EMAIL", "exact: a@b.test"),
        matching("the common name", "DNS", "exact: client"),
        TLSScenario(
            name: "client's name: one of several",
            listener: trusting(
                "match_typed_subject_alt_names: [{san_type: URI, matcher: {exact: none}}, {san_type: DNS, matcher: {exact: client.test}}]")),
        TLSScenario(name: "client's name: of any type", listener: trusting("match_subject_alt_names: [{exact: client.test}]")),
        TLSScenario(name: "client's name: of no type", listener: trusting("match_subject_alt_names: [{exact: other.test}]")),
    ]

    private static let certificates: [TLSScenario] = [
        TLSScenario(name: "client: none, asked for", demands: "require_client_certificate: false", shown: nil),
        TLSScenario(name: "client: none, required", shown: nil),
        TLSScenario(name: "client: unknown", shown: "stranger"),
        TLSScenario(name: "client: unknown, let in", listener: trusting("trust_chain_verification: ACCEPT_UNTRUSTED"), shown: "stranger"),
        TLSScenario(
            name: "client: named otherwise, let in",
            listener: trusting("trust_chain_verification: ACCEPT_UNTRUSTED, " + named("URI", "exact: none"))),
        TLSScenario(
            name: "client: pinned", listener: trusting("verify_certificate_hash: [\(TLSIdentities.digest(of: "client"))]")),
        TLSScenario(name: "client: not the pinned one", listener: trusting("verify_certificate_hash: [\(TLSIdentities.digest(of: "bare"))]")),
        TLSScenario(
            name: "client: pinned, without authorities",
            listener: "validation_context: {verify_certificate_hash: [\(TLSIdentities.digest(of: "client"))]}"),
    ]

    private static let merged: [TLSScenario] = [
        TLSScenario(name: "combined: the name of the default", listener: combined("clients", named("URI", "exact: urn:second"))),
        TLSScenario(name: "combined: another name in the default", listener: combined("clients", named("URI", "exact: urn:third"))),
        TLSScenario(
            name: "combined: the name of the secret", listener: combined("clients-named", named("URI", "exact: urn:third"))),
        TLSScenario(
            name: "combined: the authority of the secret replaces the default's",
            listener: combined("clients", "trusted_ca: {inline_string: \(TLSIdentities.quoted(TLSIdentities.server.certificate))}")),
        TLSScenario(name: "combined: the host's name", cluster: combined("servers", named("URI", "suffix: /server"))),
        TLSScenario(name: "combined: another name of the host", cluster: combined("servers", named("URI", "suffix: /other"))),
        TLSScenario(name: "combined: an unknown host", cluster: combined("clients", named("URI", "suffix: /server"))),
        TLSScenario(
            name: "host: not the pinned one",
            cluster: "validation_context: {verify_certificate_hash: [\(TLSIdentities.digest(of: "client"))]}"),
    ]

    private static func forwarding(
        _ name: String, _ mode: String, _ details: String = "", shown: String? = "client", claims: [String] = []
    ) -> TLSScenario {
        TLSScenario(
            name: "forwarded: \(name)", demands: "require_client_certificate: \(shown != nil)",
            manager: "forward_client_cert_details: \(mode), set_current_client_cert_details: {\(details)}", shown: shown,
            claims: claims)
    }

    private static let all5 = "subject: true, cert: true, chain: true, dns: true, uri: true"
    private static let modes = ["SANITIZE", "FORWARD_ONLY", "APPEND_FORWARD", "SANITIZE_SET", "ALWAYS_FORWARD_ONLY"]

    private static let forwarded: [TLSScenario] =
        modes.flatMap { mode in
            [
                forwarding("\(mode), a claim", mode, "subject: true, uri: true", claims: ["Hash=1;URI=a"]),
                forwarding("\(mode), no claim", mode, "subject: true, uri: true"),
                forwarding("\(mode), a claim without a certificate", mode, "uri: true", shown: nil, claims: ["Hash=1"]),
                forwarding("\(mode), no claim and no certificate", mode, "uri: true", shown: nil),
            ]
        } + [
            forwarding("two claims", "APPEND_FORWARD", claims: ["Hash=1", "Hash=2"]),
            forwarding("an empty claim", "APPEND_FORWARD", claims: [""]), forwarding("nothing said", "SANITIZE_SET"),
            forwarding("everything said", "SANITIZE_SET", all5),
            forwarding("everything said of a bare certificate", "SANITIZE_SET", all5, shown: "bare"),
            forwarding("a subject with special characters", "SANITIZE_SET", "subject: true", shown: "odd"),
        ]

    private static func chosen(_ name: String, isPlain: Bool = false, _ choice: Choice) -> TLSScenario {
        TLSScenario(name: "socket: \(name)", choice: choice, isPlain: isPlain)
    }

    private static let istio = "[{name: mutual, match: {tlsMode: istio}, transport_socket: TLS}, {name: disabled, match: {}, transport_socket: RAW}]"
    private static let only = "[{name: mutual, match: {tlsMode: istio}, transport_socket: TLS}]"

    private static let sockets: [TLSScenario] = [
        chosen("the host's label", Choice(matches: istio, endpoint: "{tlsMode: istio}")),
        chosen("the host's label, to a host without TLS", isPlain: true, Choice(matches: istio, endpoint: "{tlsMode: istio}")),
        chosen("another value of the label", isPlain: true, Choice(matches: istio, endpoint: "{tlsMode: other}")),
        chosen("another value of the label, to a host with TLS", Choice(matches: istio, endpoint: "{tlsMode: other}")),
        chosen("no label", isPlain: true, Choice(matches: istio)),
        chosen("more labels than asked for", Choice(matches: only, endpoint: "{tlsMode: istio, other: 1}")),
        chosen("fewer labels than asked for", isPlain: true, Choice(matches: "[{name: a, match: {b: c, d: e}, transport_socket: TLS}]", endpoint: "{b: c}")),
        chosen("the label of the locality", Choice(matches: only, locality: "{tlsMode: istio}")),
        chosen("the locality's label beside one of the host", Choice(matches: only, endpoint: "{tlsMode: other}", locality: "{tlsMode: istio}")),
        chosen("a match for all before the locality's", isPlain: true, Choice(matches: istio, locality: "{tlsMode: istio}")),
        chosen("the first of two", Choice(matches: "[{name: a, match: {x: y}, transport_socket: TLS}, {name: b, match: {x: y}, transport_socket: RAW}]", endpoint: "{x: y}")),
        chosen("a number", Choice(matches: "[{name: a, match: {x: 1}, transport_socket: TLS}]", endpoint: "{x: 1}")),
        chosen("a text that is no number", isPlain: true, Choice(matches: "[{name: a, match: {x: 1}, transport_socket: TLS}]", endpoint: "{x: \"1\"}")),
        chosen("a list", Choice(matches: "[{name: a, match: {x: [1, {y: z}]}, transport_socket: TLS}]", endpoint: "{x: [1, {y: z}]}")),
        chosen("an element of a list", isPlain: true, Choice(matches: "[{name: a, match: {x: 1}, transport_socket: TLS}]", endpoint: "{x: [1]}")),
        chosen("a match without labels", Choice(matches: "[{name: a, transport_socket: TLS}]")),
        chosen("nothing fits", Choice(matches: "[{name: a, match: {x: y}, transport_socket: RAW}]", otherwiseTLS: true)),
        chosen("the label of a name", Choice(matches: istio, endpoint: "{tlsMode: istio}", clusterType: "STRICT_DNS")),
        chosen("the locality's label of a name", Choice(matches: only, locality: "{tlsMode: istio}", clusterType: "LOGICAL_DNS")),
    ]

    static let all = names + certificates + merged + forwarded + sockets
}
