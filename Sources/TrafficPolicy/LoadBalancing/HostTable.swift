/// Why a host may be passed over.
public struct HostHealthFlags: OptionSet, Sendable {
    public let rawValue: UInt8

    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// By whom the host was found unhealthy or degraded.
    public static let failedActiveCheck = HostHealthFlags(rawValue: 1 << 0)
    public static let ejectedByOutlierDetection = HostHealthFlags(rawValue: 1 << 1)
    public static let unhealthyByDiscovery = HostHealthFlags(rawValue: 1 << 2)
    public static let degradedByDiscovery = HostHealthFlags(rawValue: 1 << 3)
    public static let degradedByActiveCheck = HostHealthFlags(rawValue: 1 << 4)

    static let unhealthy: HostHealthFlags = [.failedActiveCheck, .ejectedByOutlierDetection, .unhealthyByDiscovery]
    /// What an update of the endpoints decides; the rest is learnt here and survives it.
    static let byDiscovery: HostHealthFlags = [.unhealthyByDiscovery, .degradedByDiscovery]

    /// What the load balancer makes of it.
    public var health: HostHealth {
        if !isDisjoint(with: .unhealthy) { return .unhealthy }
        return isEmpty ? .healthy : .degraded
    }
}

/// What the load balancer makes of a host's flags.
public enum HostHealth: Sendable {
    case healthy
    /// Used when the healthy ones do not suffice.
    case degraded
    case unhealthy
}

/// One endpoint as the configuration or discovery names it.
public struct HostConfig: Equatable, Sendable {
    /// What makes it the same host in the next update: its address.
    public var key: String
    /// At least 1.
    public var weight: UInt32
    /// 0 is used first.
    public var priority: Int
    /// Of the two discovery flags.
    public var health: HostHealthFlags

    /// - Parameter weight: 0 is taken as 1.
    public init(key: String, weight: UInt32 = 1, priority: Int = 0, health: HostHealthFlags = []) {
        self.key = key
        self.weight = max(weight, 1)
        self.priority = priority
        self.health = health.intersection(.byDiscovery)
    }
}

/// The hosts of a cluster. Each has a slot: a small number that stays its own through updates, for as long as it is
/// listed or a request or connection still uses it. Whoever keeps more about a host keeps it in an array by slot.
public struct HostTable: ~Copyable, Sendable {
    private struct Host {
        var key: String
        var weight: UInt32
        var priority: Int
        var flags: HostHealthFlags
        var isListed: Bool
    }

    private var hosts: [Host] = []
    private var slotByKey: [String: Int] = [:]
    private var freeSlots: [Int] = []
    private var activeRequests: [UInt32] = []
    private var openConnections: [UInt32] = []

    /// Slots of the listed hosts, in the order of the configuration.
    public private(set) var listed: [Int] = []
    /// Changes whenever what a load balancer looks at does.
    private(set) var generation: UInt64 = 0

    public init() {}

    /// What an update did, by slot.
    public struct Change: Equatable, Sendable {
        public var added: [Int] = []
        /// Still valid until their last request and connection end.
        public var removed: [Int] = []

        /// Nothing added and nothing removed unless said otherwise.
        public init(added: [Int] = [], removed: [Int] = []) {
            self.added = added
            self.removed = removed
        }
    }

    /// Number of slots that were ever needed at once; slots are below it.
    public var slotCount: Int { hosts.count }

    /// Takes a new list of hosts. A host that was there keeps its slot, its counts and what was learnt about its health;
    /// of two with the same key the first counts.
    public mutating func replace(with configs: [HostConfig]) -> Change {
        generation += 1
        var change = Change()
        let old = listed
        for slot in old { hosts[slot].isListed = false }
        listed.removeAll(keepingCapacity: true)
        listed.reserveCapacity(configs.count)
        slotByKey.reserveCapacity(configs.count)
        var wasListed = [Bool](repeating: false, count: hosts.count)
        for slot in old { wasListed[slot] = true }
        for config in configs {
            let slot: Int
            if let known = slotByKey[config.key] {
                guard !hosts[known].isListed else { continue }
                slot = known
                let learnt = hosts[slot].flags.subtracting(.byDiscovery)
                hosts[slot].flags = learnt.union(config.health)
                hosts[slot].weight = config.weight
                hosts[slot].priority = config.priority
                hosts[slot].isListed = true
                if slot >= wasListed.count || !wasListed[slot] { change.added.append(slot) }
            } else {
                slot = insert(config)
                change.added.append(slot)
            }
            listed.append(slot)
        }
        for slot in old where !hosts[slot].isListed {
            change.removed.append(slot)
            freeIfUnused(slot)
        }
        return change
    }

    /// The slot of the host with this key, listed or not; nil when there is none.
    public func slot(of key: String) -> Int? { slotByKey[key] }
    /// The key of the host in a slot.
    public func key(of slot: Int) -> String { hosts[slot].key }
    /// Its weight, at least 1.
    public func weight(of slot: Int) -> UInt32 { hosts[slot].weight }
    /// Its priority; 0 is used first.
    public func priority(of slot: Int) -> Int { hosts[slot].priority }
    /// Why it may be passed over; empty for a healthy host.
    public func flags(of slot: Int) -> HostHealthFlags { hosts[slot].flags }
    /// Whether the last update still named it.
    public func isListed(_ slot: Int) -> Bool { hosts[slot].isListed }
    /// Requests of this worker under way to it.
    public func activeRequests(of slot: Int) -> UInt32 { activeRequests[slot] }
    /// Connections of this worker to it, those being made included.
    public func openConnections(of slot: Int) -> UInt32 { openConnections[slot] }

    /// Sets or clears what health checking or outlier detection found.
    public mutating func set(_ flag: HostHealthFlags, _ isSet: Bool, of slot: Int) {
        let before = hosts[slot].flags
        if isSet { hosts[slot].flags.formUnion(flag) } else { hosts[slot].flags.subtract(flag) }
        if hosts[slot].flags.health != before.health { generation += 1 }
    }

    /// Counts a request to the host; ``requestEnded(_:)`` takes it back.
    public mutating func requestStarted(_ slot: Int) {
        activeRequests[slot] += 1
    }

    /// A request to the host has ended. The last one frees the slot of a host that is not listed any more.
    public mutating func requestEnded(_ slot: Int) {
        precondition(activeRequests[slot] > 0, "a request ended that did not start")
        activeRequests[slot] -= 1
        freeIfUnused(slot)
    }

    /// Counts a connection to the host; ``connectionClosed(_:)`` takes it back.
    public mutating func connectionOpened(_ slot: Int) {
        openConnections[slot] += 1
    }

    /// A connection to the host has closed. The last one frees the slot of a host that is not listed any more.
    public mutating func connectionClosed(_ slot: Int) {
        precondition(openConnections[slot] > 0, "a connection closed that did not open")
        openConnections[slot] -= 1
        freeIfUnused(slot)
    }

    private mutating func insert(_ config: HostConfig) -> Int {
        let host = Host(
            key: config.key, weight: config.weight, priority: config.priority, flags: config.health, isListed: true)
        let slot: Int
        if let free = freeSlots.popLast() {
            slot = free
            hosts[slot] = host
        } else {
            slot = hosts.count
            hosts.append(host)
            activeRequests.append(0)
            openConnections.append(0)
        }
        slotByKey[config.key] = slot
        return slot
    }

    private mutating func freeIfUnused(_ slot: Int) {
        guard !hosts[slot].isListed, activeRequests[slot] == 0, openConnections[slot] == 0 else { return }
        slotByKey[hosts[slot].key] = nil
        hosts[slot].key = ""
        freeSlots.append(slot)
    }
}
