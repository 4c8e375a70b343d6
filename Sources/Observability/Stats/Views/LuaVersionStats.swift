/// `http.STAT_PREFIX.lua.FILTER_STAT_PREFIX.version.VERSION.`: what one version of a Lua filter did.
public struct LuaVersionStats: StatView, Sendable {
    /// What only grows; a raw value is the rest of the name.
    public enum Counters: String, StatKey {
        /// Requests that ended.
        case requests
        /// Those in which its script failed, or whose response was of status 500 or more.
        case failed
        /// Errors of its script, runs that were ended included.
        case errors
        /// Runs that were ended because they spent what they may.
        case kills
        /// Times that it was rolled back.
        case rolledBack = "rolled_back"
    }

    /// Distributions; a raw value is the rest of the name.
    public enum Histograms: String, HistogramKey {
        /// How long its hooks held a request and its response, what they waited for included.
        case holdTime = "hold_time"

        /// Shown in milliseconds.
        public var isTiming: Bool { true }
    }

    static let kind = StatKind(
        "http.{envoy_http_conn_manager_prefix}.lua.{envoy_lua_stat_prefix}.version.{heddle_lua_version}.", counters: Counters.self,
        histograms: Histograms.self, starts: (0, firstHistogram, 0))
    static let id = StatKindID.luaVersion

    let group: StatGroup

    /// The handle of one counter; free to make, costs a load and a store to use.
    public subscript(counter: Counters) -> Counter { group.counter(ordinal(counter)) }
    /// The handle of one distribution.
    public subscript(histogram: Histograms) -> Histogram { group.histogram(Self.firstHistogram + ordinal(histogram)) }

    private static let firstHistogram = 5
}

/// What a version of a Lua filter did, on all workers or in some time.
public struct LuaVersionCounts: Equatable, Sendable {
    /// Requests that ended.
    public var requests: UInt64
    /// Those that failed.
    public var failed: UInt64
    /// Errors of the script, runs that were ended included.
    public var errors: UInt64
    /// Runs that were ended.
    public var kills: UInt64
    /// In microseconds.
    public var holdTime: HistogramCounts

    /// Counts as they are; none by default.
    public init(
        requests: UInt64 = 0, failed: UInt64 = 0, errors: UInt64 = 0, kills: UInt64 = 0, holdTime: HistogramCounts = HistogramCounts()
    ) {
        self.requests = requests
        self.failed = failed
        self.errors = errors
        self.kills = kills
        self.holdTime = holdTime
    }

    /// What was added to earlier counts.
    public func since(_ earlier: LuaVersionCounts) -> LuaVersionCounts {
        LuaVersionCounts(
            requests: requests &- earlier.requests, failed: failed &- earlier.failed, errors: errors &- earlier.errors,
            kills: kills &- earlier.kills, holdTime: holdTime.since(earlier.holdTime))
    }
}

extension StatsSnapshot {
    /// What a version of a Lua filter did; nothing when no worker knows it.
    public func luaVersion(prefix: String, statPrefix: String, version: String) -> LuaVersionCounts {
        let key = GroupKey(pattern: LuaVersionStats.kind.pattern, name: GroupName.join([prefix, statPrefix, version]))
        guard let group = groups[key] else { return LuaVersionCounts() }
        var counts = LuaVersionCounts()
        for (stat, value) in zip(group.stats, group.values) {
            switch (stat.name, value) {
            case (LuaVersionStats.Counters.requests.rawValue, .counter(let count)): counts.requests = count
            case (LuaVersionStats.Counters.failed.rawValue, .counter(let count)): counts.failed = count
            case (LuaVersionStats.Counters.errors.rawValue, .counter(let count)): counts.errors = count
            case (LuaVersionStats.Counters.kills.rawValue, .counter(let count)): counts.kills = count
            case (LuaVersionStats.Histograms.holdTime.rawValue, .histogram(let times)): counts.holdTime = times
            default: break
            }
        }
        return counts
    }

    /// A value of a Lua filter's own statistics; 0 when no worker has it.
    public func lua(prefix: String, statPrefix: String, _ name: String) -> Int {
        let key = GroupKey(pattern: LuaStats.kind.pattern, name: GroupName.join([prefix, statPrefix]))
        guard let group = groups[key], let index = group.stats.firstIndex(where: { $0.name == name }) else { return 0 }
        switch group.values[index] {
        case .counter(let count): return Int(clamping: count)
        case .gauge(let level), .sharedGauge(let level): return Int(level)
        case .histogram, .codes: return 0
        }
    }

    /// Whether a group is of a Lua filter, for readers that want no others.
    public static func isOfLuaFilter(_ kind: StatKind) -> Bool {
        kind.pattern == LuaVersionStats.kind.pattern || kind.pattern == LuaStats.kind.pattern
    }
}

extension HistogramCounts {
    /// What was recorded after earlier counts.
    public func since(_ earlier: HistogramCounts) -> HistogramCounts {
        guard buckets.count == earlier.buckets.count else { return self }
        return HistogramCounts(buckets: zip(buckets, earlier.buckets).map { $0 &- $1 }, sum: sum &- earlier.sum)
    }

    /// How many values lie in buckets whose middle is above `bound`.
    public func count(above bound: Double) -> UInt64 {
        buckets.indices.reduce(0) { HistogramBuckets.representative($1) > bound ? $0 &+ buckets[$1] : $0 }
    }
}
