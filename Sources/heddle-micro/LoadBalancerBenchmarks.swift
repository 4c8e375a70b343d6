import TrafficPolicy

private func makeBalancer(_ policy: LoadBalancingPolicy, hosts count: Int, maximumWeight: Int = 1) -> LoadBalancer {
    var balancer = LoadBalancer(settings: .init(policy: policy))
    let hosts = (0..<count).map { HostConfig(key: "10.0.0.1:\($0)", weight: UInt32($0 % maximumWeight + 1)) }
    _ = balancer.hosts.replace(with: hosts)
    var random = FastRandom(seed: 1)
    _ = balancer.pick(random: &random)
    return balancer
}

@inline(never)
private func measurePick(_ balancer: inout LoadBalancer, _ count: Int) -> Int {
    var random = FastRandom(seed: 2)
    var sum = 0
    for _ in 0..<count { sum &+= balancer.pick(random: &random) ?? -1 }
    return sum
}

private func run(_ policy: LoadBalancingPolicy, hosts: Int, maximumWeight: Int = 1, _ count: Int) -> Int {
    var balancer = makeBalancer(policy, hosts: hosts, maximumWeight: maximumWeight)
    return measurePick(&balancer, count)
}

/// All hosts replaced by the same ones and the first pick after it, `count` times.
@inline(never)
private func measureUpdate(_ balancer: inout LoadBalancer, _ hosts: [HostConfig], _ count: Int) -> Int {
    var random = FastRandom(seed: 2)
    var sum = 0
    for _ in 0..<count {
        sum &+= balancer.hosts.replace(with: hosts).added.count
        sum &+= balancer.pick(random: &random) ?? -1
    }
    return sum
}

let loadBalancerBenchmarks: [Benchmark] = [
    Benchmark("pick-round-robin") { run(.roundRobin, hosts: 10, $0) },
    Benchmark("pick-round-robin-weighted") { run(.roundRobin, hosts: 10, maximumWeight: 3, $0) },
    Benchmark("pick-round-robin-weighted-100000") { run(.roundRobin, hosts: 100_000, maximumWeight: 3, $0) },
    Benchmark("pick-least-request") { run(.leastRequest(choices: 2), hosts: 10, $0) },
    Benchmark("pick-random") { run(.random, hosts: 10, $0) },
    Benchmark("update-100000-hosts") { count in
        let hosts = (0..<100_000).map { HostConfig(key: "10.0.0.1:\($0)", weight: UInt32($0 % 3 + 1)) }
        var balancer = makeBalancer(.roundRobin, hosts: 1)
        return measureUpdate(&balancer, hosts, count)
    },
]
