import Bytes
import DataPlane
import ProxyModel
import SwiftProtobuf

extension NameResolver.Settings {
    /// What a bootstrap says of resolving (`typed_dns_resolver_config`).
    init(_ bootstrap: Envoy_Config_Bootstrap_V3_Bootstrap) throws {
        guard bootstrap.hasTypedDnsResolverConfig else { return }
        let config: Envoy_Extensions_Network_DnsResolver_Cares_V3_CaresDnsResolverConfig =
            try bootstrap.typedDnsResolverConfig.typedConfig.unpack()
        servers = try config.resolvers.map { message in
            let address = try Address.compile(message).get()
            // Port 53 when none is given.
            return (address.port == 0 ? address.withPort(53) : address).description
        }
        usesTCP = config.dnsResolverOptions.useTcpForDnsLookups
        noSearchDomain = config.dnsResolverOptions.noDefaultSearchDomain
        if config.hasQueryTimeoutSeconds { timeoutSeconds = config.queryTimeoutSeconds.value }
        if config.hasQueryTries { tries = config.queryTries.value }
    }
}
