/// `server.`: the proxy as a whole; written by the supervisor, but for `total_connections`.
public struct ServerStats: StatView, Sendable {
    /// What only grows; a raw value is the rest of Envoy's name.
    public enum Counters: String, StatKey {
        case watchdogMiss = "watchdog_miss"
        case watchdogMegaMiss = "watchdog_mega_miss"
        case workerExits = "worker_exits"
        case workerRestarts = "worker_restarts"
    }

    /// What rises and falls; a raw value is the rest of Envoy's name.
    public enum Gauges: String, GaugeKey {
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

        /// Whether all workers see the same level, so that the largest counts instead of the sum.
        public var isShared: Bool {
            switch self {
            case .live, .state, .uptime, .concurrency, .version, .daysUntilFirstCertExpiring, .hotRestartEpoch,
                .hotRestartGeneration: true
            default: false
            }
        }
    }

    /// What is recorded as a distribution; a raw value is the rest of Envoy's name.
    public enum Histograms: String, HistogramKey {
        case initializationTimeMS = "initialization_time_ms"

        /// Whether times in microseconds are recorded, shown in milliseconds.
        public var isTiming: Bool { true }
    }

    static let kind = StatKind(
        "server.", counters: Counters.self, gauges: Gauges.self, histograms: Histograms.self,
        starts: (firstGauge, firstHistogram, 0))
    static let id = StatKindID.server

    let group: StatGroup

    /// The handle of one counter; free to make, costs a load and a store to use.
    public subscript(counter: Counters) -> Counter { group.counter(ordinal(counter)) }
    /// The handle of one gauge.
    public subscript(gauge: Gauges) -> Gauge { group.gauge(Self.firstGauge + ordinal(gauge)) }
    /// The handle of one distribution.
    public subscript(histogram: Histograms) -> Histogram { group.histogram(Self.firstHistogram + ordinal(histogram)) }

    private static let firstGauge = 4
    private static let firstHistogram = 16
}

/// `listener_manager.`: the listeners as a whole.
public struct ListenerManagerStats: StatView, Sendable {
    /// What only grows; a raw value is the rest of Envoy's name.
    public enum Counters: String, StatKey {
        case listenerAdded = "listener_added"
        case listenerModified = "listener_modified"
        case listenerRemoved = "listener_removed"
        case listenerStopped = "listener_stopped"
        case listenerCreateSuccess = "listener_create_success"
        case listenerCreateFailure = "listener_create_failure"
        case listenerInPlaceUpdated = "listener_in_place_updated"
    }

    /// What rises and falls; a raw value is the rest of Envoy's name.
    public enum Gauges: String, GaugeKey {
        case totalListenersActive = "total_listeners_active"
        case totalListenersWarming = "total_listeners_warming"
        case workersStarted = "workers_started"

        /// Whether all workers see the same level, so that the largest counts instead of the sum.
        public var isShared: Bool { true }
    }

    static let kind = StatKind(
        "listener_manager.", counters: Counters.self, gauges: Gauges.self,
        starts: (firstGauge, 0, 0))
    static let id = StatKindID.listenerManager

    let group: StatGroup

    /// The handle of one counter; free to make, costs a load and a store to use.
    public subscript(counter: Counters) -> Counter { group.counter(ordinal(counter)) }
    /// The handle of one gauge.
    public subscript(gauge: Gauges) -> Gauge { group.gauge(Self.firstGauge + ordinal(gauge)) }

    private static let firstGauge = 7
}

/// `cluster_manager.`: the clusters as a whole.
public struct ClusterManagerStats: StatView, Sendable {
    /// What only grows; a raw value is the rest of Envoy's name.
    public enum Counters: String, StatKey {
        case clusterAdded = "cluster_added"
        case clusterModified = "cluster_modified"
        case clusterRemoved = "cluster_removed"
        case clusterUpdated = "cluster_updated"
    }

    /// What rises and falls; a raw value is the rest of Envoy's name.
    public enum Gauges: String, GaugeKey {
        case activeClusters = "active_clusters"
        case warmingClusters = "warming_clusters"

        /// Whether all workers see the same level, so that the largest counts instead of the sum.
        public var isShared: Bool { true }
    }

    static let kind = StatKind(
        "cluster_manager.", counters: Counters.self, gauges: Gauges.self,
        starts: (firstGauge, 0, 0))
    static let id = StatKindID.clusterManager

    let group: StatGroup

    /// The handle of one counter; free to make, costs a load and a store to use.
    public subscript(counter: Counters) -> Counter { group.counter(ordinal(counter)) }
    /// The handle of one gauge.
    public subscript(gauge: Gauges) -> Gauge { group.gauge(Self.firstGauge + ordinal(gauge)) }

    private static let firstGauge = 4
}
