import Testing

@testable import SecureTransport

@Suite struct CertificateTests {
    private let root = TestIdentity.authority("Test, Root")

    @Test("a certificate tells what it says")
    func facts() throws {
        let certificate = root.issue(
            CertificateFields(
                commonName: "client", organization: "Org1", serial: 0x0a1b,
                alternativeNames: [
                    .uri("spiffe://mesh.test/ns/a/sa/b"), .dns("a.test"), .dns("*.b.test"), .email("a@b.test"),
                    .ip([10, 0, 0, 1]), .ip([0x20, 1, 0xd, 0xb8] + [UInt8](repeating: 0, count: 11) + [1]),
                    .ip([1, 2, 3]), .uri("urn:second"),
                ])
        ).certificate
        #expect(certificate.subject == "CN=client,O=Org1")
        #expect(certificate.issuer == #"CN=Test\, Root"#)
        #expect(certificate.commonName == "client")
        #expect(certificate.organizationNames == ["Org1"])
        #expect(certificate.serialNumber == "0a1b")
        #expect(certificate.validFrom == 1_700_000_000)
        #expect(certificate.validUntil == 4_000_000_000)
        #expect(
            certificate.alternativeNames
                == AlternativeNames(
                    dns: ["a.test", "*.b.test"], uris: ["spiffe://mesh.test/ns/a/sa/b", "urn:second"],
                    emails: ["a@b.test"], ipAddresses: ["10.0.0.1", "2001:db8::1"]))
    }

    @Test("a NUL inside a name does not end it")
    func embeddedNUL() throws {
        let certificate = root.issue(
            CertificateFields(
                commonName: "good.test\0.evil.test",
                alternativeNames: [
                    .dns("good.test\0.evil.test"), .uri("spiffe://good\0/evil"), .email("a@good.test\0.evil.test"),
                ])
        ).certificate
        #expect(certificate.commonName == "good.test\0.evil.test")
        #expect(certificate.subject == #"CN=good.test\00.evil.test"#)
        #expect(certificate.alternativeNames.dns == ["good.test\0.evil.test"])
        #expect(certificate.alternativeNames.uris == ["spiffe://good\0/evil"])
        #expect(certificate.alternativeNames.emails == ["a@good.test\0.evil.test"])
    }

    @Test("a certificate whose name has a NUL answers to none of its halves")
    func embeddedNULAtServer() throws {
        let bad = root.issue(CertificateFields(commonName: "bad", alternativeNames: [.dns("good.test\0.evil.test")]))
        let duo = try Duo(
            TLSContext(.client()), TLSContext(.server(root.issue(dns: "default.test"), bad)), serverName: "good.test")
        #expect(duo.shake() == (.done, .done))
        #expect(duo.client.peerCertificate?.commonName == "default.test")
    }

    @Test("controls and what is not ASCII are escaped in a subject")
    func escapes() {
        let certificate = root.issue(CertificateFields(commonName: "a\nb+c,dé")).certificate
        #expect(certificate.subject == #"CN=a\0Ab\+c\,d\C3\A9"#)
        #expect(certificate.commonName == "a\nb+c,dé")
    }

    @Test("PEM survives the way out and in, and digests are of the DER")
    func pem() throws {
        let certificate = root.issue().certificate
        let read = try Certificate.parsePEM(
            Array(("some text\n" + certificate.pem + "more\n" + root.certificate.pem).utf8), code: .trustedCA, name: "x")
        #expect(read.map(\.pem) == [certificate.pem, root.certificate.pem])
        #expect(read[0].sha256 == certificate.sha256)
        #expect(certificate.sha256.count == 64)
        #expect(certificate.sha1.count == 40)
        #expect(certificate.sha256 != root.certificate.sha256)
        #expect(certificate.publicKeySHA256.count == 32)
    }

    @Test("digests of a known certificate are the ones that the openssl command prints")
    func knownDigests() throws {
        let read = try Certificate.parsePEM(Array(Self.known.utf8), code: .trustedCA, name: "known")
        #expect(read[0].sha256 == Self.knownSHA256)
        #expect(read[0].sha1 == Self.knownSHA1)
        #expect(Hexadecimal.text(read[0].publicKeySHA256) == Self.knownPublicKeySHA256)
        #expect(read[0].serialNumber == Self.knownSerial)
    }

    @Test("url-encoded PEM has nothing that a header or a query cannot hold")
    func urlEncoded() {
        let pem = root.certificate.pem
        let encoded = root.certificate.urlEncodedPEM
        #expect(encoded.hasPrefix("-----BEGIN%20CERTIFICATE-----%0A"))
        #expect(encoded.hasSuffix("-----END%20CERTIFICATE-----%0A"))
        #expect(!encoded.contains { "\n +/=".contains($0) })
        let decoded = ["%0A": "\n", "%20": " ", "%2B": "+", "%2F": "/", "%3D": "="].reduce(encoded) {
            $0.replacing($1.key, with: $1.value)
        }
        #expect(decoded == pem)
    }

    @Test("a certificate without names or organisation has none")
    func bare() {
        let certificate = root.issue().certificate
        #expect(certificate.alternativeNames == AlternativeNames())
        #expect(certificate.organizationNames == [])
        #expect(certificate.serverNames == ["leaf"])
    }

    @Test(
        "a broken alternative name extension gives no names",
        arguments: [[0x30, 3, 0x82, 0x7f, 0x61], [0x30, 0x7f, 0x82, 1, 0x61], [0x04, 1, 0x61], []] as [[UInt8]])
    func brokenNames(_ der: [UInt8]) {
        let certificate = root.issue(CertificateFields(rawAlternativeNames: der)).certificate
        #expect(certificate.alternativeNames == AlternativeNames())
    }

    // openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=known.test -set_serial 0xc0ffee01
    // and openssl x509 -noout -fingerprint -sha256 (-sha1, -serial, -pubkey) of it.
    private static let knownSerial = "c0ffee01"
    private static let knownSHA1 = "b54bc3e4cb50a6de43ebb12debc0742fe9e4918c"
    private static let knownSHA256 = "aeb6c53940b55ae191bde33bf721834dc960bbbf0b9ecdd27e3ee0b006338c3c"
    private static let knownPublicKeySHA256 = "14b71f364fb7c60d637acd4de4b59701c76f05e86a76047f1d909dcaafd71ba1"
    private static let known = """
        -----BEGIN CERTIFICATE-----
        MIIBcjCCARigAwIBAgIFAMD/7gEwCgYIKoZIzj0EAwIwFTETMBEGA1UEAwwKa25v
        d24udGVzdDAgFw0yNjExMjMxOTA4MDNaGA8yMTI2MTAzMDE5MDgwM1owFTETMBEG
        A1UEAwwKa25vd24udGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABBJJX6P1
        WOFHY/mO7UqlxkgecQRw6x8qo09VWlxb6pnV8WRlBciBFegQi0foCS2F1/eSVpZ3
        oQ9pStF+dFQMj9SjUzBRMB0GA1UdDgQWBBRA+m2faO6E4bny3MzbEKeH6Ge+hTAf
        BgNVHSMEGDAWgBRA+m2faO6E4bny3MzbEKeH6Ge+hTAPBgNVHRMBAf8EBTADAQH/
        MAoGCCqGSM49BAMCA0gAMEUCIQDwGIxHjvE6PKwSW89DnyoOYFvME3QygqoUfk1U
        +BEQuwIgY0ycx2S58EA5G+OFuvlNefHS9KBYljmCYzfpbVangjU=
        -----END CERTIFICATE-----
        """
}
