/// `worker.N.`: how busy one worker is. Ours; Envoy has only the dispatcher's part.
public struct WorkerStats: StatView, Sendable {
    /// What only grows; a raw value is the rest of Envoy's name.
    public enum Counters: String, StatKey {
        case cpuUserUS = "cpu_user_us"
        case cpuSystemUS = "cpu_system_us"
        case loopIterations = "loop_iterations"
        case loopBusyUS = "loop_busy_us"
        /// Tasks that the loop ran, and those of them that came from other threads: none for a request.
        case loopJobs = "loop_jobs"
        case loopForeignJobs = "loop_foreign_jobs"
    }

    /// What rises and falls; a raw value is the rest of Envoy's name.
    public enum Gauges: String, GaugeKey {
        case memoryPhysicalSize = "memory_physical_size"
        case openDescriptors = "open_descriptors"
        case descriptorLimit = "descriptor_limit"
        case bufferedBytes = "buffered_bytes"
        case connectionsActive = "connections_active"
        case streamsActive = "streams_active"
        case timersActive = "timers_active"

        /// Whether all workers see the same level, so that the largest counts instead of the sum.
        public var isShared: Bool { false }
    }

    /// What is recorded as a distribution; a raw value is the rest of Envoy's name.
    public enum Histograms: String, HistogramKey {
        case dispatcherLoopDurationUS = "dispatcher.loop_duration_us"
        case dispatcherPollDelayUS = "dispatcher.poll_delay_us"

        /// Whether times in microseconds are recorded, shown in milliseconds.
        public var isTiming: Bool { false }
    }

    static let kind = StatKind(
        "worker.{envoy_worker_id}.", counters: Counters.self, gauges: Gauges.self, histograms: Histograms.self,
        starts: (firstGauge, firstHistogram, 0))
    static let id = StatKindID.worker

    let group: StatGroup

    /// The handle of one counter; free to make, costs a load and a store to use.
    public subscript(counter: Counters) -> Counter { group.counter(ordinal(counter)) }
    /// The handle of one gauge.
    public subscript(gauge: Gauges) -> Gauge { group.gauge(Self.firstGauge + ordinal(gauge)) }
    /// The handle of one distribution.
    public subscript(histogram: Histograms) -> Histogram { group.histogram(Self.firstHistogram + ordinal(histogram)) }

    private static let firstGauge = 6
    private static let firstHistogram = 13
}

/// `filesystem.`: access log files. Written by the writer thread, but for `write_buffered` and `write_dropped`.
public struct FilesystemStats: StatView, Sendable {
    /// What only grows; a raw value is the rest of Envoy's name.
    public enum Counters: String, StatKey {
        case writeBuffered = "write_buffered"
        case writeCompleted = "write_completed"
        case writeFailed = "write_failed"
        case writeDropped = "write_dropped"
        case flushedByTimer = "flushed_by_timer"
        case reopenFailed = "reopen_failed"
    }

    /// What rises and falls; a raw value is the rest of Envoy's name.
    public enum Gauges: String, GaugeKey {
        case writeTotalBuffered = "write_total_buffered"

        /// Whether all workers see the same level, so that the largest counts instead of the sum.
        public var isShared: Bool { false }
    }

    static let kind = StatKind(
        "filesystem.", counters: Counters.self, gauges: Gauges.self,
        starts: (firstGauge, 0, 0))
    static let id = StatKindID.filesystem

    let group: StatGroup

    /// The handle of one counter; free to make, costs a load and a store to use.
    public subscript(counter: Counters) -> Counter { group.counter(ordinal(counter)) }
    /// The handle of one gauge.
    public subscript(gauge: Gauges) -> Gauge { group.gauge(Self.firstGauge + ordinal(gauge)) }

    private static let firstGauge = 6
}
