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
@WorkerActor final class Supervisor: WorkerFleetOwner, ResourceLedgerOwner {
    /// What `/ready` and `/server_info` tell.
    enum State: String {
        case preInitializing = "PRE_INITIALIZING"
        case initializing = "INITIALIZING"
        case live = "LIVE"
        case draining = "DRAINING"
    }

    let options: ProxyOptions
    let loop: EventLoop
    let log: Log
    let levels: LogLevels
    let startedAt: UInt64
    let fleet: WorkerFleet
    let sockets: ListenerSockets
    let names: NameDirectory
    let serverStats: ServerStats
    private(set) var state = State.initializing
    let ledger: ResourceLedger
    let discovery: DiscoveryStatistics
    private let subscriber: ConfigSubscriber
    /// The bootstrap without its static resources, which the ledger has; nil before it is in force.
    private(set) var bootstrap: BootstrapFrame?
    /// `/healthcheck/fail` was asked for.
    private(set) var failsHealthCheck = false
    /// Requests that are refused because such ones killed workers.
    let quarantine: QuarantineKeeper
    /// Newer versions of Lua filters beside those in force.
    let luaRollouts: LuaRolloutKeeper
    private var caseRun: CaseRun?
    private let stats: StatsSegment
    private let bootstrapUpdates: BootstrapUpdates
    /// Of all certificates in the configuration: the last second of the one that expires first, `.max` for none. Nil
    /// after a change.
    var firstExpiry: UInt64?
    private var lastBootstrap: UInt64 = 0
    private var loadsBootstrap = false
    /// Whether the configuration is to be read once more when the one on its way is taken or refused.
    private var readsAgain = false
    private(set) var lastGood: LastGoodKeeper?
    private var admin: AdminListeners?
    private(set) var ticketKeys: TicketKeyKeeper?
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
        bootstrapUpdates = BootstrapUpdates(stats.discovery("bootstrap"), loop: loop)
        let bootstrap = try Self.decode(first.bytes)
        let concurrency = options.concurrency ?? max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        fleet = try WorkerFleet(
            loop: loop, log: log, levels: levels, logsJSON: options.logFormat == .json, concurrency: concurrency,
            drainSeconds: options.drainSeconds, watchdogSeconds: options.watchdogSeconds, stats: serverStats)
        fleet.addStatistics(try StatsReader(mapping: try Socket.duplicate(stats.region.descriptor).release()))
        quarantine = QuarantineKeeper(loop: loop, log: log, table: fleet.board.quarantine)
        luaRollouts = LuaRolloutKeeper(loop: loop, log: log, stats: stats, fleet: fleet) { [fleet] in
            fleet.merger.snapshot(StatsSnapshot.isOfLuaFilter).stats
        }
        sockets = ListenerSockets()
        names = try NameDirectory(
            loop: loop, log: log, stats: stats, seed: heddle_random(), settings: NameResolver.Settings(bootstrap))
        ledger = ResourceLedger(loop: loop, fleet: fleet, sockets: sockets, names: names, log: log, stats: stats) { loop.wallNow }
        discovery = DiscoveryStatistics(stats, log: log, loop: loop)
        let maker = DiscoverySources(
            loop: loop, statistics: discovery, resolver: names.resolver,
            checker: ResourceChecker(unknownFields: options.unknownDynamicFields), seed: heddle_random())
        subscriber = ConfigSubscriber(log: log, maker: maker, applier: ledger)
        if let path = options.lastGoodPath {
            lastGood = LastGoodKeeper(path: path, ledger: ledger, loop: loop, log: log, stats: stats.controlPlane())
        }
        serverStats[.concurrency].set(concurrency)
        serverStats[.hotRestartEpoch].set(options.restartEpoch)
        serverStats[.hotRestartGeneration].set(options.restartEpoch + 1)
    }

    nonisolated static func decode(_ bytes: [UInt8]) throws -> Envoy_Config_Bootstrap_V3_Bootstrap {
        try Envoy_Config_Bootstrap_V3_Bootstrap(serializedBytes: bytes, options: ConfigDecoder.binaryOptions)
    }

    /// Starts everything; what goes wrong here ends the program.
    func start(_ first: ReadConfig) throws {
        signals = try SignalWatch(loop: loop, [SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGCHLD]) { [unowned self] in self.signalled($0) }
        ledger.owner = self
        watchLuaFilters()
        ledger.subscriber = subscriber
        if options.restartEpoch > 0, let path = options.takeOverPath {
            let client = try TakeOverClient(loop: loop, log: log, path: path)
            for (key, descriptor) in try client.receive() { sockets.inherit(key, descriptor) }
            inheritor = client
        }
        let keeper = TicketKeyKeeper(
            loop: loop, seconds: options.ticketKeySeconds, inherited: inheritor?.ticketKeys ?? []
        ) { [unowned self] keys in self.fleet.broadcast(.ticketKeys(keys)) }
        ticketKeys = keeper
        fleet.ticketKeys = { keeper.keys }
        bootstrapUpdates.attempted()
        let frame = try BootstrapFrame(first.bytes)
        // Before the first configuration is in force, so that probes hear the state while names are resolved.
        try openAdmin(frame)
        try load(frame)
        try fleet.start(owner: self)
    }

    // MARK: Configuration

    /// Reads the configuration anew (SIGHUP). What is wrong is logged, and the old one stays.
    func reload() {
        guard !fleet.isEnding else {
            log.warning(.config, "the configuration is not read: the proxy ends")
            return
        }
        guard !loadsBootstrap else {
            // What the files hold now may be newer than what is on its way.
            readsAgain = true
            return
        }
        bootstrapUpdates.attempted()
        do {
            let read = try ConfigReader.read(options)
            let frame = try BootstrapFrame(read.bytes)
            if frame == bootstrap, ledger.store.bootstrapChanges(frame.resources).isEmpty {
                log.info(.config, "the configuration is the same")
                bootstrapUpdates.inForce(lastBootstrap)
                return
            }
            logWarnings(read)
            try load(frame)
        } catch {
            log.error(.config, "the configuration is refused, the old one stays: \(error)")
            bootstrapUpdates.rejected()
        }
    }

    func logWarnings(_ read: ReadConfig) {
        for line in read.warnings.split(separator: "\n") { log.warning(.config, String(line)) }
    }

    /// Brings the static resources to the workers, whole or not at all.
    private func load(_ frame: BootstrapFrame) throws {
        loadsBootstrap = true
        // Before anything is in force, so that nobody takes an empty set of clusters for all that will come.
        if bootstrap == nil { ledger.expectedTypes = frame.expectedTypes }
        let changes = ledger.store.bootstrapChanges(frame.resources)
        let recompiled = frame.settings == ledger.settings ? [] : ledger.store.recompilation(besides: changes)
        var batch = ResourceLedger.Batch(
            origin: .bootstrap, changes: changes + recompiled, settings: frame.settings, recompiled: Set(recompiled.map(\.key))
        ) { [unowned self] refusals in
            guard refusals.isEmpty else {
                self.refuse(refusals)
                return self.loaded()
            }
            let isFirst = self.bootstrap == nil
            if !isFirst { self.followAccessLog(frame) }
            self.bootstrap = frame.withoutResources
            self.ledger.settings = frame.settings
            self.ledger.expectedTypes = frame.expectedTypes
            if isFirst, let lastGood = self.lastGood {
                lastGood.restore(frame.expectedTypes) { [unowned self] in
                    self.subscribe(frame)
                    self.loaded()
                }
            } else {
                self.subscribe(frame)
                self.loaded()
            }
        }
        batch.settled = { [unowned self] in
            self.lastBootstrap += 1
            self.bootstrapUpdates.inForce(self.lastBootstrap)
            self.log.info(.config, "configuration \(self.lastBootstrap) is in force")
            heddle_trim_memory()
            self.resourcesChanged()
        }
        ledger.apply(batch)
    }

    /// The bootstrap that was on its way is taken or refused.
    private func loaded() {
        loadsBootstrap = false
        guard readsAgain else { return }
        readsAgain = false
        reload()
    }

    /// Asks the sources that the bootstrap names.
    private func subscribe(_ frame: BootstrapFrame) {
        do {
            subscriber.configure(try ConfigSubscriber.Plan(frame))
        } catch {
            log.error(.config, "the sources of configuration cannot be asked: \(error)")
        }
    }

    /// The access log of the admin interface follows a reload; its address does not.
    private func followAccessLog(_ frame: BootstrapFrame) {
        do {
            admin?.accessLog = try accessLog(of: frame)
        } catch {
            log.error(.admin, "the access log stays as it was: \(error)")
        }
    }

    private func refuse(_ refusals: [ResourceRefusal]) {
        let file = options.configPath ?? "--config-yaml"
        let reasons = refusals.map { "\(file): \($0.key): \($0.reason)" }.joined(separator: "; ")
        log.error(.config, "the configuration is refused\(bootstrap == nil ? "" : ", the old one stays"): \(reasons)")
        bootstrapUpdates.rejected()
        if bootstrap == nil { end(code: EXIT_FAILURE, quickly: true) }
    }

    // MARK: Workers

    func workerStarted(_ slot: WorkerSlot) {
        if failsHealthCheck { slot.send(.health(fails: true)) }
        luaRollouts.workerStarted(slot)
        ledger.workerStarted(slot)
    }

    /// Cases are run before listeners come into force, and versions are watched as soon as they are.
    private func watchLuaFilters() {
        ledger.listenerChanged = { [unowned self] name, body in
            let listener = body.flatMap { try? Envoy_Config_Listener_V3_Listener(serializedBytes: $0, options: ConfigDecoder.binaryOptions) }
            self.luaRollouts.set(name, listener.map { ConfiguredLuaFilter.all(of: $0, name: name) } ?? [])
        }
        ledger.caseRunner = { [unowned self] subjects, done in
            do throws(SystemError) {
                self.caseRun = try CaseRun(subjects, loop: self.loop) { [unowned self] refused in
                    self.caseRun = nil
                    done(refused)
                }
            } catch {
                done(Dictionary(uniqueKeysWithValues: subjects.map { ($0.number, "its cases cannot be run: \(error)") }))
            }
        }
    }

    func workerReported(_ slot: WorkerSlot, _ report: WorkerReport) { ledger.workerReported(slot, report) }

    func workerEnded(_ slot: WorkerSlot) { ledger.workerEnded(slot) }

    func workerCrashed(_ slot: WorkerSlot, on request: RequestInHand) { quarantine.blame(request) }

    /// The proxy is live when it has everything that it was to begin with.
    func resourcesChanged() {
        lastGood?.resourcesChanged()
        firstExpiry = nil
        guard state == .initializing, lastBootstrap > 0, ledger.isInitialized,
            fleet.slots.allSatisfy({ $0.state == .serving })
        else { return }
        state = .live
        serverStats[.live].set(1)
        serverStats[.initializationTimeMS].record(nanoseconds: loop.now - startedAt)
        ledger.listenerStats[.workersStarted].set(1)
        log.info(.main, "serving with \(fleet.slots.count) worker\(fleet.slots.count == 1 ? "" : "s")")
        sockets.dropInherited()
        inheritor?.finish(fleet) { [unowned self] in
            self.inheritor = nil
            self.fleet.foldInherited()
        }
        openTakeOver()
    }

    // MARK: Admin and take-over

    private func openAdmin(_ frame: BootstrapFrame?) throws {
        let admin = AdminListeners(self)
        let address = frame?.adminAddress
        if let frame { admin.accessLog = try accessLog(of: frame) }
        do {
            try admin.open(address: address, metrics: options.metricsAddress.flatMap { SocketAddress($0) })
            self.admin = admin
        } catch {
            throw ConfigRefusal(description: "the admin interface cannot listen\(address.map { " at \($0)" } ?? ""): \(error)")
        }
    }

    private func accessLog(of frame: BootstrapFrame) throws -> AdminAccessLog? {
        try AdminAccessLog(try Self.decode(frame.bytes), loop: loop, stats: stats, log: log)
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
            try openAdmin(bootstrap)
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

    func reopenLogs() {
        fleet.broadcast(.reopenLogs)
        admin?.accessLog?.reopen()
    }

    /// `/healthcheck/fail` and `/healthcheck/ok`: workers tell clients to go elsewhere while it fails.
    func setHealth(fails: Bool) {
        guard failsHealthCheck != fails else { return }
        failsHealthCheck = fails
        fleet.broadcast(.health(fails: fails))
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
        lastGood?.save()
        subscriber.stop()
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
}
