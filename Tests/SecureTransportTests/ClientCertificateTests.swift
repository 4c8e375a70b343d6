import COpenSSL
import Testing

@testable import SecureTransport

@Suite struct ClientCertificateTests {
    private let root = TestIdentity.authority()

    /// What a client shows.
    enum Shown: CaseIterable {
        case nothing, trusted, untrusted, expired, serverOnly

        func identity(under root: TestIdentity) -> TestIdentity? {
            switch self {
            case .nothing: nil
            case .trusted: root.issue(CertificateFields(commonName: "client", organization: "Org1"))
            case .untrusted: TestIdentity.authority("Other").issue()
            case .expired: root.issue(CertificateFields(validity: CertificateFields.expired))
            case .serverOnly: root.issue(CertificateFields(extendedKeyUsage: .serverAuth))
            }
        }
    }

    private static let rejections: [Shown: Int32] = [
        .untrusted: X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, .expired: X509_V_ERR_CERT_HAS_EXPIRED,
        .serverOnly: X509_V_ERR_INVALID_PURPOSE,
    ]

    private func duo(
        _ shown: Shown, _ asked: TLSContextConfig.ClientCertificate, _ version: TLSContextConfig.Version
    ) throws -> Duo {
        let server = try TLSContext(
            .server(root.issue(dns: "a.test")) {
                $0.clientCertificate = asked
                $0.trustedCA = asked == .none ? nil : root.pem
            })
        let client = try TLSContext(
            .client {
                $0.maximumVersion = version
                if let identity = shown.identity(under: root) { $0.certificates = [identity.source()] }
            })
        return try Duo(client, server)
    }

    @Test(
        "a server that asks for none sees none, whatever the client has", arguments: Shown.allCases,
        [TLSContextConfig.Version.tls12, .tls13])
    func notAsked(_ shown: Shown, version: TLSContextConfig.Version) throws {
        let duo = try duo(shown, .none, version)
        #expect(duo.shake() == (.done, .done))
        #expect(duo.server.peerCertificate == nil)
        #expect(!duo.server.isPeerVerified)
    }

    @Test(
        "a server that asks verifies what it is shown", arguments: Shown.allCases,
        [(TLSContextConfig.ClientCertificate.offered, TLSContextConfig.Version.tls12), (.offered, .tls13), (.required, .tls12), (.required, .tls13)])
    func asked(_ shown: Shown, _ how: (asked: TLSContextConfig.ClientCertificate, version: TLSContextConfig.Version)) throws {
        let duo = try duo(shown, how.asked, how.version)
        let result = duo.shake().server
        switch (shown, how.asked) {
        case (.trusted, _):
            #expect(result == .done)
            #expect(duo.server.isPeerVerified)
            #expect(duo.server.peerCertificate?.subject == "CN=client,O=Org1")
        case (.nothing, .offered):
            #expect(result == .done)
            #expect(!duo.server.isPeerVerified)
            #expect(duo.server.peerCertificate == nil)
        case (.nothing, _):
            #expect(result == .failed)
            #expect(duo.server.failure?.code == .peerCertificateMissing)
        default:
            #expect(result == .failed)
            #expect(duo.server.failure?.code == .peerCertificateRejected(Int(try #require(Self.rejections[shown]))))
        }
    }

    @Test("a TLS 1.3 client that was refused learns it when it reads")
    func refusalArrivesLate() throws {
        let duo = try duo(.nothing, .required, .tls13)
        #expect(duo.shake() == (.done, .failed))
        #expect(duo.client.readAll().end == .failed)
        // certificate_required
        #expect(duo.client.failure?.code == .peerAlert(116))
    }

    @Test("without authorities a required certificate may be anyone's, and is not verified")
    func requiredOfAnyone() throws {
        let server = try TLSContext(.server(root.issue(dns: "a.test")) { $0.clientCertificate = .required })
        let client = try TLSContext(.client { $0.certificates = [TestIdentity(CertificateFields()).source()] })
        let duo = try Duo(client, server)
        #expect(duo.shake() == (.done, .done))
        #expect(duo.server.peerCertificate?.commonName == "leaf")
        #expect(!duo.server.isPeerVerified)
    }

    @Test("the server names its authorities when it asks")
    func authorityNames() throws {
        let duo = try duo(.trusted, .required, .tls12)
        #expect(duo.shake() == (.done, .done))
        let names = SSL_get0_peer_CA_list(duo.client.ssl)
        #expect(OPENSSL_sk_num(names) == 1)
    }

    @Test("the chain that a client shows is known to the server, leaf first")
    func chain() throws {
        let intermediate = TestIdentity(
            CertificateFields(commonName: "Intermediate", isAuthority: true), issuer: root)
        let leaf = intermediate.issue()
        let server = try TLSContext(
            .server(root.issue(dns: "a.test")) {
                $0.clientCertificate = .required
                $0.trustedCA = root.pem
            })
        let duo = try Duo(TLSContext(.client { $0.certificates = [leaf.source()] }), server)
        #expect(duo.shake() == (.done, .done))
        #expect(duo.server.peerChainPEM == leaf.certificate.pem + intermediate.certificate.pem)
    }

    enum Pin: CaseIterable { case certificate, certificateWithColons, publicKey, other }

    @Test("only pinned certificates pass", arguments: Pin.allCases)
    func pins(_ pin: Pin) throws {
        let leaf = root.issue()
        let server = try TLSContext(
            .server(leaf) { $0.minimumVersion = .tls13 })
        let digest = leaf.certificate.sha256
        let client = try TLSContext(
            .client {
                switch pin {
                case .certificate: $0.certificateHashes = [String(repeating: "00", count: 32), digest]
                case .certificateWithColons:
                    $0.certificateHashes = [
                        stride(from: 0, to: 64, by: 2).map { String(digest.uppercased().dropFirst($0).prefix(2)) }
                            .joined(separator: ":")
                    ]
                case .publicKey: $0.publicKeyHashes = [Self.base64(leaf.certificate.publicKeySHA256)]
                case .other: $0.certificateHashes = [String(repeating: "ab", count: 32)]
                }
            })
        let duo = try Duo(client, server)
        if pin == .other {
            #expect(duo.shake().client == .failed)
            #expect(duo.client.failure?.code == .peerCertificateNotPinned)
        } else {
            #expect(duo.shake() == (.done, .done))
            #expect(duo.client.isPeerVerified)
        }
    }

    @Test("a pin does not replace the authorities")
    func pinAndAuthority() throws {
        let leaf = TestIdentity.authority("Other").issue()
        let client = try TLSContext(
            .client {
                $0.trustedCA = root.pem
                $0.certificateHashes = [leaf.certificate.sha256]
            })
        let duo = try Duo(client, TLSContext(.server(leaf)))
        #expect(duo.shake().client == .failed)
        #expect(
            duo.client.failure?.code
                == .peerCertificateRejected(Int(X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY)))
    }

    private static func base64(_ bytes: [UInt8]) -> String {
        var text = [UInt8](repeating: 0, count: bytes.count * 2)
        let count = EVP_EncodeBlock(&text, bytes, Int32(bytes.count))
        return String(decoding: text.prefix(Int(count)), as: UTF8.self)
    }
}
