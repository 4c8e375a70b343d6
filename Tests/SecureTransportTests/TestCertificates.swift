import COpenSSL

@testable import SecureTransport

/// What a certificate of a test says.
struct CertificateFields {
    var commonName = "leaf"
    var organization: String?
    var serial: UInt64 = 0x0a1b
    /// Raw names with their tags, so that a test can say what no tool would write.
    var alternativeNames: [RawAlternativeName] = []
    /// The whole extension in DER, in place of `alternativeNames`.
    var rawAlternativeNames: [UInt8]?
    /// November 2023 to October 2096.
    var validity: ClosedRange<Int> = 1_700_000_000...4_000_000_000
    var isAuthority = false
    var extendedKeyUsage: ExtendedKeyUsage?

    static let expired = 1_600_000_000...1_700_000_000
    static let future = 4_000_000_000...4_100_000_000

    enum ExtendedKeyUsage: UInt8 {
        case serverAuth = 1
        case clientAuth = 2
    }
}

struct RawAlternativeName {
    var tag: UInt8
    var bytes: [UInt8]

    static func email(_ text: String) -> Self { Self(tag: 0x81, bytes: Array(text.utf8)) }
    static func dns(_ text: String) -> Self { Self(tag: 0x82, bytes: Array(text.utf8)) }
    static func uri(_ text: String) -> Self { Self(tag: 0x86, bytes: Array(text.utf8)) }
    static func ip(_ bytes: [UInt8]) -> Self { Self(tag: 0x87, bytes: bytes) }
}

/// A private key made for a test.
final class TestKey {
    let pointer: OpaquePointer

    enum Kind { case ec, rsa }

    init(_ kind: Kind = .ec) {
        let generator = EVP_PKEY_CTX_new_from_name(nil, kind == .ec ? "EC" : "RSA", nil)
        defer { EVP_PKEY_CTX_free(generator) }
        EVP_PKEY_keygen_init(generator)
        switch kind {
        case .ec: EVP_PKEY_CTX_set_group_name(generator, "P-256")
        case .rsa: EVP_PKEY_CTX_set_rsa_keygen_bits(generator, 2048)
        }
        var made: OpaquePointer?
        precondition(EVP_PKEY_generate(generator, &made) == 1)
        pointer = made!
    }

    deinit { EVP_PKEY_free(pointer) }

    func pem(password: String? = nil) -> [UInt8] {
        let output = MemoryBIO()!
        if let password {
            let bytes = Array(password.utf8)
            PEM_write_bio_PKCS8PrivateKey(
                output.pointer, pointer, EVP_aes_128_cbc(), bytes.map(CChar.init), Int32(bytes.count), nil, nil)
        } else {
            PEM_write_bio_PrivateKey(output.pointer, pointer, nil, nil, 0, nil, nil)
        }
        return Array(output.text.utf8)
    }
}

/// A certificate with its key, and whoever issued it.
final class TestIdentity {
    let certificate: Certificate
    let key: TestKey
    let chain: [Certificate]

    /// Self-signed without an issuer.
    init(_ fields: CertificateFields, key: TestKey = TestKey(), issuer: TestIdentity? = nil) {
        self.key = key
        let pointer = X509_new()!
        certificate = Certificate(owning: pointer)
        X509_set_version(pointer, 2)
        ASN1_INTEGER_set_uint64(X509_get_serialNumber(pointer), fields.serial)
        ASN1_TIME_set(X509_getm_notBefore(pointer), fields.validity.lowerBound)
        ASN1_TIME_set(X509_getm_notAfter(pointer), fields.validity.upperBound)
        Self.name(pointer, fields)
        X509_set_issuer_name(pointer, X509_get_subject_name(issuer?.certificate.pointer ?? pointer))
        X509_set_pubkey(pointer, key.pointer)
        Self.extend(pointer, fields)
        precondition(X509_sign(pointer, (issuer?.key ?? key).pointer, EVP_sha256()) > 0)
        // The root stays out of what is shown.
        chain = issuer.map { $0.chain.isEmpty && $0.isRoot ? [] : [$0.certificate] + $0.chain } ?? []
        isRoot = issuer == nil
    }

    let isRoot: Bool

    var pem: [UInt8] { Array(certificate.pem.utf8) }
    var chainPEM: [UInt8] { Array(([certificate] + chain).map(\.pem).joined().utf8) }

    func source(_ name: String = "test") -> CertificateSource {
        CertificateSource(name: name, chainPEM: chainPEM, keyPEM: key.pem())
    }

    static func authority(_ name: String = "Test Root") -> TestIdentity {
        TestIdentity(CertificateFields(commonName: name, isAuthority: true))
    }

    /// A leaf under this authority.
    func issue(_ fields: CertificateFields = CertificateFields(), key: TestKey = TestKey()) -> TestIdentity {
        TestIdentity(fields, key: key, issuer: self)
    }

    /// A server's leaf that answers to these names.
    func issue(dns: String..., key: TestKey = TestKey()) -> TestIdentity {
        issue(CertificateFields(commonName: dns[0], alternativeNames: dns.map { .dns($0) }), key: key)
    }

    private static func name(_ certificate: OpaquePointer, _ fields: CertificateFields) {
        let subject = X509_get_subject_name(certificate)
        for (field, value) in [("O", fields.organization), ("CN", fields.commonName)] {
            guard let value else { continue }
            let bytes = Array(value.utf8)
            X509_NAME_add_entry_by_txt(subject, field, 0x1000, bytes, Int32(bytes.count), -1, 0)
        }
    }

    private static func extend(_ certificate: OpaquePointer, _ fields: CertificateFields) {
        if fields.isAuthority { add(NID_basic_constraints, [0x30, 3, 1, 1, 0xff], to: certificate) }
        if let usage = fields.extendedKeyUsage {
            add(NID_ext_key_usage, [0x30, 10, 6, 8, 0x2b, 6, 1, 5, 5, 7, 3, usage.rawValue], to: certificate)
        }
        if let raw = fields.rawAlternativeNames { add(NID_subject_alt_name, raw, to: certificate) }
        guard !fields.alternativeNames.isEmpty else { return }
        let names = fields.alternativeNames.flatMap { [$0.tag] + length($0.bytes.count) + $0.bytes }
        add(NID_subject_alt_name, [0x30] + length(names.count) + names, to: certificate)
    }

    /// A length in DER.
    private static func length(_ count: Int) -> [UInt8] {
        count < 128 ? [UInt8(count)] : [0x82, UInt8(count >> 8), UInt8(count & 0xff)]
    }

    private static func add(_ kind: Int32, _ der: [UInt8], to certificate: OpaquePointer) {
        let value = ASN1_OCTET_STRING_new()
        defer { ASN1_OCTET_STRING_free(value) }
        ASN1_OCTET_STRING_set(value, der, Int32(der.count))
        let made = X509_EXTENSION_create_by_NID(nil, kind, 0, value)
        defer { X509_EXTENSION_free(made) }
        X509_add_ext(certificate, made, -1)
    }
}
