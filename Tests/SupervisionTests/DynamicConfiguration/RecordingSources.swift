import ProxyModel
import Reactor
import XDS

@testable import Supervision

/// A source that gives nothing and notes what it is asked.
@WorkerActor final class RecordingSource: DiscoverySource {
    private(set) var log: [String] = []
    private(set) var timeouts: [FetchTimes] = []
    /// Called once, with the next answer.
    var offersOnAnswer: (@WorkerActor () -> Void)?

    func want(_ type: ResourceType, _ wanted: WantedResources, fetchTimeout: FetchTimes) {
        switch wanted {
        case .all: log.append("want \(type) *")
        case .names(let names): log.append("want \(type) \(names.sorted().joined(separator: ","))")
        }
        if !wanted.isEmpty { timeouts.append(fetchTimeout) }
    }

    func applied(_ refusals: [ResourceRefusal]) {
        log.append(refusals.isEmpty ? "applied" : "refused " + refusals.map(\.key.name).joined(separator: ","))
        let offer = offersOnAnswer
        offersOnAnswer = nil
        offer?()
    }

    func stop() { log.append("stop") }

    func take() -> [String] {
        defer { log = [] }
        return log
    }
}

/// Makes sources that give nothing.
@WorkerActor final class RecordingMaker: DiscoverySourceMaker {
    struct Failed: Error {}

    private(set) var made: [(what: String, held: [String], source: RecordingSource)] = []
    private(set) var isStopped = false
    var fails = false

    func source(_ what: String) -> RecordingSource? { made.last { $0.what == what }?.source }

    func stream(_ order: StreamOrder, owner: any DiscoverySourceOwner) throws -> any DiscoverySource {
        let what = order.types.count == 1 ? "stream \(order.types[0])" : "ads"
        return try make(what, order.held.values.flatMap(\.names).sorted())
    }

    func file(_ order: FileOrder, owner: any DiscoverySourceOwner) throws -> any DiscoverySource {
        try make(order.path, order.held.names)
    }

    func stop() { isStopped = true }

    private func make(_ what: String, _ held: [String]) throws -> RecordingSource {
        if fails { throw Failed() }
        let source = RecordingSource()
        made.append((what, held, source))
        return source
    }
}

/// Takes batches and answers when it is told to.
@WorkerActor final class RecordingApplier: ResourceApplier {
    var held: [ResourceChange] = []
    var answersAtOnce = false
    private(set) var versions: [String] = []
    private(set) var changes: [ResourceChange] = []
    private(set) var deepest = 0
    private var depth = 0
    private var ended: [String] = []
    private var waiting: [@WorkerActor ([ResourceRefusal]) -> Void] = []

    func heldResources() -> [ResourceChange] { held }

    func apply(_ batch: ResourceBatch, done: @escaping @WorkerActor ([ResourceRefusal]) -> Void) {
        depth += 1
        deepest = max(deepest, depth)
        versions.append(batch.version)
        changes += batch.changes
        if answersAtOnce { done([]) } else { waiting.append(done) }
        depth -= 1
    }

    func fetchEnded(_ keys: [ResourceKey]) { ended += keys.map(\.description) }

    func answer(_ refusals: [ResourceRefusal]) { waiting.removeFirst()(refusals) }

    func takeEnded() -> [String] {
        defer { ended = [] }
        return ended
    }
}
