import Foundation
import TestKit
import Testing

/// What scripts see of the client's TLS session and certificate, in Envoy and in Heddle.
@Suite(
    .serialized, .enabled(if: ProxyProcess.Kind.envoy.program != nil, "\(ProxyProcess.Kind.envoy.whyMissing)"),
    .enabled(if: ProxyProcess.Kind.heddle.program != nil, "\(ProxyProcess.Kind.heddle.whyMissing)"))
struct LuaSSLConformanceTests {
    private static let server = TestCertificate(commonName: "server.test", names: "DNS:server.test,URI:spiffe://mesh.test/server")
    private static let client = TestCertificate(
        commonName: "client.test", organization: "Org1",
        names: "URI:spiffe://mesh.test/a,URI:urn:second,DNS:client.test,DNS:*.wild.test,IP:10.0.0.1,email:a@b.test")
    private static let plain = TestCertificate(commonName: "plain", names: "email:a@b.test")

    private static let sessions: [(certificate: TestCertificate?, allowsTLS13: Bool)] = [
        (nil, true), (nil, false), (client, true), (client, false), (plain, true),
    ]

    private static let methods = [
        "peerCertificatePresented", "peerCertificateValidated", "uriSanLocalCertificate", "uriSanPeerCertificate",
        "dnsSansLocalCertificate", "dnsSansPeerCertificate", "oidsLocalCertificate", "oidsPeerCertificate",
        "sha256PeerCertificateDigest", "serialNumberPeerCertificate", "issuerPeerCertificate", "subjectPeerCertificate",
        "subjectLocalCertificate", "urlEncodedPemEncodedPeerCertificate", "urlEncodedPemEncodedPeerCertificateChain",
        "validFromPeerCertificate", "expirationPeerCertificate", "tlsVersion", "ciphersuiteId", "ciphersuiteString", "sessionId",
        "parsedSubjectPeerCertificate",
    ]

    @Test("each method of the ssl object gives the same, with and without a certificate of the client")
    func same() throws {
        let envoy = try answers(.envoy)
        let heddle = try answers(.heddle)
        #expect(envoy.count == Self.sessions.count && heddle.count == envoy.count)
        for (index, (theirs, ours)) in zip(envoy, heddle).enumerated() {
            #expect(theirs.count == Self.methods.count + 1, "\(theirs)")
            for (theirs, ours) in zip(theirs, ours) { #expect(ours == theirs, "session \(index)") }
        }
        let all = envoy.flatMap { $0 }
        #expect(all.contains("peerCertificatePresented=true") && all.contains("peerCertificatePresented=false"), "\(all)")
        #expect(all.contains("parsedSubjectPeerCertificate=client.test Org1"), "\(all)")
    }

    private func answers(_ kind: ProxyProcess.Kind) throws -> [[String]] {
        let port = Loopback.freePort()
        let proxy = try ProxyProcess(kind, config: Self.configuration(port), ports: [port])
        defer { proxy.stop() }
        return try Self.sessions.map { session in
            var tls = WireClient.TLS(serverName: "server.test")
            tls.allowsTLS13 = session.allowsTLS13
            tls.certificate = session.certificate
            guard let client = WireClient(port: port, tls: tls) else {
                throw ProxyProcess.NotReady(description: "\(kind) takes no connection: \(proxy.output.suffix(2000))")
            }
            client.send("GET / HTTP/1.1\r\nHost: act.test\r\n\r\n")
            var answers = WireAnswers(methods: ["GET"])
            answers.read(client, until: 1, Deadline(seconds: 5))
            let body = String(decoding: answers.messages.first?.body ?? [], as: UTF8.self)
            return body.components(separatedBy: "\n")
        }
    }

    private static let script = """
        local function show(value)
          if type(value) == "table" then return "[" .. table.concat(value, ",") .. "]" end
          if type(value) == "userdata" then return value:commonName() .. " " .. table.concat(value:organizationName(), ",") end
          return tostring(value)
        end
        function envoy_on_request(h)
          local all = {}
          local ssl = h:streamInfo():downstreamSslConnection()
          for name in ("\(methods.joined(separator: " "))"):gmatch("%a%w*") do
            local value = show(ssl[name](ssl))
            -- Made anew for each session.
            if name == "sessionId" then value = tostring(value:match("^%x*$") ~= nil) end
            -- TLS libraries rank the suites of TLS 1.3 each in their own way.
            if name:match("^ciphersuite") and ssl:tlsVersion() == "TLSv1.3" then value = value:sub(1, 4) end
            all[#all + 1] = name .. "=" .. value
          end
          all[#all + 1] = tostring(h:connection():ssl():subjectPeerCertificate() == ssl:subjectPeerCertificate())
          h:respond({[":status"] = "200"}, table.concat(all, "\\n"))
        end
        """

    private static func configuration(_ port: UInt16) -> String {
        func quoted(_ text: String) -> String { "\"" + text.replacingOccurrences(of: "\n", with: "\\n") + "\"" }
        return """
            static_resources:
              listeners:
              - name: main
                address: { socket_address: { address: \(Loopback.address), port_value: \(port) } }
                filter_chains:
                - transport_socket:
                    name: tls
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
                      common_tls_context:
                        tls_params: { tls_maximum_protocol_version: TLSv1_3, cipher_suites: [ECDHE-ECDSA-AES128-GCM-SHA256] }
                        tls_certificates:
                        - { certificate_chain: { inline_string: \(quoted(server.certificate)) }, private_key: { inline_string: \(quoted(server.key)) } }
                        validation_context: { trusted_ca: { inline_string: \(quoted(client.certificate + plain.certificate)) } }
                  filters:
                  - name: http
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                      stat_prefix: test
                      route_config:
                        name: routes
                        virtual_hosts: [{ name: all, domains: ["*"], routes: [{ match: { prefix: / }, direct_response: { status: 200 } }] }]
                      http_filters:
                      - name: envoy.filters.http.lua
                        typed_config:
                          "@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua
                          default_source_code:
                            inline_string: |
                              \(script.replacingOccurrences(of: "\n", with: "\n                  "))
                      - name: envoy.filters.http.router
                        typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
            """
    }
}
