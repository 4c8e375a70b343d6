/// How a host is chosen (`lb_policy`).
public enum LoadBalancingPolicy: Equatable, Sendable {
    /// In turn, by weight.
    case roundRobin
    /// The least busy of `choices` hosts drawn at random. Hosts of unequal weight come in turn instead, by their weight
    /// divided by their requests, as in Envoy.
    case leastRequest(choices: Int)
    /// Any; weights do not count, as in Envoy.
    case random
}

/// Hosts that a request has tried already (`previous_hosts`). Beyond ``capacity`` the oldest is forgotten.
public struct TriedHosts: Sendable {
    public static let capacity = 8

    private var slots = InlineArray<8, Int32>(repeating: -1)
    private var next = 0

    public init() {}

    /// Remembers the host in a slot.
    public mutating func insert(_ slot: Int) {
        slots[next] = Int32(slot)
        next = (next + 1) % Self.capacity
    }

    /// Whether the host in this slot is remembered.
    public func contains(_ slot: Int) -> Bool {
        for index in 0..<Self.capacity where slots[index] == Int32(slot) { return true }
        return false
    }
}

/// Chooses hosts of one cluster for one worker. A pick allocates nothing; a change of the hosts costs once, at the next
/// pick.
public struct LoadBalancer: ~Copyable, Sendable {
    /// What the configuration of a cluster says about choosing hosts.
    public struct Settings: Equatable, Sendable {
        /// Which host of those that may be used gets the next request.
        public var policy: LoadBalancingPolicy
        /// In percent of healthy hosts; 0 turns panic off (`healthy_panic_threshold`).
        public var panicThreshold: Double
        /// In percent (`overprovisioning_factor`).
        public var overprovisioning: Int

        /// Envoy's defaults unless said otherwise.
        public init(
            policy: LoadBalancingPolicy = .roundRobin, panicThreshold: Double = 50, overprovisioning: Int = 140
        ) {
            self.policy = policy
            self.panicThreshold = panicThreshold
            self.overprovisioning = overprovisioning
        }
    }

    /// The hosts of one priority that may be chosen together.
    private struct Pool {
        var slots: [Int32] = []
        var cursor = 0
        var isWeighted = false
        var schedule = DeadlineSchedule()
    }

    /// The hosts of one priority; in panic `healthy` holds all of them.
    private struct Level {
        var healthy = Pool()
        var degraded = Pool()
    }

    /// Their health, counts and slots; may be changed between picks.
    public var hosts = HostTable()
    public let settings: Settings

    /// How the load spreads at present; as of the last pick.
    public private(set) var load = PriorityLoad(levels: [])
    private var levels: [Level] = []
    private var builtGeneration: UInt64 = 0

    /// A balancer without hosts: it picks none until ``hosts`` has some.
    public init(settings: Settings = Settings()) {
        self.settings = settings
    }

    /// The slot of a host; nil when no host may be used.
    public mutating func pick(random: inout FastRandom) -> Int? {
        if builtGeneration != hosts.generation { rebuild(&random) }
        guard !levels.isEmpty else { return nil }
        let (priority, usesDegraded) = load.pick(random.next())
        return usesDegraded && !load.isInPanic[priority]
            ? Self.pick(&levels[priority].degraded, hosts, settings.policy, &random)
            : Self.pick(&levels[priority].healthy, hosts, settings.policy, &random)
    }

    /// Whether a host that was picked shares its load with hosts that are not healthy: too few of its priority are.
    public func isInPanic(_ slot: Int) -> Bool { load.isInPanic[hosts.priority(of: slot)] }

    /// As ``pick(random:)``, but draws again up to `attempts` times when the host was tried before; the last draw counts
    /// whatever it is (`host_selection_retry_max_attempts`).
    public mutating func pick(random: inout FastRandom, avoiding tried: TriedHosts, attempts: Int) -> Int? {
        var chosen = pick(random: &random)
        var left = attempts
        while left > 0, let slot = chosen, tried.contains(slot) {
            chosen = pick(random: &random)
            left -= 1
        }
        return chosen
    }

    private static func pick(
        _ pool: inout Pool, _ hosts: borrowing HostTable, _ policy: LoadBalancingPolicy, _ random: inout FastRandom
    ) -> Int? {
        let count = pool.slots.count
        guard count > 0 else { return nil }
        switch policy {
        case .roundRobin where pool.isWeighted:
            let slot = pool.schedule.first
            pool.schedule.advance(weight: Double(hosts.weight(of: slot)))
            return slot
        case .roundRobin:
            let slot = pool.slots[pool.cursor]
            pool.cursor = pool.cursor + 1 == count ? 0 : pool.cursor + 1
            return Int(slot)
        case .leastRequest where pool.isWeighted:
            let slot = pool.schedule.first
            let requests = Double(hosts.activeRequests(of: slot)) + 1
            pool.schedule.advance(weight: Double(hosts.weight(of: slot)) / requests)
            return slot
        case .leastRequest(let choices):
            var best = Int(pool.slots[Int(random.next(below: UInt64(count)))])
            var drawn = 1
            while drawn < choices {
                let other = Int(pool.slots[Int(random.next(below: UInt64(count)))])
                if hosts.activeRequests(of: other) < hosts.activeRequests(of: best) { best = other }
                drawn += 1
            }
            return best
        case .random:
            return Int(pool.slots[Int(random.next(below: UInt64(count)))])
        }
    }

    private mutating func rebuild(_ random: inout FastRandom) {
        builtGeneration = hosts.generation
        let listed = hosts.listed
        var counts: [PriorityLoad.Level] = []
        for slot in listed {
            let priority = hosts.priority(of: slot)
            while counts.count <= priority { counts.append(PriorityLoad.Level()) }
            counts[priority].total += 1
            switch hosts.flags(of: slot).health {
            case .healthy: counts[priority].healthy += 1
            case .degraded: counts[priority].degraded += 1
            case .unhealthy: break
            }
        }
        load = PriorityLoad(
            levels: counts, overprovisioning: settings.overprovisioning, panicThreshold: settings.panicThreshold)
        while levels.count > counts.count { levels.removeLast() }
        while levels.count < counts.count { levels.append(Level()) }
        for index in levels.indices {
            levels[index].healthy.slots.removeAll(keepingCapacity: true)
            levels[index].degraded.slots.removeAll(keepingCapacity: true)
        }
        for slot in listed {
            let priority = hosts.priority(of: slot)
            if load.isInPanic[priority] {
                levels[priority].healthy.slots.append(Int32(slot))
                continue
            }
            switch hosts.flags(of: slot).health {
            case .healthy: levels[priority].healthy.slots.append(Int32(slot))
            case .degraded: levels[priority].degraded.slots.append(Int32(slot))
            case .unhealthy: break
            }
        }
        for index in levels.indices {
            Self.prepare(&levels[index].healthy, hosts, settings.policy, &random)
            Self.prepare(&levels[index].degraded, hosts, settings.policy, &random)
        }
    }

    private static func prepare(
        _ pool: inout Pool, _ hosts: borrowing HostTable, _ policy: LoadBalancingPolicy, _ random: inout FastRandom
    ) {
        pool.schedule.removeAll()
        pool.isWeighted = false
        guard let first = pool.slots.first else { return }
        pool.cursor = Int(random.next(below: UInt64(pool.slots.count)))
        guard policy != .random else { return }
        let weight = hosts.weight(of: Int(first))
        for slot in pool.slots where hosts.weight(of: Int(slot)) != weight {
            pool.isWeighted = true
            break
        }
        if pool.isWeighted {
            pool.schedule.rebuild(pool.slots, random: &random) { Double(hosts.weight(of: $0)) }
        }
    }
}
