import TrafficPolicy

@inline(never)
private func measureLimit(_ breaker: CircuitBreaker, _ count: Int) -> Int {
    var sum = 0
    for _ in 0..<count where breaker.tryAcquire(.request) {
        sum &+= 1
        breaker.release(.request)
    }
    return sum
}

/// One request admitted and released, with the slots of `workers` to sum over.
private func run(workers: Int, _ count: Int) -> Int {
    let memory = LimitMemory(slots: workers)
    defer { withExtendedLifetime(memory) {} }
    return measureLimit(CircuitBreaker(counters: memory.region.counters(group: 0, slot: 0)), count)
}

let limitBenchmarks: [Benchmark] = [
    Benchmark("limit-1-worker") { run(workers: 1, $0) },
    Benchmark("limit-4-workers") { run(workers: 4, $0) },
]
