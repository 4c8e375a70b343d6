import CLinux
import Glibc
import Synchronization

/// The one thread of a process that writes log files, beside the event loop.
///
/// Lines wait in a bounded buffer a file; when a disk is too slow, lines are dropped and counted, and requests go on. The
/// thread starts with the first file and sleeps while there is nothing to write. Files are shared by path. Whoever holds
/// a ``LogFile`` must hold its writer.
public final class LogFileWriter: @unchecked Sendable {
    // Safety: everything but the constants of `init` is behind the mutex or in the atomic word `asleep`.

    /// Most files of one process.
    public static let maximumFiles = 256
    /// A buffer that holds more than this is written at once.
    static let flushThreshold = 64 * 1024

    private let bufferSize: Int
    private let flushInterval: Int32
    private let stats: FilesystemStats?

    /// What other threads ask the writer's thread for, and the files.
    private struct Shared {
        var files: [LogFile] = []
        var flushesAsked = 0
        var flushesDone = 0
        var reopensAsked = 0
        var isStopping = false
        var thread: pthread_t?
    }

    private let shared = Mutex(Shared())
    // Safety: one word, read and written with sequentially consistent operations only; freed in `deinit`, when no
    // thread is left.
    private let asleep: UnsafeMutablePointer<UInt64>
    private let wakeUp: Int32
    private let finished: Int32

    /// - Parameters:
    ///   - bufferSize: bytes a file that may wait.
    ///   - flushInterval: longest time in milliseconds that a line waits.
    ///   - stats: where to count; `write_buffered` and `write_dropped` are counted by the thread that appends, the
    ///     others by the writer's.
    public init(
        bufferSize: Int = 256 * 1024, flushInterval: Int = 1000, stats: FilesystemStats? = nil
    ) throws(LogFileError) {
        self.bufferSize = bufferSize
        self.flushInterval = Int32(clamping: max(flushInterval, 1))
        self.stats = stats
        wakeUp = heddle_wake_up_create(1)
        finished = heddle_wake_up_create(0)
        asleep = .allocate(capacity: 1)
        asleep.initialize(to: 0)
        guard wakeUp >= 0, finished >= 0 else { throw .cannotStart(what: "eventfd", code: errno) }
    }

    deinit {
        stop()
        close(wakeUp)
        close(finished)
        asleep.deallocate()
    }

    /// Opens a file for appending, or gives the one that is open already.
    /// - Parameter path: `/dev/stdout` and `/dev/stderr` are the process's own, whatever they are.
    public func open(_ path: String) throws(LogFileError) -> LogFile {
        switch path {
        case "/dev/stdout": try open(.standard(STDOUT_FILENO))
        case "/dev/stderr": try open(.standard(STDERR_FILENO))
        default: try open(.path(path))
        }
    }

    /// Opens all paths anew before more is written (SIGUSR1, `/reopen_logs`).
    public func reopen() {
        shared.withLock { $0.reopensAsked += 1 }
        wake()
    }

    /// Waits until everything that was appended before is written.
    public func flush() {
        let (ticket, isRunning) = shared.withLock { state in
            state.flushesAsked += 1
            return (state.flushesAsked, state.thread != nil)
        }
        guard isRunning else { return }
        wake()
        while shared.withLock({ $0.flushesDone < ticket && $0.thread != nil }) {
            var count: UInt64 = 0
            read(finished, &count, 8)
        }
    }

    /// Writes everything and ends the thread. Appending afterwards fills the buffer and then drops.
    public func stop() {
        let thread = shared.withLock { state in
            state.isStopping = true
            return state.thread
        }
        guard let thread else { return }
        wake()
        pthread_join(thread, nil)
        shared.withLock { $0.thread = nil }
    }

    // MARK: The appending thread

    func appended(waiting: Int, added: Int) {
        stats?[.writeBuffered].add()
        let crosses = waiting < LogFileWriter.flushThreshold && waiting + added >= LogFileWriter.flushThreshold
        if crosses || heddle_load_seqcst_u64(asleep) != 0 { wake() }
    }

    func dropped() {
        stats?[.writeDropped].add()
    }

    // MARK: Private parts

    private func open(_ target: LogFile.Target) throws(LogFileError) -> LogFile {
        let known = shared.withLock { state in state.files.first { $0.target == target } }
        if let known { return known }
        guard shared.withLock({ $0.files.count < LogFileWriter.maximumFiles }) else {
            throw .tooManyFiles(limit: LogFileWriter.maximumFiles)
        }
        let file = try LogFile(target: target, bufferSize: bufferSize, writer: self)
        let code = shared.withLock { state -> Int32 in
            state.files.append(file)
            return state.thread == nil && !state.isStopping ? start(&state) : 0
        }
        guard code == 0 else { throw .cannotStart(what: "pthread_create", code: code) }
        return file
    }

    private func start(_ state: inout Shared) -> Int32 {
        // Signals are the event loop's affair.
        var all = sigset_t()
        var before = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_SETMASK, &all, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        var thread = pthread_t()
        // Safety: unretained, since `stop()`, which `deinit` calls, waits for the thread's end.
        let code = pthread_create(
            &thread, nil,
            { context in
                let writer = Unmanaged<LogFileWriter>.fromOpaque(context.unsafelyUnwrapped)
                writer._withUnsafeGuaranteedRef { $0.run() }
                return nil
            }, Unmanaged.passUnretained(self).toOpaque())
        if code == 0 { state.thread = thread }
        return code
    }

    private func wake() {
        heddle_store_seqcst_u64(asleep, 0)
        var one: UInt64 = 1
        write(wakeUp, &one, 8)
    }

    /// The thread: sleep until there is something, let more of it come for a while, write.
    private func run() {
        var reopensDone = 0
        while true {
            sleepUntilAppended(reopensDone)
            let asked = shared.withLock { ($0.files, $0.flushesAsked, $0.flushesDone, $0.reopensAsked, $0.isStopping) }
            let (files, flushesAsked, flushesDone, reopensAsked, isStopping) = asked
            if flushesAsked == flushesDone, reopensAsked == reopensDone, !isStopping, !hasMuch(files) {
                if !wait(flushInterval) { stats?[.flushedByTimer].add() }
            }
            drain(files)
            if reopensAsked != reopensDone {
                for file in files where !file.reopen() { stats?[.reopenFailed].add() }
                reopensDone = reopensAsked
            }
            if flushesAsked != flushesDone {
                shared.withLock { $0.flushesDone = flushesAsked }
                signalFinished()
            }
            if isStopping {
                // Whoever asks for a flush from now on must not wait.
                shared.withLock { $0.flushesDone = .max }
                signalFinished()
                return
            }
        }
    }

    private func sleepUntilAppended(_ reopensDone: Int) {
        heddle_store_seqcst_u64(asleep, 1)
        let hasWork = shared.withLock { state in
            state.isStopping || state.flushesAsked != state.flushesDone || state.reopensAsked != reopensDone || state.files.contains { $0.ring.count > 0 }
        }
        if !hasWork { _ = wait(-1) }
        heddle_store_seqcst_u64(asleep, 0)
    }

    /// - Returns: whether somebody woke the thread before the time was over.
    private func wait(_ milliseconds: Int32) -> Bool {
        var poll = pollfd(fd: wakeUp, events: Int16(POLLIN), revents: 0)
        let isWoken = Glibc.poll(&poll, 1, milliseconds) != 0
        var count: UInt64 = 0
        read(wakeUp, &count, 8)
        return isWoken
    }

    private func signalFinished() {
        var one: UInt64 = 1
        write(finished, &one, 8)
    }

    private func hasMuch(_ files: [LogFile]) -> Bool {
        files.contains { $0.ring.count >= LogFileWriter.flushThreshold }
    }

    private func drain(_ files: [LogFile]) {
        for file in files where file.ring.count > 0 {
            if file.drain() { stats?[.writeCompleted].add() } else { stats?[.writeFailed].add() }
        }
        stats?[.writeTotalBuffered].set(files.reduce(0) { $0 + $1.ring.count })
    }
}
