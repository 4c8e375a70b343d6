import CLinux

/// A group record that was checked: what it says about itself fits into it.
struct GroupRecord {
    let kind: Int
    let slotCount: Int
    private let record: SharedRegion.Record

    /// Nil when the record contradicts itself.
    init?(_ record: SharedRegion.Record) {
        let payload = record.payload
        guard payload.count >= GroupLayout.slots else { return nil }
        let nameCapacity = Int(payload.load(fromByteOffset: GroupLayout.nameCapacity, as: UInt32.self))
        slotCount = Int(payload.load(fromByteOffset: GroupLayout.slotCount, as: UInt32.self))
        guard slotCount <= StatSchema.maximumStats, nameCapacity <= 2 * StatsSegment.maximumName,
            GroupLayout.slots + slotCount * 8 + nameCapacity <= payload.count
        else { return nil }
        kind = Int(payload.load(fromByteOffset: GroupLayout.kind, as: UInt32.self))
        self.record = record
    }

    /// The name; what is not UTF-8 in it is replaced.
    var name: String {
        let payload = record.payload
        let start = GroupLayout.slots + slotCount * 8
        let length = min(Int(payload.load(fromByteOffset: GroupLayout.nameLength, as: UInt32.self)), payload.count - start)
        return String(decoding: payload[start..<start + length], as: UTF8.self)
    }

    /// Relaxed, since the writer goes on.
    func slot(_ index: Int) -> UInt64 {
        precondition(index < slotCount, "a slot that the record does not have")
        let slots = (record.payload.baseAddress.unsafelyUnwrapped + GroupLayout.slots).assumingMemoryBound(to: UInt64.self)
        return heddle_load_acquire_u64(slots + index)
    }

    /// Reads the group with `body`; nil when it is out of use, or was given to another name again and again meanwhile.
    func stable<Result>(_ body: () -> Result) -> Result? {
        for _ in 0..<4 {
            let before = heddle_load_acquire_u64(record.sequence)
            guard before & 1 == 0 else { return nil }
            let result = body()
            heddle_fence_acquire()
            if heddle_load_relaxed_u64(record.sequence) == before { return result }
        }
        return nil
    }
}
