import DataPlane
import ProxyModel
import Reactor
import SwiftProtobuf

/// `envoy.filters.http.router`, the last filter of every chain.
///
/// ```yaml
/// - name: envoy.filters.http.router
///   typed_config:
///     "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
///     suppress_envoy_headers: true
/// ```
struct RouterType: HTTPFilterType {
    let messageNames = ["envoy.extensions.filters.http.router.v3.Router"]

    nonisolated init() {}

    func makeFactory(
        _ config: Google_Protobuf_Any, _ context: FilterBuildContext
    ) throws(ConfigProblem) -> any HTTPFilterFactory {
        let message: Envoy_Extensions_Filters_Http_Router_V3_Router = try config.message()
        guard !message.respectExpectedRqTimeout else {
            throw ConfigProblem("timeouts that a request header sets are not supported yet", path: "respect_expected_rq_timeout")
        }
        guard !message.hasDynamicStats || message.dynamicStats.value else {
            throw ConfigProblem("the router's statistics cannot be switched off", path: "dynamic_stats")
        }
        return RouterFactory(name: context.filterName, suppressesHeaders: message.suppressEnvoyHeaders)
    }
}
