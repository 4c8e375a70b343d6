/// `server.`: the proxy as a whole; written by the supervisor, but for `total_connections`.
package struct ServerStats: StatView, Sendable {
    package enum Counters: String, StatKey {
        case watchdogMiss = "watchdog_miss"
        case watchdogMegaMiss = "watchdog_mega_miss"
        case workerExits = "worker_exits"
        case workerRestarts = "worker_restarts"
    }

    package enum Gauges: String, GaugeKey {
        case totalConnections = "total_connections"
        case live
        case state
        case uptime
        case concurrency
        case version
        case memoryAllocated = "memory_allocated"
        case memoryHeapSize = "memory_heap_size"
        case memoryPhysicalSize = "memory_physical_size"
        case daysUntilFirstCertExpiring = "days_until_first_cert_expiring"
        case hotRestartEpoch = "hot_restart_epoch"
        case hotRestartGeneration = "hot_restart_generation"
        case parentConnections = "parent_connections"

        package var isShared: Bool {
            switch self {
            case .live, .state, .uptime, .concurrency, .version, .daysUntilFirstCertExpiring, .hotRestartEpoch,
                .hotRestartGeneration, .parentConnections: true
            default: false
            }
        }
    }

    package enum Histograms: String, HistogramKey {
        case initializationTimeMS = "initialization_time_ms"

        package var isTiming: Bool { true }
    }

    static let kind = StatKind(
        "server.", counters: Counters.self, gauges: Gauges.self, histograms: Histograms.self,
        starts: (firstGauge, firstHistogram, 0))
    static let id = StatKindID.server

    let group: StatGroup

    package subscript(counter: Counters) -> Counter { group.counter(ordinal(counter)) }
    package subscript(gauge: Gauges) -> Gauge { group.gauge(Self.firstGauge + ordinal(gauge)) }
    package subscript(histogram: Histograms) -> Histogram { group.histogram(Self.firstHistogram + ordinal(histogram)) }

    private static let firstGauge = 4
    private static let firstHistogram = 17
}

/// `listener_manager.`: the listeners as a whole.
package struct ListenerManagerStats: StatView, Sendable {
    package enum Counters: String, StatKey {
        case listenerAdded = "listener_added"
        case listenerModified = "listener_modified"
        case listenerRemoved = "listener_removed"
        case listenerStopped = "listener_stopped"
        case listenerCreateSuccess = "listener_create_success"
        case listenerCreateFailure = "listener_create_failure"
        case listenerInPlaceUpdated = "listener_in_place_updated"
    }

    package enum Gauges: String, GaugeKey {
        case totalListenersActive = "total_listeners_active"
        case totalListenersWarming = "total_listeners_warming"
        case totalListenersDraining = "total_listeners_draining"
        case totalFilterChainsDraining = "total_filter_chains_draining"
        case workersStarted = "workers_started"

        package var isShared: Bool { true }
    }

    static let kind = StatKind(
        "listener_manager.", counters: Counters.self, gauges: Gauges.self,
        starts: (firstGauge, 0, 0))
    static let id = StatKindID.listenerManager

    let group: StatGroup

    package subscript(counter: Counters) -> Counter { group.counter(ordinal(counter)) }
    package subscript(gauge: Gauges) -> Gauge { group.gauge(Self.firstGauge + ordinal(gauge)) }

    private static let firstGauge = 7
}

/// `cluster_manager.`: the clusters as a whole.
package struct ClusterManagerStats: StatView, Sendable {
    package enum Counters: String, StatKey {
        case clusterAdded = "cluster_added"
        case clusterModified = "cluster_modified"
        case clusterRemoved = "cluster_removed"
        case clusterUpdated = "cluster_updated"
    }

    package enum Gauges: String, GaugeKey {
        case activeClusters = "active_clusters"
        case warmingClusters = "warming_clusters"

        package var isShared: Bool { true }
    }

    static let kind = StatKind(
        "cluster_manager.", counters: Counters.self, gauges: Gauges.self,
        starts: (firstGauge, 0, 0))
    static let id = StatKindID.clusterManager

    let group: StatGroup

    package subscript(counter: Counters) -> Counter { group.counter(ordinal(counter)) }
    package subscript(gauge: Gauges) -> Gauge { group.gauge(Self.firstGauge + ordinal(gauge)) }

    private static let firstGauge = 4
}
