import CLinux
import Glibc

/// The writer's thread and what it shares with the event loop: words, descriptors and files, all of them plain memory. A
/// release build counts references as if there were one thread, so that nothing here may have one.
struct LogWriterThread {
    /// Words that one side writes and the other reads; the thread writes `flushesDone` and `asleep`, which the event loop
    /// clears when it wakes it.
    enum Word: Int, CaseIterable {
        case asleep, flushesAsked, flushesDone, reopensAsked, isStopping, fileCount
    }

    /// What the thread counts.
    struct Counters {
        let completed: Counter
        let failed: Counter
        let flushedByTimer: Counter
        let reopenFailed: Counter
        let totalBuffered: Gauge
    }

    private static let wordsApart = 8

    // Safety: read and written with sequentially consistent operations only; freed when no thread is left.
    private let words: UnsafeMutablePointer<UInt64>
    // Safety: the event loop fills the next place and then raises `fileCount`; the thread looks at those below it.
    private let files: UnsafeMutablePointer<UnsafeMutablePointer<WrittenFile>>
    private let counters: Counters?
    private let flushInterval: Int32
    private let wakeUp: Int32
    private let finished: Int32

    /// - Parameter flushInterval: longest time in milliseconds that a line waits.
    init(files maximum: Int, flushInterval: Int32, counters: Counters?) throws(LogFileError) {
        wakeUp = heddle_wake_up_create(1)
        finished = heddle_wake_up_create(0)
        guard wakeUp >= 0, finished >= 0 else { throw .cannotStart(what: "eventfd", code: errno) }
        self.flushInterval = flushInterval
        self.counters = counters
        words = .allocate(capacity: Word.allCases.count * Self.wordsApart)
        words.initialize(repeating: 0, count: Word.allCases.count * Self.wordsApart)
        files = .allocate(capacity: maximum)
    }

    /// Frees everything but the files. The thread must have ended.
    func deallocate() {
        close(wakeUp)
        close(finished)
        words.deallocate()
        files.deallocate()
    }

    /// One of the shared words.
    subscript(word: Word) -> UInt64 {
        get { heddle_load_seqcst_u64(words + word.rawValue * Self.wordsApart) }
        nonmutating set { heddle_store_seqcst_u64(words + word.rawValue * Self.wordsApart, newValue) }
    }

    // MARK: The event loop's side

    /// Makes a file known to the thread.
    func add(_ file: UnsafeMutablePointer<WrittenFile>) {
        let count = self[.fileCount]
        (files + Int(count)).initialize(to: file)
        self[.fileCount] = count + 1
    }

    func wake() {
        self[.asleep] = 0
        var one: UInt64 = 1
        write(wakeUp, &one, 8)
    }

    func waitUntilFinished() {
        var count: UInt64 = 0
        read(finished, &count, 8)
    }

    // MARK: The thread's side

    /// Sleep until there is something, let more of it come for a while, write.
    func run() {
        var reopensDone: UInt64 = 0
        while true {
            sleepUntilAppended(reopensDone)
            let (flushesAsked, reopensAsked, isStopping) = (self[.flushesAsked], self[.reopensAsked], self[.isStopping] != 0)
            if flushesAsked == self[.flushesDone], reopensAsked == reopensDone, !isStopping, !hasMuch {
                if !wait(flushInterval) { counters?.flushedByTimer.add() }
            }
            drain()
            if reopensAsked != reopensDone {
                for index in 0..<fileCount where !files[index].pointee.reopen() { counters?.reopenFailed.add() }
                reopensDone = reopensAsked
            }
            if flushesAsked != self[.flushesDone] {
                self[.flushesDone] = flushesAsked
                signalFinished()
            }
            if isStopping {
                // Whoever asks for a flush from now on must not wait.
                self[.flushesDone] = .max
                signalFinished()
                return
            }
        }
    }

    private var fileCount: Int { Int(self[.fileCount]) }

    private func sleepUntilAppended(_ reopensDone: UInt64) {
        self[.asleep] = 1
        let hasWork =
            self[.isStopping] != 0 || self[.flushesAsked] != self[.flushesDone] || self[.reopensAsked] != reopensDone || waiting > 0
        if !hasWork { _ = wait(-1) }
        self[.asleep] = 0
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

    private var waiting: Int {
        var sum = 0
        for index in 0..<fileCount { sum += files[index].pointee.ring.count }
        return sum
    }

    private var hasMuch: Bool {
        for index in 0..<fileCount where files[index].pointee.ring.count >= LogFileWriter.flushThreshold { return true }
        return false
    }

    private func drain() {
        for index in 0..<fileCount where files[index].pointee.ring.count > 0 {
            if files[index].pointee.drain() { counters?.completed.add() } else { counters?.failed.add() }
        }
        counters?.totalBuffered.set(waiting)
    }
}
