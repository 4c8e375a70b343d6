import Bytes
import CLinux
import DataPlane
import Glibc
import Observability
import ProxyModel
import Reactor
import SecureTransport
import SwiftProtobuf
import TrafficPolicy

/// A worker as a process: follows the supervisor's orders, and ends when they end.
@WorkerActor final class WorkerProcess: MessageChannelOwner {
    /// The descriptor by which the supervisor speaks to a worker.
    static let channelDescriptor: Int32 = 3
    /// How often a worker gives a sign of life, in nanoseconds.
    private static let beatInterval: UInt64 = 250_000_000
    /// After it stopped accepting, how long a worker still takes connections that others pass to it.
    private static let passingTime: UInt64 = 100_000_000
    /// How long clients have to hear with a response that their connection ends, before idle connections are closed: a
    /// request may be on its way on one.
    private static let farewellTime: UInt64 = 500_000_000
    /// A change of more resources than this gives the memory that it needed back to the system.
    private static let trimsAbove = 100
    /// How long a worker whose supervisor is gone lets requests end.
    private static let orphanTime = 60_000

    private let loop: EventLoop
    private let registry: @WorkerActor () -> HTTPFilterRegistry
    private let channel: MessageChannel
    private var peers: [(Int, Int32)] = []
    private var parts: WorkerParts?
    private var sockets: [String: [Int32]] = [:]
    private var beat: LoopTimer?
    /// When the next beat should come.
    private var due: UInt64 = 0
    private var drainTimer: LoopTimer?
    private var hasTrimmed = false
    private var drainDeadline: UInt64?
    private var farewellEnd: UInt64 = 0

    init(loop: EventLoop, registry: @escaping @WorkerActor () -> HTTPFilterRegistry) {
        self.loop = loop
        self.registry = registry
        _ = fcntl(Self.channelDescriptor, F_SETFD, FD_CLOEXEC)
        channel = MessageChannel(loop: loop, socket: Descriptor(Self.channelDescriptor))
    }

    func start() throws(SystemError) {
        try channel.open(owner: self)
    }

    // MARK: Orders

    func received(_ bytes: [UInt8], _ descriptors: [Int32], on channel: MessageChannel) {
        do throws(FrameError) {
            follow(try WorkerOrder(decoding: bytes), descriptors)
        } catch {
            fail("an order from the supervisor cannot be read: \(error)")
        }
    }

    func closed(_ channel: MessageChannel) {
        parts?.log.error(.supervisor, "the supervisor is gone: draining")
        drain(milliseconds: Self.orphanTime)
    }

    private func follow(_ order: WorkerOrder, _ descriptors: [Int32]) {
        switch order {
        case .hello(let identity): hello(identity, descriptors)
        case .peer(let index):
            guard let balancer = parts?.balancer, descriptors.count == 1 else { return closeAll(descriptors) }
            balancer.setPeer(index, descriptors[0])
        case .ticketKeys(let keys):
            do throws(TLSError) {
                try parts?.worker.resources.context.secrets.ticketKeys?.replace(keys)
            } catch {
                fail("session ticket keys from the supervisor: \(error)")
            }
        case .prepare(let generation): prepare(generation, descriptors)
        case .sockets(let listener): sockets[listener, default: []] += descriptors
        case .endpoints(let cluster, let endpoints): parts?.worker.setEndpoints(cluster, endpoints)
        case .commit(let generation, let numbers, let isLast): commit(generation, numbers, isLast)
        case .forget(let numbers): parts?.worker.forget(numbers.numbers)
        case .drain(let milliseconds): drain(milliseconds: milliseconds)
        case .stopAccepting(nil):
            parts?.setAccepting(false)
            parts?.worker.stopAccepting()
            parts?.keepSockets([:], listeners: [])
        case .stopAccepting(let listeners?):
            guard let worker = parts?.worker else { return }
            worker.stopAccepting(Set(listeners))
            parts?.keepSockets([:], listeners: worker.listenerNames.subtracting(listeners))
        case .reopenLogs: parts?.logWriter.reopen()
        case .health(let fails): parts?.worker.setHealth(fails: fails)
        case .rolledBack(let keys): parts?.worker.resources.context.rolledBack.set(Set(keys))
        }
    }

    private func hello(_ identity: WorkerIdentity, _ descriptors: [Int32]) {
        guard parts == nil, descriptors.count == WorkerParts.descriptorCount else {
            fail("a greeting with \(descriptors.count) descriptors")
            return
        }
        do {
            let parts = try WorkerParts(identity, descriptors, loop: loop, registry: registry())
            self.parts = parts
            parts.crashNotes.install(parts.board.crashRecord(identity.index))
            let timer = LoopTimer(loop: loop) { [unowned self] in self.strike() }
            beat = timer
            strike()
        } catch {
            fail("the worker cannot start: \(error)")
        }
    }

    private func strike() {
        guard let parts else { return }
        parts.strike(late: due > 0 && loop.now > due ? loop.now - due : 0)
        due = loop.now + Self.beatInterval
        beat?.schedule(at: due)
    }

    // MARK: Configuration

    private func prepare(_ generation: UInt64, _ descriptors: [Int32]) {
        defer { closeAll(descriptors) }
        guard let parts, descriptors.count == 1 else { return }
        let package: ResourcePackage
        do {
            package = try ResourcePackage(decoding: try MemoryFile.read(descriptors[0]))
        } catch {
            fail("resources from the supervisor cannot be read: \(error)")
            return
        }
        parts.worker.settings = package.settings
        for item in package.items {
            if item.update.key.type == .cluster { parts.groups[item.update.key.name] = item.limitGroup }
            do throws(ConfigProblem) {
                try parts.worker.prepare(item.update)
            } catch {
                channel.send(
                    WorkerReport.refused(generation: generation, number: item.update.number, reason: error.description).encoded)
            }
        }
        channel.send(WorkerReport.prepared(generation: generation).encoded)
    }

    private func commit(_ generation: UInt64, _ numbers: NumberRanges, _ isLast: Bool) {
        guard let parts else { return }
        let sockets = self.sockets
        self.sockets = [:]
        do {
            // Listeners take connections from the next turn of the loop on; the addresses are there by then.
            try parts.worker.commit(numbers.numbers, sockets: sockets)
        } catch {
            fail("the configuration cannot be put in force: \(error)")
            return
        }
        parts.keepSockets(sockets, listeners: parts.worker.listenerNames)
        guard isLast else { return }
        // Looking through the heap is worth it behind a start and a large change, and not for a change of one resource.
        if !hasTrimmed || numbers.ranges.reduce(0, { $0 + $1.count }) > Self.trimsAbove { heddle_trim_memory() }
        hasTrimmed = true
        parts.setAccepting(drainDeadline == nil)
        parts.openInbox()
        channel.send(WorkerReport.committed(generation: generation).encoded)
    }

    // MARK: The end

    private func drain(milliseconds: Int) {
        guard let parts else { exit(0) }
        let deadline = loop.now + UInt64(max(0, milliseconds)) * 1_000_000
        if let before = drainDeadline {
            drainDeadline = min(before, deadline)
            return
        }
        drainDeadline = deadline
        farewellEnd = min(deadline, loop.now + Self.farewellTime)
        parts.setAccepting(false)
        parts.worker.stopAccepting()
        parts.worker.retire()
        let timer = LoopTimer(loop: loop) { [unowned self] in self.drainStep() }
        drainTimer = timer
        timer.schedule(after: Self.passingTime)
    }

    private func drainStep() {
        guard let parts, let drainDeadline else { return }
        // Again and again: others may have passed connections meanwhile.
        if loop.now < farewellEnd { parts.worker.retire() } else { parts.worker.drain() }
        // As long as any process has them open, clients wait in their queues instead of being refused.
        parts.keepSockets([:], listeners: [])
        if parts.worker.connectionCount == 0 || loop.now >= drainDeadline {
            parts.worker.closeAll()
            parts.worker.publishStatistics()
            parts.logWriter.flush()
            exit(0)
        }
        drainTimer?.schedule(after: 20_000_000)
    }

    private func fail(_ reason: String) {
        (parts?.log ?? Log()).error(.supervisor, reason)
        exit(EXIT_FAILURE)
    }

    private func closeAll(_ descriptors: [Int32]) {
        for descriptor in descriptors { Glibc.close(descriptor) }
    }
}
