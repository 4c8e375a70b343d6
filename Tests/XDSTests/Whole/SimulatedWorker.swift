import DataPlane
import ProxyModel
import Reactor

@testable import Supervision

/// A worker that follows orders one at a time, whenever it is let, and notes orders that a real one could not follow.
@WorkerActor final class SimulatedWorker: OrderChannel {
    private enum Task {
        case order(WorkerOrder)
        case prepare(UInt64, ResourcePackage)
    }

    private var tasks: [Task] = []
    private var staged: [UInt32: (key: ResourceKey, body: [UInt8]?)] = [:]
    private var listening: Set<String> = []
    /// What is in force.
    private(set) var active: [ResourceKey: [UInt8]] = [:]
    private(set) var violations: [String] = []

    var isIdle: Bool { tasks.isEmpty }

    /// Prepared resources that were neither put in force nor forgotten.
    var leftOver: Int { staged.count }

    // MARK: OrderChannel

    func send(_ bytes: [UInt8], _ descriptors: [Int32]) {
        do {
            let order = try WorkerOrder(decoding: bytes)
            if case .prepare(let generation) = order {
                tasks.append(.prepare(generation, try ResourcePackage(decoding: try MemoryFile.read(descriptors[0]))))
            } else {
                tasks.append(.order(order))
            }
        } catch {
            violations.append("an order cannot be read: \(error)")
        }
    }

    func close() {}

    // MARK: Working

    /// Follows the next order.
    /// - Parameter refuses: asked for each resource that is to be prepared, with the generation.
    /// - Returns: what it reports.
    func step(refuses: (UInt64, ResourceKey) -> Bool) -> [WorkerReport] {
        guard !tasks.isEmpty else { return [] }
        switch tasks.removeFirst() {
        case .prepare(let generation, let package):
            var reports: [WorkerReport] = []
            for item in package.items {
                if item.update.body != nil, refuses(generation, item.update.key) {
                    reports.append(
                        .refused(generation: generation, number: item.update.number, reason: "it does not like it"))
                } else {
                    staged[item.update.number] = (item.update.key, item.update.body)
                }
                if item.update.key.type == .cluster, item.update.body != nil, item.limitGroup == nil {
                    violations.append("\(item.update.key) has no limits")
                }
            }
            return reports + [.prepared(generation: generation)]
        case .order(.commit(let generation, let numbers, let isLast)):
            for number in numbers.numbers { commit(number) }
            return isLast ? [.committed(generation: generation)] : []
        case .order(.forget(let numbers)):
            for number in numbers.numbers { staged[number] = nil }
        case .order(.sockets(let listener)): listening.insert(listener)
        case .order: break
        }
        return []
    }

    private func commit(_ number: UInt32) {
        guard let (key, body) = staged.removeValue(forKey: number) else {
            violations.append("\(number) is put in force and was not prepared")
            return
        }
        active[key] = body
        guard key.type == .listener else { return }
        if body == nil {
            listening.remove(key.name)
        } else if !listening.contains(key.name) {
            violations.append("\(key) has no sockets")
        }
    }
}
