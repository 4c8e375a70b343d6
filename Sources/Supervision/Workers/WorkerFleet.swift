import CLinux
import DataPlane
import Glibc
import Observability
import Reactor
import SecureTransport
import TrafficPolicy

/// Hears what becomes of the workers.
@WorkerActor protocol WorkerFleetOwner: AnyObject {
    /// A process is there and greeted; it has no configuration.
    func workerStarted(_ slot: WorkerSlot)
    func workerReported(_ slot: WorkerSlot, _ report: WorkerReport)
    /// A process ended that was not told to, before its successor starts.
    func workerEnded(_ slot: WorkerSlot)
    /// A process ended by its own fault, or because it hung, while it worked on this request.
    func workerCrashed(_ slot: WorkerSlot, on request: RequestInHand)
    /// The last of the workers that were told to end has ended.
    func allWorkersEnded()
}

/// The worker processes: starts them, watches them, and starts them again when they end.
@WorkerActor final class WorkerFleet: WorkerGroup, MessageChannelOwner {
    /// How often the watchdog looks, in nanoseconds.
    private static let lookInterval: UInt64 = 500_000_000
    /// Clusters for which the limit region has room. Memory is used only for those that there are.
    private static let limitGroups = 65_536

    let slots: [WorkerSlot]
    let board: WorkerBoard
    let levels: LogLevels
    let limitGroups: Int
    /// Groups of limits that were ever given to a cluster.
    var usedLimitGroups = 0
    private(set) var merger = StatsMerger()
    private let loop: EventLoop
    private let log: Log
    private let logsJSON: Bool
    private let drainSeconds: Int
    private let limits: SharedMemory
    private let limitRegion: LimitRegion
    private let stats: ServerStats
    /// What a worker hears right after its greeting.
    var ticketKeys: (@WorkerActor () -> [TicketKey])?
    private weak var owner: (any WorkerFleetOwner)?
    private var watch: LoopTimer?
    private(set) var isEnding = false

    init(
        loop: EventLoop, log: Log, levels: LogLevels, logsJSON: Bool, concurrency: Int, drainSeconds: Int, watchdogSeconds: Int,
        stats: ServerStats
    ) throws {
        self.loop = loop
        self.log = log
        self.levels = levels
        self.logsJSON = logsJSON
        self.drainSeconds = drainSeconds
        self.stats = stats
        board = try WorkerBoard(workers: concurrency)
        limitGroups = Self.limitGroups
        limits = try SharedMemory(named: "heddle-limits", size: LimitDirectory.byteCount(workers: concurrency, groups: limitGroups))
        limitRegion = LimitRegion(memory: limits.base, slots: concurrency, groups: limitGroups)
        let looks = UInt64(watchdogSeconds) * 1_000_000_000 / Self.lookInterval
        var slots: [WorkerSlot] = []
        for index in 0..<concurrency { slots.append(try WorkerSlot(index: index, patience: Int(looks))) }
        self.slots = slots
    }

    // MARK: The statistics of a take-over

    /// Hands what the processes of this program have counted, and where they count on, to one that takes over.
    func sendStatistics(to channel: MessageChannel) {
        do throws(SystemError) {
            let ended = try MemoryFile.write(merger.ended.encoded)
            channel.send([TakeOverMessage.endedStatistics.rawValue], [ended.raw])
        } catch {
            log.error(.stats, "a new program is not told what ended processes have counted: \(error)")
        }
        for (index, region) in merger.regions {
            let kind = index < 0 ? TakeOverMessage.supervisorStatistics : .workerStatistics
            channel.send([kind.rawValue], [region])
        }
    }

    func inherit(_ ended: StatsSnapshot) { merger.inherit(ended) }

    func inherit(_ reader: StatsReader, isWorker: Bool) { merger.inherit(reader, isWorker: isWorker) }

    /// The program that this one has taken over from has ended.
    func foldInherited() {
        let lost = merger.foldInherited()
        if lost > 0 { log.error(.stats, "what \(lost) processes of the old program counted is lost") }
    }

    /// The counters of a group of limits, to look at.
    func limitCounters(group: Int) -> LimitCounters { limitRegion.counters(group: group, slot: 0) }

    /// Adds a process that is no worker to the statistics.
    func addStatistics(_ reader: StatsReader) { merger.add(-1, reader) }

    func start(owner: any WorkerFleetOwner) throws {
        self.owner = owner
        // The first configuration was refused.
        if isEnding { return owner.allWorkersEnded() }
        for slot in slots { try launch(slot) }
        let timer = LoopTimer(loop: loop) { [unowned self] in self.look() }
        watch = timer
        timer.schedule(after: Self.lookInterval)
    }

    // MARK: Starting

    private func launch(_ slot: WorkerSlot) throws {
        slot.incarnation += 1
        board.reset(slot.index, incarnation: slot.incarnation)
        slot.watchdog.restarted()
        slot.isAborted = false
        var pair: [Int32] = [-1, -1]
        guard heddle_message_pair(1, &pair) == 0 else { throw SystemError("socketpair") }
        let mine = Descriptor(pair[0])
        let theirs = Descriptor(pair[1])
        let region = try StatsSegment(named: "heddle-stats-\(slot.index)").region
        let reader = try StatsReader(mapping: try Socket.duplicate(region.descriptor).release())
        slot.process = try LaunchedProcess.start(["--worker"], descriptors: [(theirs.raw, WorkerProcess.channelDescriptor)])
        slot.startedAt = loop.now
        slot.state = .starting
        merger.add(slot.index, reader)
        let channel = MessageChannel(loop: loop, socket: mine)
        slot.channel = channel
        try channel.open(owner: self)
        let identity = WorkerIdentity(
            index: slot.index, concurrency: slots.count, incarnation: slot.incarnation, limitGroups: limitGroups, logsJSON: logsJSON,
            drainSeconds: drainSeconds)
        slot.send(
            .hello(identity),
            [board.descriptor, limits.descriptor, levels.descriptor ?? -1, region.descriptor, slot.inbox])
        if let ticketKeys { slot.send(.ticketKeys(ticketKeys())) }
        for other in slots where other !== slot { slot.send(.peer(other.index), [other.inboxSender]) }
        log.info(.supervisor, "worker \(slot.index) is process \(slot.process)")
        owner?.workerStarted(slot)
    }

    // MARK: Reports

    func received(_ bytes: [UInt8], _ descriptors: [Int32], on channel: MessageChannel) {
        for descriptor in descriptors { Glibc.close(descriptor) }
        guard let slot = slots.first(where: { $0.channel === channel }) else { return }
        do throws(FrameError) {
            owner?.workerReported(slot, try WorkerReport(decoding: bytes))
        } catch {
            log.error(.supervisor, "worker \(slot.index) sent what cannot be read: \(error)")
            kill(slot.process, SIGKILL)
        }
    }

    /// The channel closes when the process ends, and only then.
    func closed(_ channel: MessageChannel) {
        // The end of the process itself is told by SIGCHLD.
    }

    // MARK: Ending

    /// Collects the processes that have ended (SIGCHLD).
    func collectEnded() {
        while true {
            var status: Int32 = 0
            let process = waitpid(-1, &status, WNOHANG)
            guard process > 0 else { return }
            guard let slot = slots.first(where: { $0.process == process }) else { continue }
            ended(slot, status)
        }
    }

    private func ended(_ slot: WorkerSlot, _ status: Int32) {
        let wasTold = slot.state == .draining
        let process = slot.process
        slot.channel?.close()
        slot.channel = nil
        slot.process = 0
        slot.state = .empty
        stats[.workerExits].add()
        do throws(RegionError) {
            try merger.fold(slot.index)
        } catch {
            log.error(.stats, "what worker \(slot.index) counted is lost: \(error)")
        }
        limitRegion.giveBack(slot: slot.index, groups: usedLimitGroups)
        if wasTold && status == 0 {
            log.info(.supervisor, "worker \(slot.index) has ended")
        } else {
            let crash = board.crashReport(slot.index)
            let text = crash.map { "; crash record: \($0.text)" } ?? ""
            log.error(.supervisor, "worker \(slot.index) ended with \(LaunchedProcess.text(status))\(text)")
            if let crash, let request = crash.request, slot.isAborted || crash.isOwnFault(of: process) {
                owner?.workerCrashed(slot, on: request)
            }
        }
        board.reset(slot.index, incarnation: slot.incarnation)
        if !wasTold { owner?.workerEnded(slot) }
        if isEnding {
            if slots.allSatisfy({ $0.process == 0 }) { owner?.allWorkersEnded() }
            return
        }
        scheduleRestart(slot)
    }

    private func scheduleRestart(_ slot: WorkerSlot) {
        let delay = slot.backoff.ended(after: loop.now - slot.startedAt)
        if delay > 0 { log.warning(.supervisor, "worker \(slot.index) starts again in \(delay / 1_000_000) ms") }
        let timer = LoopTimer(loop: loop) { [unowned self, unowned slot] in
            guard !self.isEnding else { return }
            self.stats[.workerRestarts].add()
            do {
                try self.launch(slot)
            } catch {
                self.log.error(.supervisor, "worker \(slot.index) cannot be started: \(error)")
                slot.startedAt = self.loop.now
                self.scheduleRestart(slot)
            }
        }
        slot.restart = timer
        timer.schedule(after: delay)
    }

    /// Tells all workers to end; no one is started again.
    func drain(milliseconds: Int) {
        isEnding = true
        for slot in slots where slot.process != 0 {
            slot.state = .draining
            slot.send(.drain(milliseconds: milliseconds))
        }
        if slots.allSatisfy({ $0.process == 0 }) { owner?.allWorkersEnded() }
    }

    /// Ends what still runs.
    func killAll() {
        isEnding = true
        for slot in slots where slot.process != 0 {
            slot.state = .draining
            kill(slot.process, SIGKILL)
        }
    }

    // MARK: The watchdog

    private func look() {
        for slot in slots where slot.process != 0 {
            switch slot.watchdog.look(board.beat(slot.index)) {
            case .alive: break
            case .late:
                stats[.watchdogMiss].add()
                log.warning(.supervisor, "worker \(slot.index) gives no sign of life")
            case .abort:
                stats[.watchdogMegaMiss].add()
                log.error(.supervisor, "worker \(slot.index) gave no sign of life for too long and is ended")
                slot.isAborted = true
                kill(slot.process, SIGABRT)
            case .kill:
                log.error(.supervisor, "worker \(slot.index) cannot even crash and is killed")
                kill(slot.process, SIGKILL)
                slot.watchdog.restarted()
            }
        }
        watch?.schedule(after: Self.lookInterval)
    }
}
