import DataPlane
import Filters
import Observability
import Reactor

/// Watches candidates of Lua filters beside the versions in force, by what all workers count of both, and rolls a candidate
/// back that does worse: on all workers, and until its configuration changes.
@WorkerActor final class LuaRolloutKeeper {
    /// How often it looks, in nanoseconds.
    static let lookInterval: UInt64 = 500_000_000

    /// One candidate. The same candidate of several listeners is one.
    struct Trial {
        let filter: ConfiguredLuaFilter
        let candidate: ConfiguredLuaFilter.Candidate
        var rollout: LuaRollout
        var verdict = LuaRollout.Verdict.hold(requests: 0)
        /// When the verdict became what it is, in nanoseconds since 1970.
        var since: UInt64

        var isRolledBack: Bool { if case .rollBack = verdict { true } else { false } }
    }

    /// By key.
    private(set) var trials: [String: Trial] = [:]
    private(set) var filters: [String: [ConfiguredLuaFilter]] = [:]
    private let loop: EventLoop
    private let log: Log
    private let stats: StatsSegment
    private let fleet: any WorkerGroup
    private let statistics: @WorkerActor () -> StatsSnapshot
    private var timer: LoopTimer?

    /// - Parameter statistics: what all workers have counted of Lua filters.
    init(
        loop: EventLoop, log: Log, stats: StatsSegment, fleet: any WorkerGroup, statistics: @escaping @WorkerActor () -> StatsSnapshot
    ) {
        self.loop = loop
        self.log = log
        self.stats = stats
        self.fleet = fleet
        self.statistics = statistics
        timer = LoopTimer(loop: loop) { [unowned self] in self.look() }
    }

    /// A listener has these filters from now on; none when it is gone.
    func set(_ listener: String, _ found: [ConfiguredLuaFilter]) {
        guard filters[listener] ?? [] != found else { return }
        filters[listener] = found.isEmpty ? nil : found
        let all = filters.values.joined()
        let keys = Set(all.compactMap(\.candidate?.key))
        let hadRolledBack = rolledBackKeys
        trials = trials.filter { keys.contains($0.key) }
        let added = all.filter { $0.candidate.map { trials[$0.key] == nil } ?? false }
        if !added.isEmpty {
            let statistics = statistics()
            for filter in added { begin(filter, statistics) }
        }
        if rolledBackKeys != hadRolledBack { fleet.broadcast(.rolledBack(rolledBackKeys)) }
        schedule()
    }

    private func begin(_ filter: ConfiguredLuaFilter, _ statistics: StatsSnapshot) {
        guard let candidate = filter.candidate, trials[candidate.key] == nil else { return }
        guard trials.count < RolledBack.maximumKeys else {
            log.error(.lua, "filter \(filter.name): there are \(trials.count) candidates, and version \(candidate.version) is not watched")
            return
        }
        let rollout = LuaRollout(
            candidate.limits, now: loop.now, inForce: statistics.counts(filter, filter.version),
            candidate: statistics.counts(filter, candidate.version))
        trials[candidate.key] = Trial(filter: filter, candidate: candidate, rollout: rollout, since: loop.wallNow)
        log.info(
            .lua, "filter \(filter.name): version \(candidate.version) takes \(candidate.percent) % of the requests beside version \(filter.version)")
    }

    /// What a worker must know that starts.
    func workerStarted(_ slot: WorkerSlot) {
        if !rolledBackKeys.isEmpty { slot.send(.rolledBack(rolledBackKeys)) }
    }

    private var rolledBackKeys: [String] { trials.filter(\.value.isRolledBack).keys.sorted() }

    private func schedule() {
        if trials.values.contains(where: { !$0.isRolledBack && $0.candidate.percent > 0 }) {
            timer?.schedule(after: Self.lookInterval)
        } else {
            timer?.cancel()
        }
    }

    private func look() {
        let statistics = statistics()
        var isRolledBack = false
        for (key, before) in trials where !before.isRolledBack {
            var trial = before
            trial.verdict = trial.rollout.look(
                now: loop.now, inForce: statistics.counts(trial.filter, trial.filter.version),
                candidate: statistics.counts(trial.filter, trial.candidate.version))
            if case .rollBack(let reason) = trial.verdict {
                trial.since = loop.wallNow
                isRolledBack = true
                tell(trial, reason)
            }
            trials[key] = trial
        }
        if isRolledBack { fleet.broadcast(.rolledBack(rolledBackKeys)) }
        schedule()
    }

    private func tell(_ trial: Trial, _ reason: String) {
        let filter = trial.filter
        stats.luaVersion(prefix: filter.connectionManager, statPrefix: filter.statPrefix, version: trial.candidate.version)[.rolledBack].add()
        log.error(
            .lua,
            "filter \(filter.name): version \(trial.candidate.version) is rolled back, version \(filter.version) takes all requests: \(reason)")
    }
}

extension StatsSnapshot {
    /// What a version of a filter did.
    func counts(_ filter: ConfiguredLuaFilter, _ version: String) -> LuaVersionCounts {
        luaVersion(prefix: filter.connectionManager, statPrefix: filter.statPrefix, version: version)
    }
}
