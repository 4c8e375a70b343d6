/// `http.STAT_PREFIX.lua.FILTER_STAT_PREFIX.`: one Lua filter; all behind `executions` is ours.
public struct LuaStats: StatView, Sendable {
    /// What only grows; a raw value is the rest of Envoy's name.
    public enum Counters: String, StatKey {
        case errors
        case executions
        case budgetExceeded = "budget_exceeded"
        case deadlineExceeded = "deadline_exceeded"
        case memoryExceeded = "memory_exceeded"
        case httpCalls = "http_calls"
        case responses
        case timerRuns = "timer_runs"
    }

    /// What rises and falls; a raw value is the rest of Envoy's name.
    public enum Gauges: String, GaugeKey {
        /// What the filter's machines hold.
        case memoryBytes = "memory_bytes"
        /// Hooks that wait, for a body, a call or their turn.
        case coroutinesActive = "coroutines_active"
        /// 1 while the filter is out of the chain.
        case detached
        /// When it was taken out, in seconds since 1970; 0 when it was not.
        case detachedTime = "detached_time_seconds"

        /// Whether all workers see the same level, so that the largest counts instead of the sum.
        public var isShared: Bool { self == .detachedTime }
    }

    static let kind = StatKind(
        "http.{envoy_http_conn_manager_prefix}.lua.{envoy_lua_stat_prefix}.", counters: Counters.self, gauges: Gauges.self,
        starts: (firstGauge, 0, 0))
    static let id = StatKindID.lua

    let group: StatGroup

    /// The handle of one counter; free to make, costs a load and a store to use.
    public subscript(counter: Counters) -> Counter { group.counter(ordinal(counter)) }
    /// The handle of one gauge.
    public subscript(gauge: Gauges) -> Gauge { group.gauge(Self.firstGauge + ordinal(gauge)) }

    fileprivate static let firstGauge = 8
}

/// `cluster.NAME.lua.FILTER_STAT_PREFIX.`: one Lua filter of a cluster, counted as one of a connection manager.
struct ClusterLuaStats: StatView {
    static let kind = StatKind(
        "cluster.{envoy_cluster_name}.lua.{+stat_prefix}.", counters: LuaStats.Counters.self,
        gauges: LuaStats.Gauges.self, starts: (LuaStats.firstGauge, 0, 0))
    static let id = StatKindID.clusterLua
    let group: StatGroup
}
