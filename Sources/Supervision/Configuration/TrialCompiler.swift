import DataPlane
import Glibc
import Observability
import ProxyModel
import Reactor
import TrafficPolicy

/// Compiles a configuration as a worker would and throws the result away: finds what only compiling finds, such as a
/// certificate that does not fit its key, before any worker hears of it.
@WorkerActor enum TrialCompiler {
    static func compile(_ bootstrap: Envoy_Config_Bootstrap_V3_Bootstrap, registry: HTTPFilterRegistry) throws(ConfigProblem) {
        let stats: StatsSegment
        let logWriter: LogFileWriter
        do {
            stats = try StatsSegment(named: "heddle-trial")
            logWriter = try LogFileWriter()
        } catch {
            throw ConfigProblem("cannot be tried: \(error)")
        }
        let size = LimitRegion.byteCount(slots: 1, groups: 1)
        let cells = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 64)
        defer { cells.deallocate() }
        memset(cells, 0, size)
        let limits = LimitRegion(memory: cells, slots: 1, groups: 1)
        let worker = Worker(
            WorkerResources(
                context: WorkerContext(loop: EventLoop.process, seed: 1), stats: stats, registry: registry, logWriter: logWriter,
                log: Log(levels: LogLevels(.off)), environment: ProcessEnvironment.format(instanceID: 1),
                limits: { _ in limits.counters(group: 0, slot: 0) }))
        _ = try worker.prepare(bootstrap)
    }
}
