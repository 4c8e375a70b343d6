import COpenSSLSystem

/// A self-signed certificate for the server of a test and its key, both PEM.
package struct TestCertificate: Sendable {
    package let certificate: String
    package let key: String
    /// The digest of the certificate's DER in lower-case hexadecimal.
    package let sha256: String

    /// Makes a P-256 key and a certificate, valid from November 2023 to October 2096.
    /// - Parameter names: the alternative names as OpenSSL reads them, `URI:urn:a,DNS:b.test`, or `DER:` and hexadecimal
    ///   for what it would not make; nil: the common name is the one DNS name.
    package init(commonName: String, organization: String? = nil, names alternatives: String? = nil) {
        let generator = EVP_PKEY_CTX_new_from_name(nil, "EC", nil)
        defer { EVP_PKEY_CTX_free(generator) }
        var pair: OpaquePointer?
        precondition(
            EVP_PKEY_keygen_init(generator) == 1 && EVP_PKEY_CTX_set_group_name(generator, "P-256") == 1
                && EVP_PKEY_generate(generator, &pair) == 1, "OpenSSL makes no key")
        defer { EVP_PKEY_free(pair) }
        let made = X509_new()
        defer { X509_free(made) }
        X509_set_version(made, 2)
        ASN1_INTEGER_set(X509_get_serialNumber(made), 1)
        ASN1_TIME_set(X509_getm_notBefore(made), 1_700_000_000)
        ASN1_TIME_set(X509_getm_notAfter(made), 4_000_000_000)
        let name = X509_get_subject_name(made)
        X509_NAME_add_entry_by_txt(name, "CN", 0x1000 | 1, Array(commonName.utf8), Int32(commonName.utf8.count), -1, 0)
        if let organization {
            X509_NAME_add_entry_by_txt(name, "O", 0x1000 | 1, Array(organization.utf8), Int32(organization.utf8.count), -1, 0)
        }
        X509_set_issuer_name(made, name)
        let names = X509V3_EXT_conf_nid(nil, nil, NID_subject_alt_name, alternatives ?? "DNS:\(commonName)")
        defer { X509_EXTENSION_free(names) }
        precondition(X509_add_ext(made, names, -1) == 1, "OpenSSL takes no alternative name")
        X509_set_pubkey(made, pair)
        precondition(X509_sign(made, pair, EVP_sha256()) > 0, "OpenSSL signs no certificate")
        var digest = [UInt8](repeating: 0, count: 32)
        precondition(X509_digest(made, EVP_sha256(), &digest, nil) == 1, "OpenSSL makes no digest")
        sha256 = digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        certificate = Self.text { PEM_write_bio_X509($0, made) }
        key = Self.text { PEM_write_bio_PrivateKey($0, pair, nil, nil, 0, nil, nil) }
    }

    private static func text(_ write: (OpaquePointer?) -> Int32) -> String {
        let output = BIO_new(BIO_s_mem())
        defer { BIO_free(output) }
        precondition(write(output) == 1, "OpenSSL writes no PEM")
        var bytes = [UInt8](repeating: 0, count: 16384)
        let count = BIO_read(output, &bytes, Int32(bytes.count))
        return String(decoding: bytes.prefix(Int(max(0, count))), as: UTF8.self)
    }
}
