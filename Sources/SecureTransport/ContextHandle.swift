import COpenSSL

/// The owner of an `SSL_CTX`, with the settings that need no callback.
struct ContextHandle: ~Copyable {
    let pointer: OpaquePointer

    init(role: TLSContextConfig.Role) throws(TLSError) {
        let method = role == .server ? TLS_server_method() : TLS_client_method()
        guard let made = SSL_CTX_new(method) else { throw .fromQueue(.resources, "no memory for a TLS context") }
        pointer = made
    }

    deinit { SSL_CTX_free(pointer) }
}

extension ContextHandle {
    /// ECDHE with AEADs only. AES-128 first: it costs least where the processor has AES, and a client without puts
    /// ChaCha20 first, which `PRIORITIZE_CHACHA` then honours.
    private static let defaultCipherList = [
        "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305",
    ]
    private static let cipherSuites13 = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
    private static let defaultCurves = ["X25519", "P-256", "P-384"]

    /// Versions, suites, groups and modes.
    func applyParameters(of config: TLSContextConfig) throws(TLSError) {
        heddle_ctx_set_mode(
            pointer,
            Int(SSL_MODE_ENABLE_PARTIAL_WRITE) | Int(SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER) | Int(SSL_MODE_RELEASE_BUFFERS))
        heddle_ctx_set_read_ahead(pointer, 1)
        var options =
            heddle_tls_option_no_renegotiation | heddle_tls_option_no_compression
            | heddle_tls_option_ignore_unexpected_eof
        if !config.prefersClientCiphers {
            options |= heddle_tls_option_cipher_server_preference | heddle_tls_option_prioritize_chacha
        }
        SSL_CTX_set_options(pointer, options)
        try setVersions(config)
        try setCipherSuites(config.cipherSuites)
        try setCurves(config.curves)
    }

    private func setVersions(_ config: TLSContextConfig) throws(TLSError) {
        guard config.minimumVersion <= config.maximumVersion else {
            throw TLSError(
                .protocolVersions,
                "minimum version \(config.minimumVersion) is above maximum version \(config.maximumVersion)")
        }
        guard heddle_ctx_set_versions(pointer, config.minimumVersion.number, config.maximumVersion.number) else {
            throw .fromQueue(.protocolVersions, "OpenSSL does not take the protocol versions")
        }
    }

    /// OpenSSL skips a name that it does not know as long as another is left, so each is tried alone first.
    private func setCipherSuites(_ configured: [String]) throws(TLSError) {
        guard SSL_CTX_set_ciphersuites(pointer, Self.cipherSuites13) == 1 else {
            throw .fromQueue(.cipherSuites, "OpenSSL does not take the TLS 1.3 cipher suites")
        }
        let names = configured.isEmpty ? Self.defaultCipherList : configured.flatMap(Self.alternatives)
        for name in names where !name.hasPrefix("!") && !name.hasPrefix("-") && !name.hasPrefix("@") {
            guard SSL_CTX_set_cipher_list(pointer, name) == 1 else {
                throw .fromQueue(.cipherSuites, "cipher suite '\(name)' is not known")
            }
        }
        guard SSL_CTX_set_cipher_list(pointer, names.joined(separator: ":")) == 1 else {
            throw .fromQueue(.cipherSuites, "no cipher suite is left of '\(names.joined(separator: ":"))'")
        }
    }

    /// `[A|B]` and `A:B` as `A`, `B`: OpenSSL knows no suites of equal rank.
    private static func alternatives(_ entry: String) -> [String] {
        entry.split(whereSeparator: { "[]|:".contains($0) }).map(String.init)
    }

    private func setCurves(_ configured: [String]) throws(TLSError) {
        let names = configured.isEmpty ? Self.defaultCurves : configured
        for name in names where !heddle_ctx_set_groups(pointer, name) {
            throw .fromQueue(.curves, "curve '\(name)' is not known")
        }
        guard heddle_ctx_set_groups(pointer, names.joined(separator: ":")) else {
            throw .fromQueue(.curves, "curves '\(names.joined(separator: ":"))' are not a list")
        }
    }
}

extension ContextHandle {
    /// The authorities, for the verification and for the names that a server sends with its request.
    func trust(_ config: TLSContextConfig) throws(TLSError) {
        guard let bundle = config.trustedCA else { return }
        guard let store = SSL_CTX_get_cert_store(pointer) else { throw .fromQueue(.resources, "no certificate store") }
        // As in Envoy, whoever is in the bundle is trusted, be it no root.
        X509_STORE_set_flags(store, UInt(X509_V_FLAG_PARTIAL_CHAIN))
        for authority in try Certificate.parsePEM(bundle, code: .trustedCA, name: "trusted_ca") {
            guard X509_STORE_add_cert(store, authority.pointer) == 1,
                config.role == .client || SSL_CTX_add_client_CA(pointer, authority.pointer) == 1
            else { throw .fromQueue(.trustedCA, "trusted_ca: \(authority.subject) is not taken") }
        }
    }

    /// Tickets and the session id context. The server keeps no session of its own: a ticket costs it no memory, and
    /// any worker can open it.
    /// - Parameter keyring: the keys, if others have them too.
    func applyTickets(of config: TLSContextConfig, keyring: TicketKeyring?) throws(TLSError) {
        guard config.role == .server else {
            let keeps = config.resumptionCapacity > 0
            heddle_ctx_set_session_cache_mode(
                pointer, Int(keeps ? SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL : SSL_SESS_CACHE_OFF))
            return
        }
        heddle_ctx_set_session_cache_mode(pointer, Int(SSL_SESS_CACHE_OFF))
        let digest = config.identityDigest
        guard SSL_CTX_set_session_id_context(pointer, digest, UInt32(digest.count)) == 1 else {
            throw .fromQueue(.resources, "OpenSSL does not take the session id context")
        }
        if config.clientCertificate != .none { heddle_tls_check_resumed_certificates(pointer) }
        switch config.sessionTickets {
        case .enabled:
            guard let keyring else { break }
            guard heddle_tls_use_keyring(pointer, keyring.pointer) else {
                throw .fromQueue(.resources, "no memory for session ticket keys")
            }
        case .disabled:
            SSL_CTX_set_options(pointer, heddle_tls_option_no_ticket)
            // TLS 1.3 would hand out session ids in place of tickets.
            SSL_CTX_set_num_tickets(pointer, 0)
        }
    }
}

extension TLSContextConfig.Version {
    /// The number on the wire.
    fileprivate var number: Int32 {
        switch self {
        case .tls12: TLS1_2_VERSION
        case .tls13: TLS1_3_VERSION
        }
    }
}
