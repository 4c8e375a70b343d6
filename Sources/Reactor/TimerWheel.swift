/// Deadlines in four rings of 64 slots, 1 ms a slot in the first: inserting, cancelling and expiring one costs the
/// same however many there are. Pure: it is told the time.
///
/// A deadline farther away than the rings reach (4.6 hours) waits in the last slot and is put again when that is due.
public struct TimerWheel: ~Copyable {
    /// Names one inserted deadline until it has expired or been cancelled.
    public struct Identifier: Equatable, Sendable {
        fileprivate let index: Int32

        /// Names nothing.
        static let none = Identifier(index: -1)
    }

    private struct Node {
        var next: Int32 = -1
        var previous: Int32 = -1
        var slot: Int32 = -1
        var tick: UInt64 = 0
        var datum: UInt64 = 0
    }

    private static let levels = 4
    private static let slotBits: UInt64 = 6
    private static let slotsPerLevel = 64
    private static let slotMask: UInt64 = 63
    /// Length of a tick in nanoseconds.
    public static let tick: UInt64 = 1_000_000

    private var nodes: [Node] = []
    private var freeNodes: [Int32] = []
    private var heads = [Int32](repeating: -1, count: levels * slotsPerLevel)
    private var occupied = [UInt64](repeating: 0, count: levels)
    private var current: UInt64
    private var expired: [UInt64] = []
    private var nextExpired = 0

    /// Deadlines that wait.
    public private(set) var count = 0

    /// - Parameter now: the time to start at, in nanoseconds.
    public init(now: UInt64) {
        current = now / Self.tick
    }

    /// Inserts a deadline.
    /// - Parameters:
    ///   - deadline: nanoseconds on the clock that ``advance(to:)`` is told; rounded up to a tick.
    ///   - datum: given back when it expires.
    public mutating func insert(deadline: UInt64, datum: UInt64) -> Identifier {
        let index: Int32
        if let free = freeNodes.popLast() {
            index = free
        } else {
            index = Int32(nodes.count)
            nodes.append(Node())
        }
        nodes[Int(index)].tick = max((deadline &+ Self.tick &- 1) / Self.tick, current + 1)
        nodes[Int(index)].datum = datum
        link(index)
        count += 1
        return Identifier(index: index)
    }

    /// Takes a deadline out again. It must not have expired or been cancelled before.
    public mutating func cancel(_ identifier: Identifier) {
        let index = identifier.index
        precondition(nodes[Int(index)].slot >= 0, "cancelled a timer that does not wait")
        unlink(index)
        freeNodes.append(index)
        count -= 1
    }

    /// The same for a deadline that may have expired meanwhile: it is told by its datum, which must be unique.
    mutating func cancel(_ identifier: Identifier, datum: UInt64) {
        let node = nodes[Int(identifier.index)]
        if node.slot >= 0, node.datum == datum { cancel(identifier) }
    }

    /// Moves the wheel to `now`. What has expired is taken with ``takeExpired()``, in the order of ticks.
    public mutating func advance(to now: UInt64) {
        let target = now / Self.tick
        while current < target {
            guard count > 0 else {
                current = target
                break
            }
            current = min(nextInterestingTick(), target)
            cascade()
            expireSlot()
        }
    }

    /// The datum of the next expired deadline, or nil.
    public mutating func takeExpired() -> UInt64? {
        guard nextExpired < expired.count else {
            expired.removeAll(keepingCapacity: true)
            nextExpired = 0
            return nil
        }
        nextExpired += 1
        return expired[nextExpired - 1]
    }

    /// The time at which ``advance(to:)`` has something to do next, in nanoseconds; nil when nothing waits. It may be
    /// earlier than the first deadline, when a farther ring must be sorted into a nearer one.
    public var nextWakeUp: UInt64? {
        count == 0 ? nil : nextInterestingTick() * Self.tick
    }

    private func nextInterestingTick() -> UInt64 {
        var best = UInt64.max
        for level in 0..<Self.levels where occupied[level] != 0 {
            let shift = Self.slotBits * UInt64(level)
            let position = (current >> shift) & Self.slotMask
            // Rotated so that bit 0 is the slot after the current one.
            let rotation = (position + 1) & Self.slotMask
            let bits = occupied[level]
            let rotated = (bits >> rotation) | (rotation == 0 ? 0 : bits << (64 - rotation))
            let distance = UInt64(rotated.trailingZeroBitCount) + 1
            let tick = ((current >> shift) + distance) << shift
            best = min(best, tick)
        }
        return best
    }

    /// Sorts the slots of the farther rings that begin at the current tick into nearer ones.
    private mutating func cascade() {
        for level in stride(from: Self.levels - 1, to: 0, by: -1) {
            let shift = Self.slotBits * UInt64(level)
            guard current & ((1 << shift) - 1) == 0 else { continue }
            let slot = level * Self.slotsPerLevel + Int((current >> shift) & Self.slotMask)
            var index = heads[slot]
            heads[slot] = -1
            occupied[level] &= ~(1 << ((current >> shift) & Self.slotMask))
            while index >= 0 {
                let next = nodes[Int(index)].next
                nodes[Int(index)].slot = -1
                link(index)
                index = next
            }
        }
    }

    private mutating func expireSlot() {
        let position = Int(current & Self.slotMask)
        var index = heads[position]
        heads[position] = -1
        occupied[0] &= ~(1 << UInt64(position))
        while index >= 0 {
            let next = nodes[Int(index)].next
            nodes[Int(index)].slot = -1
            expired.append(nodes[Int(index)].datum)
            freeNodes.append(index)
            count -= 1
            index = next
        }
    }

    private mutating func link(_ index: Int32) {
        let tick = max(nodes[Int(index)].tick, current)
        let distance = tick - current
        var level = 0
        while level < Self.levels - 1, distance >> (Self.slotBits * UInt64(level + 1)) != 0 { level += 1 }
        let shift = Self.slotBits * UInt64(level)
        let reach = (UInt64(1) << (Self.slotBits * UInt64(Self.levels))) - (UInt64(1) << shift)
        let position = Int(((current + min(distance, reach)) >> shift) & Self.slotMask)
        let slot = level * Self.slotsPerLevel + position
        nodes[Int(index)].slot = Int32(slot)
        nodes[Int(index)].previous = -1
        nodes[Int(index)].next = heads[slot]
        if heads[slot] >= 0 { nodes[Int(heads[slot])].previous = index }
        heads[slot] = index
        occupied[level] |= 1 << UInt64(position)
    }

    private mutating func unlink(_ index: Int32) {
        let node = nodes[Int(index)]
        if node.previous >= 0 { nodes[Int(node.previous)].next = node.next } else { heads[Int(node.slot)] = node.next }
        if node.next >= 0 { nodes[Int(node.next)].previous = node.previous }
        if heads[Int(node.slot)] < 0 {
            occupied[Int(node.slot) / Self.slotsPerLevel] &= ~(1 << UInt64(Int(node.slot) % Self.slotsPerLevel))
        }
        nodes[Int(index)].slot = -1
    }
}
