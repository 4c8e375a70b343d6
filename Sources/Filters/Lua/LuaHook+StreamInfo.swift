import Bytes
import DataPlane
import HTTPModel
import LuaRuntime
import Observability
import Reactor
import TrafficPolicy

/// What is known of the stream and its connection.
extension LuaHook {
    static let streamInfoType = LuaClass<LuaHook>(
        "StreamInfo",
        methods: [
            .worker("protocol") { hook, call in
                if let version = hook.stream?.info.downstreamProtocol { call.results.add(version.name) }
                return .results
            },
            .worker("routeName") { hook, call in
                if let name = hook.stream?.route?.name { call.results.add(name.bytes) } else { call.results.add("") }
                return .results
            },
            .worker("virtualClusterName") { _, call in
                call.results.add("")
                return .results
            },
            .worker("requestedServerName") { hook, call in call.returning(hook.stream?.info.requestedServerName.text ?? "") },
            .worker("downstreamLocalAddress") { hook, call in hook.address(call, hook.stream?.info.downstreamLocalAddress) },
            .worker("downstreamDirectLocalAddress") { hook, call in hook.address(call, hook.stream?.info.downstreamLocalAddress) },
            .worker("downstreamRemoteAddress") { hook, call in hook.address(call, hook.stream?.info.downstreamRemoteAddress) },
            .worker("downstreamDirectRemoteAddress") { hook, call in
                hook.address(call, hook.stream?.info.downstreamDirectRemoteAddress)
            },
            .worker("dynamicMetadata") { hook, call in hook.give(call, .dynamic) },
            .worker("downstreamSslConnection") { hook, call in hook.giveSSL(call) },
        ] + logMethods)

    static let connectionType = LuaClass<LuaHook>(
        "Connection", methods: [.worker("ssl") { hook, call in hook.giveSSL(call) }] + logMethods)

    /// A TLS session; what a certificate does not say is empty.
    static let sslType = LuaClass<LuaHook>(
        "SslConnection",
        methods: [
            .worker("peerCertificatePresented") { hook, call in call.returning(hook.tls?.peer != nil) },
            sslText("tlsVersion") { $0.version },
            sslText("ciphersuiteString") { $0.cipher },
            sslText("sessionId") { $0.sessionID },
            sslText("subjectPeerCertificate") { $0.peer?.subject },
            sslText("issuerPeerCertificate") { $0.peer?.issuer },
            sslText("serialNumberPeerCertificate") { $0.peer?.serial },
            sslText("sha256PeerCertificateDigest") { $0.peer?.fingerprint256 },
            sslText("urlEncodedPemEncodedPeerCertificate") { $0.peer?.certificate },
            sslText("subjectLocalCertificate") { $0.local?.subject },
            sslList("uriSanPeerCertificate") { $0.peer?.uriSAN },
            sslList("uriSanLocalCertificate") { $0.local?.uriSAN },
            sslList("dnsSansPeerCertificate") { $0.peer?.dnsSAN },
            sslList("dnsSansLocalCertificate") { $0.local?.dnsSAN },
        ] + logMethods)

    private var tls: TLSFacts? { stream?.info.downstreamTLS }

    private static func sslText(
        _ name: String, _ value: @escaping @Sendable (TLSFacts) -> NamedText?
    ) -> LuaMethod<LuaHook> {
        .worker(name) { hook, call in call.returning(hook.tls.flatMap(value)?.text ?? "") }
    }

    private static func sslList(
        _ name: String, _ value: @escaping @Sendable (TLSFacts) -> NamedText?
    ) -> LuaMethod<LuaHook> {
        .worker(name) { hook, call in
            let joined = hook.tls.flatMap(value)?.text ?? ""
            call.results.add(.array(joined.split(separator: ",").map { .text(String($0)) }))
            return .results
        }
    }

    private func giveSSL(_ call: borrowing LuaCall) -> LuaReply {
        if tls == nil { call.results.add() } else { call.results.add(Self.sslType, self, slot: 14) }
        return .results
    }

    private func address(_ call: borrowing LuaCall, _ address: SocketAddress?) -> LuaReply {
        call.returning(address?.description ?? "")
    }
}
