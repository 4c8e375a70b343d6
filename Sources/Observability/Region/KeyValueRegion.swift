import Bytes
import CLinux
import Glibc

/// A table of short values that all workers of a proxy share: bounded, with an end of life for each entry.
///
/// ```
/// 0            a lock word for each bucket
/// locks padded buckets of 8 slots; a slot is 1 KiB: hash, expiry, last use (u64 each), key length u16, kind u8, value length
///              u32 at 28; key and value from 32 on
/// ```
///
/// A bucket is chosen by the key's hash; when it is full, what has expired or was not used for longest gives way. A lock holds
/// the process that took it, so that the lock of a process that died is taken over; what that process was writing is dropped.
/// Zeroed memory is an empty table.
public final class KeyValueRegion {
    /// Bytes of a key and its value together.
    public static let maximumEntry = slotSize - dataOffset
    /// Entries of a proxy's table.
    public static let defaultBuckets = 1024
    private static let slotSize = 1024
    private static let dataOffset = 32
    private static let slotsPerBucket = 8

    /// What an entry holds.
    public enum Value: Equatable, Sendable {
        case bytes([UInt8])
        case number(Double)
    }

    // Safety: memory of `byteCount(buckets:)` bytes that outlives this object; every access is under its bucket's lock.
    private let memory: UnsafeMutableRawPointer
    private let buckets: Int
    private let owner: AnyObject?

    /// Bytes that a table takes; only pages that are used cost memory.
    public static func byteCount(buckets: Int = defaultBuckets) -> Int {
        locksSize(buckets) + buckets * slotsPerBucket * slotSize
    }

    private static func locksSize(_ buckets: Int) -> Int { (buckets * 8 + 4095) & ~4095 }

    /// - Parameter owner: what keeps the memory.
    public init(memory: UnsafeMutableRawPointer, buckets: Int = defaultBuckets, owner: AnyObject? = nil) {
        self.memory = memory
        self.buckets = buckets
        self.owner = owner
    }

    /// A table of this process alone, for tests and trials.
    public convenience init(privateBuckets buckets: Int) {
        let block = PrivateBlock(size: Self.byteCount(buckets: buckets))
        self.init(memory: block.base, buckets: buckets, owner: block)
    }

    // MARK: Verbs; `now` is the monotonic clock in nanoseconds, which all processes of a machine share

    /// The value of a key, nil when there is none or its time is over.
    public func value(_ key: [UInt8], now: UInt64) -> Value? {
        locked(key) { bucket, hash in
            guard let slot = find(bucket, hash, key, now) else { return nil }
            slot.storeBytes(of: now, toByteOffset: 16, as: UInt64.self)
            return read(slot)
        }
    }

    /// Puts a value under a key.
    /// - Parameter lifetime: nanoseconds; 0 for as long as there is room.
    /// - Returns: false when key and value are too long.
    public func set(_ key: [UInt8], _ value: Value, lifetime: UInt64, now: UInt64) -> Bool {
        guard key.count + size(value) <= Self.maximumEntry, !key.isEmpty else { return false }
        locked(key) { bucket, hash in
            let slot = find(bucket, hash, key, now) ?? room(bucket, now)
            write(slot, hash, key, value, expires: lifetime == 0 ? 0 : now &+ lifetime, now)
        }
        return true
    }

    /// Adds to a number, which begins at 0, as one step for all workers.
    /// - Parameter lifetime: of a number that is new; one that is there keeps its own.
    /// - Returns: the sum; nil when the key holds text or is too long.
    public func add(_ amount: Double, to key: [UInt8], lifetime: UInt64, now: UInt64) -> Double? {
        guard key.count + 8 <= Self.maximumEntry, !key.isEmpty else { return nil }
        return locked(key) { bucket, hash in
            guard let slot = find(bucket, hash, key, now) else {
                write(room(bucket, now), hash, key, .number(amount), expires: lifetime == 0 ? 0 : now &+ lifetime, now)
                return amount
            }
            guard case .number(let present) = read(slot) else { return nil }
            write(slot, hash, key, .number(present + amount), expires: slot.load(fromByteOffset: 8, as: UInt64.self), now)
            return present + amount
        }
    }

    /// Forgets a key.
    /// - Returns: whether it was there.
    public func remove(_ key: [UInt8], now: UInt64) -> Bool {
        locked(key) { bucket, hash in
            guard let slot = find(bucket, hash, key, now) else { return false }
            slot.storeBytes(of: 0, as: UInt64.self)
            return true
        }
    }

    // MARK: Slots

    private func find(_ bucket: UnsafeMutableRawPointer, _ hash: UInt64, _ key: [UInt8], _ now: UInt64) -> UnsafeMutableRawPointer? {
        for index in 0..<Self.slotsPerBucket {
            let slot = bucket + index * Self.slotSize
            guard slot.load(as: UInt64.self) == hash, Int(slot.load(fromByteOffset: 24, as: UInt16.self)) == key.count,
                memcmp(slot + Self.dataOffset, key, key.count) == 0
            else { continue }
            if isOver(slot, now) {
                slot.storeBytes(of: 0, as: UInt64.self)
                return nil
            }
            return slot
        }
        return nil
    }

    private func isOver(_ slot: UnsafeMutableRawPointer, _ now: UInt64) -> Bool {
        let expires = slot.load(fromByteOffset: 8, as: UInt64.self)
        return expires != 0 && expires <= now
    }

    /// An empty slot, or the one that gives way.
    private func room(_ bucket: UnsafeMutableRawPointer, _ now: UInt64) -> UnsafeMutableRawPointer {
        var oldest = bucket
        for index in 0..<Self.slotsPerBucket {
            let slot = bucket + index * Self.slotSize
            if slot.load(as: UInt64.self) == 0 || isOver(slot, now) { return slot }
            if slot.load(fromByteOffset: 16, as: UInt64.self) < oldest.load(fromByteOffset: 16, as: UInt64.self) { oldest = slot }
        }
        return oldest
    }

    private func size(_ value: Value) -> Int {
        switch value {
        case .bytes(let bytes): bytes.count
        case .number: 8
        }
    }

    private func read(_ slot: UnsafeMutableRawPointer) -> Value {
        // Another process wrote the lengths: they must fit, whatever it was.
        let keyCount = min(Int(slot.load(fromByteOffset: 24, as: UInt16.self)), Self.maximumEntry)
        let data = slot + Self.dataOffset + keyCount
        if slot.load(fromByteOffset: 26, as: UInt8.self) == 1 { return .number(data.loadUnaligned(as: Double.self)) }
        let count = min(Int(slot.load(fromByteOffset: 28, as: UInt32.self)), Self.maximumEntry - keyCount)
        return .bytes(Array(UnsafeRawBufferPointer(start: data, count: count)))
    }

    private func write(
        _ slot: UnsafeMutableRawPointer, _ hash: UInt64, _ key: [UInt8], _ value: Value, expires: UInt64, _ now: UInt64
    ) {
        // Empty while it is written: whoever takes over the lock of a process that died here finds no half of an entry.
        slot.storeBytes(of: 0, as: UInt64.self)
        slot.storeBytes(of: expires, toByteOffset: 8, as: UInt64.self)
        slot.storeBytes(of: now, toByteOffset: 16, as: UInt64.self)
        slot.storeBytes(of: UInt16(key.count), toByteOffset: 24, as: UInt16.self)
        let data = slot + Self.dataOffset
        data.copyMemory(from: key, byteCount: key.count)
        switch value {
        case .number(let number):
            slot.storeBytes(of: 1, toByteOffset: 26, as: UInt8.self)
            (data + key.count).copyMemory(from: [number], byteCount: 8)
        case .bytes(let bytes):
            slot.storeBytes(of: 0, toByteOffset: 26, as: UInt8.self)
            slot.storeBytes(of: UInt32(bytes.count), toByteOffset: 28, as: UInt32.self)
            (data + key.count).copyMemory(from: bytes, byteCount: bytes.count)
        }
        heddle_store_release_u64(slot.assumingMemoryBound(to: UInt64.self), hash)
    }

    // MARK: Locks

    /// Times that a taken lock is looked at before its owner is checked: far more than any owner needs.
    private static let patience = 1000

    private func locked<Result>(_ key: [UInt8], _ body: (UnsafeMutableRawPointer, UInt64) -> Result) -> Result {
        let digest = FNV1a(key).value
        let hash = max(digest ^ digest >> 29, 1)
        let index = Int(hash % UInt64(buckets))
        let lock = (memory + index * 8).assumingMemoryBound(to: Int64.self)
        let own = Int64(getpid())
        var tries = 0
        while heddle_compare_exchange_i64(lock, 0, own) == 0 {
            tries += 1
            sched_yield()
            guard tries % Self.patience == 0 else { continue }
            let owner = Int64(bitPattern: heddle_load_relaxed_u64((memory + index * 8).assumingMemoryBound(to: UInt64.self)))
            if owner != 0, kill(pid_t(truncatingIfNeeded: owner), 0) != 0, errno == ESRCH,
                heddle_compare_exchange_i64(lock, owner, own) != 0
            {
                break
            }
        }
        let result = body(memory + Self.locksSize(buckets) + index * Self.slotsPerBucket * Self.slotSize, hash)
        heddle_store_release_u64((memory + index * 8).assumingMemoryBound(to: UInt64.self), 0)
        return result
    }
}

/// Zeroed memory of this process.
private final class PrivateBlock {
    // Safety: allocated here and freed in `deinit`; used through the one table that owns this block.
    let base: UnsafeMutableRawPointer

    init(size: Int) {
        base = .allocate(byteCount: size, alignment: 64)
        memset(base, 0, size)
    }

    deinit { base.deallocate() }
}
