/// `listener.ADDRESS.`: one listener.
package struct ListenerStats: StatView, Sendable {
    package enum Counters: String, StatKey {
        case downstreamCxTotal = "downstream_cx_total"
        case downstreamCxDestroy = "downstream_cx_destroy"
        case downstreamCxOverflow = "downstream_cx_overflow"
        case downstreamCxOverloadReject = "downstream_cx_overload_reject"
        case downstreamCxTransportSocketConnectTimeout = "downstream_cx_transport_socket_connect_timeout"
        case downstreamGlobalCxOverflow = "downstream_global_cx_overflow"
        case downstreamListenerFilterError = "downstream_listener_filter_error"
        case downstreamListenerFilterRemoteClose = "downstream_listener_filter_remote_close"
        case downstreamPreCxTimeout = "downstream_pre_cx_timeout"
        case noFilterChainMatch = "no_filter_chain_match"
    }

    package enum Gauges: String, GaugeKey {
        case downstreamCxActive = "downstream_cx_active"
        case downstreamPreCxActive = "downstream_pre_cx_active"

        package var isShared: Bool { false }
    }

    package enum Histograms: String, HistogramKey {
        case downstreamCxLengthMS = "downstream_cx_length_ms"
        case connectionsAcceptedPerSocketEvent = "connections_accepted_per_socket_event"

        package var isTiming: Bool {
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

    package subscript(counter: Counters) -> Counter { group.counter(ordinal(counter)) }
    package subscript(gauge: Gauges) -> Gauge { group.gauge(Self.firstGauge + ordinal(gauge)) }
    package subscript(histogram: Histograms) -> Histogram { group.histogram(Self.firstHistogram + ordinal(histogram)) }

    private static let firstGauge = 10
    private static let firstHistogram = 12
}

/// `listener.ADDRESS.http.STAT_PREFIX.`: responses of one connection manager on one listener.
package struct ListenerHTTPStats: StatView, Sendable {
    package enum Counters: String, StatKey {
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

    package subscript(counter: Counters) -> Counter { group.counter(ordinal(counter)) }

    /// Counts one response in its class (`downstream_rq_2xx`); statuses outside 100...599 are not counted.
    package func countClass(_ status: Int) {
        guard status >= 100, status < 600 else { return }
        group.counter(ordinal(Counters.downstreamRq1xx) + status / 100 - 1).add()
    }
}
