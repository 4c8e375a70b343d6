/// Memory for the limits of a process that shares them with nobody: a try of a configuration, a tool, a measurement.
public final class LimitMemory {
    // Safety: `byteCount(slots:groups:)` bytes of this object's own, zero at first; given back with it.
    private let memory: UnsafeMutableRawPointer
    /// Is to be used for as long as this object lives.
    public let region: LimitRegion

    /// - Parameters: as of ``LimitRegion``; nothing to be limited counts as one thing.
    public init(slots: Int = 1, groups: Int = 1) {
        let groups = max(groups, 1)
        let size = LimitRegion.byteCount(slots: slots, groups: groups)
        memory = .allocate(byteCount: size, alignment: 64)
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: size)
        region = LimitRegion(memory: memory, slots: slots, groups: groups)
    }

    deinit { memory.deallocate() }
}
