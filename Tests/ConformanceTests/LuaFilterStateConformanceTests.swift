import Foundation
import TestKit
import Testing

/// What the proxies do with objects of filter state that a script leaves: names for TLS to the host, and where it is.
@Suite(
    .serialized, .enabled(if: ProxyProcess.Kind.envoy.program != nil, "\(ProxyProcess.Kind.envoy.whyMissing)"),
    .enabled(if: ProxyProcess.Kind.heddle.program != nil, "\(ProxyProcess.Kind.heddle.whyMissing)"))
struct LuaFilterStateConformanceTests {
    private static let certificate = TestCertificate(
        commonName: "host.test", names: "DNS:host.test,DNS:*.wild.test,URI:spiffe://mesh/ns/a,IP:127.0.0.1")

    private static let name = "envoy.network.upstream_server_name"
    private static let names = "envoy.network.upstream_subject_alt_names"
    private static let protocols = "envoy.network.application_protocols"
    private static let address = "envoy.network.transport_socket.original_dst_address"

    /// A path, which chooses the cluster, and what the script leaves: name, factory, value.
    private static let cases: [(path: String, name: String, factory: String, value: String)] = [
        ("/tls", "", "", ""), ("/tls", name, name, "other.test"), ("/tls", name, "envoy.string", "other.test"), ("/tls", name, name, ""),
        ("/tls", names, names, "host.test"), ("/tls", names, names, "a.test,host.test"), ("/tls", names, names, "a.test"),
        ("/tls", names, names, "x.wild.test"), ("/tls", names, names, "x.y.wild.test"), ("/tls", names, names, "spiffe://mesh/ns/a"),
        ("/tls", names, names, "spiffe://mesh/ns"), ("/tls", names, names, "127.0.0.1"), ("/tls", names, "envoy.string", "a.test"),
        ("/untrusting", names, names, "a.test"), ("/untrusting", names, names, "host.test"), ("/untrusting", "", "", ""),
        ("/auto", "", "", ""), ("/auto", name, name, "other.test"), ("/auto", names, names, "a.test"),
        ("/auto", names, "envoy.string", "a.test"), ("/auto", name, "envoy.string", "other.test"),
        ("/tls", protocols, protocols, "own.test"), ("/tls", protocols, protocols, "a,own.test"), ("/tls", protocols, protocols, ""),
        ("/tls", protocols, protocols, "a"), ("/tls", protocols, "envoy.string", "own.test"),
        ("/original", address, address, "PLAIN"), ("/original", address, "envoy.string", "PLAIN"),
        ("/header", address, address, "PLAIN"), ("/header", "", "", ""),
    ]

    @Test("each object has the same effect on the connection to the host")
    func same() throws {
        let envoy = try answers(.envoy)
        let heddle = try answers(.heddle)
        #expect(envoy.count == Self.cases.count)
        for (index, one) in Self.cases.enumerated() where index < min(envoy.count, heddle.count) {
            #expect(heddle[index] == envoy[index], "\(one)")
        }
        #expect(Set(envoy).isSuperset(of: ["200 sni fixed.test", "200 sni other.test", "200 sni host.test", "200 plain", "200 own", "503"]), "\(envoy)")
    }

    private func answers(_ kind: ProxyProcess.Kind) throws -> [String] {
        let ports = (main: Loopback.freePort(), inner: Loopback.freePort(), plain: Loopback.freePort())
        let proxy = try ProxyProcess(kind, config: Self.configuration(ports.main, ports.inner, ports.plain), ports: [ports.main])
        defer { proxy.stop() }
        return try Self.cases.map { one in
            guard let client = WireClient(port: ports.main) else {
                throw ProxyProcess.NotReady(description: "\(kind) takes no connection: \(proxy.output.suffix(2000))")
            }
            let value = one.value.replacingOccurrences(of: "PLAIN", with: "\(Loopback.address):\(ports.plain)")
            client.send(
                "GET \(one.path) HTTP/1.1\r\nHost: host.test\r\nx-name: \(one.name)\r\nx-factory: \(one.factory)\r\nx-value: \(value)\r\n"
                    + "x-envoy-original-dst-host: \(Loopback.address):1\r\n\r\n")
            var answers = WireAnswers(methods: ["GET"])
            answers.read(client, until: 1, Deadline(seconds: 5))
            guard let message = answers.messages.first else { return "no answer" }
            guard message.status == 200 else { return "\(message.status)" }
            let seen = message.fields.first { $0.name.lowercased() == "x-seen" }?.value ?? ""
            return "200 \(seen)"
        }
    }

    private static let script = """
        function envoy_on_request(h)
          local name = h:headers():get("x-name")
          if name == "" then return end
          h:streamInfo():filterState():set(name, h:headers():get("x-factory"), h:headers():get("x-value"))
        end
        """

    private static func listener(_ name: String, _ port: UInt16, _ more: String, _ filters: String, _ routes: String) -> String {
        """
          - name: \(name)
            address: { socket_address: { address: \(Loopback.address), port_value: \(port) } }
            filter_chains:
            - \(more)
              filters:
              - name: http
                typed_config:
                  "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                  stat_prefix: \(name)
                  route_config:
                    name: \(name)
                    virtual_hosts: [{ name: all, domains: ["*"], routes: [\(routes)] }]
                  http_filters:
        \(filters)
                  - name: envoy.filters.http.router
                    typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
        """
    }

    private static let inspector =
        #"{ name: tls_inspector, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector } }"#

    /// For clients that offer `own.test` in ALPN.
    private static func chain(_ socket: String) -> String {
        let whole = listener("own", 1, "filter_chain_match: { application_protocols: [own.test] }\n      \(socket)", "", answer("own"))
        return whole.components(separatedBy: "filter_chains:\n").last ?? ""
    }

    private static func answer(_ seen: String) -> String {
        "{ match: { prefix: / }, direct_response: { status: 200 }, response_headers_to_add: [{ header: { key: x-seen, value: \"\(seen)\" } }] }"
    }

    private static func cluster(_ name: String, _ port: UInt16, _ validation: String, _ options: String = "") -> String {
        """
          - name: \(name)
            type: STATIC
            connect_timeout: 1s
            load_assignment: { cluster_name: \(name), endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: \(Loopback.address), port_value: \(port) } } } }] }] }
            typed_extension_protocol_options: { envoy.extensions.upstreams.http.v3.HttpProtocolOptions: { "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, explicit_http_config: { http_protocol_options: {} }\(options) } }
            transport_socket: { name: tls, typed_config: { "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext, sni: fixed.test, common_tls_context: {\(validation)} } }
        """
    }

    private static func configuration(_ port: UInt16, _ inner: UInt16, _ plain: UInt16) -> String {
        func quoted(_ text: String) -> String { "\"" + text.replacingOccurrences(of: "\n", with: "\\n") + "\"" }
        let socket = """
            transport_socket: { name: tls, typed_config: { "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext, common_tls_context: { tls_certificates: [{ certificate_chain: { inline_string: \(quoted(certificate.certificate)) }, private_key: { inline_string: \(quoted(certificate.key)) } }] } } }
            """
        let trust = "validation_context: { trusted_ca: { inline_string: \(quoted(certificate.certificate)) } }"
        let lua = """
                  - name: envoy.filters.http.lua
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua
                      default_source_code:
                        inline_string: |
                          \(script.replacingOccurrences(of: "\n", with: "\n                          "))
            """.split(separator: "\n").map { "    " + $0 }.joined(separator: "\n")
        let routes = ["tls", "untrusting", "auto", "original", "header"].map { "{ match: { path: /\($0) }, route: { cluster: \($0) } }" }
        let listeners = [
            listener("main", port, "name: main", lua, routes.joined(separator: ", ")),
            listener("inner", inner, socket, "", answer("sni %REQUESTED_SERVER_NAME%"))
                .replacingOccurrences(of: "filter_chains:", with: "listener_filters: [\(inspector)]\n    filter_chains:")
                + "\n" + chain(socket),
            listener("plain", plain, "name: plain", "", answer("plain")),
        ]
        let auto = ", upstream_http_protocol_options: { auto_sni: true, auto_san_validation: true }"
        let clusters = [
            cluster("tls", inner, trust), cluster("untrusting", inner, ""), cluster("auto", inner, trust, auto),
            "  - { name: original, type: ORIGINAL_DST, lb_policy: CLUSTER_PROVIDED, connect_timeout: 1s }",
            "  - { name: header, type: ORIGINAL_DST, lb_policy: CLUSTER_PROVIDED, connect_timeout: 1s, original_dst_lb_config: { use_http_header: true } }",
        ]
        return "static_resources:\n  listeners:\n\(listeners.joined(separator: "\n"))\n  clusters:\n\(clusters.joined(separator: "\n"))\n"
    }
}
