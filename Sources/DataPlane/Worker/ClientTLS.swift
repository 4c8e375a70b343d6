package import ProxyModel
import Reactor
import SecureTransport

/// The TLS of a cluster for calls that the proxy makes for itself, such as to its control plane.
package struct ClientTLS {
    package let recipe: TLSRecipe
    /// Where the secrets of the recipe come from.
    package let secrets: [Envoy_Extensions_TransportSockets_Tls_V3_SdsSecretConfig]
    /// SNI
    package let serverName: String?

    /// - Parameters:
    ///   - socket: a cluster's transport socket.
    ///   - protocols: ALPN, where the socket says nothing.
    /// - Returns: nil for plaintext.
    @WorkerActor package static func compile(
        _ socket: Envoy_Config_Core_V3_TransportSocket, protocols: [String]
    ) throws(ConfigProblem) -> ClientTLS? {
        if socket.typedConfig.holds(Envoy_Extensions_TransportSockets_RawBuffer_V3_RawBuffer.self) { return nil }
        do throws(ConfigProblem) {
            let message: Envoy_Extensions_TransportSockets_Tls_V3_UpstreamTlsContext = try socket.typedConfig.message()
            var recipe = TLSRecipe(TLSContextConfig(role: .client))
            try SnapshotCompiler.fill(&recipe, message.commonTlsContext)
            if recipe.settings.applicationProtocols.isEmpty { recipe.settings.applicationProtocols = protocols }
            return ClientTLS(
                recipe: recipe, secrets: message.commonTlsContext.secretConfigs,
                serverName: message.sni.isEmpty ? nil : message.sni)
        } catch {
            throw error.within("transport_socket.typed_config")
        }
    }
}
