package import ProxyModel
import SwiftProtobuf
package import TrafficPolicy

extension CircuitThresholds {
    /// The thresholds of a cluster for its two priorities; Envoy's defaults where nothing is said.
    package static func compile(
        _ message: Envoy_Config_Cluster_V3_CircuitBreakers
    ) -> (normal: CircuitThresholds, high: CircuitThresholds) {
        var (normal, high) = (CircuitThresholds(), CircuitThresholds())
        for threshold in message.thresholds {
            var values = CircuitThresholds()
            if threshold.hasMaxConnections { values.maxConnections = threshold.maxConnections.value }
            if threshold.hasMaxPendingRequests { values.maxPendingRequests = threshold.maxPendingRequests.value }
            if threshold.hasMaxRequests { values.maxRequests = threshold.maxRequests.value }
            if threshold.hasMaxRetries { values.maxRetries = threshold.maxRetries.value }
            if threshold.priority == .high { high = values } else { normal = values }
        }
        return (normal, high)
    }
}
