import Observability
import ProxyModel
import Reactor

@testable import Supervision

/// A ledger with one worker that follows every order at once, and a clock that a test moves.
@WorkerActor final class LedgerScene: WorkerGroup {
    let slots: [WorkerSlot]
    let limitGroups = 8
    var usedLimitGroups = 0
    let worker = SimulatedWorker()
    /// Resources that the worker does not take.
    var refused: Set<ResourceKey> = []
    /// How often something was put in force.
    private(set) var commits = 0
    private let clock = SimulatedClock()
    private let loop: EventLoop
    private var kept: ResourceLedger?

    init() throws {
        loop = EventLoop(poller: try EpollPoller(), clock: clock)
        loop.adopt()
        slots = [try WorkerSlot(index: 0, patience: 1)]
        let log = Log(levels: LogLevels(.off))
        let stats = try StatsSegment(named: "scene")
        let ledger = ResourceLedger(
            loop: loop, fleet: self, sockets: ListenerSockets(),
            names: try NameDirectory(loop: loop, log: log, stats: stats, seed: 1, settings: NameResolver.Settings()),
            log: log, stats: stats, wallClock: { 0 })
        kept = ledger
        ledger.apply(ResourceLedger.Batch(origin: .bootstrap, changes: []) { _ in })
        slots[0].process = 1
        slots[0].channel = worker
        ledger.workerStarted(slots[0])
        work()
    }

    var ledger: ResourceLedger {
        guard let kept else { preconditionFailure("the scene is not ready") }
        return kept
    }

    /// What a source sends: numbers of resources of one type, nil for one that is gone.
    /// - Returns: what was refused.
    @discardableResult
    func offer(_ type: ResourceType, _ resources: [(String, Int?)]) -> [String] {
        var answer: [String] = []
        send(type, resources) { answer = $0.map(\.key.name) }
        work()
        return answer
    }

    /// The same, and the worker does nothing yet.
    func send(
        _ type: ResourceType, _ resources: [(String, Int?)], done: @escaping @WorkerActor ([ResourceRefusal]) -> Void = { _ in }
    ) {
        let changes = resources.map { name, number in
            ResourceChange(
                ResourceKey(type, name), version: "", body: number.map { MeshResources.body(type, name, $0) })
        }
        ledger.apply(ResourceBatch(type: type, source: "xds", version: "", changes: changes), done: done)
    }

    func advance(seconds: Double) {
        clock.advance(UInt64(seconds * 1e9))
        loop.turn(maximumWait: 0)
        work()
    }

    /// The number of a resource that is in force.
    func has(_ type: ResourceType, _ name: String, _ number: Int) -> Bool {
        worker.active[ResourceKey(type, name)] == MeshResources.body(type, name, number)
    }

    func has(_ type: ResourceType, _ name: String) -> Bool { worker.active[ResourceKey(type, name)] != nil }

    func work() {
        while !worker.isIdle {
            for report in worker.step(refuses: { refused.contains($1) }) {
                if case .committed = report { commits += 1 }
                ledger.workerReported(slots[0], report)
            }
        }
    }
}
