/// `cluster.NAME.`: connections, requests, members and limits of one cluster.
public struct ClusterStats: StatView, Sendable {
    /// What only grows; a raw value is the rest of Envoy's name.
    public enum Counters: String, StatKey {
        case upstreamCxTotal = "upstream_cx_total"
        case upstreamCxHTTP1Total = "upstream_cx_http1_total"
        case upstreamCxHTTP2Total = "upstream_cx_http2_total"
        case upstreamCxConnectFail = "upstream_cx_connect_fail"
        case upstreamCxConnectTimeout = "upstream_cx_connect_timeout"
        case upstreamCxConnectAttemptsExceeded = "upstream_cx_connect_attempts_exceeded"
        case upstreamCxOverflow = "upstream_cx_overflow"
        case upstreamCxPoolOverflow = "upstream_cx_pool_overflow"
        case upstreamCxDestroy = "upstream_cx_destroy"
        case upstreamCxDestroyLocal = "upstream_cx_destroy_local"
        case upstreamCxDestroyRemote = "upstream_cx_destroy_remote"
        case upstreamCxDestroyWithActiveRq = "upstream_cx_destroy_with_active_rq"
        case upstreamCxDestroyLocalWithActiveRq = "upstream_cx_destroy_local_with_active_rq"
        case upstreamCxDestroyRemoteWithActiveRq = "upstream_cx_destroy_remote_with_active_rq"
        case upstreamCxCloseNotify = "upstream_cx_close_notify"
        case upstreamCxIdleTimeout = "upstream_cx_idle_timeout"
        case upstreamCxMaxRequests = "upstream_cx_max_requests"
        case upstreamCxMaxDurationReached = "upstream_cx_max_duration_reached"
        case upstreamCxNoneHealthy = "upstream_cx_none_healthy"
        case upstreamCxProtocolError = "upstream_cx_protocol_error"
        case upstreamCxRxBytesTotal = "upstream_cx_rx_bytes_total"
        case upstreamCxTxBytesTotal = "upstream_cx_tx_bytes_total"
        case upstreamRqTotal = "upstream_rq_total"
        case upstreamRqCompleted = "upstream_rq_completed"
        case upstreamRqPendingTotal = "upstream_rq_pending_total"
        case upstreamRqPendingOverflow = "upstream_rq_pending_overflow"
        case upstreamRqPendingFailureEject = "upstream_rq_pending_failure_eject"
        case upstreamRqActiveOverflow = "upstream_rq_active_overflow"
        case upstreamRqCancelled = "upstream_rq_cancelled"
        case upstreamRqTimeout = "upstream_rq_timeout"
        case upstreamRqMaxDurationReached = "upstream_rq_max_duration_reached"
        case upstreamRqRxReset = "upstream_rq_rx_reset"
        case upstreamRqTxReset = "upstream_rq_tx_reset"
        case upstreamRqRetry = "upstream_rq_retry"
        case upstreamRq1xx = "upstream_rq_1xx"
        case upstreamRq2xx = "upstream_rq_2xx"
        case upstreamRq3xx = "upstream_rq_3xx"
        case upstreamRq4xx = "upstream_rq_4xx"
        case upstreamRq5xx = "upstream_rq_5xx"
        case upstreamFlowControlPausedReadingTotal = "upstream_flow_control_paused_reading_total"
        case upstreamFlowControlResumedReadingTotal = "upstream_flow_control_resumed_reading_total"
        case upstreamFlowControlBackedUpTotal = "upstream_flow_control_backed_up_total"
        case upstreamFlowControlDrainedTotal = "upstream_flow_control_drained_total"
        case bindErrors = "bind_errors"
        case originalDstHostInvalid = "original_dst_host_invalid"
        case membershipChange = "membership_change"
        case updateAttempt = "update_attempt"
        case updateSuccess = "update_success"
        case updateFailure = "update_failure"
        case updateNoRebuild = "update_no_rebuild"
        case lbHealthyPanic = "lb_healthy_panic"
    }

    /// What rises and falls; a raw value is the rest of Envoy's name.
    public enum Gauges: String, GaugeKey {
        case upstreamCxActive = "upstream_cx_active"
        case upstreamRqActive = "upstream_rq_active"
        case upstreamRqPendingActive = "upstream_rq_pending_active"
        case membershipTotal = "membership_total"
        case membershipHealthy = "membership_healthy"
        case membershipDegraded = "membership_degraded"
        case maxHostWeight = "max_host_weight"
        case circuitBreakersDefaultCxOpen = "circuit_breakers.default.cx_open"
        case circuitBreakersDefaultRqOpen = "circuit_breakers.default.rq_open"
        case circuitBreakersDefaultRqPendingOpen = "circuit_breakers.default.rq_pending_open"
        case circuitBreakersDefaultRqRetryOpen = "circuit_breakers.default.rq_retry_open"
        case circuitBreakersHighCxOpen = "circuit_breakers.high.cx_open"
        case circuitBreakersHighRqOpen = "circuit_breakers.high.rq_open"
        case circuitBreakersHighRqPendingOpen = "circuit_breakers.high.rq_pending_open"
        case circuitBreakersHighRqRetryOpen = "circuit_breakers.high.rq_retry_open"

        /// Whether all workers see the same level, so that the largest counts instead of the sum.
        public var isShared: Bool {
            switch self {
            case .membershipTotal, .membershipHealthy, .membershipDegraded, .maxHostWeight, .circuitBreakersDefaultCxOpen,
                .circuitBreakersDefaultRqOpen, .circuitBreakersDefaultRqPendingOpen, .circuitBreakersDefaultRqRetryOpen,
                .circuitBreakersHighCxOpen, .circuitBreakersHighRqOpen, .circuitBreakersHighRqPendingOpen,
                .circuitBreakersHighRqRetryOpen: true
            default: false
            }
        }
    }

    /// What is recorded as a distribution; a raw value is the rest of Envoy's name.
    public enum Histograms: String, HistogramKey {
        case upstreamRqTime = "upstream_rq_time"
        case upstreamCxConnectMS = "upstream_cx_connect_ms"
        case upstreamCxLengthMS = "upstream_cx_length_ms"
        case upstreamRqPerCx = "upstream_rq_per_cx"

        /// Whether times in microseconds are recorded, shown in milliseconds.
        public var isTiming: Bool {
            switch self {
            case .upstreamRqTime, .upstreamCxConnectMS, .upstreamCxLengthMS: true
            default: false
            }
        }
    }

    static let kind = StatKind(
        "cluster.{envoy_cluster_name}.", counters: Counters.self, gauges: Gauges.self, histograms: Histograms.self,
        codes: "upstream_rq_",
        starts: (firstGauge, firstHistogram, firstCodes))
    static let id = StatKindID.cluster

    let group: StatGroup

    /// The handle of one counter; free to make, costs a load and a store to use.
    public subscript(counter: Counters) -> Counter { group.counter(ordinal(counter)) }
    /// The handle of one gauge.
    public subscript(gauge: Gauges) -> Gauge { group.gauge(Self.firstGauge + ordinal(gauge)) }
    /// The handle of one distribution.
    public subscript(histogram: Histograms) -> Histogram { group.histogram(Self.firstHistogram + ordinal(histogram)) }

    /// Responses by exact status.
    public var codes: StatusCodes { group.codes(Self.firstCodes) }

    /// Counts one response in its class (`upstream_rq_2xx`); statuses outside 100...599 are not counted.
    public func countClass(_ status: Int) {
        guard status >= 100, status < 600 else { return }
        group.counter(ordinal(Counters.upstreamRq1xx) + status / 100 - 1).add()
    }

    private static let firstGauge = 51
    private static let firstHistogram = 66
    private static let firstCodes = 70
}
