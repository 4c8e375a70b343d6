import COpenSSL
import Testing

@testable import SecureTransport

@Suite struct ResumptionTests {
    private static let versions = [TLSContextConfig.Version.tls12, .tls13]
    private let root = TestIdentity.authority()

    private func client(_ version: TLSContextConfig.Version, capacity: Int = 1) throws -> TLSContext {
        try TLSContext(
            .client {
                $0.maximumVersion = version
                $0.trustedCA = root.pem
                $0.resumptionCapacity = capacity
            })
    }

    @Test("the second connection resumes, and knows what the first learned", arguments: versions)
    func resumes(_ version: TLSContextConfig.Version) throws {
        let client = try client(version)
        let server = try TLSContext(
            .server(root.issue(dns: "a.test"), root.issue(dns: "b.test")) { $0.applicationProtocols = ["h2"] })
        for isSecond in [false, true] {
            let duo = try Duo(client, server, serverName: "b.test")
            #expect(duo.connect())
            #expect(duo.client.isResumed == isSecond)
            #expect(duo.server.isResumed == isSecond)
            #expect(duo.client.isPeerVerified)
            #expect(duo.client.peerCertificate?.commonName == "b.test")
            #expect(duo.server.localCertificate?.commonName == "b.test")
            #expect(duo.server.serverName == "b.test")
        }
    }

    @Test("a session is offered to its own peer and name only", arguments: versions)
    func ownPeerOnly(_ version: TLSContextConfig.Version) throws {
        // TLS 1.3 leaves two tickets a connection.
        let client = try client(version, capacity: 8)
        let server = try TLSContext(.server(root.issue(dns: "a.test")))
        #expect(try Duo(client, server, serverName: "a.test", peer: "10.0.0.1:443").connect())
        for (name, peer, resumes) in [
            ("a.test", "10.0.0.2:443", false), ("b.test", "10.0.0.1:443", false), ("a.test", "10.0.0.1:443", true),
        ] {
            let duo = try Duo(client, server, serverName: name, peer: peer)
            #expect(duo.connect())
            #expect(duo.client.isResumed == resumes)
        }
    }

    @Test("a client keeps no more sessions than it may, the newest", arguments: versions)
    func capacity(_ version: TLSContextConfig.Version) throws {
        let client = try client(version, capacity: 2)
        let server = try TLSContext(.server(root.issue(dns: "a.test")))
        for peer in ["one", "two", "three"] {
            #expect(try Duo(client, server, peer: peer).connect())
            #expect(client.resumableSessionCount <= 2)
        }
        #expect(client.resumableSessionCount == 2)
        let old = try Duo(client, server, peer: "one")
        #expect(old.connect() && !old.client.isResumed)
    }

    @Test("a client that keeps none never resumes", arguments: versions)
    func noCapacity(_ version: TLSContextConfig.Version) throws {
        let client = try client(version, capacity: 0)
        let server = try TLSContext(.server(root.issue(dns: "a.test")))
        for _ in 0..<2 {
            let duo = try Duo(client, server)
            #expect(duo.connect() && !duo.client.isResumed)
        }
        #expect(client.resumableSessionCount == 0)
    }

    @Test("a server without tickets resumes nothing", arguments: versions)
    func noTickets(_ version: TLSContextConfig.Version) throws {
        let client = try client(version)
        let server = try TLSContext(.server(root.issue(dns: "a.test")) { $0.sessionTickets = .disabled })
        for _ in 0..<2 {
            let duo = try Duo(client, server)
            #expect(duo.connect() && !duo.client.isResumed)
        }
    }

    private func key(_ byte: UInt8) throws -> TicketKey {
        try #require(TicketKey([UInt8](repeating: byte, count: TicketKey.length)))
    }

    private func keyring(_ bytes: UInt8...) throws -> TicketKeyring {
        let keyring = try TicketKeyring()
        try keyring.replace(bytes.map(key))
        return keyring
    }

    @Test("a ticket opens in another context with the same keys and configuration", arguments: versions)
    func sharedKeys(_ version: TLSContextConfig.Version) throws {
        let leaf = root.issue(dns: "a.test")
        let config = TLSContextConfig.server(leaf)
        let client = try client(version)
        #expect(try Duo(client, TLSContext(config, ticketKeys: keyring(1))).connect())
        let other = try Duo(client, TLSContext(config, ticketKeys: keyring(1)))
        #expect(other.connect() && other.client.isResumed)
    }

    @Test("an old key still opens until it is gone", arguments: versions)
    func rotation(_ version: TLSContextConfig.Version) throws {
        let keyring = try TicketKeyring()
        let server = try TLSContext(.server(root.issue(dns: "a.test")), ticketKeys: keyring)
        let client = try client(version)
        // OpenSSL's TLS 1.2 client does not tell of the new ticket that comes with a resumption.
        let renews = version == .tls13
        for (keys, resumes) in [([1], false), ([2, 1], true), ([2], renews), ([3], false)] as [([UInt8], Bool)] {
            try keyring.replace(keys.map(key))
            let duo = try Duo(client, server)
            #expect(duo.connect())
            #expect(duo.client.isResumed == resumes, "keys \(keys)")
        }
    }

    @Test("a keyring without keys gives out no tickets, and the handshake goes on", arguments: versions)
    func emptyKeyring(_ version: TLSContextConfig.Version) throws {
        let keyring = try TicketKeyring()
        let server = try TLSContext(.server(root.issue(dns: "a.test")), ticketKeys: keyring)
        let client = try client(version)
        for _ in 0..<2 {
            let duo = try Duo(client, server)
            #expect(duo.connect() && !duo.client.isResumed)
        }
    }

    @Test("a keyring outlives its owner while a context uses it", arguments: versions)
    func keyringOutlives(_ version: TLSContextConfig.Version) throws {
        var keyring: TicketKeyring? = try keyring(1)
        let server = try TLSContext(.server(root.issue(dns: "a.test")), ticketKeys: keyring)
        keyring = nil
        let client = try client(version)
        #expect(try Duo(client, server).connect())
        let duo = try Duo(client, server)
        #expect(duo.connect() && duo.client.isResumed)
    }

    @Test("no ticket keys, too many and such of a wrong length are errors")
    func noKeys() throws {
        for count in [0, TicketKeyring.maximumKeys + 1] {
            let keys = try (0..<count).map { try key(UInt8($0)) }
            #expect { try TicketKeyring().replace(keys) } throws: { ($0 as? TLSError)?.code == .ticketKeys }
        }
        #expect(TicketKey([UInt8](repeating: 0, count: 79)) == nil)
        #expect(TicketKey([UInt8](repeating: 0, count: 81)) == nil)
    }

    @Test("a ticket of a listener that asks for no certificate is worth nothing at one that requires it", arguments: versions)
    func otherListener(_ version: TLSContextConfig.Version) throws {
        let leaf = root.issue(dns: "a.test")
        let keys = try keyring(1)
        let open = try TLSContext(.server(leaf), ticketKeys: keys)
        let strict = try TLSContext(
            .server(leaf) {
                $0.trustedCA = root.pem
                $0.clientCertificate = .required
            }, ticketKeys: keys)
        let client = try client(version)
        #expect(try Duo(client, open).connect())
        let duo = try Duo(client, strict)
        #expect(duo.shake().server == .failed)
        #expect(duo.server.failure?.code == .peerCertificateMissing)
    }

    @Test("a resumed session still knows the client's certificate", arguments: versions)
    func clientCertificate(_ version: TLSContextConfig.Version) throws {
        let server = try TLSContext(
            .server(root.issue(dns: "a.test")) {
                $0.trustedCA = root.pem
                $0.clientCertificate = .required
            })
        let identity = root.issue(CertificateFields(commonName: "client"))
        let client = try TLSContext(
            .client {
                $0.maximumVersion = version
                $0.certificates = [identity.source()]
            })
        for isSecond in [false, true] {
            let duo = try Duo(client, server)
            #expect(duo.connect())
            #expect(duo.server.isResumed == isSecond)
            #expect(duo.server.isPeerVerified)
            #expect(duo.server.peerCertificate?.commonName == "client")
            #expect(duo.server.peerChainPEM == identity.certificate.pem)
        }
    }

    @Test("a ticket whose client certificate is out of its validity leads to a full handshake", arguments: versions)
    func expiredInTicket(_ version: TLSContextConfig.Version) throws {
        // Nobody verifies here, so that an expired certificate gets into a ticket at all.
        let server = try TLSContext(.server(root.issue(dns: "a.test")) { $0.clientCertificate = .required })
        let expired = root.issue(CertificateFields(validity: CertificateFields.expired))
        let client = try TLSContext(
            .client {
                $0.maximumVersion = version
                $0.certificates = [expired.source()]
            })
        for _ in 0..<2 {
            let duo = try Duo(client, server)
            #expect(duo.connect())
            #expect(!duo.server.isResumed)
        }
    }

    @Test("the identity digest tells apart whatever decides who may connect")
    func digest() {
        let leaf = root.issue(dns: "a.test")
        let base = TLSContextConfig.server(leaf)
        let changes: [(inout TLSContextConfig) -> Void] = [
            { _ in }, { $0.clientCertificate = .required }, { $0.clientCertificate = .offered }, { $0.trustedCA = [] },
            { $0.trustedCA = Array("a".utf8) }, { $0.certificateHashes = ["a"] }, { $0.publicKeyHashes = ["a"] },
            { $0.certificateHashes = ["a", "b"] }, { $0.certificateHashes = ["ab"] }, { $0.certificates = [] },
            { $0.applicationProtocols = ["h2"] }, { $0.minimumVersion = .tls13 }, { $0.cipherSuites = ["a"] },
        ]
        let digests = changes.map { change in
            var config = base
            change(&config)
            return config.identityDigest
        }
        #expect(Set(digests).count == changes.count)
        #expect(base.identityDigest == digests[0])
    }
}
