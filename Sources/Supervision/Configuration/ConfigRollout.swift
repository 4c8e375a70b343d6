/// Brings one configuration to all workers in two steps, whole or not at all.
///
/// ```
/// preparing(waiting for workers) ── all prepared ──► ready ── namesResolved ──► committed
///        └── one refused or ended ──► discarded
/// ```
package struct ConfigRollout: Equatable, Sendable {
    /// What follows from an event.
    package enum Action: Equatable, Sendable {
        case none
        /// All workers have it: put it in force.
        case commit
        /// Some worker cannot: all forget it.
        case discard(reason: String)
    }

    private enum State: Equatable {
        /// Next: ready, discarded.
        case preparing(Set<Int>)
        /// Every worker has prepared; next: committed, discarded.
        case ready
        /// Final.
        case committed
        /// Final.
        case discarded
    }

    /// Which configuration is rolled out; each has a higher number than the one before.
    package let generation: UInt64
    private var state: State
    private var namesPending: Bool

    /// - Parameters:
    ///   - workers: must not be empty.
    ///   - namesPending: whether commit waits for ``namesResolved()``, so that no request comes before its cluster has
    ///     been asked for (Envoy's warming).
    package init(generation: UInt64, workers: Set<Int>, namesPending: Bool) {
        precondition(!workers.isEmpty, "a rollout without workers")
        self.generation = generation
        state = .preparing(workers)
        self.namesPending = namesPending
    }

    /// Whether all workers have it, or it was given up.
    package var isDone: Bool { state == .committed || state == .discarded }

    /// A worker has compiled the configuration.
    package mutating func prepared(_ worker: Int, _ generation: UInt64) -> Action {
        guard generation == self.generation, case .preparing(var waiting) = state else { return .none }
        waiting.remove(worker)
        state = waiting.isEmpty ? .ready : .preparing(waiting)
        return commitIfReady()
    }

    /// A worker cannot run the configuration; nobody gets it then.
    package mutating func refused(_ worker: Int, _ generation: UInt64, _ reason: String) -> Action {
        guard generation == self.generation, case .preparing = state else { return .none }
        state = .discarded
        return .discard(reason: reason)
    }

    /// A worker ended. While it prepared, the configuration may be the cause.
    package mutating func ended(_ worker: Int) -> Action {
        guard case .preparing(let waiting) = state, waiting.contains(worker) else { return .none }
        state = .discarded
        return .discard(reason: "worker \(worker) ended while it prepared the configuration")
    }

    /// Every name was resolved or could not be.
    package mutating func namesResolved() -> Action {
        namesPending = false
        return commitIfReady()
    }

    private mutating func commitIfReady() -> Action {
        guard state == .ready, !namesPending else { return .none }
        state = .committed
        return .commit
    }
}
