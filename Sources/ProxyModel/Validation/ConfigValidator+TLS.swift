import SwiftProtobuf

private typealias CommonTLSContext = Envoy_Extensions_TransportSockets_Tls_V3_CommonTlsContext

extension ConfigValidator {
    /// Checks the transport socket of a filter chain.
    mutating func validateDownstream(_ socket: Envoy_Config_Core_V3_TransportSocket, _ path: ConfigPath) {
        typealias Context = Envoy_Extensions_TransportSockets_Tls_V3_DownstreamTlsContext
        let path = path.field("typed_config")
        guard case .typedConfig(let config)? = socket.configType else { return fail(path, "is required") }
        if let context = unpacked(Context.self, config, path) {
            let common = context.commonTlsContext
            validate(common, path.field("common_tls_context"))
            if common.tlsCertificates.isEmpty, common.tlsCertificateSdsSecretConfigs.isEmpty {
                fail(path.field("common_tls_context"), "a listener needs a certificate (tls_certificates)")
            }
        } else if !config.holds(Envoy_Extensions_TransportSockets_RawBuffer_V3_RawBuffer.self) {
            fail(
                path, "\(config.messageName) is no transport socket of a listener; expected \(Context.protoMessageName)"
            )
        }
    }

    /// Checks the transport socket of a cluster.
    mutating func validateUpstream(_ socket: Envoy_Config_Core_V3_TransportSocket, _ path: ConfigPath) {
        typealias Context = Envoy_Extensions_TransportSockets_Tls_V3_UpstreamTlsContext
        let path = path.field("typed_config")
        guard case .typedConfig(let config)? = socket.configType else { return fail(path, "is required") }
        if let context = unpacked(Context.self, config, path) {
            validate(context.commonTlsContext, path.field("common_tls_context"))
        } else if !config.holds(Envoy_Extensions_TransportSockets_RawBuffer_V3_RawBuffer.self) {
            fail(
                path, "\(config.messageName) is no transport socket of a cluster; expected \(Context.protoMessageName)")
        }
    }

    /// Checks that a certificate comes with its key.
    mutating func validate(_ certificate: Envoy_Extensions_TransportSockets_Tls_V3_TlsCertificate, _ path: ConfigPath) {
        if !certificate.hasCertificateChain { fail(path.field("certificate_chain"), "is required") }
        if !certificate.hasPrivateKey { fail(path.field("private_key"), "is required") }
    }

    private mutating func validate(_ context: CommonTLSContext, _ path: ConfigPath) {
        for (index, certificate) in context.tlsCertificates.enumerated() {
            validate(certificate, path.field("tls_certificates").index(index))
        }
        for (index, reference) in context.tlsCertificateSdsSecretConfigs.enumerated() {
            requireSecret(reference, path.field("tls_certificate_sds_secret_configs").index(index))
        }
        switch context.validationContextType {
        case .validationContextSdsSecretConfig(let reference)?:
            requireSecret(reference, path.field("validation_context_sds_secret_config"))
        case .combinedValidationContext(let combined)?:
            requireSecret(
                combined.validationContextSdsSecretConfig,
                path.field("combined_validation_context").field("validation_context_sds_secret_config"))
        case .validationContext, nil: break
        }
        let parameters = context.tlsParams
        let (lowest, highest) = (parameters.tlsMinimumProtocolVersion, parameters.tlsMaximumProtocolVersion)
        if lowest != .tlsAuto, highest != .tlsAuto, lowest.rawValue > highest.rawValue {
            fail(path.field("tls_params"), "tls_minimum_protocol_version is above tls_maximum_protocol_version")
        }
    }

    private mutating func requireSecret(
        _ reference: Envoy_Extensions_TransportSockets_Tls_V3_SdsSecretConfig, _ path: ConfigPath
    ) {
        if reference.hasSdsConfig { return validate(reference.sdsConfig, path.field("sds_config")) }
        guard let secrets, !secrets.contains(reference.name) else { return }
        fail(path.field("name"), "static_resources.secrets has no \"\(reference.name)\"")
    }
}
