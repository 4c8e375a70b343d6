/// Brings changed resources to all workers: asks each whether it can compile them, and tells which may be put in force.
///
/// ```
/// preparing(workers that have not answered) ── last answer ──► decided(refusals)
///        └── a worker's second death ──► decided(everything refused)
/// ```
struct ResourceRollout: Equatable, Sendable {
    /// What follows from an event.
    enum Action: Equatable, Sendable {
        case none
        /// All workers have answered: these are refused, with the first reason that was given, and all others accepted.
        case decide(refused: [UInt32: String])
    }

    /// Processes may die of other things than what they prepare, all of them at once, too; one that died is started again
    /// and asked again. As many deaths of one worker as this are taken for an answer.
    static let maximumDeaths = 2

    /// Tells one rollout from another; each has a higher number than the one before.
    let generation: UInt64
    /// The resources that are to be compiled. A removal is none: nothing in it can fail.
    let numbers: [UInt32]
    private var waiting: Set<Int>
    private var refusals: [UInt32: String] = [:]
    private var deaths: [Int: Int] = [:]
    private(set) var isDecided = false

    /// - Parameter workers: must not be empty.
    init(generation: UInt64, numbers: [UInt32], workers: Set<Int>) {
        precondition(!workers.isEmpty, "a rollout without workers")
        self.generation = generation
        self.numbers = numbers
        waiting = workers
    }

    /// A worker cannot compile one of the resources.
    mutating func refused(_ worker: Int, _ generation: UInt64, number: UInt32, _ reason: String) {
        guard generation == self.generation, waiting.contains(worker), !isDecided else { return }
        if refusals[number] == nil { refusals[number] = reason }
    }

    /// A worker has said everything that it had to say.
    mutating func prepared(_ worker: Int, _ generation: UInt64) -> Action {
        guard generation == self.generation, waiting.remove(worker) != nil, !isDecided else { return .none }
        return waiting.isEmpty ? decide() : .none
    }

    /// A worker has ended before it answered; the resources may be the cause. It stays awaited until it is back.
    mutating func ended(_ worker: Int) -> Action {
        guard waiting.contains(worker), !isDecided else { return .none }
        deaths[worker, default: 0] += 1
        guard deaths[worker] == Self.maximumDeaths else { return .none }
        for number in numbers where refusals[number] == nil { refusals[number] = "workers ended while they compiled it" }
        return decide()
    }

    /// A worker has started and is asked, too.
    mutating func joined(_ worker: Int) {
        if !isDecided { waiting.insert(worker) }
    }

    private mutating func decide() -> Action {
        isDecided = true
        return .decide(refused: refusals)
    }
}
