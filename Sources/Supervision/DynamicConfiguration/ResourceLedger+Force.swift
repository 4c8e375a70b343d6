import Observability
import ProxyModel
import Reactor

/// What happens to resources that every worker has compiled: they wait for what they need and come into force.
extension ResourceLedger {
    /// Takes the accepted part of a batch.
    func accept(_ candidates: [Candidate], _ batch: Batch) {
        ready = []
        let revision = wants.revision
        var removals: [UInt32] = []
        var clusters: Set<ResourceNeed> = []
        for candidate in candidates {
            let key = candidate.change.key
            guard let body = candidate.change.body, let reading = candidate.reading else {
                if keeps(candidate) {
                    forget([candidate.number])
                    continue
                }
                remove(key)
                removals.append(candidate.number)
                continue
            }
            var resource = StoredResource(
                number: candidate.number, key: key, body: body, version: candidate.change.version,
                origin: batch.origin.stored, updated: wallClock())
            if batch.recompiled.contains(key), let present = store.newest(key) {
                (resource.origin, resource.updated) = (present.origin, present.updated)
            }
            count(key)
            if let older = store.admit(resource) {
                wants.remove(older)
                users.remove(older)
                forget([older])
            }
            wants.set(resource.number, reading.wants)
            users.admit(resource.number, reading.clusters)
            follow(resource, reading.files)
            if let change = candidate.sockets {
                sockets.commit(change)
                if change.descriptors != nil { unsentSockets.insert(key.name) }
            }
            var needs = reading.needs
            // A listener does not take requests for clusters that came with it before they can be served.
            if key.type == .listener, batch.origin != .source { needs.formUnion(clusters) }
            needs.formUnion(patiently(key, reading, batch))
            needs = needs.filter { !isMet($0) }
            if needs.isEmpty { ready?.append(key) }
            warming.begin(key, needs)
            if key.type == .cluster, !needs.isEmpty { clusters.insert(.resource(key)) }
            if let plan = reading.names { names.stage(plan) { [unowned self] in self.met(.names(cluster: plan.cluster)) } }
        }
        let now = ready ?? []
        ready = nil
        activate(now, removals: removals)
        showCounts()
        if wants.revision != revision {
            subscriber?.wantsChanged(wants.all)
            dropUnwanted()
        } else if candidates.contains(where: { !$0.change.key.type.isWildcard && wants.names[$0.change.key] == nil }) {
            // It was under way when the last who wanted it went.
            dropUnwanted()
        }
        // What was compiled may be older than what the files hold by now.
        for candidate in candidates where candidate.change.key.type == .secret { secretFiles.look(candidate.change.key) }
    }

    private func count(_ key: ResourceKey) {
        let isNew = store.newest(key) == nil
        switch key.type {
        case .cluster: clusterStats[isNew ? .clusterAdded : .clusterModified].add()
        case .listener:
            listenerStats[isNew ? .listenerAdded : .listenerModified].add()
            if !isNew { listenerStats[.listenerInPlaceUpdated].add() }
        default: break
        }
    }

    private func isMet(_ need: ResourceNeed) -> Bool {
        switch need {
        case .resource(let key): store.active[key] != nil && store.warming[key] == nil || missing.contains(key)
        case .names: false
        case .serving(let cluster): !isComing(cluster)
        }
    }

    /// Something is there that resources may wait for.
    func met(_ need: ResourceNeed) {
        let keys = warming.met(need)
        guard !keys.isEmpty else { return }
        if ready == nil { activate(keys, removals: []) } else { ready?.append(contentsOf: keys) }
    }

    private func remove(_ key: ResourceKey) {
        if let active = store.active[key] {
            wants.remove(active.number)
            retire(active.number)
        }
        if let older = store.remove(key) {
            wants.remove(older)
            users.remove(older)
            forget([older])
        }
        warming.end(key)
        patience.end(key)
        missing.remove(key)
        switch key.type {
        case .cluster:
            clusterStats[.clusterRemoved].add()
            names.remove(key.name)
            limitGroups.release(key.name)
        case .secret: secretFiles.forget(key)
        case .listener:
            listenerStats[.listenerRemoved].add()
            listenerChanged?(key.name, nil)
            sockets.remove(key.name)
            unsentSockets.remove(key.name)
        default: break
        }
        // Who waited for it goes on without it.
        ready?.append(contentsOf: warming.met(.resource(key)))
        if key.type == .cluster {
            late.remove(key.name)
            ready?.append(contentsOf: warming.met(.serving(cluster: key.name)))
        }
    }

    // MARK: Into force

    /// Puts warm resources in force, and with them those who waited only for them.
    func activate(_ keys: [ResourceKey], removals: [UInt32]) {
        var numbers = removals
        var queue = keys[...]
        var activated: Set<ResourceKey> = []
        while let key = queue.popFirst() {
            guard let resource = store.warming[key], activated.insert(key).inserted else { continue }
            numbers.append(resource.number)
            if let old = store.activate(key) {
                wants.remove(old.number)
                if key.type == .listener { retire(old.number) } else { users.remove(old.number) }
                if key.type == .clusterLoadAssignment { clusterStats[.clusterUpdated].add() }
            }
            users.activate(resource.number)
            // A cluster that is kept may have a newer form: it goes all the same.
            if key.type != .cluster { patience.end(key) }
            missing.remove(key)
            broughtIntoForce(key)
            queue += warming.met(.resource(key))
            if key.type == .cluster {
                late.remove(key.name)
                queue += warming.met(.serving(cluster: key.name))
            }
        }
        guard !numbers.isEmpty else { return }
        lastGeneration += 1
        sendCommit(lastGeneration, numbers, to: informedSlots)
        // A worker that started meanwhile never had what goes, and may have been asked about its removal.
        let others = fleet.slots.filter { $0.process != 0 && $0.wholeGeneration != nil }
        for piece in NumberRanges(removals).pieces { for slot in others { slot.send(.forget(piece)) } }
        showCounts()
        letGo()
        settle()
        checkWarm()
    }

    /// What goes with a resource to the workers before its commit.
    private func broughtIntoForce(_ key: ResourceKey) {
        switch key.type {
        case .cluster:
            if names.isStaged(key.name) {
                names.commit(key.name)
                for slot in informedSlots { slot.send(.endpoints(cluster: key.name, names.known(key.name) ?? [])) }
            } else {
                names.remove(key.name)
            }
        case .listener:
            listenerChanged?(key.name, store.active[key]?.body)
            // Envoy counts each worker.
            listenerStats[.listenerCreateSuccess].add(UInt64(informedSlots.count))
            if unsentSockets.remove(key.name) != nil {
                let descriptors = sockets.byListener[key.name] ?? []
                for slot in informedSlots { slot.send(.sockets(listener: key.name), descriptors) }
            }
        default: break
        }
    }

    /// Workers that have what is in force; the others get it when they have compiled it.
    private var informedSlots: [WorkerSlot] { fleet.slots.filter { $0.process != 0 && $0.wholeGeneration == nil } }

    private func settle() {
        var settled: [@WorkerActor () -> Void] = []
        settling = settling.compactMap { entry in
            let keys = entry.keys.filter { warming.isWaiting($0) }
            if keys.isEmpty { settled.append(entry.settled) }
            return keys.isEmpty ? nil : (keys, entry.settled)
        }
        for call in settled { call() }
    }

    func showCounts() {
        clusterStats[.activeClusters].set(store.count(.cluster))
        clusterStats[.warmingClusters].set(store.warmingCount(.cluster))
        listenerStats[.totalListenersActive].set(store.count(.listener))
        listenerStats[.totalListenersWarming].set(store.warmingCount(.listener))
    }

    /// Tells, once, that the first clusters can serve.
    func checkWarm() {
        owner?.resourcesChanged()
        guard !toldClustersWarm, let subscriber, isIdle, store.warmingCount(.cluster) == 0,
            !expectedTypes.contains(.cluster) || fetchedTypes.contains(.cluster)
        else { return }
        toldClustersWarm = true
        subscriber.clustersAreWarm()
    }

    /// Whether everything that was to be there at the start is.
    var isInitialized: Bool {
        isIdle && warming.isEmpty && (expectedTypes.isSubset(of: fetchedTypes) || store.holdsLastGood)
    }

    /// Routes, endpoints and secrets that nothing refers to any more.
    private func dropUnwanted() {
        let unwanted = store.keys.filter { key in
            !key.type.isWildcard && wants.names[key] == nil && store.newest(key)?.origin != .bootstrap
        }
        missing = missing.filter { wants.names[$0] != nil }
        guard !unwanted.isEmpty else { return }
        apply(Batch(origin: .unwanted, changes: unwanted.map { ResourceChange($0, version: "", body: nil) }) { _ in })
    }
}
