import COpenSSL
import Testing

@testable import SecureTransport

@Suite struct PeerNameTests {
    private let root = TestIdentity.authority()
    private static let names: [RawAlternativeName] = [
        .uri("spiffe://mesh.test/ns/a/sa/b"), .uri("urn:second"), .dns("a.test"), .dns("*.wild.test"), .email("a@b.test"),
        .ip([10, 0, 0, 1]), .ip([0x20, 1, 0xd, 0xb8] + [UInt8](repeating: 0, count: 11) + [1]),
    ]

    @Test(
        "a DNS name with a wildcard stands for hosts as in Envoy",
        arguments: [
            ("a.test", "A.TEST", true), ("a.test", "b.a.test", false), ("*.test", "a.test", true),
            ("*.a.test", "b.c.a.test", false), ("*.a.test", "a.test", false), ("*", "test", false), ("*", "*", true),
            ("w*.test", "web.test", true), ("w*.test", "w.test", true), ("*b.test", "web.test", true),
            ("w*b.test", "wb.test", true), ("w*b.test", "w.test", false), ("wb*b.test", "wb.test", false),
            ("w**b.test", "web.test", false), ("*.*.test", "a.b.test", false), ("xn--*.test", "xn--a.test", false),
            ("a.*", "a.test", false), ("*.test", "a.test\0", false), ("k.test", "\u{212A}.test", false),
        ])
    func wildcard(pattern: String, host: String, matches: Bool) {
        #expect(DNSNamePattern(pattern).matches(host) == matches)
    }

    private static func rule(_ kind: PeerNameMatcher.Kind, _ wanted: String) -> PeerNameMatcher {
        PeerNameMatcher(kind, rule: wanted) { $0 == wanted }
    }

    /// Rules and whether a peer with `names` meets one of them.
    private static let rules: [(rules: [PeerNameMatcher], passes: Bool)] = [
        ([], true), ([rule(.uri, "spiffe://mesh.test/ns/a/sa/b")], true), ([rule(.uri, "urn:second")], true),
        ([rule(.uri, "urn:third"), rule(.email, "a@b.test")], true), ([rule(.ipAddress, "10.0.0.1")], true),
        ([rule(.ipAddress, "2001:db8::1")], true), ([.host("x.wild.test")], true), ([.host("A.test")], true),
        ([rule(.uri, "urn:third")], false), ([rule(.dns, "urn:second")], false), ([rule(.uri, "a.test")], false),
        ([.host("leaf")], false), ([.host("wild.test"), .host("b.test")], false),
    ]

    @Test("a client's certificate needs one of the names", arguments: rules.indices, [TLSContextConfig.Version.tls12, .tls13])
    func ofClients(row: Int, version: TLSContextConfig.Version) throws {
        let (rules, passes) = Self.rules[row]
        let server = try TLSContext(
            .server(root.issue(dns: "s.test")) {
                $0.trustedCA = root.pem
                $0.clientCertificate = .required
                $0.peerNames = rules
            })
        let leaf = root.issue(CertificateFields(alternativeNames: Self.names))
        let duo = try Duo(
            TLSContext(
                .client {
                    $0.certificates = [leaf.source()]
                    $0.maximumVersion = version
                }), server)
        let outcome = duo.shake().server
        #expect(outcome == (passes ? .done : .failed))
        #expect(duo.server.failure?.code == (passes ? nil : .peerCertificateMisnamed))
        #expect(duo.server.isPeerVerified == passes)
        guard !passes else { return }
        duo.wire.move()
        _ = duo.client.handshake()
        _ = duo.client.readAll()
        // bad_certificate
        #expect(duo.client.failure?.code == .peerAlert(42))
    }

    @Test("a server's certificate needs one of the names", arguments: rules.indices)
    func ofServers(row: Int) throws {
        let (rules, passes) = Self.rules[row]
        let leaf = root.issue(CertificateFields(alternativeNames: Self.names))
        let client = try TLSContext(
            .client {
                $0.trustedCA = root.pem
                $0.peerNames = rules
            })
        let duo = try Duo(client, TLSContext(.server(leaf)))
        #expect(duo.shake().client == (passes ? .done : .failed))
        #expect(duo.client.failure?.code == (passes ? nil : .peerCertificateMisnamed))
    }

    @Test("a name that ends in a NUL and more is none of its halves")
    func embeddedNUL() throws {
        let leaf = root.issue(CertificateFields(alternativeNames: [.uri("urn:good\0evil"), .dns("good.test\0.evil.test")]))
        for rule in [Self.rule(.uri, "urn:good"), .host("good.test"), .host("x.evil.test")] {
            let client = try TLSContext(
                .client {
                    $0.trustedCA = root.pem
                    $0.peerNames = [rule]
                })
            #expect(try Duo(client, TLSContext(.server(leaf))).shake().client == .failed)
        }
    }

    @Test("a chain that does not pass is not saved by its names")
    func chainFirst() throws {
        let leaf = TestIdentity.authority("Other").issue(CertificateFields(alternativeNames: Self.names))
        let client = try TLSContext(
            .client {
                $0.trustedCA = root.pem
                $0.peerNames = [.host("a.test")]
            })
        let duo = try Duo(client, TLSContext(.server(leaf)))
        #expect(duo.shake().client == .failed)
        #expect(duo.client.failure?.code == .peerCertificateRejected(Int(X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY)))
    }

    @Test("names without authorities are no check, and are refused")
    func withoutAuthorities() {
        #expect {
            try TLSContext(.client { $0.peerNames = [.host("a.test")] })
        } throws: {
            ($0 as? TLSError)?.code == .peerNames
        }
    }

    /// What is wrong with a peer that is let in all the same.
    enum Flaw: CaseIterable { case chain, name, pin }

    @Test("who is let in although something is wrong is not called verified, now or when the session is resumed", arguments: Flaw.allCases)
    func tolerated(flaw: Flaw) throws {
        let server = try TLSContext(
            .server(root.issue(dns: "s.test")) {
                $0.trustedCA = flaw == .chain ? TestIdentity.authority("Other").pem : root.pem
                $0.clientCertificate = .required
                $0.acceptsUntrusted = true
                if flaw == .name { $0.peerNames = [.host("b.test")] }
                if flaw == .pin { $0.certificateHashes = [String(repeating: "ab", count: 32)] }
            })
        let leaf = root.issue(CertificateFields(alternativeNames: Self.names))
        let client = try TLSContext(.client { $0.certificates = [leaf.source()] })
        for resumed in [false, true] {
            let duo = try Duo(client, server)
            #expect(duo.connect())
            #expect(duo.server.isResumed == resumed)
            #expect(duo.server.hasPeerCertificate)
            #expect(!duo.server.isPeerVerified)
        }
    }

    @Test("a session of a server that asks for other names is not resumed")
    func resumption() throws {
        let leaf = root.issue(CertificateFields(alternativeNames: Self.names))
        let client = try TLSContext(.client { $0.certificates = [leaf.source()] })
        let identity = root.issue(dns: "s.test")
        let keys = try TicketKeyring()
        try keys.replace([try #require(TicketKey([UInt8](repeating: 7, count: TicketKey.length)))])
        for (rule, isAdmitted) in [("urn:second", true), ("urn:third", false)] {
            let server = try TLSContext(
                .server(identity) {
                    $0.trustedCA = root.pem
                    $0.clientCertificate = .required
                    $0.peerNames = [Self.rule(.uri, rule)]
                }, ticketKeys: keys)
            let duo = try Duo(client, server)
            #expect(duo.connect() == isAdmitted)
        }
    }
}
