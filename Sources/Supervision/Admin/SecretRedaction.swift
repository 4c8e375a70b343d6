import ProxyModel
import SwiftProtobuf

/// Takes private keys and passwords out of a configuration that is shown.
enum SecretRedaction {
    private typealias Common = Envoy_Extensions_TransportSockets_Tls_V3_CommonTlsContext
    private static let mark = "[redacted]"

    /// - Throws: when a TLS context cannot be read; then nothing is shown.
    static func redact(_ listener: Envoy_Config_Listener_V3_Listener) throws -> Envoy_Config_Listener_V3_Listener {
        var result = listener
        for chain in result.filterChains.indices { try redact(&result.filterChains[chain]) }
        if result.hasDefaultFilterChain { try redact(&result.defaultFilterChain) }
        return result
    }

    /// - Throws: as above.
    static func redact(_ cluster: Envoy_Config_Cluster_V3_Cluster) throws -> Envoy_Config_Cluster_V3_Cluster {
        var result = cluster
        if result.hasTransportSocket { try redact(&result.transportSocket) }
        for index in result.transportSocketMatches.indices { try redact(&result.transportSocketMatches[index].transportSocket) }
        return result
    }

    static func redact(_ secret: Envoy_Extensions_TransportSockets_Tls_V3_Secret) -> Envoy_Extensions_TransportSockets_Tls_V3_Secret {
        var result = secret
        if case .tlsCertificate(var certificate)? = result.type {
            redact(&certificate)
            result.type = .tlsCertificate(certificate)
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
