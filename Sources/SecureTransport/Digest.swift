import COpenSSL

/// A hash function by the names that configurations and scripts use.
package enum DigestAlgorithm: String, Sendable, CaseIterable {
    case md5, sha1, sha224, sha256, sha384, sha512

    /// - Parameter name: in any case.
    package init?(name: String) { self.init(rawValue: name.lowercased()) }

    var method: OpaquePointer? {
        switch self {
        case .md5: EVP_md5()
        case .sha1: EVP_sha1()
        case .sha224: EVP_sha224()
        case .sha256: EVP_sha256()
        case .sha384: EVP_sha384()
        case .sha512: EVP_sha512()
        }
    }

    /// Bytes of the block that the function works on, which HMAC pads its key to.
    private var blockSize: Int {
        switch self {
        case .md5, .sha1, .sha224, .sha256: 64
        case .sha384, .sha512: 128
        }
    }

    /// The hash of some bytes; empty when the library refuses the function (MD5 under FIPS).
    package func hash(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var count: UInt32 = 0
        guard EVP_Digest(bytes.baseAddress, bytes.count, &digest, &count, method, nil) == 1 else { return [] }
        return Array(digest.prefix(Int(count)))
    }

    /// The keyed hash of some bytes (RFC 2104).
    package func authenticate(_ bytes: UnsafeRawBufferPointer, key: UnsafeRawBufferPointer) -> [UInt8] {
        var padded = key.count > blockSize ? hash(key) : Array(key)
        padded += [UInt8](repeating: 0, count: blockSize - padded.count)
        var inner = padded.map { $0 ^ 0x36 }
        inner.append(contentsOf: bytes)
        let outer = padded.map { $0 ^ 0x5C } + inner.withUnsafeBytes { hash($0) }
        return outer.withUnsafeBytes { hash($0) }
    }
}

/// Whether two byte strings are the same, in a time that says nothing about where they differ.
package func isEqualInConstantTime(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
    left.count == right.count && CRYPTO_memcmp(left.baseAddress, right.baseAddress, left.count) == 0
}
