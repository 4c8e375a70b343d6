import COpenSSL

/// One X.509 certificate and the facts about it.
///
/// Each fact is computed when it is asked for, since a connection needs few of them; whoever needs one often keeps it.
/// Texts honour their encoded length: a NUL inside a name stays a NUL inside the string, so that
/// `good.example\0.evil.example` equals neither half (CVE-2009-2408 and its kin).
package final class Certificate {
    let pointer: OpaquePointer

    /// Takes over the caller's reference.
    init(owning pointer: OpaquePointer) {
        self.pointer = pointer
    }

    /// Takes a reference of its own.
    init(sharing pointer: OpaquePointer) {
        X509_up_ref(pointer)
        self.pointer = pointer
    }

    deinit { X509_free(pointer) }

    /// The subject after RFC 2253, most specific part first: `CN=client,O=Org1`.
    package var subject: String { Self.text(of: X509_get_subject_name(pointer)) }

    /// The issuer after RFC 2253.
    package var issuer: String { Self.text(of: X509_get_issuer_name(pointer)) }

    /// The subject's first common name.
    package var commonName: String? { subjectEntries(NID_commonName).first }

    /// The subject's organisation names, in order.
    package var organizationNames: [String] { subjectEntries(NID_organizationName) }

    /// The serial number in lower-case hexadecimal digits, an even number of them.
    package var serialNumber: String {
        guard let number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(pointer), nil) else { return "" }
        defer { BN_free(number) }
        guard let digits = BN_bn2hex(number) else { return "" }
        defer { CRYPTO_free(digits, #file, #line) }
        return String(cString: digits).lowercased()
    }

    /// SHA-256 of the DER, 64 lower-case hexadecimal digits.
    package var sha256: String { Hexadecimal.text(digest(EVP_sha256())) }

    /// SHA-1 of the DER, 40 lower-case hexadecimal digits; for display, never to decide by.
    package var sha1: String { Hexadecimal.text(digest(EVP_sha1())) }

    /// SHA-256 of the public key's DER (SubjectPublicKeyInfo), the 32 bytes behind Envoy's `verify_certificate_spki`.
    package var publicKeySHA256: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 32)
        return heddle_x509_public_key_sha256(pointer, &bytes) ? bytes : []
    }

    /// Start of the validity in seconds since 1970; nil when the certificate's time cannot be read.
    package var validFrom: Int64? { Self.epoch(X509_get0_notBefore(pointer)) }

    /// End of the validity in seconds since 1970; nil when the certificate's time cannot be read.
    package var validUntil: Int64? { Self.epoch(X509_get0_notAfter(pointer)) }

    /// The object identifiers of the extensions, in dotted form.
    package var extensionOIDs: [String] {
        (0..<max(X509_get_ext_count(pointer), 0)).compactMap { index in
            guard let object = X509_get_ext(pointer, index).flatMap({ X509_EXTENSION_get_object($0) }) else { return nil }
            // Longer than any identifier in use; OpenSSL cuts what is not.
            var text = [CChar](repeating: 0, count: 128)
            guard OBJ_obj2txt(&text, Int32(text.count), object, 1) > 0 else { return nil }
            return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
    }

    /// Whether the certificate is inside its validity by now.
    var isCurrent: Bool { heddle_x509_is_current(pointer) }

    /// SHA-256 of the DER, the 32 bytes.
    var sha256Bytes: [UInt8] { digest(EVP_sha256()) }

    /// Whether the certificate names this host or address among its alternative names; a wildcard stands for one whole
    /// label. The common name does not count (RFC 9525 section 2).
    func isMadeOut(to name: String) -> Bool {
        if X509_check_ip_asc(pointer, name, 0) == 1 { return true }
        // A URI is no host name.
        if name.contains(":") { return alternativeNames.uris.contains(name) }
        let flags = UInt32(X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS)
        return X509_check_host(pointer, name, name.utf8.count, flags, nil) == 1
    }

    private func digest(_ algorithm: OpaquePointer?) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var count: UInt32 = 0
        guard X509_digest(pointer, algorithm, &bytes, &count) == 1 else { return [] }
        return Array(bytes.prefix(Int(count)))
    }

    private static func epoch(_ time: UnsafePointer<ASN1_TIME>?) -> Int64? {
        var seconds: Int64 = 0
        return heddle_asn1_time_epoch(time, &seconds) ? seconds : nil
    }

    private static func text(of name: OpaquePointer?) -> String {
        guard let name, let printed = MemoryBIO() else { return "" }
        // The flags escape controls and what is not ASCII.
        guard X509_NAME_print_ex(printed.pointer, name, 0, heddle_x509_name_rfc2253) >= 0 else { return "" }
        return printed.text
    }

    private func subjectEntries(_ kind: Int32) -> [String] {
        guard let name = X509_get_subject_name(pointer) else { return [] }
        var found: [String] = []
        var index = X509_NAME_get_index_by_NID(name, kind, -1)
        while index >= 0 {
            if let entry = X509_NAME_get_entry(name, index), let text = X509_NAME_ENTRY_get_data(entry) {
                found.append(Self.utf8(text))
            }
            index = X509_NAME_get_index_by_NID(name, kind, index)
        }
        return found
    }

    // Safety: OpenSSL allocates `count` bytes, which are copied and freed here.
    private static func utf8(_ text: UnsafePointer<ASN1_STRING>) -> String {
        var bytes: UnsafeMutablePointer<UInt8>?
        let count = ASN1_STRING_to_UTF8(&bytes, text)
        guard count >= 0, let bytes else { return "" }
        defer { CRYPTO_free(bytes, #file, #line) }
        return String(decoding: UnsafeBufferPointer(start: bytes, count: Int(count)), as: UTF8.self)
    }
}
