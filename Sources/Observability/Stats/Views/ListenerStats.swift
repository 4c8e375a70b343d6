/// `listener.ADDRESS.`: one listener.
public struct ListenerStats: StatView, Sendable {
    /// What only grows; a raw value is the rest of Envoy's name.
    public enum Counters: String, StatKey {
        case downstreamCxTotal = "downstream_cx_total"
        case downstreamCxDestroy = "downstream_cx_destroy"
        case downstreamCxOverflow = "downstream_cx_overflow"
        case downstreamCxTransportSocketConnectTimeout = "downstream_cx_transport_socket_connect_timeout"
        case downstreamListenerFilterError = "downstream_listener_filter_error"
        case downstreamListenerFilterRemoteClose = "downstream_listener_filter_remote_close"
        case downstreamPreCxTimeout = "downstream_pre_cx_timeout"
        case noFilterChainMatch = "no_filter_chain_match"
    }

    /// What rises and falls; a raw value is the rest of Envoy's name.
    public enum Gauges: String, GaugeKey {
        case downstreamCxActive = "downstream_cx_active"
        case downstreamPreCxActive = "downstream_pre_cx_active"

        /// Whether all workers see the same level, so that the largest counts instead of the sum.
        public var isShared: Bool { false }
    }

    /// What is recorded as a distribution; a raw value is the rest of Envoy's name.
    public enum Histograms: String, HistogramKey {
        case downstreamCxLengthMS = "downstream_cx_length_ms"
        case connectionsAcceptedPerSocketEvent = "connections_accepted_per_socket_event"

        /// Whether times in microseconds are recorded, shown in milliseconds.
        public var isTiming: Bool {
            switch self {
            case .downstreamCxLengthMS: true
            default: false
            }
        }
    }

    static let kind = StatKind(
        "listener.{envoy_listener_address}.", counters: Counters.self, gauges: Gauges.self, histograms: Histograms.self,
        starts: (firstGauge, firstHistogram, 0))
    static let id = StatKindID.listener

    let group: StatGroup

    /// The handle of one counter; free to make, costs a load and a store to use.
    public subscript(counter: Counters) -> Counter { group.counter(ordinal(counter)) }
    /// The handle of one gauge.
    public subscript(gauge: Gauges) -> Gauge { group.gauge(Self.firstGauge + ordinal(gauge)) }
    /// The handle of one distribution.
    public subscript(histogram: Histograms) -> Histogram { group.histogram(Self.firstHistogram + ordinal(histogram)) }

    private static let firstGauge = 8
    private static let firstHistogram = 10
}

/// `listener.ADDRESS.http.STAT_PREFIX.`: responses of one connection manager on one listener.
public struct ListenerHTTPStats: StatView, Sendable {
    /// What only grows; a raw value is the rest of Envoy's name.
    public enum Counters: String, StatKey {
        case downstreamRqCompleted = "downstream_rq_completed"
        case downstreamRq1xx = "downstream_rq_1xx"
        case downstreamRq2xx = "downstream_rq_2xx"
        case downstreamRq3xx = "downstream_rq_3xx"
        case downstreamRq4xx = "downstream_rq_4xx"
        case downstreamRq5xx = "downstream_rq_5xx"
    }

    static let kind = StatKind(
        "listener.{envoy_listener_address}.http.{envoy_http_conn_manager_prefix}.", counters: Counters.self)
    static let id = StatKindID.listenerHTTP

    let group: StatGroup

    /// The handle of one counter; free to make, costs a load and a store to use.
    public subscript(counter: Counters) -> Counter { group.counter(ordinal(counter)) }

    /// Counts one response in its class (`downstream_rq_2xx`); statuses outside 100...599 are not counted.
    public func countClass(_ status: Int) {
        guard status >= 100, status < 600 else { return }
        group.counter(ordinal(Counters.downstreamRq1xx) + status / 100 - 1).add()
    }
}
