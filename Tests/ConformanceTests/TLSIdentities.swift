import Foundation
import TestKit

/// Who meets in the scenarios. Everybody is an authority of their own.
enum TLSIdentities {
    static let server = TestCertificate(
        commonName: "server", names: "URI:spiffe://mesh.test/ns/b/sa/server,URI:urn:server,DNS:server.test")
    private static let others: [String: TestCertificate] = [
        "client": TestCertificate(
            commonName: "client", organization: "Org1",
            names:
                "URI:spiffe://mesh.test/ns/a/sa/client,URI:urn:second,DNS:client.test,DNS:*.wild.test,DNS:w*.part.test,email:a@b.test,IP:10.0.0.1,IP:2001:db8::1"),
        "bare": TestCertificate(commonName: "bare", names: "IP:10.0.0.2"),
        "odd": TestCertificate(commonName: "a;b,c=\"d\"", organization: "Müller & Söhne", names: "DNS:odd.test"),
        "stranger": TestCertificate(commonName: "stranger"),
    ]

    /// The authorities of all clients but the stranger.
    static let clients = ["client", "bare", "odd"].compactMap { others[$0]?.certificate }.joined()

    /// A text as YAML in double quotes.
    static func quoted(_ text: String) -> String { "\"" + text.replacingOccurrences(of: "\n", with: "\\n") + "\"" }

    /// SHA-256 of a client's certificate, as Envoy's `verify_certificate_hash` has it.
    static func digest(of name: String) -> String { others[name]?.sha256 ?? "" }

    /// `secrets` of a bootstrap.
    static let secrets: String = {
        func certificate(_ name: String, _ pair: TestCertificate) -> String {
            "  - {name: \(name), tls_certificate: {certificate_chain: {inline_string: \(quoted(pair.certificate))}, private_key: {inline_string: \(quoted(pair.key))}}}\n"
        }
        func validation(_ name: String, _ pem: String, _ more: String = "") -> String {
            "  - {name: \(name), validation_context: {trusted_ca: {inline_string: \(quoted(pem))}\(more)}}\n"
        }
        return "  secrets:\n" + certificate("server", server)
            + others.sorted { $0.key < $1.key }.map { certificate($0.key, $0.value) }.joined()
            + validation("clients", clients) + validation("servers", server.certificate)
            + validation(
                "clients-named", clients, ", match_typed_subject_alt_names: [{san_type: URI, matcher: {exact: urn:second}}]")
    }()
}
