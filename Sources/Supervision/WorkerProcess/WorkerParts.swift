import Bytes
import CLinux
import DataPlane
import Glibc
import Observability
import Reactor
import SecureTransport
import TrafficPolicy

/// What a worker process is made of, put together from what the supervisor gave it.
@WorkerActor final class WorkerParts: EventHandler {
    /// Board, limits, log levels, statistics, inbox.
    static let descriptorCount = 5

    let identity: WorkerIdentity
    let board: WorkerBoard
    let stats: StatsSegment
    let log: Log
    let logWriter: LogFileWriter
    let worker: Worker
    let balancer: BoardBalancer?
    let crashNotes: CrashNotes
    /// Which group of the limit region each cluster has.
    var groups: [String: Int] {
        get { limits.groups }
        set { limits.groups = newValue }
    }

    private let loop: EventLoop
    private let limits: LimitDirectory
    private let inbox: Int32
    private let vitals: WorkerVitals
    private var isInboxOpen = false
    private var keptSockets: [String: [Int32]] = [:]

    /// - Parameter descriptors: become this object's.
    init(_ identity: WorkerIdentity, _ descriptors: [Int32], loop: EventLoop, registry: HTTPFilterRegistry) throws {
        self.identity = identity
        self.loop = loop
        board = try WorkerBoard(mapping: descriptors[0], workers: identity.concurrency)
        limits = LimitDirectory(memory: try SharedMemory(mapping: descriptors[1]), identity: identity)
        log = Log(levels: try LogLevels(mapping: descriptors[2]), format: identity.logsJSON ? .json : .text)
        stats = try StatsSegment(mapping: descriptors[3])
        inbox = descriptors[4]
        logWriter = try LogFileWriter(stats: stats.filesystem())
        balancer = identity.concurrency > 1 ? BoardBalancer(board: board, own: identity.index) : nil
        vitals = WorkerVitals(stats: stats, index: identity.index, loop: loop)
        let seed = heddle_random()
        let context = WorkerContext(loop: loop, seed: seed)
        context.secrets.ticketKeys = try TicketKeyring()
        context.quarantine = board.quarantine
        crashNotes = CrashNotes(board.requestRecord(identity.index), of: context)
        worker = Worker(
            WorkerResources(
                context: context, stats: stats, registry: registry, logWriter: logWriter, log: log,
                environment: ProcessEnvironment.format(instanceID: seed), limits: { [limits] in limits.counters($0) },
                balancer: balancer, store: limits.store))
        worker.chainDrainTime = UInt64(identity.drainSeconds) * 1_000_000_000
    }

    /// A sign of life, and how this process fares.
    /// - Parameter late: by how many nanoseconds the loop came too late for it.
    func strike(late: UInt64) {
        board.strike(identity.index)
        vitals.measure(worker, late: late)
        worker.publishStatistics()
    }

    func setAccepting(_ value: Bool) { board.setAccepting(identity.index, value) }

    /// Listening sockets must stay open while the worker listens on them; those of a listener that got new ones close,
    /// and those of listeners that are gone.
    func keepSockets(_ sockets: [String: [Int32]], listeners: Set<String>) {
        for (listener, descriptors) in keptSockets where !listeners.contains(listener) {
            for descriptor in descriptors { Glibc.close(descriptor) }
            keptSockets[listener] = nil
        }
        for (listener, descriptors) in sockets {
            for old in keptSockets.updateValue(descriptors, forKey: listener) ?? [] { Glibc.close(old) }
        }
    }

    // MARK: Connections from other workers

    func openInbox() {
        guard balancer != nil, !isInboxOpen else { return }
        do {
            try loop.watch(inbox, .readable, self)
            isInboxOpen = true
        } catch {
            log.error(.supervisor, "connections of other workers cannot be taken: \(error)")
        }
    }

    func ready(_ readiness: Readiness) {
        var descriptors = [Int32](repeating: -1, count: Int(HEDDLE_MAX_DESCRIPTORS))
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            var count: Int32 = 0
            let size = heddle_receive_descriptors(inbox, &buffer, buffer.count, &descriptors, &count)
            guard size > 0 else { return }
            take(Array(buffer[..<size]), Array(descriptors[..<Int(count)]))
        }
    }

    private func take(_ bytes: [UInt8], _ descriptors: [Int32]) {
        guard descriptors.count == 1 else {
            for descriptor in descriptors { Glibc.close(descriptor) }
            return
        }
        let connection = Descriptor(descriptors[0])
        do throws(FrameError) {
            var frame = FrameReader(bytes)
            balancer?.willTake(incarnation: try frame.number())
            worker.take(connection, listener: try frame.text())
            balancer?.didTake()
        } catch {
            log.error(.supervisor, "a passed connection cannot be read: \(error)")
        }
    }
}

/// The clusters' counters in the limit region.
@WorkerActor final class LimitDirectory {
    var groups: [String: Int] = [:]
    private let memory: SharedMemory
    private let identity: WorkerIdentity
    private let region: LimitRegion

    init(memory: SharedMemory, identity: WorkerIdentity) {
        precondition(
            memory.size >= Self.byteCount(workers: identity.concurrency, groups: identity.limitGroups),
            "a limit region that is too small")
        self.memory = memory
        self.identity = identity
        region = LimitRegion(memory: memory.base, slots: identity.concurrency, groups: identity.limitGroups)
    }

    /// What scripts share: behind the counters, on pages of its own.
    var store: KeyValueRegion {
        KeyValueRegion(memory: memory.base + Self.storeOffset(identity.concurrency, identity.limitGroups), owner: memory)
    }

    private nonisolated static func storeOffset(_ workers: Int, _ groups: Int) -> Int {
        (LimitRegion.byteCount(slots: workers, groups: groups) + 4095) & ~4095
    }

    /// Bytes of the memory that all workers share: the counters and the scripts' table.
    nonisolated static func byteCount(workers: Int, groups: Int) -> Int {
        storeOffset(workers, groups) + KeyValueRegion.byteCount()
    }

    func counters(_ cluster: String) -> LimitCounters {
        guard let group = groups[cluster] else { preconditionFailure("no group of limits for cluster \(cluster)") }
        return region.counters(group: group, slot: identity.index)
    }
}

/// What formats may name of this process's surroundings.
enum ProcessEnvironment {
    static func format(instanceID: UInt64) -> FormatEnvironment {
        FormatEnvironment(hostname: hostname, variables: variables, instanceID: instanceID)
    }

    static var hostname: String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, buffer.count - 1) == 0 else { return "" }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static var variables: [String: String] {
        var result: [String: String] = [:]
        // Safety: `environ` is an array of C strings that ends with nil; nothing in this process changes it.
        var cursor = environ
        while let entry = cursor.pointee {
            let text = String(cString: entry)
            if let equals = text.firstIndex(of: "=") { result[String(text[..<equals])] = String(text[text.index(after: equals)...]) }
            cursor += 1
        }
        return result
    }
}
