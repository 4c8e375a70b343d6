import DataPlane
import Observability
import ProxyModel
import Reactor
import TrafficPolicy

/// Compiles a configuration as a worker would and throws the result away: finds what only compiling finds, such as a
/// certificate that does not fit its key, before any worker hears of it.
@WorkerActor enum TrialCompiler {
    /// - Parameter log: hears what a worker would say of it.
    static func compile(
        _ bootstrap: Envoy_Config_Bootstrap_V3_Bootstrap, registry: HTTPFilterRegistry, log: Log
    ) throws(ConfigProblem) {
        let stats: StatsSegment
        let logWriter: LogFileWriter
        do {
            stats = try StatsSegment(named: "heddle-trial")
            logWriter = try LogFileWriter()
        } catch {
            throw ConfigProblem("cannot be tried: \(error)")
        }
        let limits = LimitMemory()
        defer { withExtendedLifetime(limits) {} }
        let worker = Worker(
            WorkerResources(
                context: WorkerContext(loop: EventLoop.process, seed: 1), stats: stats, registry: registry, logWriter: logWriter,
                log: log, environment: ProcessEnvironment.format(instanceID: 1),
                limits: { _ in limits.region.counters(group: 0, slot: 0) }))
        do throws(ConfigProblem) {
            _ = try StatsRules(bootstrap.statsConfig)
        } catch {
            throw error.within("stats_config")
        }
        _ = try AdminAccessLog(bootstrap, loop: EventLoop.process, stats: stats, log: log)
        _ = try worker.prepare(bootstrap)
    }
}
