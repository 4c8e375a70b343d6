import Bytes
import CLinux
import DataPlane
import Glibc
import Observability
import ProxyModel
import Reactor
import ServiceKit
import SwiftProtobuf

/// The process that holds the proxy together: reads the configuration, owns the listening sockets, brings both to the
/// workers, resolves names, answers the admin interface, and ends everything in order.
@WorkerActor final class Supervisor: WorkerFleetOwner {
    /// What `/ready` and `/server_info` tell.
    enum State: String {
        case preInitializing = "PRE_INITIALIZING"
        case initializing = "INITIALIZING"
        case live = "LIVE"
        case draining = "DRAINING"
    }

    /// A configuration in force or on its way there.
    struct Config {
        let generation: UInt64
        let bytes: [UInt8]
        /// The memory file of its ``ConfigPackage``; owned.
        let package: Int32
        let clusters: [String]
        let adminAddress: SocketAddress?
    }

    /// A configuration on its way.
    private struct Pending {
        var rollout: ConfigRollout
        let config: Config
        let change: ListenerSockets.Change
    }

    let options: ProxyOptions
    let loop: EventLoop
    let log: Log
    let levels: LogLevels
    let startedAt: UInt64
    let fleet: WorkerFleet
    let sockets = ListenerSockets()
    let names: NameDirectory
    let serverStats: ServerStats
    private(set) var state = State.initializing
    private(set) var config: Config?
    /// `/healthcheck/fail` was asked for.
    var failsHealthCheck = false
    /// Requests that are refused because such ones killed workers.
    let quarantine: QuarantineKeeper
    private let stats: StatsSegment
    private var limitGroups: LimitGroups
    private var pending: Pending?
    private var lastGeneration: UInt64 = 0
    private var admin: AdminListeners?
    private var takeOver: TakeOverListener?
    private var inheritor: TakeOverClient?
    private var signals: SignalWatch?
    private var exitTimer: LoopTimer?
    private var exitCode: Int32 = 0

    init(_ options: ProxyOptions, loop: EventLoop, first: ReadConfig) throws {
        self.options = options
        self.loop = loop
        startedAt = loop.now
        levels = try LogLevels(sharing: options.logLevel)
        for (component, level) in options.componentLevels { levels[component] = level }
        log = Log(levels: levels, format: options.logFormat)
        stats = try StatsSegment(named: "heddle-stats-supervisor")
        serverStats = stats.server()
        let bootstrap = try Self.decode(first.bytes)
        let concurrency = options.concurrency ?? max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        fleet = try WorkerFleet(
            loop: loop, log: log, levels: levels, logsJSON: options.logFormat == .json, concurrency: concurrency,
            clusters: bootstrap.staticResources.clusters.count, watchdogSeconds: options.watchdogSeconds, stats: serverStats)
        fleet.addStatistics(try StatsReader(mapping: try Socket.duplicate(stats.region.descriptor).release()))
        quarantine = QuarantineKeeper(loop: loop, log: log, table: fleet.board.quarantine)
        limitGroups = LimitGroups(capacity: fleet.limitGroups)
        names = try NameDirectory(
            loop: loop, log: log, stats: stats, seed: heddle_random(), settings: NameResolver.Settings(bootstrap))
        serverStats[.concurrency].set(concurrency)
        serverStats[.hotRestartEpoch].set(options.restartEpoch)
    }

    static func decode(_ bytes: [UInt8]) throws -> Envoy_Config_Bootstrap_V3_Bootstrap {
        try Envoy_Config_Bootstrap_V3_Bootstrap(serializedBytes: bytes, options: ConfigDecoder.binaryOptions)
    }

    /// Starts everything; what goes wrong here ends the program.
    func start(_ first: ReadConfig) throws {
        signals = try SignalWatch(loop: loop, [SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGCHLD]) { [unowned self] in self.signalled($0) }
        names.changed = { [unowned self] cluster, endpoints in
            self.fleet.broadcast(.endpoints(cluster: cluster, endpoints))
        }
        if options.restartEpoch > 0, let path = options.takeOverPath {
            let client = try TakeOverClient(loop: loop, path: path)
            for (key, descriptor) in try client.receive() { sockets.inherit(key, descriptor) }
            inheritor = client
        }
        try stage(first)
        // Before the first configuration is in force, so that probes hear the state while names are resolved.
        try openAdmin()
        try fleet.start(owner: self)
    }

    // MARK: Configuration

    /// Reads the configuration anew (SIGHUP). What is wrong is logged, and the old one stays.
    func reload() {
        guard pending == nil, !fleet.isEnding else {
            log.warning(.config, "the configuration is not read: \(fleet.isEnding ? "the proxy ends" : "another is on its way")")
            return
        }
        do {
            let read = try ConfigReader.read(options)
            if read.bytes == config?.bytes {
                log.info(.config, "the configuration is the same")
                return
            }
            logWarnings(read)
            try stage(read)
            sendPrepare()
        } catch {
            log.error(.config, "the configuration is refused, the old one stays: \(error)")
        }
    }

    func logWarnings(_ read: ReadConfig) {
        for line in read.warnings.split(separator: "\n") { log.warning(.config, String(line)) }
    }

    /// Makes ready what the supervisor itself needs: sockets, groups of limits, the package, names.
    private func stage(_ read: ReadConfig) throws {
        let bootstrap = try Self.decode(read.bytes)
        let clusters = bootstrap.staticResources.clusters.map(\.name)
        guard let groups = limitGroups.assign(clusters) else {
            limitGroups.settle(Set(config?.clusters ?? []))
            throw ConfigRefusal(
                description: "\(clusters.count) clusters: this process has room for \(limitGroups.capacity); start it anew")
        }
        let change = try sockets.prepare(try ListenerPlan.bindings(bootstrap))
        lastGeneration += 1
        let package: Int32
        do {
            package = try ConfigPackage(groups: groups, bootstrap: read.bytes).write().release()
        } catch {
            sockets.discard(change)
            throw error
        }
        var adminAddress: SocketAddress?
        if bootstrap.admin.hasAddress { adminAddress = try Address.compile(bootstrap.admin.address).get() }
        let config = Config(
            generation: lastGeneration, bytes: read.bytes, package: package, clusters: clusters, adminAddress: adminAddress)
        let workers = Set(fleet.slots.filter { self.config == nil || $0.state == .serving }.map(\.index))
        let plans = NamePlan.all(bootstrap)
        pending = Pending(
            rollout: ConfigRollout(
                generation: lastGeneration, workers: workers.isEmpty ? Set(fleet.slots.map(\.index)) : workers,
                namesPending: !plans.isEmpty),
            config: config, change: change)
        names.stage(plans) { [unowned self] in
            guard let action = self.pending?.rollout.namesResolved() else { return }
            self.perform(action)
        }
    }

    private func sendPrepare() {
        guard let pending else { return }
        for slot in fleet.slots where slot.process != 0 {
            slot.send(.prepare(generation: pending.config.generation), [pending.config.package])
        }
    }

    private func perform(_ action: ConfigRollout.Action) {
        switch action {
        case .none: break
        case .commit: commit()
        case .discard(let reason): discard(reason)
        }
    }

    private func commit() {
        guard let pending else { return }
        self.pending = nil
        let known = names.known(staged: true)
        names.commit()
        let sent = pending.change.changedListeners
        for slot in fleet.slots where slot.process != 0 {
            for (listener, descriptors) in sent { slot.send(.sockets(listener: listener), descriptors) }
            for (cluster, endpoints) in known { slot.send(.endpoints(cluster: cluster, endpoints)) }
            slot.send(.commit(generation: pending.config.generation))
        }
        sockets.commit(pending.change)
        if let old = config { Glibc.close(old.package) }
        config = pending.config
        limitGroups.settle(Set(pending.config.clusters))
        log.info(.config, "configuration \(pending.config.generation) is in force")
        heddle_trim_memory()
    }

    private func discard(_ reason: String) {
        guard let pending else { return }
        self.pending = nil
        fleet.broadcast(.discard(generation: pending.config.generation))
        sockets.discard(pending.change)
        names.discard()
        Glibc.close(pending.config.package)
        limitGroups.settle(Set(config?.clusters ?? []))
        log.error(.config, "the configuration is refused\(config == nil ? "" : ", the old one stays"): \(reason)")
        if config == nil { end(code: EXIT_FAILURE, quickly: true) }
    }

    // MARK: Workers

    func workerStarted(_ slot: WorkerSlot) {
        if config == nil {
            guard let pending else { return }
            slot.send(.prepare(generation: pending.config.generation), [pending.config.package])
        } else {
            configure(slot)
        }
    }

    /// Brings the configuration in force to a worker that has none.
    private func configure(_ slot: WorkerSlot) {
        guard let config else { return }
        slot.send(.prepare(generation: config.generation), [config.package])
    }

    func workerReported(_ slot: WorkerSlot, _ report: WorkerReport) {
        switch report {
        case .prepared(let generation):
            if generation == pending?.config.generation, let action = pending?.rollout.prepared(slot.index, generation) {
                perform(action)
            } else if generation == config?.generation, slot.state == .starting {
                for (listener, descriptors) in sockets.byListener { slot.send(.sockets(listener: listener), descriptors) }
                for (cluster, endpoints) in names.known(staged: false) { slot.send(.endpoints(cluster: cluster, endpoints)) }
                slot.send(.commit(generation: generation))
            } else if slot.state == .starting {
                // The configuration changed while this worker prepared the old one.
                configure(slot)
            }
        case .refused(let generation, let reason):
            if generation == pending?.config.generation, let action = pending?.rollout.refused(slot.index, generation, reason) {
                perform(action)
            } else {
                log.error(.config, "worker \(slot.index) refuses the configuration in force: \(reason)")
                kill(slot.process, SIGKILL)
            }
        case .committed(let generation):
            guard slot.state == .starting || slot.state == .serving else { return }
            slot.state = .serving
            if generation == config?.generation { workersServing() }
        }
    }

    func workerEnded(_ slot: WorkerSlot) {
        guard let action = pending?.rollout.ended(slot.index) else { return }
        perform(action)
    }

    func workerCrashed(_ slot: WorkerSlot, on request: RequestInHand) { quarantine.blame(request) }

    private func workersServing() {
        guard state == .initializing, fleet.slots.allSatisfy({ $0.state == .serving }) else { return }
        state = .live
        serverStats[.live].set(1)
        log.info(.main, "serving with \(fleet.slots.count) worker\(fleet.slots.count == 1 ? "" : "s")")
        inheritor?.finish()
        inheritor = nil
        openTakeOver()
    }

    // MARK: Admin and take-over

    private func openAdmin() throws {
        let admin = AdminListeners(self)
        let address = (config ?? pending?.config)?.adminAddress
        do {
            try admin.open(address: address, metrics: options.metricsAddress.flatMap { SocketAddress($0) })
            self.admin = admin
        } catch {
            throw ConfigRefusal(description: "the admin interface cannot listen\(address.map { " at \($0)" } ?? ""): \(error)")
        }
    }

    private func openTakeOver() {
        guard let path = options.takeOverPath else { return }
        do {
            takeOver = try TakeOverListener(loop: loop, path: path, log: log, supervisor: self)
        } catch {
            log.error(.supervisor, "no new program can take over at \(path): \(error)")
        }
    }

    /// A new program has the sockets and serves: this one drains.
    func handedOver() {
        log.info(.supervisor, "a new program has taken over: draining")
        sockets.closeAll(keepsPaths: true)
        drain()
    }

    /// What a new program must not find in use: the admin listener and the take-over socket.
    func makeRoom() {
        admin?.close()
        admin = nil
        takeOver?.close()
    }

    /// The new program gave up: this one goes on as before.
    func takeOverFailed() {
        do {
            try openAdmin()
        } catch {
            log.error(.admin, "\(error)")
        }
        openTakeOver()
    }

    // MARK: Signals and the end

    private func signalled(_ signal: Int32) {
        switch signal {
        case SIGCHLD: fleet.collectEnded()
        case SIGHUP: reload()
        case SIGUSR1: reopenLogs()
        case SIGINT: end(code: 0, quickly: true)
        default: drain()
        }
    }

    func reopenLogs() { fleet.broadcast(.reopenLogs) }

    /// Closes the listening sockets (`/drain_listeners`); what is open goes on.
    func stopAccepting() {
        fleet.broadcast(.stopAccepting)
        sockets.closeAll(keepsPaths: false)
    }

    /// Takes nothing new and ends when what is under way has ended.
    func drain() {
        guard state != .draining else { return }
        log.info(.main, "draining for at most \(options.drainSeconds) s")
        end(code: 0, quickly: false)
    }

    func end(code: Int32, quickly: Bool) {
        state = .draining
        exitCode = code
        serverStats[.live].set(0)
        sockets.closeAll(keepsPaths: false)
        let milliseconds = quickly ? 0 : options.drainSeconds * 1000
        fleet.drain(milliseconds: milliseconds)
        let timer = LoopTimer(loop: loop) { [unowned self] in self.fleet.killAll() }
        exitTimer = timer
        timer.schedule(after: UInt64(milliseconds) * 1_000_000 + 2_000_000_000)
    }

    func allWorkersEnded() {
        log.info(.main, "ended")
        admin?.close()
        takeOver?.close()
        exit(exitCode)
    }

    /// The sum of all processes, now.
    func statistics() -> StatsSnapshot {
        serverStats[.uptime].set(Int((loop.now - startedAt) / 1_000_000_000))
        serverStats[.state].set(state == .live ? 0 : state == .draining ? 1 : 2)
        var physical = 0
        for process in [getpid()] + fleet.slots.map(\.process) where process != 0 {
            physical += ProcessFiles.memory(process)?.proportional ?? 0
        }
        serverStats[.memoryPhysicalSize].set(physical)
        let heap = HeapSize.current
        serverStats[.memoryAllocated].set(heap.allocated)
        serverStats[.memoryHeapSize].set(heap.held)
        let (snapshot, failures) = fleet.merger.snapshot()
        for (index, failure) in failures { log.error(.stats, "the statistics of worker \(index) cannot be read: \(failure)") }
        return snapshot
    }
}
