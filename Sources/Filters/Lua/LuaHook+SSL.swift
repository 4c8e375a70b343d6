import Bytes
import DataPlane
import HTTPModel
import LuaRuntime
import Observability
import Reactor
import TrafficPolicy

/// The TLS session of the client's connection; what a certificate does not say is empty.
extension LuaHook {
    static let sslType = LuaClass<LuaHook>(
        "SslConnection",
        methods: [
            .worker("peerCertificatePresented") { hook, call in call.returning(hook.tls?.peer != nil) },
            .worker("peerCertificateValidated") { hook, call in call.returning(hook.tls?.isPeerValidated ?? false) },
            .worker("ciphersuiteId") { hook, call in call.returning(cipherText(hook.tls?.cipherNumber ?? 0xFFFF)) },
            text("ciphersuiteString") { $0.cipher },
            text("tlsVersion") { $0.version },
            text("sessionId") { $0.sessionID },
            text("subjectPeerCertificate") { $0.peer?.subject },
            text("subjectLocalCertificate") { $0.local?.subject },
            text("issuerPeerCertificate") { $0.peer?.issuer },
            text("serialNumberPeerCertificate") { $0.peer?.serial },
            text("sha256PeerCertificateDigest") { $0.peer?.fingerprint256 },
            list("uriSanPeerCertificate") { $0.peer?.uriSAN },
            list("uriSanLocalCertificate") { $0.local?.uriSAN },
            list("dnsSansPeerCertificate") { $0.peer?.dnsSAN },
            list("dnsSansLocalCertificate") { $0.local?.dnsSAN },
            detail("oidsPeerCertificate") { .array($0.peerOIDs.map { .text($0) }) },
            detail("oidsLocalCertificate") { .array($0.localOIDs.map { .text($0) }) },
            detail("urlEncodedPemEncodedPeerCertificate") { .text($0.peerPEM) },
            detail("urlEncodedPemEncodedPeerCertificateChain") { .text($0.peerChainPEM) },
            detail("validFromPeerCertificate") { .number(Double($0.peerValidFrom ?? 0)) },
            detail("expirationPeerCertificate") { .number(Double($0.peerValidUntil ?? 0)) },
            .worker("parsedSubjectPeerCertificate") { hook, call in
                guard hook.tls?.peer != nil else { return call.returningNil() }
                call.results.add(subjectType, hook, scope: .run, slot: 19)
                return .results
            },
        ] + logMethods)

    /// The subject of the peer's certificate in its parts.
    static let subjectType = LuaClass<LuaHook>(
        "ParsedX509Name",
        methods: [
            detail("commonName") { .text($0.peerCommonName) },
            detail("organizationName") { .array($0.peerOrganizations.map { .text($0) }) },
        ] + logMethods)

    private var tls: TLSFacts? { stream?.info.downstreamTLS }

    func giveSSL(_ call: borrowing LuaCall) -> LuaReply {
        guard tls != nil else { return call.returningNil() }
        call.results.add(Self.sslType, self, scope: .run, slot: 18)
        return .results
    }

    private static func cipherText(_ number: UInt16) -> String {
        let digits = String(number, radix: 16)
        return "0x" + String(repeating: "0", count: 4 - digits.count) + digits
    }

    private static func text(_ name: String, _ value: @escaping @Sendable (TLSFacts) -> NamedText?) -> LuaMethod<LuaHook> {
        .worker(name) { hook, call in call.returning(hook.tls.flatMap(value)?.text ?? "") }
    }

    private static func list(_ name: String, _ value: @escaping @Sendable (TLSFacts) -> NamedText?) -> LuaMethod<LuaHook> {
        .worker(name) { hook, call in
            let joined = hook.tls.flatMap(value)?.text ?? ""
            call.results.add(.array(joined.split(separator: ",").map { .text(String($0)) }))
            return .results
        }
    }

    private static func detail(_ name: String, _ value: @escaping @Sendable (any TLSDetails) -> LuaValue) -> LuaMethod<LuaHook> {
        .worker(name) { hook, call in
            guard let details = hook.tls?.details else { return call.returningNil() }
            call.results.add(value(details))
            return .results
        }
    }
}

extension LuaCall {
    /// Returns nil.
    func returningNil() -> LuaReply {
        results.add()
        return .results
    }
}
