/// What a TLS context is made of. A plain value: two equal ones make contexts that behave alike, in any process.
package struct TLSContextConfig: Sendable, Hashable {
    /// Which side of the handshake the context plays.
    package enum Role: Sendable, Hashable {
        case server
        case client
    }

    /// What a server asks of its clients.
    package enum ClientCertificate: Sendable, Hashable {
        /// Not asked for. Envoy's meaning of a context with no `trusted_ca`.
        case none
        /// Asked for; verified when given. Envoy's meaning of `trusted_ca` alone.
        case offered
        /// Asked for; without one there is no connection. Envoy's `require_client_certificate`.
        case required
    }

    /// Protocol versions. Older ones are refused by the system's OpenSSL and by us (RFC 8996).
    package enum Version: Sendable, Hashable, Comparable {
        case tls12
        case tls13
    }

    /// How a server lets clients resume.
    package enum SessionTickets: Sendable, Hashable {
        case disabled
        /// With the keys of the keyring that the context is made with; without one by a key that nobody else knows.
        case enabled
    }

    /// Which end of connections it is for.
    package var role: Role
    /// A server's certificates, chosen among by SNI and key type; a client's first one is what it shows when asked.
    package var certificates: [CertificateSource] = []
    /// PEM of the authorities that peers are verified against; nil verifies nothing.
    package var trustedCA: [UInt8]?
    /// A chain that does not lead to them passes too (Envoy's `ACCEPT_UNTRUSTED`).
    package var acceptsUntrusted = false
    package var clientCertificate = ClientCertificate.none
    /// One of these must admit the peer's certificate, on top of `trustedCA`, which must be there (Envoy's
    /// `match_typed_subject_alt_names`). None: any name will do.
    package var peerNames: [PeerNameMatcher] = []
    /// Hexadecimal SHA-256 of the certificates that pass (Envoy's `verify_certificate_hash`); on top of `trustedCA`.
    package var certificateHashes: [String] = []
    /// Base64 SHA-256 of the public keys that pass (Envoy's `verify_certificate_spki`). One match in either list is
    /// enough.
    package var publicKeyHashes: [String] = []
    /// ALPN, most wanted first. A server without a match goes on without ALPN, as Envoy does.
    package var applicationProtocols: [String] = []
    package var minimumVersion = Version.tls12
    package var maximumVersion = Version.tls13
    /// TLS 1.2 suites in OpenSSL's names, most wanted first; BoringSSL's `[A|B]` is read as `A`, `B`. Empty: our own.
    package var cipherSuites: [String] = []
    /// Key exchange groups, most wanted first. Empty: X25519, P-256, P-384.
    package var curves: [String] = []
    /// Lets the client's order of suites decide.
    package var prefersClientCiphers = false
    package var sessionTickets = SessionTickets.enabled
    /// How many sessions a client keeps to resume (Envoy's `max_session_keys`); 0 turns resumption off.
    package var resumptionCapacity = 1

    package init(role: Role) {
        self.role = role
    }

    /// Whether there is anything that a peer's certificate is held against, be it only to know.
    package var looksAtPeers: Bool {
        trustedCA != nil || !certificateHashes.isEmpty || !publicKeyHashes.isEmpty || acceptsUntrusted
    }
}

/// A certificate chain with its private key.
package struct CertificateSource: Sendable, Hashable {
    /// Where it came from, for errors: a file's path or a place in the configuration.
    package var name: String
    /// Leaf first, then its issuers; the root may be left out.
    package var chainPEM: [UInt8]
    package var keyPEM: [UInt8]
    /// Opens an encrypted key.
    package var password: [UInt8]?

    package init(name: String, chainPEM: [UInt8], keyPEM: [UInt8], password: [UInt8]? = nil) {
        self.name = name
        self.chainPEM = chainPEM
        self.keyPEM = keyPEM
        self.password = password
    }
}
