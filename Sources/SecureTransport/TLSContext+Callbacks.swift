import COpenSSL

// Safety: OpenSSL gets the context's address unretained. A session holds its context and frees its `SSL` before it lets
// the context go, and no `SSL` is made but by sessions, so the address is valid in every callback.

extension TLSContext {
    /// Whom OpenSSL asks during a handshake.
    func installCallbacks() throws(TLSError) {
        let context = handle.pointer
        let this = Unmanaged.passUnretained(self).toOpaque()
        SSL_CTX_set_ex_data(context, appDataIndex, this)
        SSL_CTX_set_cert_verify_callback(context, verifyPeer, this)
        switch config.role {
        case .server:
            SSL_CTX_set_verify(context, config.clientCertificate.mode, nil)
            heddle_tls_accept_server_names(context)
            if !protocolList.isEmpty { SSL_CTX_set_alpn_select_cb(context, chooseProtocol, this) }
            if identities.count > 1 { SSL_CTX_set_cert_cb(context, chooseIdentities, this) }
        case .client:
            // Always asked to look: what verification means is decided in `verifyPeer`.
            SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
            SSL_CTX_sess_set_new_cb(context, keepSession)
            // Unlike the rest of OpenSSL this answers 0 for success.
            guard protocolList.isEmpty
                || SSL_CTX_set_alpn_protos(context, protocolList.bytes.baseAddress, UInt32(protocolList.bytes.count)) == 0
            else { throw .fromQueue(.applicationProtocols, "OpenSSL does not take the ALPN list") }
        }
    }
}

/// OpenSSL's name for the place of `SSL_set_app_data`.
let appDataIndex: Int32 = 0

extension TLSContextConfig.ClientCertificate {
    fileprivate var mode: Int32 {
        switch self {
        case .none: SSL_VERIFY_NONE
        case .offered: SSL_VERIFY_PEER
        case .required: SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT
        }
    }
}

/// Picks the first of our protocols that the client has, too.
private func chooseProtocol(
    _: OpaquePointer?, _ chosen: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
    _ chosenLength: UnsafeMutablePointer<UInt8>?, _ offered: UnsafePointer<UInt8>?, _ offeredLength: UInt32,
    _ argument: UnsafeMutableRawPointer?
) -> Int32 {
    guard let argument, let chosen, let chosenLength, let offered else { return SSL_TLSEXT_ERR_NOACK }
    let ours = Unmanaged<TLSContext>.fromOpaque(argument).takeUnretainedValue().protocolList.bytes
    var found: UnsafeMutablePointer<UInt8>?
    guard
        SSL_select_next_proto(&found, chosenLength, ours.baseAddress, UInt32(ours.count), offered, offeredLength)
            == OPENSSL_NPN_NEGOTIATED
    else { return SSL_TLSEXT_ERR_NOACK }
    chosen.pointee = UnsafePointer(found)
    return SSL_TLSEXT_ERR_OK
}

/// Shows what answers to the client's server name. Not asked when the session is resumed.
private func chooseIdentities(_ ssl: OpaquePointer?, _ argument: UnsafeMutableRawPointer?) -> Int32 {
    guard let ssl, let argument else { return 0 }
    let context = Unmanaged<TLSContext>.fromOpaque(argument).takeUnretainedValue()
    // Without this the context's own identities of other kinds stay in the choice.
    SSL_certs_clear(ssl)
    for index in context.serverNames.identities(for: serverName(of: ssl)) {
        guard context.identities[index].install(inSession: ssl) else { return 0 }
    }
    return 1
}

/// Takes the session over (1) when there is somebody to resume it.
private func keepSession(_ ssl: OpaquePointer?, _ resumable: OpaquePointer?) -> Int32 {
    guard let ssl, let resumable, let session = TLSSession.of(ssl) else { return 0 }
    session.context.resumption.insert(ResumableSession(owning: resumable), peer: session.resumptionPeer)
    return 1
}

/// The server name that the client asked for; OpenSSL refuses one with a NUL inside.
func serverName(of ssl: OpaquePointer) -> String? {
    SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name).map { String(cString: $0) }
}
