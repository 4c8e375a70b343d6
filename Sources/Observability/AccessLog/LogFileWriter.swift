import Glibc

/// The one thread of a process that writes log files, beside the event loop.
///
/// Lines wait in a bounded buffer a file; when a disk is too slow, lines are dropped and counted, and requests go on. The
/// thread starts with the first file and sleeps while there is nothing to write. Files are shared by path. Whoever holds
/// a ``LogFile`` must hold its writer. All verbs are the event loop's.
public final class LogFileWriter: @unchecked Sendable {
    // Safety: the event loop alone uses it; its thread sees the `LogWriterThread`.

    /// Most files of one process.
    public static let maximumFiles = 256
    /// A buffer that holds more than this is written at once.
    static let flushThreshold = 64 * 1024

    private let bufferSize: Int
    private let stats: FilesystemStats?
    private let shared: LogWriterThread
    private var files: [LogFile] = []
    private var thread: pthread_t?
    // Safety: what the thread is given; freed in `deinit`, when no thread is left.
    private let context: UnsafeMutablePointer<LogWriterThread>

    /// - Parameters:
    ///   - bufferSize: bytes a file that may wait.
    ///   - flushInterval: longest time in milliseconds that a line waits.
    ///   - stats: where to count; `write_buffered` and `write_dropped` are counted by the thread that appends, the
    ///     others by the writer's.
    public init(
        bufferSize: Int = 256 * 1024, flushInterval: Int = 1000, stats: FilesystemStats? = nil
    ) throws(LogFileError) {
        self.bufferSize = bufferSize
        self.stats = stats
        let counters = stats.map {
            LogWriterThread.Counters(
                completed: $0[.writeCompleted], failed: $0[.writeFailed], flushedByTimer: $0[.flushedByTimer],
                reopenFailed: $0[.reopenFailed], totalBuffered: $0[.writeTotalBuffered])
        }
        shared = try LogWriterThread(files: Self.maximumFiles, flushInterval: Int32(clamping: max(flushInterval, 1)), counters: counters)
        context = .allocate(capacity: 1)
        context.initialize(to: shared)
    }

    deinit {
        stop()
        context.deallocate()
        shared.deallocate()
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
        shared[.reopensAsked] += 1
        shared.wake()
    }

    /// Waits until everything that was appended before is written.
    public func flush() {
        guard thread != nil else { return }
        let ticket = shared[.flushesAsked] + 1
        shared[.flushesAsked] = ticket
        shared.wake()
        while shared[.flushesDone] < ticket { shared.waitUntilFinished() }
    }

    /// Writes everything and ends the thread. Appending afterwards fills the buffer and then drops.
    public func stop() {
        shared[.isStopping] = 1
        guard let thread else { return }
        shared.wake()
        pthread_join(thread, nil)
        self.thread = nil
    }

    func appended(waiting: Int, added: Int) {
        stats?[.writeBuffered].add()
        let crosses = waiting < LogFileWriter.flushThreshold && waiting + added >= LogFileWriter.flushThreshold
        if crosses || shared[.asleep] != 0 { shared.wake() }
    }

    func dropped() {
        stats?[.writeDropped].add()
    }

    // MARK: Private parts

    private func open(_ target: LogFile.Target) throws(LogFileError) -> LogFile {
        if let known = files.first(where: { $0.target == target }) { return known }
        guard files.count < Self.maximumFiles else { throw .tooManyFiles(limit: Self.maximumFiles) }
        let file = try LogFile(target: target, bufferSize: bufferSize, writer: self)
        files.append(file)
        shared.add(file.state)
        if thread == nil, shared[.isStopping] == 0 { try start() }
        return file
    }

    private func start() throws(LogFileError) {
        // Signals are the event loop's affair.
        var all = sigset_t()
        var before = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_SETMASK, &all, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        var thread = pthread_t()
        // Rule zero: a slow disk must not hold requests up. The thread works on plain memory alone; see `LogWriterThread`.
        let code = pthread_create(
            &thread, nil,
            { context in
                context.unsafelyUnwrapped.assumingMemoryBound(to: LogWriterThread.self).pointee.run()
                return nil
            }, context)
        guard code == 0 else { throw .cannotStart(what: "pthread_create", code: code) }
        self.thread = thread
    }
}
