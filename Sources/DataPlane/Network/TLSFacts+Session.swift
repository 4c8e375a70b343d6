package import Observability
package import SecureTransport

extension TLSFacts {
    /// What logs say of a session whose handshake is done. Made once a connection.
    package convenience init(_ session: TLSSession) {
        self.init(
            version: NamedText(session.version), cipher: session.cipherSuite.map { NamedText($0) },
            sessionID: NamedText(session.sessionID), peer: session.peerCertificate.map { TLSCertificateFacts($0) },
            local: session.localCertificate.map { TLSCertificateFacts($0) },
            serverName: session.serverName.map { NamedText($0) }, isPeerValidated: session.isPeerVerified,
            cipherNumber: session.cipherSuiteNumber ?? 0xFFFF,
            details: CertificateDetails(chain: session.peerChain, local: session.localCertificate))
    }
}

extension TLSCertificateFacts {
    init(_ certificate: Certificate) {
        self.init()
        subject = NamedText(certificate.subject)
        issuer = NamedText(certificate.issuer)
        serial = NamedText(certificate.serialNumber)
        fingerprint256 = NamedText(certificate.sha256)
        uriSAN = NamedText(certificate.alternativeNames.uris.joined(separator: ","))
        dnsSAN = NamedText(certificate.alternativeNames.dns.joined(separator: ","))
    }
}

/// What is computed from a session's certificates only when somebody asks.
private final class CertificateDetails: TLSDetails, @unchecked Sendable {
    // Safety: written in `init` only, and OpenSSL's certificates may be read by any thread.
    private let chain: [Certificate]
    private let local: Certificate?

    init(chain: [Certificate], local: Certificate?) {
        self.chain = chain
        self.local = local
    }

    var peerPEM: String { chain.first?.urlEncodedPEM ?? "" }
    var peerChainPEM: String { chain.map(\.urlEncodedPEM).joined() }
    var peerCommonName: String { chain.first?.commonName ?? "" }
    var peerOrganizations: [String] { chain.first?.organizationNames ?? [] }
    var peerValidFrom: Int64? { chain.first?.validFrom }
    var peerValidUntil: Int64? { chain.first?.validUntil }
    var peerOIDs: [String] { chain.first?.extensionOIDs ?? [] }
    var localOIDs: [String] { local?.extensionOIDs ?? [] }
    var peerURIs: [String] { chain.first?.alternativeNames.uris ?? [] }
    var peerDNSNames: [String] { chain.first?.alternativeNames.dns ?? [] }
    var localURIs: [String] { local?.alternativeNames.uris ?? [] }
    var peerIPAddresses: [String] { chain.first?.alternativeNames.ipAddresses ?? [] }
    var localIPAddresses: [String] { local?.alternativeNames.ipAddresses ?? [] }
    var peerEmails: [String] { chain.first?.alternativeNames.emails ?? [] }
    var localEmails: [String] { local?.alternativeNames.emails ?? [] }
    var peerChainSHA1: [String] { chain.map(\.sha1) }
    var peerChainSHA256: [String] { chain.map(\.sha256) }
    var peerChainSerials: [String] { chain.map(\.serialNumber) }
}
