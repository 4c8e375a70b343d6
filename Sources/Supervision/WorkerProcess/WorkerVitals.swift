import CAres
import CLinux
import DataPlane
import Glibc
import Observability
import Reactor

/// How busy a worker is: CPU, event-loop lag, descriptors.
@WorkerActor final class WorkerVitals {
    /// Looking at descriptors and CPU costs system calls: only every so many beats.
    private static let beatsBetweenLooks = 20

    private let stats: WorkerStats
    private let server: ServerStats
    private let loop: EventLoop
    private var beats = 0
    private var lastUser: UInt64 = 0
    private var lastSystem: UInt64 = 0
    private var lastTurns = 0
    private var lastJobs = 0
    private var lastForeignJobs = 0
    private var lastBusy: UInt64 = 0

    init(stats: StatsSegment, index: Int, loop: EventLoop) {
        self.stats = stats.worker(index)
        server = stats.server()
        self.loop = loop
    }

    func measure(_ worker: Worker, late: UInt64) {
        let connections = worker.connectionCount
        stats[.connectionsActive].set(connections)
        stats[.streamsActive].set(worker.streamCount)
        stats[.bufferedBytes].set(worker.bufferedBytes)
        server[.totalConnections].set(connections)
        stats[.dispatcherLoopDurationUS].record(loop.takeLag() / 1000)
        stats[.dispatcherPollDelayUS].record(late / 1000)
        countLoop()
        beats += 1
        guard beats % Self.beatsBetweenLooks == 1 else { return }
        var usage = rusage()
        if getrusage(RUSAGE_SELF.rawValue, &usage) == 0 {
            let user = Self.microseconds(usage.ru_utime)
            let system = Self.microseconds(usage.ru_stime)
            stats[.cpuUserUS].add(user - lastUser)
            stats[.cpuSystemUS].add(system - lastSystem)
            (lastUser, lastSystem) = (user, system)
        }
        var limit = rlimit()
        if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
            stats[.descriptorLimit].set(Int(clamping: limit.rlim_cur))
        }
        if let bytes = ProcessFiles.resident { stats[.memoryPhysicalSize].set(bytes) }
        if let count = ProcessFiles.openDescriptors() { stats[.openDescriptors].set(count) }
    }

    private func countLoop() {
        let (turns, jobs, foreign) = (loop.turns, loop.jobsRun, loop.foreignEnqueues)
        stats[.loopIterations].add(UInt64(turns - lastTurns))
        stats[.loopJobs].add(UInt64(jobs - lastJobs))
        stats[.loopForeignJobs].add(UInt64(foreign - lastForeignJobs))
        (lastTurns, lastJobs, lastForeignJobs) = (turns, jobs, foreign)
        // What is less than a microsecond counts the next time.
        let busy = (loop.busyTime - lastBusy) / 1000
        stats[.loopBusyUS].add(busy)
        lastBusy += busy * 1000
        stats[.timersActive].set(loop.timerCount)
    }

    private static func microseconds(_ time: timeval) -> UInt64 {
        UInt64(time.tv_sec) * 1_000_000 + UInt64(time.tv_usec)
    }
}
