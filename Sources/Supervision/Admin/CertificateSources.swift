import DataPlane
import ProxyModel
import SecureTransport
import SwiftProtobuf

/// A certificate chain or bundle that the configuration names, as `/certs` shows it.
struct CertificateSources {
    let name: String
    /// `certificate_chain` or `trusted_ca`.
    let kind: String
    private let source: Envoy_Config_Core_V3_DataSource

    static func all(_ store: ResourceStore) -> [CertificateSources] {
        var contexts: [(String, Envoy_Extensions_TransportSockets_Tls_V3_CommonTlsContext)] = []
        for resource in store.active(.cluster) {
            guard let cluster: Envoy_Config_Cluster_V3_Cluster = ConfigDump.decode(resource) else { continue }
            for socket in [cluster.transportSocket] + cluster.transportSocketMatches.map(\.transportSocket) {
                if let context = common(socket) { contexts.append(("cluster \(cluster.name)", context)) }
            }
        }
        for resource in store.active(.listener) {
            guard let listener: Envoy_Config_Listener_V3_Listener = ConfigDump.decode(resource) else { continue }
            for chain in listener.filterChains + (listener.hasDefaultFilterChain ? [listener.defaultFilterChain] : []) {
                if let context = common(chain.transportSocket) { contexts.append(("listener \(resource.key.name)", context)) }
            }
        }
        var result: [CertificateSources] = []
        for (owner, context) in contexts {
            for certificate in context.tlsCertificates {
                result.append(CertificateSources(owner, "certificate_chain", certificate.certificateChain))
            }
            switch context.validationContextType {
            case .validationContext(let validation)? where validation.hasTrustedCa:
                result.append(CertificateSources(owner, "trusted_ca", validation.trustedCa))
            case .combinedValidationContext(let combined)? where combined.defaultValidationContext.hasTrustedCa:
                result.append(CertificateSources(owner, "trusted_ca", combined.defaultValidationContext.trustedCa))
            default: break
            }
        }
        for resource in store.active(.secret) {
            guard let secret: Envoy_Extensions_TransportSockets_Tls_V3_Secret = ConfigDump.decode(resource) else { continue }
            switch secret.type {
            case .tlsCertificate(let certificate)?:
                result.append(CertificateSources("secret \(secret.name)", "certificate_chain", certificate.certificateChain))
            case .validationContext(let validation)? where validation.hasTrustedCa:
                result.append(CertificateSources("secret \(secret.name)", "trusted_ca", validation.trustedCa))
            default: break
            }
        }
        return result
    }

    private init(_ owner: String, _ kind: String, _ source: Envoy_Config_Core_V3_DataSource) {
        self.kind = kind
        self.source = source
        if case .filename(let file)? = source.specifier { name = "\(owner): \(file)" } else { name = "\(owner): <inline>" }
    }

    private static func common(
        _ socket: Envoy_Config_Core_V3_TransportSocket
    ) -> Envoy_Extensions_TransportSockets_Tls_V3_CommonTlsContext? {
        if let context: Envoy_Extensions_TransportSockets_Tls_V3_DownstreamTlsContext = try? socket.typedConfig.unpack() {
            return context.commonTlsContext
        }
        if let context: Envoy_Extensions_TransportSockets_Tls_V3_UpstreamTlsContext = try? socket.typedConfig.unpack() {
            return context.commonTlsContext
        }
        return nil
    }

    /// The last second of the certificate that expires first, since 1970; nil when they cannot be read.
    var firstExpiry: UInt64? {
        guard let bytes = try? DataSources.bytes(source, kind),
            let certificates = try? Certificate.parsePEM(bytes, code: .certificateChain, name: name)
        else { return nil }
        return certificates.compactMap { $0.validUntil.map { UInt64(max(0, $0)) } }.min()
    }

    /// The certificates themselves, or why they cannot be read.
    func append(to json: inout JSONText) {
        do {
            let bytes = try DataSources.bytes(source, kind)
            for certificate in try Certificate.parsePEM(bytes, code: .certificateChain, name: name) {
                json.object { json in
                    json.field("subject", certificate.subject)
                    json.field("issuer", certificate.issuer)
                    json.field("serial_number", certificate.serialNumber)
                    json.field("sha256", certificate.sha256)
                    if let from = certificate.validFrom { json.field("valid_from_epoch_seconds", Int(from)) }
                    if let until = certificate.validUntil { json.field("expiration_epoch_seconds", Int(until)) }
                }
            }
        } catch {
            json.object { $0.field("error", "\(error)") }
        }
    }
}
