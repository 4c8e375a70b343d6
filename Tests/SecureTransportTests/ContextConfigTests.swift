import Testing

@testable import SecureTransport

@Suite struct ContextConfigTests {
    private let leaf = TestIdentity.authority().issue(dns: "a.test")

    /// The error that a server's configuration, changed like this, leads to.
    private func error(_ change: (inout TLSContextConfig) -> Void) -> TLSError? {
        do {
            _ = try TLSContext(.server(leaf, with: change))
            return nil
        } catch {
            return error
        }
    }

    private func expect(
        _ code: TLSError.Code, _ mentions: String..., location: SourceLocation = #_sourceLocation,
        change: (inout TLSContextConfig) -> Void
    ) {
        let error = error(change)
        #expect(error?.code == code, sourceLocation: location)
        for text in mentions {
            #expect(error?.reason.contains(text) == true, "\(error?.reason ?? "")", sourceLocation: location)
        }
    }

    @Test("a good configuration makes a context")
    func good() {
        #expect(error { _ in } == nil)
        #expect(
            error {
                $0.trustedCA = leaf.pem
                $0.clientCertificate = .offered
                $0.cipherSuites = [
                    "[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305]", "ECDHE-RSA-AES128-GCM-SHA256",
                ]
                $0.curves = ["X25519", "P-256"]
                $0.applicationProtocols = ["h2", "http/1.1"]
            } == nil)
    }

    @Test("a bad certificate is named")
    func badCertificates() {
        let good = leaf.source("good.pem")
        for (pem, mention) in [
            ("", "holds no PEM certificate"), ("not a certificate", "holds no PEM certificate"),
            ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "certificate 1 cannot be read"),
            (leaf.certificate.pem + leaf.certificate.pem.dropLast(60), "certificate 2 cannot be read"),
            (leaf.certificate.pem.replacing("A", with: "!"), "certificate 1 cannot be read"),
        ] {
            expect(.certificateChain, "bad.pem", mention) {
                $0.certificates = [
                    good, CertificateSource(name: "bad.pem", chainPEM: Array(pem.utf8), keyPEM: leaf.key.pem()),
                ]
            }
        }
    }

    @Test("a bad key is named, and no password is asked for")
    func badKeys() {
        for (key, password) in [
            ([], nil), (Array("nonsense".utf8), nil), (leaf.pem, nil), (leaf.key.pem(password: "secret"), nil),
            (leaf.key.pem(password: "secret"), "wrong"),
            (leaf.key.pem(password: "secret"), String(repeating: "x", count: 5000)),
        ] as [([UInt8], String?)] {
            expect(.privateKey, "bad.pem") {
                $0.certificates = [
                    CertificateSource(
                        name: "bad.pem", chainPEM: leaf.chainPEM, keyPEM: key, password: password.map { Array($0.utf8) })
                ]
            }
        }
    }

    @Test("the right password opens a key")
    func password() {
        let key = leaf.key.pem(password: "secret")
        #expect(
            error {
                $0.certificates = [
                    CertificateSource(name: "a", chainPEM: leaf.chainPEM, keyPEM: key, password: Array("secret".utf8))
                ]
            } == nil)
    }

    @Test("a key of another certificate is named")
    func mismatch() {
        expect(.keyMismatch, "bad.pem", "CN=a.test") {
            $0.certificates.append(
                CertificateSource(name: "bad.pem", chainPEM: leaf.chainPEM, keyPEM: TestKey().pem()))
        }
        expect(.keyMismatch, "bad.pem", "CN=a.test") {
            $0.certificates.append(
                CertificateSource(name: "bad.pem", chainPEM: leaf.chainPEM, keyPEM: TestKey(.rsa).pem()))
        }
    }

    @Test("a server without a certificate is an error, a client is not")
    func noCertificate() throws {
        expect(.certificateChain, "at least one certificate") { $0.certificates = [] }
        _ = try TLSContext(.client())
    }

    @Test("what else is bad is named")
    func others() {
        expect(.trustedCA, "trusted_ca", "no PEM certificate") { $0.trustedCA = [] }
        expect(.trustedCA, "trusted_ca", "certificate 2") {
            $0.trustedCA = leaf.pem + Array("-----BEGIN CERTIFICATE-----\n".utf8)
        }
        expect(.protocolVersions, "tls13", "tls12") {
            $0.minimumVersion = .tls13
            $0.maximumVersion = .tls12
        }
        expect(.cipherSuites, "'NO-SUCH-SUITE'") {
            $0.cipherSuites = ["ECDHE-RSA-AES128-GCM-SHA256", "[ECDHE-ECDSA-AES128-GCM-SHA256|NO-SUCH-SUITE]"]
        }
        expect(.cipherSuites) { $0.cipherSuites = ["ECDHE-RSA-AES128-GCM-SHA256", "!ALL"] }
        expect(.curves, "'P-999'") { $0.curves = ["X25519", "P-999"] }
        expect(.applicationProtocols, "0 bytes") { $0.applicationProtocols = ["h2", ""] }
        expect(.applicationProtocols, "256 bytes") { $0.applicationProtocols = [String(repeating: "a", count: 256)] }
        expect(.applicationProtocols, "65536 bytes") {
            $0.applicationProtocols = Array(repeating: String(repeating: "a", count: 255), count: 256)
        }
        expect(.certificatePins, "'abcd'") { $0.certificateHashes = ["abcd"] }
        expect(.certificatePins, "'zz'") { $0.publicKeyHashes = ["zz"] }
    }

    @Test("one bad configuration does not spoil the next")
    func errorQueueIsLeftEmpty() throws {
        expect(.trustedCA) { $0.trustedCA = Array("-----BEGIN CERTIFICATE-----\n".utf8) }
        expect(.curves) { $0.curves = ["nonsense"] }
        let duo = try Duo(TLSContext(.client()), TLSContext(.server(leaf)))
        #expect(duo.connect())
    }
}
