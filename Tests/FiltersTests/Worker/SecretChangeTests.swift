import ProxyModel
import TestKit
import Testing

@Suite("Secrets by name under a running worker")
struct SecretChangeTests {
    private static let pair = TestCertificate(commonName: "secret.test")
    private static let other = TestCertificate(commonName: "other.test")

    private static func inline(_ text: String) -> String {
        "{ inline_string: \"\(text.split(separator: "\n").joined(separator: "\\n"))\\n\" }"
    }

    private static func certificate(_ chain: TestCertificate = pair, key: TestCertificate = pair) throws -> TestProxy.Change {
        try .secret("s", "{ name: s, tls_certificate: { certificate_chain: \(inline(chain.certificate)), private_key: \(inline(key.key)) } }")
    }

    private static func validation() throws -> TestProxy.Change {
        try .secret("s", "{ name: s, validation_context: { trusted_ca: \(inline(pair.certificate)) } }")
    }

    private static func listener(_ context: String) throws -> TestProxy.Change {
        try .listener(
            """
            name: main
            address: { socket_address: { address: 127.0.0.1, port_value: 1 } }
            filter_chains:
              - transport_socket: { name: tls, typed_config: { "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext, \(context) } }
                filters: [{ name: tcp, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy, stat_prefix: tcp, cluster: main } }]
            """)
    }

    private static let named = "common_tls_context: { tls_certificate_sds_secret_configs: [{ name: s }] }"

    private static func problem(_ batches: [[TestProxy.Change]]) async throws -> String {
        let proxy = try await TestProxy.start(filters: "", clusters: ["main": 1])
        do {
            for changes in batches { try await proxy.apply(changes) }
            return ""
        } catch {
            return "\(error)"
        }
    }

    @Test("a listener takes its certificate by name, whichever comes first")
    func certificateByName() async throws {
        #expect(try await Self.problem([[Self.certificate()], [Self.listener(Self.named)]]) == "")
        #expect(try await Self.problem([[Self.certificate(), Self.listener(Self.named)]]) == "")
        #expect(try await Self.problem([[Self.listener(Self.named)], [Self.certificate()]]) == "")
    }

    @Test("a secret of another kind than is needed is refused, whichever comes first")
    func wrongKind() async throws {
        let batches: [[[TestProxy.Change]]] = [
            [[try Self.validation()], [try Self.listener(Self.named)]], [[try Self.validation(), try Self.listener(Self.named)]],
            [[try Self.listener(Self.named)], [try Self.validation()]],
        ]
        for batch in batches {
            #expect(try await Self.problem(batch).hasSuffix("secret \"s\" is no certificate"))
        }
    }

    @Test("a certificate that does not fit its key is refused")
    func unfit() async throws {
        #expect(try await Self.problem([[Self.certificate(key: Self.other)]]).hasPrefix("common_tls_context: "))
    }

    @Test("a validation context that leaves a required client certificate unverified is refused")
    func unverified() async throws {
        let context =
            "require_client_certificate: true, common_tls_context: { tls_certificates: [{ certificate_chain: \(Self.inline(Self.pair.certificate)), private_key: \(Self.inline(Self.pair.key)) }], validation_context_sds_secret_config: { name: s } }"
        let empty = try TestProxy.Change.secret("s", "{ name: s, validation_context: {} }")
        for batches in [[[empty, try Self.listener(context)]], [[try Self.listener(context)], [empty]]] {
            #expect(try await Self.problem(batches).contains("a required client certificate needs a trusted CA"))
        }
        #expect(try await Self.problem([[Self.validation(), Self.listener(context)]]) == "")
    }

    /// What is wrong with a listener that lays the secret `s` over a validation context of its own.
    private static func combined(_ base: String, secret: String?) async throws -> String {
        let context =
            "require_client_certificate: true, common_tls_context: { tls_certificates: [{ certificate_chain: \(inline(pair.certificate)), private_key: \(inline(pair.key)) }], combined_validation_context: { default_validation_context: { \(base) }, validation_context_sds_secret_config: { name: s } } }"
        let validation = try secret.map { [try TestProxy.Change.secret("s", "{ name: s, validation_context: { \($0) } }")] } ?? []
        let problem = try await problem([[try listener(context)], validation])
        // The other way round it is the same, seen from the other resource.
        let other = try await Self.problem([validation + [try listener(context)]])
        #expect(other.isEmpty == problem.isEmpty, "\(other), then \(problem)")
        return problem
    }

    @Test("what a combined validation context lacks may come by name, and what is wrong in it shows before")
    func combinedContext() async throws {
        let authority = "trusted_ca: \(Self.inline(Self.pair.certificate))"
        let named = "match_typed_subject_alt_names: [{ san_type: URI, matcher: { exact: a } }]"
        #expect(try await Self.combined("", secret: authority) == "")
        #expect(try await Self.combined(named, secret: authority) == "")
        #expect(try await Self.combined(named, secret: nil) == "")
        #expect(try await Self.combined(authority, secret: named) == "")
        #expect(try await Self.combined("", secret: "").contains("a required client certificate needs a trusted CA"))
        #expect(try await Self.combined(named, secret: "trust_chain_verification: ACCEPT_UNTRUSTED").contains("without a trusted CA"))
        let regex = "match_typed_subject_alt_names: [{ san_type: URI, matcher: { safe_regex: { regex: '(' } } }]"
        #expect(
            try await Self.combined(regex, secret: nil).contains(
                "combined_validation_context.default_validation_context.match_typed_subject_alt_names[0].matcher: "))
        #expect(try await Self.combined(authority, secret: regex).contains("match_typed_subject_alt_names[0].matcher: "))
    }
}
