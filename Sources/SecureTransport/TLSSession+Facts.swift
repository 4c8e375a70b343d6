import COpenSSL

// What is known of a session once its handshake is done; before, most of it is nil or empty.
extension TLSSession {
    /// The protocol agreed on by ALPN.
    package var applicationProtocol: String? {
        var name: UnsafePointer<UInt8>?
        var count: UInt32 = 0
        SSL_get0_alpn_selected(ssl, &name, &count)
        guard count > 0 else { return nil }
        // Safety: the bytes live as long as the session and are copied here.
        return String(decoding: UnsafeBufferPointer(start: name, count: Int(count)), as: UTF8.self)
    }

    /// The server name that the client asked for.
    package var serverName: String? { SecureTransport.serverName(of: ssl) }

    /// `TLSv1.2` or `TLSv1.3`.
    package var version: String { String(cString: SSL_get_version(ssl)) }

    /// OpenSSL's name of the cipher suite, which is the standard's for TLS 1.3: `TLS_AES_128_GCM_SHA256`.
    package var cipherSuite: String? {
        SSL_get_current_cipher(ssl).map { String(cString: SSL_CIPHER_get_name($0)) }
    }

    /// The cipher suite's number on the wire: 0x1301.
    package var cipherSuiteNumber: UInt16? { SSL_get_current_cipher(ssl).map { SSL_CIPHER_get_protocol_id($0) } }

    /// Whether the handshake resumed an earlier session.
    package var isResumed: Bool { SSL_session_reused(ssl) == 1 }

    /// The session id in hexadecimal digits; empty when there is none.
    package var sessionID: String {
        guard let session = SSL_get_session(ssl) else { return "" }
        var count: UInt32 = 0
        // Safety: the bytes belong to the session and are copied here.
        let bytes = SSL_SESSION_get_id(session, &count)
        return Hexadecimal.text(UnsafeBufferPointer(start: bytes, count: Int(count)))
    }

    /// What the peer showed; nil when it showed nothing.
    package var peerCertificate: Certificate? { SSL_get1_peer_certificate(ssl).map { Certificate(owning: $0) } }

    /// Whether the peer showed a certificate, now or when the session that is resumed began.
    package var hasPeerCertificate: Bool { SSL_get0_peer_certificate(ssl) != nil }

    /// Whether the peer showed a certificate that was held against authorities or pins, and passed.
    package var isPeerVerified: Bool {
        context.verifiesPeers && SSL_get0_peer_certificate(ssl) != nil && SSL_get_verify_result(ssl) == Int(X509_V_OK)
    }

    /// What this handshake found wrong with a peer that it let in all the same (`acceptsUntrusted`).
    package var toleratedFlaw: TLSError.Code? {
        guard context.config.acceptsUntrusted, !isResumed, hasPeerCertificate else { return nil }
        switch objection {
        case .names: return .peerCertificateMisnamed
        case .pins: return .peerCertificateNotPinned
        case nil:
            let verdict = SSL_get_verify_result(ssl)
            return verdict == Int(X509_V_OK) ? nil : .peerCertificateRejected(verdict)
        }
    }

    /// What the peer showed, leaf first; after a resumption only the leaf is known.
    package var peerChain: [Certificate] {
        guard let leaf = peerCertificate else { return [] }
        var certificates = [leaf]
        guard let chain = SSL_get_peer_cert_chain(ssl) else { return certificates }
        // OpenSSL's chain begins with the leaf on a client and after it on a server.
        let first: Int32 = context.config.role == .client ? 1 : 0
        for index in stride(from: first, to: heddle_x509_stack_count(chain), by: 1) {
            certificates.append(Certificate(sharing: heddle_x509_stack_at(chain, index)))
        }
        return certificates
    }

    /// ``peerChain`` as one PEM.
    package var peerChainPEM: String { peerChain.map(\.pem).joined() }

    /// What we show to the peer; nil for a client without one.
    package var localCertificate: Certificate? {
        // A resumed handshake chooses no certificate: it is the one that a full handshake would have chosen first.
        if context.config.role == .server, isResumed, let index = context.serverNames.identities(for: serverName).first {
            return context.identities[index].certificate
        }
        return SSL_get_certificate(ssl).map { Certificate(sharing: $0) }
    }
}
