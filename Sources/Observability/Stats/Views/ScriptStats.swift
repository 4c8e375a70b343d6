/// `lua.`: the Lua machines of this worker.
public struct LuaMachineStats: StatView, Sendable {
    /// What rises and falls; a raw value is the rest of Envoy's name.
    public enum Gauges: String, GaugeKey {
        case count = "lua_vm_count"
        case memoryBytes = "lua_memory_bytes"

        /// Whether all workers see the same level, so that the largest counts instead of the sum.
        public var isShared: Bool { false }
    }

    /// None.
    enum Counters: String, StatKey {
        case none = ""
        static let allCases: [Counters] = []
    }

    static let kind = StatKind("lua.", counters: Counters.self, gauges: Gauges.self)
    static let id = StatKindID.luaMachines

    let group: StatGroup

    /// The handle of one gauge.
    public subscript(gauge: Gauges) -> Gauge { group.gauge(ordinal(gauge)) }
}

/// A counter that a script made.
struct LuaCounterStat: StatView {
    static let kind = StatKind(
        pattern: "http.{envoy_http_conn_manager_prefix}.lua.{envoy_lua_stat_prefix}.{+counter}", stats: [StatDefinition(name: "", type: .counter)])
    static let id = StatKindID.luaCounter
    let group: StatGroup

    var handle: Counter { group.counter(0) }
}

/// A gauge that a script made.
struct LuaGaugeStat: StatView {
    static let kind = StatKind(
        pattern: "http.{envoy_http_conn_manager_prefix}.lua.{envoy_lua_stat_prefix}.{+gauge}", stats: [StatDefinition(name: "", type: .gauge)])
    static let id = StatKindID.luaGauge
    let group: StatGroup

    var handle: Gauge { group.gauge(0) }
}

/// A distribution that a script made.
struct LuaHistogramStat: StatView {
    static let kind = StatKind(
        pattern: "http.{envoy_http_conn_manager_prefix}.lua.{envoy_lua_stat_prefix}.{+histogram}", stats: [StatDefinition(name: "", type: .distribution)])
    static let id = StatKindID.luaHistogram
    let group: StatGroup

    var handle: Histogram { group.histogram(0) }
}

/// A counter that a script of a cluster made.
struct ClusterLuaCounterStat: StatView {
    static let kind = StatKind(
        pattern: "cluster.{envoy_cluster_name}.lua.{+stat_prefix}.{+counter}", stats: [StatDefinition(name: "", type: .counter)])
    static let id = StatKindID.clusterLuaCounter
    let group: StatGroup

    var handle: Counter { group.counter(0) }
}

/// A gauge that a script of a cluster made.
struct ClusterLuaGaugeStat: StatView {
    static let kind = StatKind(
        pattern: "cluster.{envoy_cluster_name}.lua.{+stat_prefix}.{+gauge}", stats: [StatDefinition(name: "", type: .gauge)])
    static let id = StatKindID.clusterLuaGauge
    let group: StatGroup

    var handle: Gauge { group.gauge(0) }
}

/// A distribution that a script of a cluster made.
struct ClusterLuaHistogramStat: StatView {
    static let kind = StatKind(
        pattern: "cluster.{envoy_cluster_name}.lua.{+stat_prefix}.{+histogram}", stats: [StatDefinition(name: "", type: .distribution)])
    static let id = StatKindID.clusterLuaHistogram
    let group: StatGroup

    var handle: Histogram { group.histogram(0) }
}

/// One series of a counter of the business.
struct MetricCounterStat: StatView {
    static let kind = StatKind(pattern: "{+counter}{*}", stats: [StatDefinition(name: "", type: .counter)])
    static let id = StatKindID.metricCounter
    let group: StatGroup

    var handle: Counter { group.counter(0) }
}

/// One series of a gauge of the business.
struct MetricGaugeStat: StatView {
    static let kind = StatKind(pattern: "{+gauge}{*}", stats: [StatDefinition(name: "", type: .gauge)])
    static let id = StatKindID.metricGauge
    let group: StatGroup

    var handle: Gauge { group.gauge(0) }
}

/// One series of a distribution of the business.
struct MetricHistogramStat: StatView {
    static let kind = StatKind(pattern: "{+histogram}{*}", stats: [StatDefinition(name: "", type: .distribution)])
    static let id = StatKindID.metricHistogram
    let group: StatGroup

    var handle: Histogram { group.histogram(0) }
}
