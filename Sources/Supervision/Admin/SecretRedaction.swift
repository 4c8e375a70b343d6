import ProxyModel
import SwiftProtobuf

/// Takes private keys and passwords out of a configuration that is shown.
enum SecretRedaction {
    private typealias Common = Envoy_Extensions_TransportSockets_Tls_V3_CommonTlsContext
    private static let mark = "[redacted]"

    /// - Throws: when a TLS context cannot be read; then nothing is shown.
    static func redact(_ bootstrap: Envoy_Config_Bootstrap_V3_Bootstrap) throws -> Envoy_Config_Bootstrap_V3_Bootstrap {
        var result = bootstrap
        for index in result.staticResources.secrets.indices {
            guard case .tlsCertificate(var certificate)? = result.staticResources.secrets[index].type else { continue }
            redact(&certificate)
            result.staticResources.secrets[index].type = .tlsCertificate(certificate)
        }
        for index in result.staticResources.clusters.indices where result.staticResources.clusters[index].hasTransportSocket {
            try redact(&result.staticResources.clusters[index].transportSocket)
        }
        for index in result.staticResources.listeners.indices {
            for chain in result.staticResources.listeners[index].filterChains.indices {
                try redact(&result.staticResources.listeners[index].filterChains[chain])
            }
            if result.staticResources.listeners[index].hasDefaultFilterChain {
                try redact(&result.staticResources.listeners[index].defaultFilterChain)
            }
        }
        return result
    }

    private static func redact(_ chain: inout Envoy_Config_Listener_V3_FilterChain) throws {
        if chain.hasTransportSocket { try redact(&chain.transportSocket) }
    }

    private static func redact(_ socket: inout Envoy_Config_Core_V3_TransportSocket) throws {
        let config = socket.typedConfig
        if config.holds(Envoy_Extensions_TransportSockets_Tls_V3_UpstreamTlsContext.self) {
            var context: Envoy_Extensions_TransportSockets_Tls_V3_UpstreamTlsContext = try config.unpack()
            redact(&context.commonTlsContext)
            socket.typedConfig.value = try context.serializedBytes()
        } else if config.holds(Envoy_Extensions_TransportSockets_Tls_V3_DownstreamTlsContext.self) {
            var context: Envoy_Extensions_TransportSockets_Tls_V3_DownstreamTlsContext = try config.unpack()
            redact(&context.commonTlsContext)
            socket.typedConfig.value = try context.serializedBytes()
        }
    }

    private static func redact(_ context: inout Common) {
        for index in context.tlsCertificates.indices { redact(&context.tlsCertificates[index]) }
    }

    private static func redact(_ certificate: inout Envoy_Extensions_TransportSockets_Tls_V3_TlsCertificate) {
        if certificate.hasPrivateKey { redact(&certificate.privateKey) }
        if certificate.hasPassword { redact(&certificate.password) }
    }

    /// The name of a file or variable is no secret; what stands in the configuration itself is.
    private static func redact(_ source: inout Envoy_Config_Core_V3_DataSource) {
        switch source.specifier {
        case .inlineString, .inlineBytes: source.inlineString = mark
        case .filename, .environmentVariable, nil: break
        }
    }
}
