import Bytes
import DataPlane
import ProxyModel
import SwiftProtobuf

extension NameResolver.Settings {
    /// What a bootstrap says of resolving (`typed_dns_resolver_config`).
    init(_ bootstrap: Envoy_Config_Bootstrap_V3_Bootstrap) throws {
        if bootstrap.hasTypedDnsResolverConfig { try self.init(bootstrap.typedDnsResolverConfig) } else { self.init() }
    }

    /// What an extension of a bootstrap or of a cluster says.
    init(_ message: Envoy_Config_Core_V3_TypedExtensionConfig) throws {
        let config: Envoy_Extensions_Network_DnsResolver_Cares_V3_CaresDnsResolverConfig =
            try message.typedConfig.unpack()
        self.init()
        servers = try config.resolvers.map { message in
            let address = try Address.compile(message).get()
            // Port 53 when none is given.
            return (address.port == 0 ? address.withPort(53) : address).description
        }
        serversAreFallback = config.useResolversAsFallback
        usesTCP = config.dnsResolverOptions.useTcpForDnsLookups
        noSearchDomain = config.dnsResolverOptions.noDefaultSearchDomain
        if config.hasQueryTimeoutSeconds { timeoutSeconds = config.queryTimeoutSeconds.value }
        if config.hasQueryTries { tries = config.queryTries.value }
    }
}
