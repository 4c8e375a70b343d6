import COpenSSL

/// What a side shows to the other: a certificate, its issuers, and the private key that proves it.
final class Identity {
    let certificate: Certificate
    private let key: OpaquePointer
    private let chain: OpaquePointer

    /// OpenSSL's number of the key's kind; a handshake may choose among identities of different kinds.
    var keyKind: Int32 { EVP_PKEY_get_base_id(key) }

    init(_ source: CertificateSource) throws(TLSError) {
        let all = try Certificate.parsePEM(source.chainPEM, code: .certificateChain, name: source.name)
        guard let chain = heddle_x509_stack_new() else { throw .fromQueue(.resources, source.name) }
        guard let key = Self.parseKey(source) else {
            heddle_x509_stack_free(chain)
            throw .fromQueue(.privateKey, "\(source.name): the private key cannot be read")
        }
        self.certificate = all[0]
        self.key = key
        self.chain = chain
        for issuer in all.dropFirst() {
            X509_up_ref(issuer.pointer)
            guard heddle_x509_stack_push(chain, issuer.pointer) else {
                X509_free(issuer.pointer)
                throw .fromQueue(.resources, source.name)
            }
        }
        guard X509_check_private_key(certificate.pointer, key) == 1 else {
            throw .fromQueue(
                .keyMismatch, "\(source.name): the private key does not belong to the certificate \(certificate.subject)")
        }
    }

    deinit {
        heddle_x509_stack_free(chain)
        EVP_PKEY_free(key)
    }

    /// Makes it one of what the context shows by default.
    func install(in context: OpaquePointer) -> Bool {
        SSL_CTX_use_cert_and_key(context, certificate.pointer, key, chain, 1) == 1
    }

    /// Makes it one of what this session shows.
    func install(inSession session: OpaquePointer) -> Bool {
        SSL_use_cert_and_key(session, certificate.pointer, key, chain, 1) == 1
    }

    // Safety: the stream and the password are used only inside the closures that lend their bytes.
    private static func parseKey(_ source: CertificateSource) -> OpaquePointer? {
        ERR_clear_error()
        return source.keyPEM.withUnsafeBytes { bytes in
            guard let input = MemoryBIO(reading: bytes) else { return nil }
            guard let password = source.password else {
                return PEM_read_bio_PrivateKey(input.pointer, nil, refuseToPrompt, nil)
            }
            return withUnsafePointer(to: password) { password in
                PEM_read_bio_PrivateKey(input.pointer, nil, givePassword, UnsafeMutableRawPointer(mutating: password))
            }
        }
    }
}

/// Copies the `[UInt8]` behind `argument` into OpenSSL's buffer; one that does not fit opens nothing.
private func givePassword(
    _ buffer: UnsafeMutablePointer<CChar>?, _ capacity: Int32, _: Int32, _ argument: UnsafeMutableRawPointer?
) -> Int32 {
    guard let buffer, let password = argument?.assumingMemoryBound(to: [UInt8].self).pointee,
        password.count <= Int(capacity)
    else { return -1 }
    // Safety: OpenSSL lends `capacity` bytes, and the count was held against it.
    UnsafeMutableRawPointer(buffer).copyMemory(from: password, byteCount: password.count)
    return Int32(password.count)
}
