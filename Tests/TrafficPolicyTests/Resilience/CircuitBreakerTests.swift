import Synchronization
import Testing
import TrafficPolicy

/// Breakers over a limit region that lives as long as this object.
final class RegionMemory {
    private let memory: LimitMemory
    var region: LimitRegion { memory.region }

    init(slots: Int, groups: Int = 1) { memory = LimitMemory(slots: slots, groups: groups) }

    func breaker(slot: Int = 0, group: Int = 0, _ thresholds: CircuitThresholds = .init(), high: CircuitThresholds = .init())
        -> CircuitBreaker
    {
        CircuitBreaker(counters: region.counters(group: group, slot: slot), normal: thresholds, high: high)
    }
}

struct CircuitBreakerTests {
    @Test("the default limits admit as many as Envoy's, and not one more", arguments: [
        (LimitedResource.connection, 1024), (.pendingRequest, 1024), (.request, 1024), (.retry, 3),
    ])
    func bound(resource: LimitedResource, limit: Int) {
        let memory = RegionMemory(slots: 1)
        let breaker = memory.breaker()
        for index in 0..<limit {
            #expect(!breaker.isOpen(resource))
            #expect(breaker.remaining(resource) == Int64(limit - index))
            #expect(breaker.tryAcquire(resource))
        }
        #expect(breaker.isOpen(resource))
        #expect(breaker.remaining(resource) == 0)
        #expect(!breaker.tryAcquire(resource))
        breaker.release(resource)
        #expect(breaker.tryAcquire(resource))
        #expect(!breaker.tryAcquire(resource))
    }

    @Test("a limit of 0 admits nothing, the largest everything")
    func extremes() {
        let memory = RegionMemory(slots: 1)
        let breaker = memory.breaker(CircuitThresholds(maxConnections: 0, maxRequests: CircuitThresholds.unlimited))
        #expect(!breaker.tryAcquire(.connection))
        for _ in 0..<5000 { #expect(breaker.tryAcquire(.request)) }
        #expect(breaker.counters.total(.request, .default) == 5000)
    }

    @Test("resources, priorities and clusters do not share a count")
    func separate() {
        let memory = RegionMemory(slots: 2, groups: 2)
        let one = CircuitThresholds(maxConnections: 1, maxPendingRequests: 1, maxRequests: 1, maxRetries: 1)
        for group in 0..<2 {
            let breaker = memory.breaker(slot: 1, group: group, one, high: one)
            for resource in LimitedResource.allCases {
                for priority in RoutingPriority.allCases {
                    #expect(breaker.tryAcquire(resource, priority))
                    #expect(!breaker.tryAcquire(resource, priority))
                }
            }
        }
    }

    @Test("two workers share one limit")
    func shared() {
        let memory = RegionMemory(slots: 2)
        let limits = CircuitThresholds(maxRequests: 3)
        let first = memory.breaker(slot: 0, limits)
        let second = memory.breaker(slot: 1, limits)
        #expect(first.tryAcquire(.request))
        #expect(second.tryAcquire(.request))
        #expect(second.tryAcquire(.request))
        #expect(!first.tryAcquire(.request))
        #expect(!second.tryAcquire(.request))
        #expect(first.counters.held(.request, .default) == 1)
        #expect(second.counters.held(.request, .default) == 2)
        second.release(.request)
        #expect(first.tryAcquire(.request))
    }

    @Test("a dead worker's places are given back, and its late release takes nothing away")
    func death() {
        let memory = RegionMemory(slots: 2)
        let limits = CircuitThresholds(maxRequests: 2)
        let living = memory.breaker(slot: 0, limits)
        let dead = memory.breaker(slot: 1, limits)
        #expect(living.tryAcquire(.request))
        #expect(dead.tryAcquire(.request))
        #expect(living.isOpen(.request))
        memory.region.giveBack(slot: 1)
        #expect(living.remaining(.request) == 1)
        dead.release(.request)
        #expect(living.remaining(.request) == 1)
        #expect(!dead.tryAcquire(.request))
        let successor = memory.breaker(slot: 1, limits)
        #expect(successor.tryAcquire(.request))
        dead.release(.request)
        #expect(living.isOpen(.request))
        #expect(dead.counters.held(.request, .default) == 0)
        #expect(successor.counters.held(.request, .default) == 1)
    }

    @Test("a retry budget follows what is under way, and never falls below its minimum")
    func budget() {
        let memory = RegionMemory(slots: 1)
        let breaker = memory.breaker(
            CircuitThresholds(maxRetries: 0, retryBudget: RetryBudget(percent: 20, minimum: 3)))
        #expect(breaker.limit(.retry) == 3)
        for _ in 0..<15 { _ = breaker.tryAcquire(.request) }
        for _ in 0..<4 { _ = breaker.tryAcquire(.pendingRequest) }
        #expect(breaker.limit(.retry) == 3)
        for _ in 0..<6 { _ = breaker.tryAcquire(.pendingRequest) }
        #expect(breaker.limit(.retry) == 5)
        for _ in 0..<5 { #expect(breaker.tryAcquire(.retry)) }
        #expect(!breaker.tryAcquire(.retry))
    }

    @Test("workers that race for the last places never exceed the limit, and lose none")
    func race() async {
        let memory = RegionMemory(slots: 4)
        let limit = 10
        let admitted = Admitted()
        // Safety: the region lives until the group below has ended; its cells are accessed atomically alone.
        nonisolated(unsafe) let region = memory.region
        await withTaskGroup(of: Void.self) { group in
            for slot in 0..<4 {
                group.addTask {
                    let breaker = CircuitBreaker(
                        counters: region.counters(group: 0, slot: slot),
                        normal: CircuitThresholds(maxRequests: UInt32(limit)))
                    var held = 0
                    for round in 0..<50_000 {
                        if breaker.tryAcquire(.request) {
                            held += 1
                            admitted.enter()
                        }
                        if held > 0, held == limit || round % 3 == 0 {
                            admitted.leave()
                            breaker.release(.request)
                            held -= 1
                        }
                    }
                    for _ in 0..<held {
                        admitted.leave()
                        breaker.release(.request)
                    }
                }
            }
        }
        #expect(admitted.worst.load(ordering: .relaxed) <= limit)
        #expect(admitted.worst.load(ordering: .relaxed) > 0)
        #expect(memory.breaker().counters.total(.request, .default) == 0)
        withExtendedLifetime(memory) {}
    }
}

/// Counts those between their admission and their release, on any thread.
private final class Admitted: Sendable {
    private let present = Atomic<Int>(0)
    let worst = Atomic<Int>(0)

    func enter() {
        let now = present.add(1, ordering: .sequentiallyConsistent).newValue
        worst.max(now, ordering: .relaxed)
    }

    func leave() { present.subtract(1, ordering: .sequentiallyConsistent) }
}
