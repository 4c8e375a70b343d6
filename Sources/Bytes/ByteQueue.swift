public import Glibc

/// Bytes that wait: first in, first out, in pooled blocks. Empty, it holds no memory.
///
/// Nothing here enforces a bound; whoever appends watches ``count`` against its own watermark.
public struct ByteQueue: ~Copyable {
    private let pool: BlockPool
    // Safety: the blocks of the list belong to this queue, which gives each back to the pool once; `tail` is its last.
    private var head: ByteBlock?
    private var tail: ByteBlock?

    /// Bytes that wait.
    public private(set) var count = 0

    /// An empty queue that takes its blocks from `pool` and gives them back there.
    public init(pool: BlockPool) {
        self.pool = pool
    }

    deinit {
        var block = head
        while let current = block {
            block = current.next
            pool.giveBack(current)
        }
    }

    /// Whether nothing waits.
    public var isEmpty: Bool { count == 0 }

    /// Copies `bytes` to the end.
    public mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard var source = bytes.baseAddress else { return }
        var rest = bytes.count
        while rest > 0 {
            let block = blockWithSpace()
            let size = min(block.spare, rest)
            // Safety: `size` bytes fit behind `end`, and `source` has at least as many.
            (block.memory + block.end).copyMemory(from: source, byteCount: size)
            block.end += size
            count += size
            source += size
            rest -= size
        }
    }

    /// Appends the bytes of an array; for callers off the hot path.
    public mutating func append(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { append($0) }
    }

    /// Lets `body` write into the free space at the end (at least one byte); `body` returns how much it wrote.
    public mutating func appendInPlace(_ body: (UnsafeMutableRawBufferPointer) -> Int) -> Int {
        let block = blockWithSpace()
        let written = body(UnsafeMutableRawBufferPointer(start: block.memory + block.end, count: block.spare))
        precondition(written >= 0 && written <= block.spare, "wrote past the block")
        block.end += written
        count += written
        return written
    }

    /// The first contiguous piece; empty when the queue is. Valid until the next mutation.
    public var first: UnsafeRawBufferPointer {
        head?.readable ?? UnsafeRawBufferPointer(start: nil, count: 0)
    }

    /// Describes the waiting bytes for `writev`.
    /// - Returns: how many elements of `vectors` were filled.
    public func fill(_ vectors: UnsafeMutableBufferPointer<iovec>) -> Int {
        var used = 0
        var block = head
        while let current = block, used < vectors.count {
            vectors[used] = iovec(iov_base: current.memory + current.start, iov_len: current.end - current.start)
            used += 1
            block = current.next
        }
        return used
    }

    /// Drops the first `size` bytes.
    public mutating func consume(_ size: Int) {
        precondition(size <= count, "consumed more than the queue has")
        var rest = size
        count -= size
        while rest > 0, let block = head {
            let available = block.end - block.start
            if rest < available {
                block.start += rest
                return
            }
            rest -= available
            removeFirstBlock()
        }
    }

    /// Moves everything to the end of `other` without a copy. Both must use one pool.
    public mutating func moveAll(to other: inout ByteQueue) {
        precondition(pool === other.pool, "queues of two pools")
        guard let first = head else { return }
        if let last = other.tail { last.next = first } else { other.head = first }
        other.tail = tail
        other.count += count
        head = nil
        tail = nil
        count = 0
    }

    /// Visits the contiguous pieces in order.
    public func forEachPiece(_ body: (UnsafeRawBufferPointer) -> Void) {
        var block = head
        while let current = block {
            body(current.readable)
            block = current.next
        }
    }

    /// All bytes as one array; for callers off the hot path.
    public func copyBytes() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        forEachPiece { bytes.append(contentsOf: $0) }
        return bytes
    }

    /// Gives all blocks back to the pool.
    public mutating func removeAll() {
        while head != nil { removeFirstBlock() }
        count = 0
    }

    private mutating func blockWithSpace() -> ByteBlock {
        if let block = tail, block.spare > 0 { return block }
        let block = pool.take()
        if let last = tail { last.next = block } else { head = block }
        tail = block
        return block
    }

    private mutating func removeFirstBlock() {
        guard let block = head else { return }
        head = block.next
        if head == nil { tail = nil }
        pool.giveBack(block)
    }
}
