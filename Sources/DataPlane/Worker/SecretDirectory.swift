package import ProxyModel
package import Reactor
package import SecureTransport
import SwiftProtobuf

/// How a TLS context is made: its settings, and the secrets that are filled in by name.
package struct TLSRecipe {
    /// Everything that does not come by name.
    package var settings: TLSContextConfig
    /// Names of the certificates with their keys.
    package var certificates: [String] = []
    /// Name of what peers are verified by.
    package var validation: String?
    /// `default_validation_context`: what the validation that comes by name is laid over.
    package var defaultValidation: Envoy_Extensions_TransportSockets_Tls_V3_CertificateValidationContext?
    /// `require_client_certificate`
    package var requiresClientCertificate = false

    package init(_ settings: TLSContextConfig) { self.settings = settings }

    /// The secrets that are filled in.
    package var names: [String] { certificates + (validation.map { [$0] } ?? []) }
}

/// The TLS context of a filter chain or cluster at present. New connections take it; those that are open keep theirs.
@WorkerActor package final class TLSReference {
    let recipe: TLSRecipe
    /// Nil while a secret is missing: connections are refused then, and never made without TLS.
    package fileprivate(set) var current: TLSContext?

    init(_ recipe: TLSRecipe, current: TLSContext?) {
        self.recipe = recipe
        self.current = current
    }
}

/// A connection cannot be made, for a secret of its TLS context has not come yet.
struct SecretMissing: Error, CustomStringConvertible {
    let description = "TLS_error: secret is not ready"
}

/// The secrets of a worker by name, and the TLS contexts that are made of them.
@WorkerActor package final class SecretDirectory {
    private var secrets: [String: Envoy_Extensions_TransportSockets_Tls_V3_Secret] = [:]
    /// Those that are compiled and not in force yet: contexts are tried with them.
    private var prepared: [String: Envoy_Extensions_TransportSockets_Tls_V3_Secret] = [:]
    private var references: [TLSReference] = []
    /// What listeners seal session tickets with, so that any worker of the proxy resumes; nil outside of one.
    package var ticketKeys: TicketKeyring?

    package init() {}

    /// A context for a recipe; it follows its secrets from now on. The settings are tried at once, whether the secrets
    /// are there or not.
    func reference(_ recipe: TLSRecipe) throws(ConfigProblem) -> TLSReference {
        guard !recipe.names.isEmpty else { return TLSReference(recipe, current: try context(recipe.settings)) }
        if recipe.settings.role == .client { _ = try context(recipe.settings) }
        _ = try context(recipe, trying: prepared)
        let reference = TLSReference(recipe, current: try context(recipe, trying: [:]))
        references.append(reference)
        return reference
    }

    /// First step: whether a secret can be used. Certificate and key must fit, and whoever names it must be able to use it.
    func prepare(_ name: String, _ secret: Envoy_Extensions_TransportSockets_Tls_V3_Secret) throws(ConfigProblem) {
        switch secret.type {
        case .tlsCertificate(let certificate):
            var settings = TLSContextConfig(role: .server)
            settings.certificates = [try Self.source(certificate, "tls_certificate")]
            _ = try context(settings)
        case .validationContext(let validation):
            var settings = TLSContextConfig(role: .client)
            try Self.fill(&settings, validation, "validation_context")
            // The authorities that the names need may stand where the secret is laid over.
            settings.peerNames = []
            _ = try context(settings)
        case nil: throw ConfigProblem("a secret needs one of tls_certificate, validation_context")
        }
        var tried = prepared
        tried[name] = secret
        for reference in references where reference.recipe.names.contains(name) {
            _ = try context(reference.recipe, trying: tried)
        }
        prepared = tried
    }

    /// Gives up what was prepared.
    func forget(_ name: String) { prepared[name] = nil }

    /// Puts a secret in force: contexts that use it are made anew.
    /// - Returns: why a context cannot be; it stays as it was.
    func set(_ name: String, _ secret: Envoy_Extensions_TransportSockets_Tls_V3_Secret) -> ConfigProblem? {
        secrets[name] = secret
        prepared[name] = nil
        var problem: ConfigProblem?
        for reference in references where reference.recipe.names.contains(name) {
            do throws(ConfigProblem) {
                if let context = try context(reference.recipe, trying: [:]) { reference.current = context }
            } catch {
                problem = error
            }
        }
        return problem
    }

    /// The name is gone: contexts that were made of it stay.
    func remove(_ name: String) { secrets[name] = nil }

    /// Forgets contexts that no filter chain and no cluster holds any longer.
    func sweep() {
        var index = 0
        while index < references.count {
            if isKnownUniquelyReferenced(&references[index]) {
                references.swapAt(index, references.count - 1)
                references.removeLast()
            } else {
                index += 1
            }
        }
    }

    // MARK: Making contexts

    /// - Parameter tried: secrets in the place of those in force.
    /// - Returns: nil when a secret is missing.
    private func context(
        _ recipe: TLSRecipe, trying tried: [String: Envoy_Extensions_TransportSockets_Tls_V3_Secret]
    ) throws(ConfigProblem) -> TLSContext? {
        guard let settings = try Self.settings(recipe, { tried[$0] ?? secrets[$0] }) else { return nil }
        return try context(settings)
    }

    /// A recipe with its secrets filled in.
    /// - Returns: nil when a secret is missing.
    package static func settings(
        _ recipe: TLSRecipe, _ secret: (String) -> Envoy_Extensions_TransportSockets_Tls_V3_Secret?
    ) throws(ConfigProblem) -> TLSContextConfig? {
        var settings = recipe.settings
        for name in recipe.certificates {
            guard let secret = secret(name) else { return nil }
            guard case .tlsCertificate(let certificate)? = secret.type else {
                throw ConfigProblem("secret \"\(name)\" is no certificate", path: "common_tls_context.tls_certificate_sds_secret_configs")
            }
            settings.certificates.append(try source(certificate, "secret \"\(name)\""))
        }
        if let name = recipe.validation {
            guard let secret = secret(name) else { return nil }
            guard case .validationContext(let validation)? = secret.type else {
                throw ConfigProblem(
                    "secret \"\(name)\" is no validation context", path: "common_tls_context.validation_context_sds_secret_config")
            }
            try fill(&settings, try overlay(validation, on: recipe.defaultValidation), "secret \"\(name)\"")
        }
        try askForCertificate(&settings, required: recipe.requiresClientCertificate, "validation_context.trusted_ca")
        return settings
    }

    private func context(_ settings: TLSContextConfig) throws(ConfigProblem) -> TLSContext {
        do throws(TLSError) {
            return try TLSContext(settings, ticketKeys: ticketKeys)
        } catch {
            throw ConfigProblem("\(error)", path: "common_tls_context")
        }
    }

    static func source(
        _ certificate: Envoy_Extensions_TransportSockets_Tls_V3_TlsCertificate, _ path: String
    ) throws(ConfigProblem) -> CertificateSource {
        CertificateSource(
            name: path, chainPEM: try DataSources.bytes(certificate.certificateChain, "\(path).certificate_chain"),
            keyPEM: try DataSources.bytes(certificate.privateKey, "\(path).private_key"),
            password: certificate.hasPassword ? try DataSources.bytes(certificate.password, "\(path).password") : nil)
    }

    static func fill(
        _ settings: inout TLSContextConfig, _ validation: Envoy_Extensions_TransportSockets_Tls_V3_CertificateValidationContext,
        _ path: String
    ) throws(ConfigProblem) {
        settings.acceptsUntrusted = validation.trustChainVerification == .acceptUntrusted
        settings.certificateHashes = validation.verifyCertificateHash
        settings.publicKeyHashes = validation.verifyCertificateSpki
        settings.peerNames = try PeerNames.compile(validation, path)
        guard validation.hasTrustedCa else { return }
        settings.trustedCA = try DataSources.bytes(validation.trustedCa, "\(path).trusted_ca")
    }

    /// What a server asks of its clients, by what it could hold them against.
    static func askForCertificate(
        _ settings: inout TLSContextConfig, required: Bool, _ path: String
    ) throws(ConfigProblem) {
        guard settings.role == .server else { return }
        guard settings.looksAtPeers || !required else {
            throw ConfigProblem("a required client certificate needs a trusted CA", path: path)
        }
        settings.clientCertificate = required ? .required : settings.looksAtPeers ? .offered : .none
    }

    /// The validation that comes by name, laid over another as protobuf merges messages: single fields replace, lists are
    /// appended.
    private static func overlay(
        _ named: Envoy_Extensions_TransportSockets_Tls_V3_CertificateValidationContext,
        on base: Envoy_Extensions_TransportSockets_Tls_V3_CertificateValidationContext?
    ) throws(ConfigProblem) -> Envoy_Extensions_TransportSockets_Tls_V3_CertificateValidationContext {
        guard var merged = base else { return named }
        do {
            try merged.merge(serializedBytes: try named.serializedBytes() as [UInt8])
        } catch {
            throw ConfigProblem("cannot be laid over default_validation_context: \(error)")
        }
        return merged
    }
}
