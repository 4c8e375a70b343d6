import CLinux

/// What a circuit breaker counts.
public enum LimitedResource: Int, CaseIterable, Sendable {
    case connection, pendingRequest, request, retry
}

/// Envoy's routing priority: each has limits of its own.
public enum RoutingPriority: Int, CaseIterable, Sendable {
    case `default`, high
}

/// Shared memory for limits that hold for the proxy as a whole: a slot a worker, in it a group of counters a cluster.
///
/// Layout, in 64-bit cells: `slots` times (one cache line whose first cell is the slot's epoch, then one cache line a
/// group). A worker adds to its own slot only, whoever needs the whole sums over the slots. All cells begin as 0.
public struct LimitRegion {
    /// 64 bytes: two workers never write to one cache line.
    static let cellsPerLine = 8

    // Safety: points to `byteCount(slots:groups:)` bytes that the caller keeps mapped and aligned to 64 bytes for as
    // long as a value made from this one is in use; every access is atomic.
    private let cells: UnsafeMutablePointer<Int64>
    /// Workers that may count at a time, and things that are limited.
    public let slots: Int
    public let groups: Int

    /// Memory that a region needs.
    public static func byteCount(slots: Int, groups: Int) -> Int {
        slots * (1 + groups) * cellsPerLine * MemoryLayout<Int64>.stride
    }

    /// - Parameter memory: at least ``byteCount(slots:groups:)`` bytes, aligned to 64, zero when first used.
    public init(memory: UnsafeMutableRawPointer, slots: Int, groups: Int) {
        precondition(slots > 0 && groups >= 0, "a region has at least one slot")
        cells = memory.assumingMemoryBound(to: Int64.self)
        self.slots = slots
        self.groups = groups
    }

    private var slotStride: Int { (1 + groups) * Self.cellsPerLine }

    /// The counters of one cluster as the worker with `slot` sees them from now on.
    public func counters(group: Int, slot: Int) -> LimitCounters {
        precondition(group >= 0 && group < groups && slot >= 0 && slot < slots, "outside of the limit region")
        return LimitCounters(
            group: cells + (1 + group) * Self.cellsPerLine, epoch: cells + slot * slotStride, slots: slots,
            slotStride: slotStride, ownSlot: slot)
    }

    /// Gives back what a worker held that is known to have ended; the next worker may take its slot after that. Views
    /// that the dead worker's successor did not make itself count nothing any more.
    /// - Parameter used: groups that were ever counted in, so that memory that nobody used stays untouched; nil for all.
    public func giveBack(slot: Int, groups used: Int? = nil) {
        precondition(slot >= 0 && slot < slots, "outside of the limit region")
        let start = cells + slot * slotStride
        _ = heddle_limit_add(start, 1)
        for index in Self.cellsPerLine..<(1 + min(used ?? groups, groups)) * Self.cellsPerLine { heddle_limit_store(start + index, 0) }
    }
}

/// One cluster's counters as one worker sees them.
public struct LimitCounters {
    // Safety: all point into the region that made this value (see ``LimitRegion``).
    private let group: UnsafeMutablePointer<Int64>
    private let own: UnsafeMutablePointer<Int64>
    private let epoch: UnsafeMutablePointer<Int64>
    private let ownEpoch: Int64
    private let slots: Int
    private let slotStride: Int

    init(
        group: UnsafeMutablePointer<Int64>, epoch: UnsafeMutablePointer<Int64>, slots: Int, slotStride: Int, ownSlot: Int
    ) {
        self.group = group
        self.epoch = epoch
        self.slots = slots
        self.slotStride = slotStride
        own = group + ownSlot * slotStride
        ownEpoch = heddle_limit_load(epoch)
    }

    private static func cell(_ resource: LimitedResource, _ priority: RoutingPriority) -> Int {
        priority.rawValue * LimitedResource.allCases.count + resource.rawValue
    }

    /// Sum over all workers.
    public func total(_ resource: LimitedResource, _ priority: RoutingPriority) -> Int64 {
        let cell = Self.cell(resource, priority)
        var sum: Int64 = 0
        var slot = 0
        while slot < slots {
            sum += heddle_limit_load(group + slot * slotStride + cell)
            slot += 1
        }
        return sum
    }

    /// What this worker holds.
    public func held(_ resource: LimitedResource, _ priority: RoutingPriority) -> Int64 {
        isCurrent ? heddle_limit_load(own + Self.cell(resource, priority)) : 0
    }

    /// Adds one unless the whole is at `limit`. Of several workers who ask at the same moment for the last place at
    /// most one gets it: each first adds to its own slot, then looks at the sum, and takes its one back if that is too
    /// much. So the limit is never exceeded; two who collide may both be refused.
    func add(_ resource: LimitedResource, _ priority: RoutingPriority, limit: Int64) -> Bool {
        guard isCurrent else { return false }
        let cell = own + Self.cell(resource, priority)
        guard total(resource, priority) < limit else { return false }
        _ = heddle_limit_add(cell, 1)
        if total(resource, priority) <= limit { return true }
        _ = heddle_limit_add(cell, -1)
        return false
    }

    /// Adds one whatever the sum, where there is no limit.
    func addUnlimited(_ resource: LimitedResource, _ priority: RoutingPriority) -> Bool {
        guard isCurrent else { return false }
        _ = heddle_limit_add(own + Self.cell(resource, priority), 1)
        return true
    }

    /// Takes one off; nothing happens when the slot was given back since.
    func subtract(_ resource: LimitedResource, _ priority: RoutingPriority) {
        guard isCurrent else { return }
        let before = heddle_limit_add(own + Self.cell(resource, priority), -1)
        precondition(before > 0, "a limit was released that was not acquired")
    }

    /// False once the slot was given back: this worker was declared dead.
    private var isCurrent: Bool { heddle_limit_load(epoch) == ownEpoch }
}
