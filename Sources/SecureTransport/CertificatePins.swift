/// The certificates that pass, by digest (Envoy's `verify_certificate_hash` and `verify_certificate_spki`).
struct CertificatePins {
    /// A SHA-256 has 32 bytes.
    private static let digestLength = 32

    private let certificates: Set<[UInt8]>
    private let publicKeys: Set<[UInt8]>

    var isEmpty: Bool { certificates.isEmpty && publicKeys.isEmpty }

    init(certificateHashes: [String], publicKeyHashes: [String]) throws(TLSError) {
        certificates = try Self.parse(certificateHashes, as: "a hexadecimal SHA-256", with: Hexadecimal.bytes)
        publicKeys = try Self.parse(publicKeyHashes, as: "a base64 SHA-256", with: Base64.bytes)
    }

    /// Whether the certificate is one of them; with no pins every one is.
    func admit(_ certificate: Certificate) -> Bool {
        isEmpty || certificates.contains(certificate.sha256Bytes) || publicKeys.contains(certificate.publicKeySHA256)
    }

    private static func parse(
        _ texts: [String], as expected: String, with decode: (String) -> [UInt8]?
    ) throws(TLSError) -> Set<[UInt8]> {
        var digests: Set<[UInt8]> = []
        for text in texts {
            guard let digest = decode(text), digest.count == digestLength else {
                throw TLSError(.certificatePins, "pinned digest '\(text)' is not \(expected)")
            }
            digests.insert(digest)
        }
        return digests
    }
}

/// RFC 4648 section 4, with its padding.
enum Base64 {
    /// Nil for anything that an encoder would not write.
    static func bytes(_ text: String) -> [UInt8]? {
        let digits = Array(text.utf8)
        guard digits.count.isMultiple(of: 4) else { return nil }
        let padding = digits.reversed().prefix { $0 == UInt8(ascii: "=") }.count
        guard padding <= 2 else { return nil }
        var bytes: [UInt8] = []
        var bits: UInt32 = 0
        var held = 0
        for digit in digits.dropLast(padding) {
            guard let value = value(digit) else { return nil }
            bits = bits << 6 | UInt32(value)
            held += 6
            guard held >= 8 else { continue }
            held -= 8
            bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(held)))
        }
        // Bits that no byte took must be zero, or two texts would stand for the same bytes.
        guard bits & (1 << UInt32(held) - 1) == 0 else { return nil }
        return bytes
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): digit - UInt8(ascii: "A")
        case UInt8(ascii: "a")...UInt8(ascii: "z"): digit - UInt8(ascii: "a") + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0") + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
