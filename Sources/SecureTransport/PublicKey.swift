import COpenSSL

/// A public key for verifying signatures.
package final class PublicKey {
    // Safety: this object's alone, freed in deinit.
    private let pointer: OpaquePointer

    /// - Parameter der: a SubjectPublicKeyInfo; nil for anything else.
    package init?(der: UnsafeRawBufferPointer) {
        var start = der.bindMemory(to: UInt8.self).baseAddress
        guard start != nil, let key = d2i_PUBKEY(nil, &start, der.count) else {
            ERR_clear_error()
            return nil
        }
        pointer = key
    }

    deinit { EVP_PKEY_free(pointer) }

    /// Whether the signature is the key's own for the data, hashed with the algorithm.
    package func verifies(
        _ signature: UnsafeRawBufferPointer, of data: UnsafeRawBufferPointer, _ algorithm: DigestAlgorithm
    ) -> Bool {
        guard let context = EVP_MD_CTX_new() else { return false }
        defer {
            EVP_MD_CTX_free(context)
            ERR_clear_error()
        }
        guard EVP_DigestVerifyInit(context, nil, algorithm.method, nil, pointer) == 1 else { return false }
        let signatureStart = signature.bindMemory(to: UInt8.self).baseAddress
        return EVP_DigestVerify(context, signatureStart, signature.count, data.bindMemory(to: UInt8.self).baseAddress, data.count) == 1
    }
}
