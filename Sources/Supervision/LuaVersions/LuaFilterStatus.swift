import Filters
import Observability

/// What admin tells of a Lua filter: its versions side by side, and whether it was taken out of the chain.
struct LuaFilterStatus: Equatable {
    /// One version, or all of the filter's scripts where it has none.
    struct Version: Equatable {
        let name: String
        let sha256: String
        let state: String
        /// Percent of the requests that it gets.
        let share: Double
        let counts: LuaVersionCounts
        /// When the state began, in nanoseconds since 1970, and why; 0 and empty where there is nothing to say.
        var since: UInt64 = 0
        var why = ""
    }

    let filter: ConfiguredLuaFilter
    private(set) var versions: [Version]
    /// Workers on which it was taken out of the chain, and the last time that it was, in seconds since 1970.
    let detachedWorkers: Int
    let detachedSince: Int
    /// Hooks that ran, errors and kills, counted for the filter as a whole.
    let executions: Int
    let errors: Int
    let kills: Int

    init(_ filter: ConfiguredLuaFilter, _ trial: LuaRolloutKeeper.Trial?, _ statistics: StatsSnapshot) {
        func value(_ name: String) -> Int { statistics.lua(prefix: filter.connectionManager, statPrefix: filter.statPrefix, name) }
        self.filter = filter
        executions = value(LuaStats.Counters.executions.rawValue)
        errors = value(LuaStats.Counters.errors.rawValue)
        kills = value(LuaStats.Counters.budgetExceeded.rawValue) + value(LuaStats.Counters.deadlineExceeded.rawValue)
        detachedWorkers = value(LuaStats.Gauges.detached.rawValue)
        detachedSince = value(LuaStats.Gauges.detachedTime.rawValue)
        let state = detachedWorkers > 0 ? "taken out of the chain" : "in force"
        guard !filter.version.isEmpty else {
            // Requests are counted for versions alone.
            let counts = LuaVersionCounts(errors: UInt64(clamping: errors), kills: UInt64(clamping: kills))
            versions = [Version(name: "", sha256: filter.sha256, state: state, share: 100, counts: counts)]
            return
        }
        let share = trial.map { $0.isRolledBack ? 0 : $0.candidate.percent } ?? 0
        versions = [
            Version(
                name: filter.version, sha256: filter.sha256, state: state, share: 100 - share,
                counts: statistics.counts(filter, filter.version))
        ]
        guard let candidate = filter.candidate else { return }
        var second = Version(
            name: candidate.version, sha256: candidate.sha256, state: trial?.isRolledBack ?? false ? "rolled back" : "candidate",
            share: share, counts: statistics.counts(filter, candidate.version))
        second.since = trial?.since ?? 0
        switch trial?.verdict {
        case .rollBack(let reason): second.why = reason
        case .goOn: second.why = "no worse"
        case .hold(let requests): second.why = "\(requests) of \(candidate.limits.minRequests) requests"
        case nil: second.why = "too many candidates: it is not watched"
        }
        versions.append(second)
    }

    /// Why the filter is out of the chain, in words; empty when it is not.
    var detachedText: String {
        guard detachedWorkers > 0 else { return "" }
        return "taken out of the chain on \(detachedWorkers) worker\(detachedWorkers == 1 ? "" : "s"), since its scripts were ended again and again"
    }
}
