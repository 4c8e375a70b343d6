import Bytes
import DataPlane
import Glibc
import Observability
import ProxyModel
import Reactor

/// Hears what becomes of the proxy's resources.
@WorkerActor protocol ResourceLedgerOwner: AnyObject {
    /// Something came into force, or nothing more is to be waited for.
    func resourcesChanged()
}

/// Holds all resources of the proxy and brings them to the workers, one batch at a time.
@WorkerActor final class ResourceLedger: ResourceApplier {
    /// Where a batch comes from, which decides what it may do.
    enum Origin: Equatable {
        /// Static resources: taken whole or not at all.
        case bootstrap
        case source
        case lastGood
        /// What nobody wants any more.
        case unwanted

        var stored: ResourceOrigin {
            switch self {
            case .bootstrap: .bootstrap
            case .source, .unwanted: .source
            case .lastGood: .lastGood
            }
        }
    }

    /// Changes that were asked for together.
    struct Batch {
        let origin: Origin
        let changes: [ResourceChange]
        /// What the changes are compiled with, when it is not what the ledger has.
        var settings: CompileSettings?
        /// Changes that change nothing in the resource itself: it is compiled anew, with other settings.
        var recompiled: Set<ResourceKey> = []
        /// Called once: what was refused.
        let done: @WorkerActor ([ResourceRefusal]) -> Void
        /// Called once, after `done`, when everything that was accepted is in force.
        var settled: (@WorkerActor () -> Void)?
    }

    /// One change that the workers are asked about.
    struct Candidate {
        let change: ResourceChange
        let number: UInt32
        let reading: ResourceReading?
        let sockets: ListenerSockets.Change?
        let limitGroup: Int?
        /// A cluster is to go because its source took it away and nobody uses it.
        var goesUnused = false
    }

    /// The batch that the workers are asked about.
    struct Running {
        let batch: Batch
        let candidates: [Candidate]
        var refusals: [ResourceRefusal]
        var rollout: ResourceRollout
        /// The memory file; owned.
        let package: Int32
    }

    /// Batches that wait for their turn; a source sends one at a time, so that this is far more than there ever are.
    static let maximumWaiting = 1024

    let fleet: any WorkerGroup
    let sockets: ListenerSockets
    let names: NameDirectory
    let log: Log
    let wallClock: @WorkerActor () -> UInt64
    let listenerStats: ListenerManagerStats
    let clusterStats: ClusterManagerStats
    var store = ResourceStore()
    /// What resources are compiled with.
    var settings = CompileSettings()
    var warming = Warming()
    var wants = ResourceWants()
    var limitGroups: LimitGroups
    var running: Running?
    /// Who sends requests to which clusters.
    var users = ClusterUsers()
    /// Clusters that their source took away while they are in use, and routes that wait for clusters to be able to serve.
    var patience = Patience<ResourceKey>(time: ResourceLedger.patienceTime)
    /// Forms of listeners, and of routes that went with them, whose connections may still send requests.
    var draining = Patience<UInt32>(time: ResourceLedger.patienceTime)
    /// Clusters whose removal is on its way because nobody uses them, or nobody may any longer (true).
    var leaving: [ResourceKey: Bool] = [:]
    /// Clusters that were waited for in vain; nobody waits for them again until they can serve.
    var late: Set<String> = []
    /// Resources that their source does not have; who needs them goes on without.
    var missing: Set<ResourceKey> = []
    /// Listeners whose sockets the workers do not have yet.
    var unsentSockets: Set<String> = []
    /// Who is told when resources are in force.
    var settling: [(keys: Set<ResourceKey>, settled: @WorkerActor () -> Void)] = []
    /// While a batch is decided, what becomes ready is put in force together.
    var ready: [ResourceKey]?
    var lastGeneration: UInt64 = 0
    /// Types of which a source has said everything, or nothing in time.
    var fetchedTypes: Set<ResourceType> = []
    /// Types that the bootstrap has a source for (`cds_config`, `lds_config`).
    var expectedTypes: Set<ResourceType> = []
    var toldClustersWarm = false
    let secretFiles: SecretFiles
    /// Secrets whose files have changed and are not compiled yet.
    var changedFiles: Set<ResourceKey> = []
    var isReadingFiles = false
    /// Runs the cases of listeners; what is called back with is refused.
    var caseRunner: (@WorkerActor ([CaseRun.Subject], @escaping @WorkerActor ([UInt32: String]) -> Void) -> Void)?
    /// Hears of each listener that comes into force, and of each that is gone.
    var listenerChanged: (@WorkerActor (String, [UInt8]?) -> Void)?
    weak var owner: (any ResourceLedgerOwner)?
    weak var subscriber: (any ResourceSubscriber)?
    var waiting: [Batch] = []
    private let loop: EventLoop
    let began: UInt64
    /// A batch waits for an address; see ``waitsForAddress(_:_:)``.
    var lacksAddress = false
    var addressTimer: LoopTimer?
    private var patienceTimer: LoopTimer?

    init(loop: EventLoop, fleet: any WorkerGroup, sockets: ListenerSockets, names: NameDirectory, log: Log, stats: StatsSegment, wallClock: @escaping @WorkerActor () -> UInt64) {
        self.loop = loop
        began = loop.now
        self.fleet = fleet
        self.sockets = sockets
        self.names = names
        self.log = log
        self.wallClock = wallClock
        listenerStats = stats.listenerManager()
        clusterStats = stats.clusterManager()
        limitGroups = LimitGroups(capacity: fleet.limitGroups)
        secretFiles = SecretFiles(loop: loop)
        secretFiles.changed = { [unowned self] keys in self.filesChanged(keys) }
        names.changed = { [unowned self] cluster, endpoints in
            self.fleet.broadcast(.endpoints(cluster: cluster, endpoints))
        }
        addressTimer = LoopTimer(loop: loop) { [unowned self] in self.tryAddress() }
        patienceTimer = LoopTimer(loop: loop) { [unowned self] in self.patienceEnded(now: self.loop.now) }
    }

    /// Has ``patienceEnded(now:)`` called when it is time, and not before.
    func schedulePatience() {
        let next = [patience.next, draining.next].compactMap { $0 }.min()
        if let next { patienceTimer?.schedule(at: next) } else { patienceTimer?.cancel() }
    }

    var now: UInt64 { loop.now }

    /// Whether nothing is on its way.
    var isIdle: Bool { running == nil && waiting.isEmpty }

    // MARK: ResourceApplier

    func heldResources() -> [ResourceChange] {
        let refused = store.failures.filter { store.newest($0.key) == nil }
        return refused.map { ResourceChange($0.key, version: $0.value.version, body: nil) }
            + store.all.filter { $0.origin != .bootstrap }.map { ResourceChange($0.key, version: $0.version, body: $0.body) }
    }

    func apply(_ batch: ResourceBatch, done: @escaping @WorkerActor ([ResourceRefusal]) -> Void) {
        for (change, reason) in batch.refused {
            log.warning(.config, "\(change.key) of \(batch.source) is refused: \(reason)")
            note(change, reason)
        }
        apply(
            Batch(origin: .source, changes: batch.changes) { [unowned self] refusals in
                for refusal in refusals {
                    self.log.warning(.config, "\(refusal.key) of \(batch.source) is refused: \(refusal.reason)")
                }
                if refusals.isEmpty, batch.refused.isEmpty { self.store.versions[batch.type] = batch.version }
                self.fetchedTypes.insert(batch.type)
                done(refusals)
                self.checkWarm()
            })
    }

    func fetchEnded(_ keys: [ResourceKey]) {
        for key in keys {
            if key.name == ResourceWant.wildcard {
                fetchedTypes.insert(key.type)
                continue
            }
            guard store.active[key] == nil else { continue }
            missing.insert(key)
            met(.resource(key))
        }
        checkWarm()
    }

    // MARK: Batches

    func apply(_ batch: Batch) {
        guard waiting.count < Self.maximumWaiting else {
            batch.done(batch.changes.map { ResourceRefusal($0.key, reason: "too many changes wait") })
            return
        }
        waiting.append(batch)
        next()
    }

    func next() {
        while running == nil, !lacksAddress, !waiting.isEmpty { begin(waiting.removeFirst()) }
    }

    private func begin(_ batch: Batch) {
        let leaving = Set(batch.changes.filter { $0.key.type == .listener && $0.body == nil }.map(\.key.name))
        var refusals: [ResourceRefusal] = []
        var candidates: [Candidate] = []
        var taken: Set<String> = []
        for change in batch.changes.sorted(by: { $0.key < $1.key }) {
            do throws(ConfigRefusal) {
                if let candidate = try candidate(change, batch, leaving, &taken) { candidates.append(candidate) }
            } catch {
                if waitsForAddress(batch, change.key) { return discard(candidates) }
                refusals.append(ResourceRefusal(change.key, reason: error.description))
                note(change, error.description)
            }
        }
        if batch.origin == .bootstrap, !refusals.isEmpty {
            discard(candidates)
            finish(batch, refusals)
            return
        }
        guard !candidates.isEmpty else {
            finish(batch, refusals)
            return
        }
        do {
            let package = try MemoryFile.write(Self.package(candidates, batch.settings ?? settings).encoded).release()
            lastGeneration += 1
            let present = Set(fleet.slots.filter { $0.process != 0 }.map(\.index))
            let rollout = ResourceRollout(
                generation: lastGeneration, numbers: candidates.filter { $0.change.body != nil }.map(\.number),
                workers: present.isEmpty ? Set(fleet.slots.map(\.index)) : present)
            running = Running(batch: batch, candidates: candidates, refusals: refusals, rollout: rollout, package: package)
            runCases(of: candidates, batch)
            fleet.broadcast(.prepare(generation: lastGeneration), [package])
        } catch {
            discard(candidates)
            finish(batch, refusals + candidates.map { ResourceRefusal($0.change.key, reason: "\(error)") })
        }
    }

    private static func package(_ candidates: [Candidate], _ settings: CompileSettings) -> ResourcePackage {
        ResourcePackage(
            candidates.map {
                ResourcePackage.Item(
                    update: ResourceUpdate(number: $0.number, key: $0.change.key, body: $0.change.body), limitGroup: $0.limitGroup)
            }, settings: settings)
    }

    /// What the supervisor itself must have for a change: sockets, a place in the limit region.
    /// - Returns: nil when there is nothing to do.
    private func candidate(
        _ change: ResourceChange, _ batch: Batch, _ leaving: Set<String>, _ taken: inout Set<String>
    ) throws(ConfigRefusal) -> Candidate? {
        let key = change.key
        let origin = batch.origin
        let isRecompiled = batch.recompiled.contains(key)
        var change = change
        if isRecompiled {
            // Its newest form, whatever has come since the batch was made.
            guard let present = store.newest(key) else { return nil }
            change = ResourceChange(key, version: present.version, body: present.body)
        }
        // A source that takes routes, endpoints or a secret away takes it from those who still need it: as in Envoy, it stays.
        if change.body == nil, origin == .source, !key.type.isWildcard { return nil }
        let isExpired = self.leaving[key] ?? false
        if origin == .unwanted, isWantedAgain(key) { return nil }
        if key.type == .cluster, keeps(key, change.body, origin) { return nil }
        switch isRecompiled ? .update : store.verdict(key, change.body, from: origin.stored) {
        case .unchanged:
            if change.body != nil {
                store.touch(key, version: change.version, origin: origin.stored, now: wallClock())
                if key.type == .cluster { stays(key) }
            } else {
                store.forgive(key)
            }
            return nil
        case .ignored:
            log.info(.config, "\(key) of a source is left aside: the bootstrap has one of this name")
            return nil
        case .refused(let reason): throw ConfigRefusal(description: reason)
        case .removal:
            return Candidate(
                change: change, number: store.nextNumber(), reading: nil, sockets: nil, limitGroup: nil,
                goesUnused: key.type == .cluster && origin != .bootstrap && !isExpired)
        case .update: break
        }
        guard let body = change.body else { return nil }
        let reading = try ResourceReading(key, body, isChecked: origin == .bootstrap)
        try checkSecrets(reading, batch)
        try checkAddresses(key, reading.bindings, leaving, &taken)
        var group: Int?
        if key.type == .cluster {
            group = limitGroups.assign(key.name)
            fleet.usedLimitGroups = limitGroups.used
            if group == nil {
                throw ConfigRefusal(description: "this process has room for \(limitGroups.capacity) clusters; start it anew")
            }
        }
        var socketChange: ListenerSockets.Change?
        if key.type == .listener {
            do throws(ConfigRefusal) {
                socketChange = try sockets.prepare(key.name, reading.bindings, leaving: leaving)
            } catch {
                if !mayWaitForAddress(batch) { listenerStats[.listenerCreateFailure].add() }
                throw error
            }
        }
        return Candidate(change: change, number: store.nextNumber(), reading: reading, sockets: socketChange, limitGroup: group)
    }

    /// A secret that no source is named for must be one of the bootstrap's: nobody else will ever bring it.
    private func checkSecrets(_ reading: ResourceReading, _ batch: Batch) throws(ConfigRefusal) {
        for name in reading.staticSecrets {
            let key = ResourceKey(.secret, name)
            guard store.newest(key) == nil, !batch.changes.contains(where: { $0.key == key && $0.body != nil }) else { continue }
            throw ConfigRefusal(description: "static_resources.secrets has no \"\(name)\"")
        }
    }

    /// Two listeners cannot have one address.
    private func checkAddresses(
        _ key: ResourceKey, _ bindings: [ListenerBinding], _ leaving: Set<String>, _ taken: inout Set<String>
    ) throws(ConfigRefusal) {
        for binding in bindings where binding.address.port != 0 {
            let other = sockets.bound.first {
                $0.binding.address == binding.address && $0.binding.listener != key.name && !leaving.contains($0.binding.listener)
            }
            if let other { throw ConfigRefusal(description: "the address \(binding.address) is taken by listener \(other.binding.listener)") }
            guard taken.insert("\(binding.address)").inserted else {
                throw ConfigRefusal(description: "the address \(binding.address) is taken by another listener")
            }
        }
    }

    // MARK: The workers' answers

    func perform(_ action: ResourceRollout.Action) {
        guard case .decide(let refused) = action, var running else { return }
        self.running = nil
        Glibc.close(running.package)
        for candidate in running.candidates {
            guard let reason = refused[candidate.number] else { continue }
            running.refusals.append(ResourceRefusal(candidate.change.key, reason: reason))
            note(candidate.change, reason)
            if candidate.change.key.type == .listener { listenerStats[.listenerCreateFailure].add() }
        }
        if running.batch.origin == .bootstrap, !refused.isEmpty {
            discard(running.candidates)
            finish(running.batch, running.refusals)
            return
        }
        discard(running.candidates.filter { refused[$0.number] != nil })
        accept(running.candidates.filter { refused[$0.number] == nil }, running.batch)
        finish(running.batch, running.refusals)
    }

    private func finish(_ batch: Batch, _ refusals: [ResourceRefusal]) {
        batch.done(refusals)
        if let settled = batch.settled, refusals.isEmpty || batch.origin != .bootstrap {
            let keys = Set(batch.changes.map(\.key).filter { warming.isWaiting($0) })
            if keys.isEmpty { settled() } else { settling.append((keys, settled)) }
        }
        checkWarm()
        next()
    }

    /// Takes back what was made ready for changes that come to nothing.
    private func discard(_ candidates: [Candidate]) {
        guard !candidates.isEmpty else { return }
        for candidate in candidates {
            if let change = candidate.sockets { sockets.discard(change) }
            if candidate.limitGroup != nil, store.newest(candidate.change.key) == nil {
                limitGroups.release(candidate.change.key.name)
            }
        }
        forget(candidates.map(\.number))
    }

    private func note(_ change: ResourceChange, _ reason: String) {
        store.fail(
            change.key, ResourceFailure(version: change.version, body: change.body, reason: reason, attempted: wallClock()))
    }
}
