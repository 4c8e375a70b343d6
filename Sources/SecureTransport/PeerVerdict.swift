import COpenSSL

/// Why a peer's certificate is not good enough, besides what its chain says.
enum PeerObjection: Equatable, Sendable {
    /// It is made out to other names than were asked for.
    case names
    /// It is none of the pinned ones.
    case pins

    /// OpenSSL's number, which chooses the alert that the peer gets: bad_certificate, handshake_failure.
    var verdict: Int32 {
        switch self {
        case .names: X509_V_ERR_HOSTNAME_MISMATCH
        case .pins: X509_V_ERR_APPLICATION_VERIFICATION
        }
    }
}

extension TLSContext {
    /// What speaks against a peer whose chain is fine, in Envoy's order: names, then pins.
    /// - Parameter names: this session's peer must be made out to one of them, besides the rules of the context; empty for
    ///   no such rule.
    func objection(to leaf: Certificate, for names: [String]) -> PeerObjection? {
        guard names.isEmpty || names.contains(where: { leaf.isMadeOut(to: $0) }) else { return .names }
        if !config.peerNames.isEmpty {
            let names = leaf.alternativeNames
            guard config.peerNames.contains(where: { $0.admits(names) }) else { return .names }
        }
        return pins.admit(leaf) ? nil : .pins
    }
}

/// Verifies a peer: 1 lets it in.
///
/// With `acceptsUntrusted` everybody is let in; what OpenSSL keeps as the result says whether the peer was verified, also
/// of sessions that are resumed later.
func verifyPeer(_ verification: OpaquePointer?, _ argument: UnsafeMutableRawPointer?) -> Int32 {
    guard let verification, let argument else { return 0 }
    let context = Unmanaged<TLSContext>.fromOpaque(argument).takeUnretainedValue()
    let session = X509_STORE_CTX_get_ex_data(verification, SSL_get_ex_data_X509_STORE_CTX_idx()).flatMap {
        TLSSession.of(OpaquePointer($0))
    }
    let outcome: Int32 = context.config.acceptsUntrusted ? 1 : 0
    // Where a name is asked for, nobody passes whom no authority vouches for, also where the context names none.
    let verifies = context.config.trustedCA != nil || session?.verifiedNames.isEmpty == false
    if verifies, X509_verify_cert(verification) != 1 {
        session?.rejectedDepth = Int(X509_STORE_CTX_get_error_depth(verification))
        return outcome
    }
    guard let leaf = X509_STORE_CTX_get0_cert(verification) else {
        X509_STORE_CTX_set_error(verification, X509_V_ERR_APPLICATION_VERIFICATION)
        return 0
    }
    if let objection = context.objection(to: Certificate(sharing: leaf), for: session?.verifiedNames ?? []) {
        session?.objection = objection
        X509_STORE_CTX_set_error(verification, objection.verdict)
        return outcome
    }
    X509_STORE_CTX_set_error(verification, X509_V_OK)
    return 1
}
