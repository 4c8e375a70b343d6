/// `http.STAT_PREFIX.`: one HTTP connection manager.
public struct HTTPStats: StatView, Sendable {
    /// What only grows; a raw value is the rest of Envoy's name.
    public enum Counters: String, StatKey {
        case downstreamCxTotal = "downstream_cx_total"
        case downstreamCxHTTP1Total = "downstream_cx_http1_total"
        case downstreamCxHTTP2Total = "downstream_cx_http2_total"
        case downstreamCxSSLTotal = "downstream_cx_ssl_total"
        case downstreamCxUpgradesTotal = "downstream_cx_upgrades_total"
        case downstreamCxDestroy = "downstream_cx_destroy"
        case downstreamCxDestroyLocal = "downstream_cx_destroy_local"
        case downstreamCxDestroyRemote = "downstream_cx_destroy_remote"
        case downstreamCxDestroyActiveRq = "downstream_cx_destroy_active_rq"
        case downstreamCxDestroyLocalActiveRq = "downstream_cx_destroy_local_active_rq"
        case downstreamCxDestroyRemoteActiveRq = "downstream_cx_destroy_remote_active_rq"
        case downstreamCxDrainClose = "downstream_cx_drain_close"
        case downstreamCxIdleTimeout = "downstream_cx_idle_timeout"
        case downstreamCxMaxDurationReached = "downstream_cx_max_duration_reached"
        case downstreamCxMaxRequestsReached = "downstream_cx_max_requests_reached"
        case downstreamCxProtocolError = "downstream_cx_protocol_error"
        case downstreamCxDelayedCloseTimeout = "downstream_cx_delayed_close_timeout"
        case downstreamCxRxBytesTotal = "downstream_cx_rx_bytes_total"
        case downstreamCxTxBytesTotal = "downstream_cx_tx_bytes_total"
        case downstreamRqTotal = "downstream_rq_total"
        case downstreamRqCompleted = "downstream_rq_completed"
        case downstreamRqHTTP1Total = "downstream_rq_http1_total"
        case downstreamRqHTTP2Total = "downstream_rq_http2_total"
        case downstreamRqRxReset = "downstream_rq_rx_reset"
        case downstreamRqTxReset = "downstream_rq_tx_reset"
        case downstreamRqResponseBeforeRqComplete = "downstream_rq_response_before_rq_complete"
        case downstreamRqTimeout = "downstream_rq_timeout"
        case downstreamRqHeaderTimeout = "downstream_rq_header_timeout"
        case downstreamRqIdleTimeout = "downstream_rq_idle_timeout"
        case downstreamRqMaxDurationReached = "downstream_rq_max_duration_reached"
        case downstreamRqTooLarge = "downstream_rq_too_large"
        case downstreamRqFailedPathNormalization = "downstream_rq_failed_path_normalization"
        case downstreamRqRedirectedWithNormalizedPath = "downstream_rq_redirected_with_normalized_path"
        case downstreamRqWsOnNonWsRoute = "downstream_rq_ws_on_non_ws_route"
        case downstreamRqTooManyPrematureResets = "downstream_rq_too_many_premature_resets"
        case downstreamRq1xx = "downstream_rq_1xx"
        case downstreamRq2xx = "downstream_rq_2xx"
        case downstreamRq3xx = "downstream_rq_3xx"
        case downstreamRq4xx = "downstream_rq_4xx"
        case downstreamRq5xx = "downstream_rq_5xx"
        case downstreamFlowControlPausedReadingTotal = "downstream_flow_control_paused_reading_total"
        case downstreamFlowControlResumedReadingTotal = "downstream_flow_control_resumed_reading_total"
        case noRoute = "no_route"
        case noCluster = "no_cluster"
        case rqTotal = "rq_total"
        case rqDirectResponse = "rq_direct_response"
        case rsTooLarge = "rs_too_large"
        case rqResetAfterDownstreamResponseStarted = "rq_reset_after_downstream_response_started"
        /// Ours: refused because requests like it killed workers.
        case downstreamRqQuarantined = "downstream_rq_quarantined"
    }

    /// What rises and falls; a raw value is the rest of Envoy's name.
    public enum Gauges: String, GaugeKey {
        case downstreamCxActive = "downstream_cx_active"
        case downstreamCxHTTP1Active = "downstream_cx_http1_active"
        case downstreamCxHTTP2Active = "downstream_cx_http2_active"
        case downstreamCxSSLActive = "downstream_cx_ssl_active"
        case downstreamCxUpgradesActive = "downstream_cx_upgrades_active"
        case downstreamRqActive = "downstream_rq_active"

        /// Whether all workers see the same level, so that the largest counts instead of the sum.
        public var isShared: Bool { false }
    }

    /// What is recorded as a distribution; a raw value is the rest of Envoy's name.
    public enum Histograms: String, HistogramKey {
        case downstreamRqTime = "downstream_rq_time"
        case downstreamCxLengthMS = "downstream_cx_length_ms"

        /// Whether times in microseconds are recorded, shown in milliseconds.
        public var isTiming: Bool { true }
    }

    static let kind = StatKind(
        "http.{envoy_http_conn_manager_prefix}.", counters: Counters.self, gauges: Gauges.self, histograms: Histograms.self,
        starts: (firstGauge, firstHistogram, 0))
    static let id = StatKindID.http

    let group: StatGroup

    /// The handle of one counter; free to make, costs a load and a store to use.
    public subscript(counter: Counters) -> Counter { group.counter(ordinal(counter)) }
    /// The handle of one gauge.
    public subscript(gauge: Gauges) -> Gauge { group.gauge(Self.firstGauge + ordinal(gauge)) }
    /// The handle of one distribution.
    public subscript(histogram: Histograms) -> Histogram { group.histogram(Self.firstHistogram + ordinal(histogram)) }

    /// Counts one response in its class (`downstream_rq_2xx`); statuses outside 100...599 are not counted.
    public func countClass(_ status: Int) {
        guard status >= 100, status < 600 else { return }
        group.counter(ordinal(Counters.downstreamRq1xx) + status / 100 - 1).add()
    }

    private static let firstGauge = 49
    private static let firstHistogram = 55
}
