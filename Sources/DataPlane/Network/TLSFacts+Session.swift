package import Observability
package import SecureTransport

extension TLSFacts {
    /// What logs say of a session whose handshake is done. Made once a connection.
    package convenience init(_ session: TLSSession) {
        self.init(
            version: NamedText(session.version), cipher: session.cipherSuite.map { NamedText($0) },
            sessionID: NamedText(session.sessionID), peer: session.peerCertificate.map { TLSCertificateFacts($0) },
            local: session.localCertificate.map { TLSCertificateFacts($0) })
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
