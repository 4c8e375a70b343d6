/// A fixed piece of memory that a ``ByteQueue`` is made of; recycled by its ``BlockPool``.
///
/// Blocks form a singly linked list, so that a queue of any length needs no array of its own.
public final class ByteBlock {
    /// Capacity of every block, in bytes: one TLS record or a typical socket read.
    public static let capacity = 16 * 1024

    // Safety: `memory` is owned by this object alone and freed in `deinit`; `start <= end <= capacity`.
    let memory: UnsafeMutableRawPointer
    var start = 0
    var end = 0
    var next: ByteBlock?

    init() {
        memory = .allocate(byteCount: ByteBlock.capacity, alignment: 16)
    }

    deinit {
        memory.deallocate()
    }

    var readable: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: memory + start, count: end - start)
    }

    var spare: Int { ByteBlock.capacity - end }
}

/// Recycles blocks: a worker has one, so that queues that come and go allocate nothing once warm.
public final class BlockPool {
    private var free: ByteBlock?
    private var freeCount = 0
    private let maximumFree: Int

    /// Blocks handed out and not yet returned.
    public private(set) var inUse = 0

    /// - Parameter maximumFree: blocks kept for reuse; what is returned above that goes back to the system.
    public init(maximumFree: Int = 256) {
        self.maximumFree = maximumFree
    }

    deinit {
        // Unlinked one by one: releasing the head of a long list would recurse once a block.
        while let block = free {
            free = block.next
            block.next = nil
        }
    }

    func take() -> ByteBlock {
        inUse += 1
        guard let block = free else { return ByteBlock() }
        free = block.next
        freeCount -= 1
        block.next = nil
        block.start = 0
        block.end = 0
        return block
    }

    func giveBack(_ block: ByteBlock) {
        inUse -= 1
        guard freeCount < maximumFree else { return }
        block.next = free
        free = block
        freeCount += 1
    }
}
