extension Envoy_Extensions_TransportSockets_Tls_V3_CommonTlsContext {
    /// The secrets that it has by name, and where from.
    package var secretConfigs: [Envoy_Extensions_TransportSockets_Tls_V3_SdsSecretConfig] {
        switch validationContextType {
        case .validationContextSdsSecretConfig(let secret)?: tlsCertificateSdsSecretConfigs + [secret]
        case .combinedValidationContext(let combined)?:
            tlsCertificateSdsSecretConfigs + [combined.validationContextSdsSecretConfig]
        case .validationContext, nil: tlsCertificateSdsSecretConfigs
        }
    }
}
