import DataPlane
import ProxyModel
import TrafficPolicy

/// What a cluster's circuit breakers show: whether each limit is reached, and, where that is asked for
/// (`track_remaining`), how many places are left.
struct ClusterLimitLevels {
    /// Names below the cluster's own, and their levels.
    private(set) var levels: [(stat: String, level: Int)] = []

    private static let resources: [(LimitedResource, open: String, remaining: String)] = [
        (.connection, "cx_open", "remaining_cx"), (.pendingRequest, "rq_pending_open", "remaining_pending"),
        (.request, "rq_open", "remaining_rq"), (.retry, "rq_retry_open", "remaining_retries"),
    ]

    init(_ message: Envoy_Config_Cluster_V3_CircuitBreakers, _ counters: LimitCounters) {
        let (normal, high) = CircuitThresholds.compile(message)
        let breaker = CircuitBreaker(counters: counters, normal: normal, high: high)
        for (priority, name) in [(RoutingPriority.default, "default"), (.high, "high")] {
            let threshold = message.thresholds.last { ($0.priority == .high) == (priority == .high) }
            for (resource, open, remaining) in Self.resources {
                levels.append(("circuit_breakers.\(name).\(open)", breaker.isOpen(resource, priority) ? 1 : 0))
                guard threshold?.trackRemaining == true else { continue }
                levels.append(("circuit_breakers.\(name).\(remaining)", Int(breaker.remaining(resource, priority))))
            }
        }
    }
}
