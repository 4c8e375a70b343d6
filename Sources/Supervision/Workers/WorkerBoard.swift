import CLinux
import DataPlane
import Glibc
import Reactor

/// What the processes of a proxy tell each other without messages: a place of its own for each worker with its beat, the
/// connections it has, whether it takes more, and what a fatal signal leaves behind; behind the places the requests that
/// are in quarantine.
final class WorkerBoard: @unchecked Sendable {
    // Safety: it has nothing but the shared memory, see `memory`.

    /// A place is this large, so that no two workers write to one cache line.
    private static let placeSize = 1024

    private enum Word {
        static let beat = 0
        static let load = 8
        static let accepting = 16
        static let incarnation = 24
        static let crash = 64
        static let request = 0x140
    }

    private static func byteCount(_ workers: Int) -> Int { workers * placeSize + RequestQuarantine.byteCount }

    // Safety: all access is atomic, but for the record of a crash, which is read when its process is gone.
    private let memory: SharedMemory
    let workers: Int

    init(workers: Int) throws(SystemError) {
        memory = try SharedMemory(named: "heddle-board", size: Self.byteCount(workers))
        self.workers = workers
    }

    /// Maps the supervisor's. Takes the descriptor over.
    init(mapping descriptor: Int32, workers: Int) throws(SystemError) {
        memory = try SharedMemory(mapping: descriptor)
        guard memory.size >= Self.byteCount(workers) else { throw SystemError("mmap", code: EINVAL) }
        self.workers = workers
    }

    var descriptor: Int32 { memory.descriptor }

    // MARK: Life

    func beat(_ worker: Int) -> UInt64 { heddle_load_relaxed_u64(unsigned(worker, Word.beat)) }

    func strike(_ worker: Int) {
        heddle_store_relaxed_u64(unsigned(worker, Word.beat), beat(worker) &+ 1)
    }

    /// Which process has the place: connections sent to an earlier one were counted then.
    func incarnation(_ worker: Int) -> UInt64 { heddle_load_acquire_u64(unsigned(worker, Word.incarnation)) }

    /// Makes a place ready for a new process.
    func reset(_ worker: Int, incarnation: UInt64) {
        memset(place(worker), 0, Self.placeSize)
        heddle_store_release_u64(unsigned(worker, Word.incarnation), incarnation)
    }

    // MARK: Connections

    func isAccepting(_ worker: Int) -> Bool { heddle_load_acquire_u64(unsigned(worker, Word.accepting)) != 0 }

    func setAccepting(_ worker: Int, _ value: Bool) {
        heddle_store_release_u64(unsigned(worker, Word.accepting), value ? 1 : 0)
    }

    /// Connections that the worker has or that were sent to it.
    func load(_ worker: Int) -> Int64 { heddle_limit_load(signed(worker)) }

    func add(_ amount: Int64, to worker: Int) { _ = heddle_limit_add(signed(worker), amount) }

    /// Counts one more connection for `worker` if it still has `seen`.
    func claim(_ worker: Int, seen: Int64) -> Bool {
        heddle_compare_exchange_i64(signed(worker), seen, seen + 1) == 1
    }

    // MARK: Death

    func crashRecord(_ worker: Int) -> UnsafeMutablePointer<heddle_crash_record> {
        (place(worker) + Word.crash).assumingMemoryBound(to: heddle_crash_record.self)
    }

    /// Where the worker notes what it had in hand.
    func requestRecord(_ worker: Int) -> RequestRecord { RequestRecord(memory: place(worker) + Word.request) }

    /// What a worker that ended left behind; nil when no fatal signal was noted.
    func crashReport(_ worker: Int) -> CrashReport? {
        let record = crashRecord(worker).pointee
        guard record.signal != 0 else { return nil }
        return CrashReport(record: record, request: requestRecord(worker).request)
    }

    /// The requests that are refused because such ones killed workers.
    var quarantine: RequestQuarantine { RequestQuarantine(memory: memory.base + workers * Self.placeSize) }

    private func place(_ worker: Int) -> UnsafeMutableRawPointer {
        precondition(worker >= 0 && worker < workers, "outside of the board")
        return memory.base + worker * Self.placeSize
    }

    private func unsigned(_ worker: Int, _ offset: Int) -> UnsafeMutablePointer<UInt64> {
        (place(worker) + offset).assumingMemoryBound(to: UInt64.self)
    }

    private func signed(_ worker: Int) -> UnsafeMutablePointer<Int64> {
        (place(worker) + Word.load).assumingMemoryBound(to: Int64.self)
    }
}
