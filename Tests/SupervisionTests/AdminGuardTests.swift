import Bytes
import ProxyModel
import ServiceKit
import Testing

@testable import Supervision

@Suite("The admin interface against web pages")
struct AdminGuardTests {
    private func request(host: String, _ fields: [(name: String, value: String)] = []) -> ServiceRequest {
        ServiceRequest(
            method: "POST", path: "/quitquitquit", query: [], authority: host, fields: fields, body: [],
            remote: SocketAddress("127.0.0.1:1")!)
    }

    @Test(
        "only an IP address or localhost passes as Host",
        arguments: [
            ("127.0.0.1:9901", true), ("localhost:9901", true), ("LOCALHOST", true), ("[::1]:9901", true), ("evil.example:9901", false),
            ("localhost.evil.example", false), ("", false),
        ])
    func host(host: String, passes: Bool) {
        let guardian = AdminGuard(bound: SocketAddress("127.0.0.1:9901")!)
        #expect((guardian.refusal(request(host: host)) == nil) == passes)
    }

    @Test("a request from another site is refused, one from the own page is not")
    func origin() {
        let guardian = AdminGuard(bound: SocketAddress("127.0.0.1:9901")!)
        #expect(guardian.refusal(request(host: "127.0.0.1:9901", [("origin", "http://evil.example")]))?.status == 403)
        #expect(guardian.refusal(request(host: "127.0.0.1:9901", [("origin", "null")]))?.status == 403)
        #expect(guardian.refusal(request(host: "127.0.0.1:9901", [("sec-fetch-site", "cross-site")]))?.status == 403)
        #expect(guardian.refusal(request(host: "127.0.0.1:9901", [("origin", "http://127.0.0.1:9901")])) == nil)
    }

    @Test("a private key in the configuration is redacted, a file's name is not")
    func redaction() throws {
        var secret = Envoy_Extensions_TransportSockets_Tls_V3_Secret()
        secret.tlsCertificate.privateKey.inlineString = "SECRET"
        secret.tlsCertificate.certificateChain.inlineString = "CHAIN"
        let shown = SecretRedaction.redact(secret).tlsCertificate
        #expect(shown.privateKey.inlineString == "[redacted]")
        #expect(shown.certificateChain.inlineString == "CHAIN")
        secret.tlsCertificate.privateKey.filename = "/key.pem"
        #expect(SecretRedaction.redact(secret).tlsCertificate.privateKey.filename == "/key.pem")
    }
}
