/// A fixed piece of memory that a ``ByteQueue`` is made of; recycled by its ``BlockPool``.
///
/// Blocks form a singly linked list, so that a queue of any length needs no array of its own. Their bookkeeping lies in
/// front of their bytes: an object would be counted with each touch. Whoever takes a block from the pool owns it and
/// gives it back once.
struct ByteBlock {
    /// Capacity of every block, in bytes: one TLS record or a typical socket read.
    static let capacity = 16 * 1024
    /// Room for the bookkeeping, a multiple of the alignment.
    private static let headerSize = 32

    private struct Header {
        var start = 0
        var end = 0
        var next: ByteBlock?
    }

    // Safety: points to `headerSize + capacity` bytes, of which the first hold an initialised `Header` (a trivial type);
    // allocated by `make`, freed by `free`. `start <= end <= capacity`.
    private let base: UnsafeMutableRawPointer

    private var header: UnsafeMutablePointer<Header> { base.assumingMemoryBound(to: Header.self) }

    var memory: UnsafeMutableRawPointer { base + Self.headerSize }

    var start: Int {
        get { header.pointee.start }
        nonmutating set { header.pointee.start = newValue }
    }

    var end: Int {
        get { header.pointee.end }
        nonmutating set { header.pointee.end = newValue }
    }

    var next: ByteBlock? {
        get { header.pointee.next }
        nonmutating set { header.pointee.next = newValue }
    }

    var readable: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: memory + start, count: end - start)
    }

    var spare: Int { ByteBlock.capacity - end }

    static func make() -> ByteBlock {
        precondition(MemoryLayout<Header>.size <= headerSize)
        let base = UnsafeMutableRawPointer.allocate(byteCount: headerSize + capacity, alignment: 16)
        base.initializeMemory(as: Header.self, to: Header())
        return ByteBlock(base: base)
    }

    func free() {
        base.deallocate()
    }
}

/// Recycles blocks: a worker has one, so that queues that come and go allocate nothing once warm.
public final class BlockPool {
    private var free: ByteBlock?
    private var freeCount = 0
    private let maximumFree: Int

    /// Blocks handed out and not yet returned.
    public private(set) var inUse = 0

    /// Memory of the blocks that are handed out, in bytes.
    public var bytesInUse: Int { inUse * ByteBlock.capacity }

    /// - Parameter maximumFree: blocks kept for reuse; what is returned above that goes back to the system.
    public init(maximumFree: Int = 256) {
        self.maximumFree = maximumFree
    }

    deinit {
        while let block = free {
            free = block.next
            block.free()
        }
    }

    func take() -> ByteBlock {
        inUse += 1
        guard let block = free else { return .make() }
        free = block.next
        freeCount -= 1
        block.next = nil
        block.start = 0
        block.end = 0
        return block
    }

    func giveBack(_ block: ByteBlock) {
        inUse -= 1
        guard freeCount < maximumFree else {
            block.free()
            return
        }
        block.next = free
        free = block
        freeCount += 1
    }
}
