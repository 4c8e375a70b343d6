import DataPlane
import Observability
import Testing

/// What Envoy writes of a certificate is compared with Envoy in the conformance tests; here is what it should not write.
@Suite struct ForwardedClientCertificateTests {
    /// A certificate that says what a test wants.
    private final class Details: TLSDetails {
        let peerURIs: [String]
        let peerDNSNames: [String]
        let localURIs: [String]
        let peerPEM = ""
        let peerChainPEM = ""
        let peerCommonName = ""
        let peerOrganizations: [String] = []
        let peerOIDs: [String] = []
        let localOIDs: [String] = []
        let peerIPAddresses: [String] = []
        let localIPAddresses: [String] = []
        let peerEmails: [String] = []
        let localEmails: [String] = []
        let peerChainSHA1: [String] = []
        let peerChainSHA256: [String] = []
        let peerChainSerials: [String] = []
        let peerValidFrom: Int64? = nil
        let peerValidUntil: Int64? = nil

        init(uris: [String], dns: [String] = [], local: [String] = []) {
            peerURIs = uris
            peerDNSNames = dns
            localURIs = local
        }
    }

    private func element(_ details: Details) -> String {
        var header = ForwardedClientCertificate()
        header.saysURIs = true
        header.saysDNSNames = true
        return header.element(TLSFacts(version: nil, cipher: nil, peer: TLSCertificateFacts(), details: details))
    }

    @Test("names stand in their order, and the key stays where there is none")
    func plain() {
        let details = Details(uris: ["urn:a", "urn:b"], dns: ["a.test", "*.b.test"], local: ["urn:own", "urn:other"])
        #expect(element(details) == "By=urn:own;By=urn:other;URI=urn:a;URI=urn:b;DNS=a.test;DNS=*.b.test")
        #expect(element(Details(uris: [])) == "URI=")
    }

    @Test(
        "a name that could end its place in the header is quoted",
        arguments: [
            ("urn:a;URI=urn:b", #"URI="urn:a;URI=urn:b""#), ("urn:a,Hash=1", #"URI="urn:a,Hash=1""#),
            (#"urn:"a"#, #"URI="urn:\"a""#), (#"urn:a\"#, #"URI="urn:a\\""#), ("urn:\"\u{301};", "URI=\"urn:\\\"\u{301};\""), ("urn:a=b&c d", "URI=urn:a=b&c d"),
        ])
    func quoted(name: String, expected: String) {
        #expect(element(Details(uris: [name])) == expected)
    }

    @Test("a name that could end the header is left out", arguments: ["urn:a\r\nx: y", "urn:a\0b", "\u{7F}", "a\tb"])
    func dropped(name: String) {
        #expect(element(Details(uris: [name, "urn:b"], dns: [name], local: [name])) == "URI=urn:b")
    }
}
