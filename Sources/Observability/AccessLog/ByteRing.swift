import CLinux
import Glibc

/// A bounded queue of bytes from one thread to another, without a lock.
///
/// The producer owns `head`, the consumer `tail`; both only grow. It is plain memory, which whoever made it frees: a thread
/// that shares it counts no references.
struct ByteRing: @unchecked Sendable {
    // Safety: each byte has one owner at a time, and changes hands by an atomic store of `head` or `tail`.

    let capacity: Int
    // Safety: `memory` has `capacity` bytes. Those from `tail` up to `head` belong to the consumer, the others to the
    // producer; a release store of either word hands bytes over, an acquire load by the other side takes them.
    private let memory: UnsafeMutableRawPointer
    private let words: UnsafeMutablePointer<UInt64>

    // Far enough apart for two cache lines.
    private var head: UnsafeMutablePointer<UInt64> { words }
    private var tail: UnsafeMutablePointer<UInt64> { words + 16 }

    init(capacity: Int) {
        self.capacity = capacity
        memory = .allocate(byteCount: capacity, alignment: 64)
        words = .allocate(capacity: 24)
        words.initialize(repeating: 0, count: 24)
    }

    /// Frees it. Neither side may look at it any more.
    func deallocate() {
        memory.deallocate()
        words.deallocate()
    }

    /// Bytes that wait; exact for the consumer, for the producer an upper bound.
    var count: Int { Int(heddle_load_acquire_u64(head) &- heddle_load_acquire_u64(tail)) }

    /// Appends all of `bytes` or nothing.
    /// - Returns: the number of bytes that waited before; nil when there is no room.
    func append(_ bytes: UnsafeRawBufferPointer) -> Int? {
        let end = heddle_load_relaxed_u64(head)
        let used = Int(end &- heddle_load_acquire_u64(tail))
        guard bytes.count <= capacity - used else { return nil }
        guard let source = bytes.baseAddress else { return used }
        let offset = Int(end % UInt64(capacity))
        let first = min(bytes.count, capacity - offset)
        memcpy(memory + offset, source, first)
        if bytes.count > first { memcpy(memory, source + first, bytes.count - first) }
        heddle_store_seqcst_u64(head, end &+ UInt64(bytes.count))
        return used
    }

    /// What waits, in one or two pieces. Valid until ``consume(_:)``.
    var readable: (first: UnsafeRawBufferPointer, second: UnsafeRawBufferPointer) {
        let begin = heddle_load_relaxed_u64(tail)
        let size = Int(heddle_load_seqcst_u64(head) &- begin)
        let offset = Int(begin % UInt64(capacity))
        let first = min(size, capacity - offset)
        return (
            UnsafeRawBufferPointer(start: memory + offset, count: first),
            UnsafeRawBufferPointer(start: memory, count: size - first)
        )
    }

    func consume(_ size: Int) {
        heddle_store_release_u64(tail, heddle_load_relaxed_u64(tail) &+ UInt64(size))
    }
}
