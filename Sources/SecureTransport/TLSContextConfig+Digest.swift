import COpenSSL

extension TLSContextConfig {
    /// SHA-256 of everything that decides who may connect and what they are shown; the session id context.
    ///
    /// A ticket of another listener, or of this one before its authorities changed, must not pass for a verified client
    /// (CVE-2025-23419 in nginx, CVE-2022-21654 in Envoy). It is the same in every process, unlike Swift's hash values.
    var identityDigest: [UInt8] {
        var input: [UInt8] = []
        func add(_ bytes: some Collection<UInt8>) {
            withUnsafeBytes(of: UInt64(bytes.count).littleEndian) { input.append(contentsOf: $0) }
            input.append(contentsOf: bytes)
        }
        func add(_ texts: [String]) {
            add("\(texts.count)".utf8)
            for text in texts { add(text.utf8) }
        }
        add("\(role) \(clientCertificate) \(minimumVersion) \(maximumVersion)".utf8)
        add("\(certificates.count)".utf8)
        for certificate in certificates { add(certificate.chainPEM) }
        add(trustedCA == nil ? "open".utf8 : "trusted".utf8)
        add(trustedCA ?? [])
        if acceptsUntrusted { add("untrusted".utf8) }
        add(peerNames.map(\.description))
        add(certificateHashes)
        add(publicKeyHashes)
        add(applicationProtocols)
        add(cipherSuites)
        add(curves)
        var digest = [UInt8](repeating: 0, count: 32)
        precondition(EVP_Digest(input, input.count, &digest, nil, EVP_sha256(), nil) == 1, "SHA-256 is always there")
        return digest
    }
}
