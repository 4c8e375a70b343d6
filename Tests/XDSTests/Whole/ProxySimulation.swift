import Observability
import ProxyModel
import Reactor
import SwiftProtobuf
import Synchronization
import XDS

@testable import Supervision

/// A clock that a simulation moves.
final class SimulatedClock: LoopClock {
    private let nanoseconds = Atomic<UInt64>(1_000_000_000)

    func monotonic() -> UInt64 { nanoseconds.load(ordering: .relaxed) }
    func wall() -> UInt64 { 1_700_000_000_000_000_000 + monotonic() }
    func advance(_ time: UInt64) { nanoseconds.add(time, ordering: .relaxed) }
}

/// Everything between a control plane and what workers have in force, without a socket or a process: the control plane's
/// model, a link that breaks, the machine, the subscriber, the ledger, and workers that refuse, die and come back.
@WorkerActor final class ProxySimulation: ResourceLedgerOwner {
    let slots: [WorkerSlot]
    var plane: ModelControlPlane
    let ledger: ResourceLedger
    let link: SimulatedLink
    private(set) var violations: [String] = []
    private(set) var deaths = 0
    private(set) var refusals = 0
    private(set) var reloads = 0
    private let subscriber: ConfigSubscriber
    private let clock = SimulatedClock()
    private let loop: EventLoop
    private var rng: Seeded
    private var workers: [SimulatedWorker?]
    /// Which clusters each worker had in force when it was last looked at.
    private var had: [Int: Set<String>] = [:]
    private var faults = true
    private var number = 1

    init(_ variant: DiscoverySettings.Variant, seed: UInt64) throws {
        rng = Seeded(seed)
        plane = ModelControlPlane(variant)
        plane.makeBody = { MeshResources.body($0, $1, $2) }
        loop = EventLoop(poller: try EpollPoller(), clock: clock)
        loop.adopt()
        let count = Int(rng.next() % 3) + 1
        var slots: [WorkerSlot] = []
        for index in 0..<count { slots.append(try WorkerSlot(index: index, patience: 1)) }
        self.slots = slots
        workers = slots.map { _ in nil }
        let log = Log(levels: LogLevels(.off))
        let stats = try StatsSegment(named: "simulation")
        let group = SimulatedGroup()
        ledger = ResourceLedger(
            loop: loop, fleet: group, sockets: ListenerSockets(),
            names: try NameDirectory(loop: loop, log: log, stats: stats, seed: seed, settings: NameResolver.Settings()),
            log: log, stats: stats, wallClock: { [loop] in loop.wallNow })
        link = SimulatedLink(loop: loop, seed: seed &+ 1)
        subscriber = ConfigSubscriber(log: log, maker: link, applier: ledger)
        group.simulation = self
        ledger.owner = self
        ledger.subscriber = subscriber
        let (frame, plan) = try bootstrap()
        ledger.expectedTypes = frame.expectedTypes
        configure(plan)
        for slot in slots { start(slot) }
    }

    private func bootstrap() throws -> (BootstrapFrame, ConfigSubscriber.Plan) {
        let variant = plane.variant
        let bootstrap = Envoy_Config_Bootstrap_V3_Bootstrap.with {
            $0.node.id = "node \(reloads)"
            $0.dynamicResources.ldsConfig = MeshResources.ads
            $0.dynamicResources.cdsConfig = MeshResources.ads
            $0.dynamicResources.adsConfig.apiType = variant == .delta ? .deltaGrpc : .grpc
            $0.dynamicResources.adsConfig.transportApiVersion = .v3
            $0.dynamicResources.adsConfig.setNodeOnFirstMessageOnly = rng.next() % 2 == 0
        }
        let frame = try BootstrapFrame(MeshResources.bytes(bootstrap))
        return (frame, try ConfigSubscriber.Plan(frame))
    }

    private func configure(_ plan: ConfigSubscriber.Plan) {
        ledger.apply(
            ResourceLedger.Batch(origin: .bootstrap, changes: []) { [unowned self] _ in self.subscriber.configure(plan) })
    }

    /// A bootstrap comes that names another control plane, which has fewer and other resources.
    private func reload() throws {
        reloads += 1
        for type in [.cluster, .listener] as [ResourceType] {
            for name in (plane.snapshot[type] ?? [:]).keys.sorted() where rng.next() % 3 == 0 { plane.snapshot[type]?[name] = nil }
        }
        changeSnapshot()
        configure(try bootstrap().1)
    }

    func resourcesChanged() {}

    // MARK: Workers

    private func start(_ slot: WorkerSlot) {
        let worker = SimulatedWorker()
        workers[slot.index] = worker
        slot.process = 1
        slot.state = .starting
        slot.channel = worker
        ledger.workerStarted(slot)
    }

    private func kill(_ slot: WorkerSlot) {
        violations += workers[slot.index]?.violations ?? []
        workers[slot.index] = nil
        slot.process = 0
        slot.state = .empty
        slot.channel = nil
        had[slot.index] = nil
        deaths += 1
        ledger.workerEnded(slot)
    }

    private func work(_ slot: WorkerSlot) {
        guard let worker = workers[slot.index] else { return start(slot) }
        // What is in force already was compiled by others, and is by this one.
        for report in worker.step(refuses: { generation, _ in
            faults && generation != slot.wholeGeneration && rng.next() % 8 == 0
        }) {
            if case .refused = report { refusals += 1 }
            ledger.workerReported(slot, report)
            if case .committed = report { inspect(worker, slot.index) }
        }
    }

    /// What must hold of a worker whenever it has put something in force.
    private func inspect(_ worker: SimulatedWorker, _ index: Int) {
        for (key, body) in worker.active {
            for need in MeshResources.needs(key) where worker.active[need] == nil && !link.ended.contains(need) {
                violations.append("\(key) is in force without \(need)")
            }
            guard key.type == .routeConfiguration, let target = try? MeshResources.target(body) else { continue }
            guard worker.active[ResourceKey(.cluster, target)] == nil, let removed = link.removedAt[target] else {
                continue
            }
            if had[index, default: []].contains(target), loop.now - removed < ResourceLedger.patienceTime {
                violations.append("\(key) sends requests to \(target), which is gone")
            }
        }
        had[index] = Set(worker.active.keys.filter { $0.type == .cluster }.map(\.name))
    }

    // MARK: Steps

    /// The control plane's resources change.
    private func changeSnapshot() {
        number += 1
        let name = "r\(rng.next() % 6)"
        let type: ResourceType = rng.next() % 3 == 0 ? .listener : .cluster
        if plane.snapshot[type]?[name] != nil, rng.next() % 3 == 0 {
            plane.snapshot[type]?[name] = nil
        } else {
            plane.snapshot[type, default: [:]][name] = number
        }
        for key in MeshResources.needs(ResourceKey(type, name)) where rng.next() % 4 != 0 {
            plane.snapshot[key.type, default: [:]][key.name] = number
        }
        if rng.next() % 4 == 0 { plane.badNames = ["r\(rng.next() % 6)"] }
    }

    private func step() throws {
        switch rng.next() % 17 {
        case 0: if faults { changeSnapshot() }
        case 1: if faults, link.isConnected, rng.next() % 3 == 0 { link.cut() }
        case 2, 3: connect()
        case 4, 5: if !link.toPlane.isEmpty { try plane.receive(link.toPlane.removeFirst()) }
        case 6, 7: if !link.toMachine.isEmpty { link.deliver() }
        case 8, 9: respond(ResourceType.allCases.shuffled(using: &rng).prefix(2))
        case 10: advance(rng.next() % 2_000_000_000)
        case 11:
            if faults, rng.next() % 6 == 0, let slot = slots.randomElement(using: &rng), slot.process != 0 {
                kill(slot)
            }
        case 12: if faults, rng.next() % 12 == 0 { try reload() }
        default: if let slot = slots.randomElement(using: &rng) { work(slot) }
        }
    }

    private func connect() {
        guard link.isConnecting else { return }
        let succeeds = !faults || rng.next() % 4 != 0
        if succeeds { plane.streamOpened() }
        link.connect(succeeds: succeeds)
    }

    private func respond(_ types: some Sequence<ResourceType>) {
        guard link.isConnected, link.machine?.isBusy == false else { return }
        for type in types { if let bytes = plane.response(type) { link.toMachine.append(bytes) } }
    }

    private func advance(_ time: UInt64) {
        clock.advance(time)
        loop.turn(maximumWait: 0)
    }

    // MARK: Running

    func run(steps: Int) throws {
        for _ in 0..<steps { try step() }
        faults = false
        plane.badNames = []
        number += 1
        for (type, names) in plane.snapshot {
            for name in names.keys {
                for key in MeshResources.needs(ResourceKey(type, name)) {
                    plane.snapshot[key.type, default: [:]][key.name] = number
                }
            }
        }
        plane.touchAll(number)
        // Long enough for everything that is waited for only so long, twice over.
        for _ in 0..<40 {
            for _ in 0..<200 { try step() }
            advance(1_000_000_000)
        }
    }

    /// Where the end differs from what the control plane has.
    func differences() -> [String] {
        var expected: [ResourceKey: [UInt8]] = [:]
        for type in [.cluster, .listener] as [ResourceType] {
            for (name, number) in plane.snapshot[type] ?? [:] {
                let key = ResourceKey(type, name)
                expected[key] = MeshResources.body(type, name, number)
                for need in MeshResources.needs(key) {
                    let number = plane.snapshot[need.type]?[need.name] ?? 0
                    expected[need] = MeshResources.body(need.type, need.name, number)
                }
            }
        }
        var found = violations + plane.violations
        for (index, worker) in workers.enumerated() {
            guard let worker else { return ["worker \(index) is not there"] }
            found += worker.violations
            if !worker.isIdle { found.append("worker \(index) has work to do") }
            if worker.leftOver > 0 { found.append("worker \(index) has \(worker.leftOver) forms that nobody wants") }
            for key in Set(expected.keys).union(worker.active.keys).sorted() where expected[key] != worker.active[key] {
                found.append(
                    "worker \(index), \(key): expected \(expected[key] != nil), in force \(worker.active[key] != nil)")
            }
        }
        let held = ledger.store.active.mapValues(\.body)
        if held != expected { found.append("the ledger has \(held.count), expected \(expected.count)") }
        if !ledger.store.warming.isEmpty || !ledger.warming.isEmpty {
            found.append("something warms: \(ledger.store.warming.keys)")
        }
        if ledger.patience.next != nil { found.append("something is waited for") }
        if !ledger.isIdle || !ledger.isInitialized { found.append("the ledger has not come to an end") }
        return found
    }
}

/// Stands for the workers until the simulation itself is there.
@WorkerActor final class SimulatedGroup: WorkerGroup {
    unowned var simulation: ProxySimulation?
    var slots: [WorkerSlot] { simulation?.slots ?? [] }
    let limitGroups = 64
    var usedLimitGroups = 0
}
