import COpenSSL
import Glibc

extension TLSSession {
    /// Makes an error of what OpenSSL and the socket say; called once, right after the call that failed.
    func describeFailure() -> TLSError {
        let queue = OpenSSLErrorQueue.take()
        guard queue.first != 0 else { return describeSocketFailure() }
        if let alert = queue.peerAlert {
            return TLSError(.peerAlert(alert), "the peer gave up: \(queue.firstReason)", openSSLText: queue.text)
        }
        if queue.isLed(by: ERR_LIB_SSL, SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE) {
            return TLSError(
                .peerCertificateMissing, "the peer showed no certificate, which is required", openSSLText: queue.text)
        }
        if queue.isLed(by: ERR_LIB_SSL, SSL_R_CERTIFICATE_VERIFY_FAILED) { return describeRejection(queue) }
        return TLSError(.protocolViolation, "TLS failed: \(queue.firstReason)", openSSLText: queue.text)
    }

    private func describeSocketFailure() -> TLSError {
        let error = heddle_tls_socket_error(ssl)
        guard error != 0 else { return TLSError(.system(EPIPE), "the connection is closed") }
        return TLSError(.system(error), "the socket failed: \(String(cString: strerror(error)))")
    }

    private func describeRejection(_ queue: OpenSSLErrorQueue) -> TLSError {
        switch objection {
        case .names:
            return TLSError(
                .peerCertificateMisnamed, "the peer's certificate is not made out to a name that was asked for",
                openSSLText: queue.text)
        case .pins:
            return TLSError(
                .peerCertificateNotPinned, "the peer's certificate is none of the pinned ones", openSSLText: queue.text)
        case nil: break
        }
        let verdict = SSL_get_verify_result(ssl)
        let why = X509_verify_cert_error_string(verdict).map { String(cString: $0) } ?? "unknown"
        return TLSError(
            .peerCertificateRejected(verdict), "the peer's certificate is rejected at depth \(rejectedDepth): \(why)",
            openSSLText: queue.text)
    }
}
