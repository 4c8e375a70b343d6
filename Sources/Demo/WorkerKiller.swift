import Glibc

/// Kills one worker of one proxy after the other, to show that it costs no more than what that worker had in hand.
struct WorkerKiller {
    private let seconds: Double
    private var next: Double
    private var turn = 0
    /// Proxies whose worker was killed, in order.
    private(set) var killed: [String] = []

    init(every seconds: Double) {
        self.seconds = seconds
        next = seconds
    }

    /// Kills when it is time; returns the workload whose proxy it was.
    mutating func act(now: Double, proxies: [(workload: String, id: Int32)]) -> String? {
        guard now >= next, !proxies.isEmpty else { return nil }
        next += seconds
        let victim = proxies[turn % proxies.count]
        turn += 1
        guard let worker = MemoryReading.children(of: victim.id).first else { return nil }
        kill(worker, SIGKILL)
        killed.append(victim.workload)
        return victim.workload
    }
}
