import Testing
import TrafficPolicy

struct LoadBalancerTests {
    private func makeBalancer(
        _ policy: LoadBalancingPolicy, _ hosts: [HostConfig], panicThreshold: Double = 50
    ) -> LoadBalancer {
        var balancer = LoadBalancer(settings: .init(policy: policy, panicThreshold: panicThreshold))
        _ = balancer.hosts.replace(with: hosts)
        return balancer
    }

    private func hosts(_ weights: [UInt32], priority: Int = 0) -> [HostConfig] {
        weights.enumerated().map { HostConfig(key: "p\(priority)h\($0)", weight: $1, priority: priority) }
    }

    /// Picks by slot.
    private func spread(_ balancer: inout LoadBalancer, _ picks: Int, seed: UInt64 = 1) -> [Int] {
        var random = FastRandom(seed: seed)
        var counts = [Int](repeating: 0, count: balancer.hosts.slotCount)
        for _ in 0..<picks { if let slot = balancer.pick(random: &random) { counts[slot] += 1 } }
        return counts
    }

    static let policies: [LoadBalancingPolicy] = [.roundRobin, .leastRequest(choices: 2), .random]

    @Test("no host, no pick", arguments: policies)
    func empty(policy: LoadBalancingPolicy) {
        var balancer = makeBalancer(policy, [])
        var random = FastRandom(seed: 1)
        do { let slot = balancer.pick(random: &random); #expect(slot == nil) }
        _ = balancer.hosts.replace(with: hosts([1]))
        do { let slot = balancer.pick(random: &random); #expect(slot == 0) }
        _ = balancer.hosts.replace(with: [])
        do { let slot = balancer.pick(random: &random); #expect(slot == nil) }
    }

    @Test("round robin takes each host once a round, from a start that differs by seed")
    func roundRobin() {
        var starts: Set<Int> = []
        for seed in 1...50 as ClosedRange<UInt64> {
            var balancer = makeBalancer(.roundRobin, hosts([1, 1, 1, 1]))
            var random = FastRandom(seed: seed)
            var picks: [Int] = []
            for _ in 0..<12 { if let slot = balancer.pick(random: &random) { picks.append(slot) } }
            #expect(picks.count == 12)
            for index in 1..<12 { #expect(picks[index] == (picks[index - 1] + 1) % 4) }
            starts.insert(picks[0])
        }
        #expect(starts == [0, 1, 2, 3])
    }

    @Test("weighted round robin follows the weights closely at any moment", arguments: [
        [1, 2, 3], [1, 100], [5, 5, 1], [3, 7, 11, 13],
    ] as [[UInt32]])
    func weighted(weights: [UInt32]) {
        var balancer = makeBalancer(.roundRobin, hosts(weights))
        let total = Int(weights.reduce(0, +))
        var random = FastRandom(seed: 9)
        var counts = [Int](repeating: 0, count: weights.count)
        for pick in 1...(total * 20) {
            if let slot = balancer.pick(random: &random) { counts[slot] += 1 }
            for (index, weight) in weights.enumerated() {
                let due = Double(pick) * Double(weight) / Double(total)
                #expect(abs(Double(counts[index]) - due) <= Double(weights.count))
            }
        }
    }

    @Test("random spreads evenly, whatever the weights")
    func evenness() {
        var balancer = makeBalancer(.random, hosts([1, 50, 1, 1]))
        for count in spread(&balancer, 40_000) { #expect(abs(count - 10_000) < 500) }
    }

    @Test("least request avoids the busy host, and is even among equals")
    func leastRequest() {
        var balancer = makeBalancer(.leastRequest(choices: 2), hosts([1, 1, 1, 1]))
        for count in spread(&balancer, 40_000) { #expect(abs(count - 10_000) < 500) }
        for _ in 0..<5 { balancer.hosts.requestStarted(2) }
        let counts = spread(&balancer, 40_000)
        // Chosen only when both draws fall on it: 1/16.
        #expect(abs(counts[2] - 2500) < 300)
    }

    @Test("two choices keep the longest queue far shorter than one choice does")
    func powerOfTwo() {
        func longest(_ choices: Int) -> UInt32 {
            var balancer = makeBalancer(.leastRequest(choices: choices), hosts([UInt32](repeating: 1, count: 100)))
            var random = FastRandom(seed: 5)
            for _ in 0..<10_000 { if let slot = balancer.pick(random: &random) { balancer.hosts.requestStarted(slot) } }
            return (0..<100).map { balancer.hosts.activeRequests(of: $0) }.max() ?? 0
        }
        let (one, two) = (longest(1), longest(2))
        #expect(two <= 104)
        #expect(one > 120)
    }

    @Test("least request with unequal weights follows weight over load")
    func weightedLeastRequest() {
        var balancer = makeBalancer(.leastRequest(choices: 2), hosts([1, 3]))
        var counts = spread(&balancer, 40_000)
        #expect(abs(counts[1] - 30_000) < 100)
        for _ in 0..<2 { balancer.hosts.requestStarted(1) }
        counts = spread(&balancer, 40_000, seed: 2)
        #expect(abs(counts[1] - 20_000) < 100)
    }

    @Test("unhealthy hosts are passed over until too many are", arguments: policies)
    func panic(policy: LoadBalancingPolicy) {
        var balancer = makeBalancer(policy, hosts([1, 1, 1, 1]))
        balancer.hosts.set(.failedActiveCheck, true, of: 0)
        balancer.hosts.set(.ejectedByOutlierDetection, true, of: 1)
        do { let counts = spread(&balancer, 1000); #expect(counts[0] == 0 && counts[1] == 0 && counts[2] > 400) }
        // One past the threshold of 50 %: all hosts are used.
        balancer.hosts.set(.failedActiveCheck, true, of: 2)
        do { let counts = spread(&balancer, 1000); #expect(counts.allSatisfy { $0 > 150 }) }
        balancer.hosts.set(.failedActiveCheck, false, of: 2)
        do { let counts = spread(&balancer, 1000); #expect(counts[0] == 0 && counts[2] > 400) }
    }

    @Test("without panic no unhealthy host is used", arguments: policies)
    func noPanic(policy: LoadBalancingPolicy) {
        var balancer = makeBalancer(policy, hosts([1, 1]), panicThreshold: 0)
        balancer.hosts.set(.failedActiveCheck, true, of: 0)
        do { let counts = spread(&balancer, 100); #expect(counts == [0, 100]) }
        balancer.hosts.set(.failedActiveCheck, true, of: 1)
        do { let counts = spread(&balancer, 100); #expect(counts == [0, 0]) }
    }

    @Test("the next priority takes what the first cannot carry")
    func priorities() {
        var balancer = makeBalancer(
            .roundRobin, hosts([1, 1, 1, 1], priority: 0) + hosts([1, 1], priority: 1))
        do { let counts = spread(&balancer, 1000); #expect(counts[4] + counts[5] == 0) }
        balancer.hosts.set(.failedActiveCheck, true, of: 0)
        balancer.hosts.set(.failedActiveCheck, true, of: 1)
        // Half healthy times 1.4: 70 % stay.
        let counts = spread(&balancer, 10_000)
        #expect(counts[0] == 0 && counts[1] == 0)
        #expect(abs(counts[4] + counts[5] - 3000) < 200)
    }

    @Test("degraded hosts serve when the healthy ones do not suffice")
    func degraded() {
        var balancer = makeBalancer(.roundRobin, hosts([1, 1]))
        balancer.hosts.set(.degradedByActiveCheck, true, of: 0)
        let counts = spread(&balancer, 10_000)
        #expect(abs(counts[0] - 3000) < 200)
    }

    @Test("hosts tried before are avoided as long as the draws last")
    func retries() {
        var balancer = makeBalancer(.roundRobin, hosts([1, 1, 1]))
        var random = FastRandom(seed: 1)
        var tried = TriedHosts()
        tried.insert(0)
        tried.insert(1)
        for _ in 0..<20 {
            let slot = balancer.pick(random: &random, avoiding: tried, attempts: 2)
            #expect(slot == 2)
        }
        tried.insert(2)
        do { let slot = balancer.pick(random: &random, avoiding: tried, attempts: 5); #expect(slot != nil) }
    }

    @Test("the oldest of nine tried hosts is forgotten")
    func triedBound() {
        var tried = TriedHosts()
        for slot in 0...TriedHosts.capacity { tried.insert(slot) }
        #expect(!tried.contains(0))
        #expect((1...TriedHosts.capacity).allSatisfy { tried.contains($0) })
    }

    @Test("requests in flight count after an update of the hosts")
    func update() {
        var balancer = makeBalancer(.leastRequest(choices: 2), hosts([1, 1, 1]))
        var random = FastRandom(seed: 1)
        for _ in 0..<10 { balancer.hosts.requestStarted(1) }
        _ = balancer.hosts.replace(with: hosts([1, 1]))
        var counts = [0, 0, 0]
        for _ in 0..<4000 { if let slot = balancer.pick(random: &random) { counts[slot] += 1 } }
        #expect(abs(counts[1] - 1000) < 150)
        #expect(counts[2] == 0)
    }

    @Test("a hundred thousand hosts are taken over and picked from")
    func many() {
        let count = 100_000
        var balancer = makeBalancer(.roundRobin, (0..<count).map { HostConfig(key: "10.0.0.1:\($0)", weight: UInt32($0 % 3 + 1)) })
        let counts = spread(&balancer, 2 * count)
        #expect(counts.allSatisfy { $0 >= 0 && $0 <= 4 })
        #expect(counts.reduce(0, +) == 2 * count)
    }
}
