/// What all views of a discovery service have: Envoy's names of a subscription's statistics.
public enum DiscoveryCounters: String, StatKey {
    case updateAttempt = "update_attempt"
    case updateSuccess = "update_success"
    case updateFailure = "update_failure"
    case updateRejected = "update_rejected"
    case initFetchTimeout = "init_fetch_timeout"
}

/// The levels of a subscription.
public enum DiscoveryGauges: String, GaugeKey {
    /// A hash of the version that was taken last.
    case version
    /// When it was taken: milliseconds since 1970.
    case updateTime = "update_time"

    /// Whether all workers see the same level, so that the largest counts instead of the sum.
    public var isShared: Bool { true }
}

/// The statistics of one discovery service, whichever it is.
public protocol DiscoveryStats: Sendable {
    /// The handle of one counter.
    subscript(counter: DiscoveryCounters) -> Counter { get }
    /// The handle of one gauge.
    subscript(gauge: DiscoveryGauges) -> Gauge { get }
}

/// Gauges come after the five counters.
private let firstGauge = 5

private func discoveryKind(_ pattern: String) -> StatKind {
    StatKind(pattern, counters: DiscoveryCounters.self, gauges: DiscoveryGauges.self, starts: (firstGauge, 0, 0))
}

/// `cluster_manager.cds.`
public struct ClusterDiscoveryStats: StatView, DiscoveryStats {
    static let kind = discoveryKind("cluster_manager.cds.")
    static let id = StatKindID.clusterDiscovery
    let group: StatGroup
    /// The handle of one counter.
    public subscript(counter: DiscoveryCounters) -> Counter { group.counter(ordinal(counter)) }
    /// The handle of one gauge.
    public subscript(gauge: DiscoveryGauges) -> Gauge { group.gauge(firstGauge + ordinal(gauge)) }
}

/// `listener_manager.lds.`
public struct ListenerDiscoveryStats: StatView, DiscoveryStats {
    static let kind = discoveryKind("listener_manager.lds.")
    static let id = StatKindID.listenerDiscovery
    let group: StatGroup
    /// The handle of one counter.
    public subscript(counter: DiscoveryCounters) -> Counter { group.counter(ordinal(counter)) }
    /// The handle of one gauge.
    public subscript(gauge: DiscoveryGauges) -> Gauge { group.gauge(firstGauge + ordinal(gauge)) }
}

/// `eds.`, `rds.`, `sds.`: all names of a type together; Envoy counts each name by itself.
public struct NamedDiscoveryStats: StatView, DiscoveryStats {
    static let kind = discoveryKind("{heddle_discovery}.")
    static let id = StatKindID.namedDiscovery
    let group: StatGroup
    /// The handle of one counter.
    public subscript(counter: DiscoveryCounters) -> Counter { group.counter(ordinal(counter)) }
    /// The handle of one gauge.
    public subscript(gauge: DiscoveryGauges) -> Gauge { group.gauge(firstGauge + ordinal(gauge)) }
}

/// `control_plane.`: the streams to control planes.
public struct ControlPlaneStats: StatView, Sendable {
    /// What only grows; a raw value is the rest of Envoy's name.
    public enum Counters: String, StatKey {
        case rateLimitEnforced = "rate_limit_enforced"
        /// Streams that were opened; ours.
        case streams
        /// How often the last good configuration was written to its file, and could not be; ours.
        case lastGoodSaved = "last_good_saved"
        case lastGoodSaveFailed = "last_good_save_failed"
    }

    /// What rises and falls; a raw value is the rest of Envoy's name.
    public enum Gauges: String, GaugeKey {
        /// Whether there is a stream; with several, how many.
        case connectedState = "connected_state"
        case pendingRequests = "pending_requests"
        /// Resources of the last good configuration that their source has not confirmed; ours.
        case lastGoodResources = "last_good_resources"

        /// Whether all workers see the same level, so that the largest counts instead of the sum.
        public var isShared: Bool { true }
    }

    static let kind = StatKind(
        "control_plane.", counters: Counters.self, gauges: Gauges.self, starts: (firstGauge, 0, 0))
    static let id = StatKindID.controlPlane

    let group: StatGroup

    /// The handle of one counter; free to make, costs a load and a store to use.
    public subscript(counter: Counters) -> Counter { group.counter(ordinal(counter)) }
    /// The handle of one gauge.
    public subscript(gauge: Gauges) -> Gauge { group.gauge(Self.firstGauge + ordinal(gauge)) }

    private static let firstGauge = 4
}
