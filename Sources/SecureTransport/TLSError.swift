/// Why a context could not be made or a session died.
package struct TLSError: Error, Equatable, Sendable {
    /// What went wrong, for those who count or decide; the texts are for people.
    package enum Code: Equatable, Sendable {
        // A context could not be made from its configuration.
        case certificateChain
        case privateKey
        case keyMismatch
        case trustedCA
        case certificatePins
        case peerNames
        case protocolVersions
        case cipherSuites
        case curves
        case applicationProtocols
        case ticketKeys
        case serverName

        /// OpenSSL had no memory, or refused what it never refuses.
        case resources

        // A session died.
        /// The peer had to show a certificate and showed none.
        case peerCertificateMissing
        /// The peer's certificate did not pass; the number is OpenSSL's `X509_V_ERR_…`.
        case peerCertificateRejected(Int)
        /// The peer's certificate is made out to other names than were asked for.
        case peerCertificateMisnamed
        /// The peer's certificate is none of the pinned ones.
        case peerCertificateNotPinned
        /// The peer gave up with this TLS alert (RFC 8446 section 6).
        case peerAlert(Int)
        /// The peer broke the protocol or shares no version, suite or curve with us.
        case protocolViolation
        /// The peer's bytes ended before the handshake did.
        case closedDuringHandshake
        /// `recv` or `send` failed with this errno.
        case system(Int32)
    }

    /// What went wrong, for code that has to decide.
    package let code: Code
    /// One sentence: what, where, what was expected.
    package let reason: String
    /// OpenSSL's own errors in Envoy's form, `TLS_error:|code:library:function:reason:TLS_error_end`; empty when
    /// OpenSSL said nothing.
    package let openSSLText: String

    package init(_ code: Code, _ reason: String, openSSLText: String = "") {
        self.code = code
        self.reason = reason
        self.openSSLText = openSSLText
    }
}

extension TLSError: CustomStringConvertible {
    package var description: String {
        openSSLText.isEmpty ? reason : "\(reason) (\(openSSLText))"
    }

    /// What Envoy's `%DOWNSTREAM_TRANSPORT_FAILURE_REASON%` and its upstream twin print.
    package var transportFailureReason: String {
        openSSLText.isEmpty ? reason : openSSLText
    }
}
