import DataPlane
import Observability
import ProxyModel
import Reactor

/// What the ledger says to workers, and hears from them.
extension ResourceLedger {
    /// The place of a cluster's counters in the limit region.
    func limitGroup(of cluster: String) -> Int? { limitGroups.group(of: cluster) }

    /// A worker is there that knows nothing: it gets everything, and what the others are asked about at present.
    func workerStarted(_ slot: WorkerSlot) {
        let isFirst = running != nil && store.all.isEmpty
        if !isFirst { sendAll(slot) }
        guard running != nil else { return }
        running?.rollout.joined(slot.index)
        if let running { slot.send(.prepare(generation: running.rollout.generation), [running.package]) }
    }

    private func sendAll(_ slot: WorkerSlot) {
        let items = store.all.map { resource in
            ResourcePackage.Item(
                update: ResourceUpdate(number: resource.number, key: resource.key, body: resource.body),
                limitGroup: resource.key.type == .cluster ? limitGroups.assign(resource.key.name) : nil)
        }
        do {
            let package = try MemoryFile.write(ResourcePackage(items, settings: settings).encoded)
            lastGeneration += 1
            slot.wholeGeneration = lastGeneration
            slot.send(.prepare(generation: lastGeneration), [package.raw])
        } catch {
            log.error(.config, "worker \(slot.index) cannot be given its configuration: \(error)")
        }
    }

    func workerReported(_ slot: WorkerSlot, _ report: WorkerReport) {
        switch report {
        case .refused(let generation, let number, let reason):
            running?.rollout.refused(slot.index, generation, number: number, reason)
            if generation == slot.wholeGeneration {
                let key = store.all.first { $0.number == number }?.key.description ?? "a resource"
                log.error(.config, "worker \(slot.index) cannot run \(key), which is in force: \(reason)")
            }
        case .prepared(let generation):
            if generation == slot.wholeGeneration {
                slot.wholeGeneration = nil
                bringUp(slot, generation)
            } else if let action = running?.rollout.prepared(slot.index, generation) {
                perform(action)
            }
        case .committed:
            if slot.state == .starting { slot.state = .serving }
            if slot.state == .serving { owner?.resourcesChanged() }
        }
    }

    func workerEnded(_ slot: WorkerSlot) {
        slot.wholeGeneration = nil
        if let action = running?.rollout.ended(slot.index) { perform(action) }
    }

    /// A worker that came later has compiled everything: it gets sockets and addresses, and begins.
    private func bringUp(_ slot: WorkerSlot, _ generation: UInt64) {
        for (listener, descriptors) in sockets.byListener where store.active[ResourceKey(.listener, listener)] != nil {
            slot.send(.sockets(listener: listener), descriptors)
        }
        for (cluster, endpoints) in names.known { slot.send(.endpoints(cluster: cluster, endpoints)) }
        sendCommit(generation, store.activeNumbers, to: [slot])
    }

    func sendCommit(_ generation: UInt64, _ numbers: [UInt32], to slots: [WorkerSlot]) {
        let pieces = NumberRanges(numbers).pieces
        for slot in slots {
            for (index, piece) in pieces.enumerated() {
                slot.send(.commit(generation: generation, piece, isLast: index == pieces.count - 1))
            }
        }
    }

    func forget(_ numbers: [UInt32]) {
        for piece in NumberRanges(numbers).pieces { fleet.broadcast(.forget(piece)) }
    }
}
