/// Events that wait to be drained. Empty, it holds no memory: its storage lies in the pool.
///
/// Its length is bounded by the bytes of one `receive` (a frame has nine at least) and the streams of one `produce`.
struct HTTP2EventQueue: ~Copyable {
    private let pool: HTTP2Pool
    // Safety: `storage` has `capacity` elements, those in `head..<tail` initialised (a trivial type).
    private var storage: UnsafeMutablePointer<HTTP2EventRecord>?
    private var capacity = 0
    private var head = 0
    private var tail = 0

    init(pool: HTTP2Pool) {
        self.pool = pool
    }

    deinit {
        if let storage { pool.giveBack(storage, capacity: capacity) }
    }

    var isEmpty: Bool { head == tail }

    mutating func push(_ record: HTTP2EventRecord) {
        if tail == capacity { makeRoom() }
        storage.unsafelyUnwrapped[tail] = record
        tail += 1
    }

    mutating func pop() -> HTTP2EventRecord? {
        guard head < tail, let storage else { return nil }
        let record = storage[head]
        head += 1
        if head == tail { release() }
        return record
    }

    /// Marks the newest event as the end of its stream, if it is a piece of that stream's body.
    mutating func endLastData(of stream: Unmanaged<HTTP2Stream>) -> Bool {
        guard head < tail, let storage else { return false }
        let last = storage + (tail - 1)
        guard last.pointee.kind == .data, last.pointee.stream?.toOpaque() == stream.toOpaque() else { return false }
        last.pointee.endStream = true
        return true
    }

    private mutating func makeRoom() {
        guard let old = storage else {
            storage = pool.takeEvents()
            capacity = HTTP2Pool.eventCapacity
            return
        }
        let waiting = tail - head
        let target = head > capacity / 2 ? capacity : capacity * 2
        let fresh = target == capacity ? old : UnsafeMutablePointer<HTTP2EventRecord>.allocate(capacity: target)
        fresh.update(from: old + head, count: waiting)
        if fresh != old {
            pool.giveBack(old, capacity: capacity)
            storage = fresh
            capacity = target
        }
        head = 0
        tail = waiting
    }

    private mutating func release() {
        if let storage { pool.giveBack(storage, capacity: capacity) }
        storage = nil
        capacity = 0
        head = 0
        tail = 0
    }
}
