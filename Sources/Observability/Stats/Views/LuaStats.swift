/// `http.STAT_PREFIX.lua.FILTER_STAT_PREFIX.`: one Lua filter; all behind `executions` is ours.
package struct LuaStats: StatView, Sendable {
    package enum Counters: String, StatKey {
        case errors
        case executions
        case budgetExceeded = "budget_exceeded"
        case deadlineExceeded = "deadline_exceeded"
        case memoryExceeded = "memory_exceeded"
        case httpCalls = "http_calls"
        case responses
    }

    package enum Gauges: String, GaugeKey {
        case memoryBytes = "memory_bytes"
        case coroutinesActive = "coroutines_active"

        package var isShared: Bool { false }
    }

    static let kind = StatKind(
        "http.{envoy_http_conn_manager_prefix}.lua.{envoy_lua_stat_prefix}.", counters: Counters.self, gauges: Gauges.self,
        starts: (firstGauge, 0, 0))
    static let id = StatKindID.lua

    let group: StatGroup

    package subscript(counter: Counters) -> Counter { group.counter(ordinal(counter)) }
    package subscript(gauge: Gauges) -> Gauge { group.gauge(Self.firstGauge + ordinal(gauge)) }

    private static let firstGauge = 7
}
