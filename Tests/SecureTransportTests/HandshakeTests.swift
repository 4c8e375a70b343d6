import COpenSSL
import Testing

@testable import SecureTransport

@Suite struct HandshakeTests {
    private let root = TestIdentity.authority()

    @Test(
        "both sides agree on the newest common version",
        arguments: [
            (TLSContextConfig.Version.tls12, TLSContextConfig.Version.tls13, "TLSv1.2"),
            (.tls13, .tls12, "TLSv1.2"), (.tls13, .tls13, "TLSv1.3"), (.tls12, .tls12, "TLSv1.2"),
        ])
    func version(client: TLSContextConfig.Version, server: TLSContextConfig.Version, agreed: String) throws {
        let duo = try Duo(
            TLSContext(.client { $0.maximumVersion = client }),
            TLSContext(.server(root.issue(dns: "a.test")) { $0.maximumVersion = server }))
        #expect(duo.shake() == (.done, .done))
        #expect(duo.client.version == agreed)
        #expect(duo.server.version == agreed)
    }

    @Test("no common version ends both handshakes with a reason")
    func noCommonVersion() throws {
        let duo = try Duo(
            TLSContext(.client { $0.maximumVersion = .tls12 }),
            TLSContext(.server(root.issue(dns: "a.test")) { $0.minimumVersion = .tls13 }))
        #expect(duo.shake() == (.failed, .failed))
        #expect(duo.server.failure?.code == .protocolViolation)
        // protocol_version
        #expect(duo.client.failure?.code == .peerAlert(70))
    }

    @Test(
        "ALPN takes the server's first choice that the client has, and goes on without one",
        arguments: [
            (["h2", "http/1.1"], ["h2", "http/1.1"], "h2"), (["http/1.1", "h2"], ["h2", "http/1.1"], "h2"),
            (["http/1.1"], ["h2", "http/1.1"], "http/1.1"), (["spdy"], ["h2"], nil), ([], ["h2"], nil),
            (["h2"], [], nil),
        ] as [([String], [String], String?)])
    func applicationProtocol(client: [String], server: [String], agreed: String?) throws {
        let duo = try Duo(
            TLSContext(.client { $0.applicationProtocols = client }),
            TLSContext(.server(root.issue(dns: "a.test")) { $0.applicationProtocols = server }))
        #expect(duo.shake() == (.done, .done))
        #expect(duo.client.applicationProtocol == agreed)
        #expect(duo.server.applicationProtocol == agreed)
    }

    @Test(
        "the certificate shown is the one that answers to the server name",
        arguments: [
            ("a.test", "a.test"), ("B.TEST", "b.test"), ("x.wild.test", "*.wild.test"), ("x.y.wild.test", "a.test"),
            ("wild.test", "a.test"), ("unknown.test", "a.test"), (nil, "a.test"),
        ] as [(String?, String)],
        [TLSContextConfig.Version.tls12, .tls13])
    func serverName(_ choice: (asked: String?, shown: String), version: TLSContextConfig.Version) throws {
        let server = try TLSContext(
            .server(root.issue(dns: "a.test"), root.issue(dns: "b.test"), root.issue(dns: "*.wild.test")))
        let client = try TLSContext(
            .client {
                $0.trustedCA = root.pem
                $0.maximumVersion = version
            })
        let duo = try Duo(client, server, serverName: choice.asked)
        #expect(duo.shake() == (.done, .done))
        #expect(duo.client.peerCertificate?.commonName == choice.shown)
        #expect(duo.server.localCertificate?.commonName == choice.shown)
        #expect(duo.server.serverName == choice.asked)
    }

    @Test("the chosen name's own key kind is used even when the default has another", arguments: [TestKey.Kind.ec, .rsa])
    func keyKinds(default kind: TestKey.Kind) throws {
        let server = try TLSContext(
            .server(
                root.issue(dns: "default.test", key: TestKey(kind)),
                root.issue(dns: "other.test", key: TestKey(kind == .ec ? .rsa : .ec))))
        for name in ["default.test", "other.test"] {
            let duo = try Duo(TLSContext(.client()), server, serverName: name)
            #expect(duo.shake() == (.done, .done))
            #expect(duo.client.peerCertificate?.commonName == name)
        }
    }

    @Test("of two certificates for one name the client's signature algorithms choose")
    func sameNameTwoKinds() throws {
        let server = try TLSContext(
            .server(root.issue(dns: "a.test", key: TestKey(.rsa)), root.issue(dns: "a.test", key: TestKey(.ec))))
        for suite in ["ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"] {
            let client = try TLSContext(
                .client {
                    $0.maximumVersion = .tls12
                    $0.cipherSuites = [suite]
                })
            let duo = try Duo(client, server, serverName: "a.test")
            #expect(duo.shake() == (.done, .done))
            #expect(duo.client.cipherSuite == suite)
        }
    }

    @Test("a client without trusted authorities takes any server, and knows that it is not verified")
    func unverifiedUpstream() throws {
        let server = try TLSContext(.server(TestIdentity(CertificateFields(validity: CertificateFields.expired))))
        let duo = try Duo(TLSContext(.client()), server)
        #expect(duo.shake() == (.done, .done))
        #expect(!duo.client.isPeerVerified)
        #expect(duo.client.peerCertificate?.commonName == "leaf")
    }

    @Test(
        "a client refuses a server that its authorities do not vouch for",
        arguments: [
            ("unknown authority", X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, 48),
            ("expired", X509_V_ERR_CERT_HAS_EXPIRED, 45), ("not yet valid", X509_V_ERR_CERT_NOT_YET_VALID, 42),
            ("for clients only", X509_V_ERR_INVALID_PURPOSE, 43),
        ])
    func refusedServer(_ flaw: String, verdict: Int32, alert: Int) throws {
        var fields = CertificateFields(alternativeNames: [.dns("a.test")])
        var issuer = root
        switch flaw {
        case "unknown authority": issuer = .authority("Other Root")
        case "expired": fields.validity = CertificateFields.expired
        case "not yet valid": fields.validity = CertificateFields.future
        default: fields.extendedKeyUsage = .clientAuth
        }
        let duo = try Duo(
            TLSContext(.client { $0.trustedCA = root.pem }), TLSContext(.server(issuer.issue(fields))))
        #expect(duo.shake() == (.failed, .failed))
        #expect(duo.client.failure?.code == .peerCertificateRejected(Int(verdict)))
        #expect(duo.client.failure?.reason.contains("depth 0") == true)
        let text = try #require(duo.client.failure?.transportFailureReason)
        #expect(text.hasPrefix("TLS_error:|") && text.hasSuffix("certificate verify failed:TLS_error_end"))
        #expect(duo.server.failure?.code == .peerAlert(alert))
    }

    @Test("an intermediate in the chain leads to the root, and its absence is an error")
    func intermediate() throws {
        let intermediate = TestIdentity(
            CertificateFields(commonName: "Intermediate", isAuthority: true), issuer: root)
        let leaf = intermediate.issue(dns: "a.test")
        let client = try TLSContext(.client { $0.trustedCA = root.pem })
        let whole = try Duo(client, TLSContext(.server(leaf)))
        #expect(whole.shake() == (.done, .done))
        #expect(whole.client.isPeerVerified)
        #expect(whole.client.peerChainPEM == leaf.certificate.pem + intermediate.certificate.pem)

        var config = TLSContextConfig(role: .server)
        config.certificates = [CertificateSource(name: "leaf only", chainPEM: leaf.pem, keyPEM: leaf.key.pem())]
        let short = try Duo(client, TLSContext(config))
        #expect(short.shake().client == .failed)
    }

    @Test("an intermediate that is trusted itself needs no root, as in Envoy")
    func partialChain() throws {
        let intermediate = TestIdentity(
            CertificateFields(commonName: "Intermediate", isAuthority: true), issuer: root)
        let duo = try Duo(
            TLSContext(.client { $0.trustedCA = intermediate.pem }),
            TLSContext(.server(intermediate.issue(dns: "a.test"))))
        #expect(duo.shake() == (.done, .done))
        #expect(duo.client.isPeerVerified)
    }

    @Test("the cipher suite has its name and its number")
    func cipher() throws {
        let duo = try Duo(TLSContext(.client()), TLSContext(.server(root.issue(dns: "a.test"))))
        #expect(duo.shake() == (.done, .done))
        #expect(duo.client.cipherSuite == "TLS_AES_128_GCM_SHA256")
        #expect(duo.client.cipherSuiteNumber == 0x1301)
        #expect(duo.server.cipherSuiteNumber == 0x1301)
    }

    @Test("plain bytes before or in place of TLS end the handshake", arguments: [true, false])
    func plainBytes(areHTTP: Bool) throws {
        let wire = Wire()
        let server = try TLSSession(
            context: TLSContext(.server(root.issue(dns: "a.test"))), descriptor: wire.server)
        wire.injectTowardsServer(Array((areHTTP ? "GET / HTTP/1.1\r\n\r\n" : "hello, is anybody there?").utf8))
        #expect(server.handshake() == .failed)
        #expect(server.failure?.code == .protocolViolation)
        #expect(server.handshake() == .failed)
        #expect(server.write([1]) == .failed)
        #expect(server.readAll().end == .failed)
        #expect(server.shutdown() == .failed)
    }

    @Test("a peer that goes away during the handshake is told from one that breaks it")
    func closedDuringHandshake() throws {
        let wire = Wire()
        let server = try TLSSession(
            context: TLSContext(.server(root.issue(dns: "a.test"))), descriptor: wire.server)
        #expect(server.handshake() == .wantRead)
        wire.injectTowardsServer([0x16, 3, 1])
        wire.closeServerEnd()
        #expect(server.handshake() == .failed)
        #expect(server.failure?.code == .closedDuringHandshake)
    }

    @Test("a server name that cannot be is refused", arguments: ["", "a\0b", String(repeating: "a", count: 256)])
    func badServerName(_ name: String) throws {
        let context = try TLSContext(.client())
        #expect { try TLSSession(context: context, descriptor: -1, serverName: name) } throws: {
            ($0 as? TLSError)?.code == .serverName
        }
    }

    @Test("a client's renegotiation is refused")
    func renegotiation() throws {
        let client = try TLSContext(.client { $0.maximumVersion = .tls12 })
        // The client itself must be willing.
        SSL_CTX_clear_options(client.handle.pointer, heddle_tls_option_no_renegotiation)
        let duo = try Duo(client, TLSContext(.server(root.issue(dns: "a.test"))))
        #expect(duo.shake() == (.done, .done))
        SSL_renegotiate(duo.client.ssl)
        _ = duo.client.handshake()
        duo.wire.move()
        #expect(duo.server.readAll().end == .wantRead)
        duo.wire.move()
        // no_renegotiation
        #expect(duo.client.handshake() == .failed)
    }
}
