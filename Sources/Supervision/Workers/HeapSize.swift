import CLinux

/// What this process's allocator has handed out and what it holds, in bytes.
struct HeapSize: Equatable, Sendable {
    let allocated: Int
    let held: Int

    static var current: HeapSize {
        var allocated: UInt64 = 0
        var held: UInt64 = 0
        heddle_heap_size(&allocated, &held)
        return HeapSize(allocated: Int(clamping: allocated), held: Int(clamping: held))
    }
}
