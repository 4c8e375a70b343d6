import Bytes
import Glibc

/// Why a log file could not be opened.
public enum LogFileError: Error, Equatable, CustomStringConvertible {
    case cannotOpen(path: String, code: Int32)
    case cannotStart(what: String, code: Int32)
    /// More files than a process may have.
    case tooManyFiles(limit: Int)

    public var description: String {
        switch self {
        case .cannotOpen(let path, let code): "cannot open the log file \(path): \(String(cString: strerror(code)))"
        case .cannotStart(let what, let code): "\(what): \(String(cString: strerror(code)))"
        case .tooManyFiles(let limit): "more than \(limit) log files"
        }
    }
}

/// One file that lines are appended to by one thread and written by the ``LogFileWriter``'s.
public final class LogFile: @unchecked Sendable {
    // Safety: the ring hands bytes from one thread to another itself; what else changes, the writer's thread changes.

    /// Where the bytes go.
    enum Target: Hashable {
        case path(String)
        /// 1 or 2; not closed, not reopened.
        case standard(Int32)
    }

    let target: Target
    let ring: ByteRing
    // Safety: `unowned`: the writer owns its files, and whoever holds a file holds the writer (see `LogFileWriter`).
    private unowned let writer: LogFileWriter
    // Safety: the writer's thread alone changes these two once the file is registered.
    var descriptor: Int32
    var isRegular: Bool

    init(target: Target, bufferSize: Int, writer: LogFileWriter) throws(LogFileError) {
        self.target = target
        self.writer = writer
        ring = ByteRing(capacity: bufferSize)
        (descriptor, isRegular) = try LogFile.open(target)
    }

    deinit {
        if case .path = target { close(descriptor) }
    }

    /// Appends whole lines, newlines included.
    /// - Returns: false when they were dropped, since the disk is slower than the requests; the writer counts that.
    @discardableResult
    public func append(_ lines: UnsafeRawBufferPointer) -> Bool {
        guard let waiting = ring.append(lines) else {
            writer.dropped()
            return false
        }
        writer.appended(waiting: waiting, added: lines.count)
        return true
    }

    // MARK: The writer's thread

    /// Opens the path anew, as after a rotation. The old file stays in use when that fails.
    func reopen() -> Bool {
        guard case .path = target else { return true }
        guard let (fresh, regular) = try? LogFile.open(target) else { return false }
        close(descriptor)
        descriptor = fresh
        isRegular = regular
        return true
    }

    /// Writes what waits. Lines stay whole: one call for all of it on a regular file, and calls of whole lines up to
    /// PIPE_BUF on pipes, so that the lines of several workers do not mix.
    /// - Returns: whether all of it was written; what was not is gone.
    func drain() -> Bool {
        var isWhole = true
        while ring.count > 0 {
            let (first, second) = ring.readable
            let size = first.count + second.count
            let piece = isRegular ? size : LogFile.wholeLines(first, second, atMost: Int(PIPE_BUF))
            if !write(first, second, count: piece) { isWhole = false }
            ring.consume(piece)
        }
        return isWhole
    }

    private func write(_ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer, count: Int) -> Bool {
        var done = 0
        while done < count {
            var vectors = (iovec(), iovec())
            let head = min(first.count, count)
            vectors.0 = iovec(
                iov_base: UnsafeMutableRawPointer(mutating: first.baseAddress.unsafelyUnwrapped + min(done, head)),
                iov_len: head - min(done, head))
            let behind = max(done - head, 0)
            vectors.1 = iovec(
                iov_base: second.baseAddress.map { UnsafeMutableRawPointer(mutating: $0 + behind) }, iov_len: count - head - behind)
            let written = withUnsafeBytes(of: &vectors) {
                writev(descriptor, $0.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: iovec.self), 2)
            }
            if written > 0 {
                done += written
            } else if errno == EAGAIN {
                var poll = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                // A standard output that nobody reads must not stop the other files for ever.
                guard Glibc.poll(&poll, 1, 1000) > 0 else { return false }
            } else if errno != EINTR {
                return false
            }
        }
        return true
    }

    /// The most bytes that end with a newline and are not more than `limit`; all up to the first newline when a line
    /// is longer.
    static func wholeLines(_ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer, atMost limit: Int) -> Int {
        let size = first.count + second.count
        func byte(_ index: Int) -> UInt8 { index < first.count ? first[index] : second[index - first.count] }
        var end = min(size, limit)
        while end > 0 {
            if byte(end - 1) == 0x0A { return end }
            end -= 1
        }
        end = min(size, limit)
        while end < size, byte(end) != 0x0A { end += 1 }
        return min(end + 1, size)
    }

    private static func open(_ target: Target) throws(LogFileError) -> (descriptor: Int32, isRegular: Bool) {
        var descriptor: Int32
        switch target {
        case .standard(let number): descriptor = number
        case .path(let path):
            descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
            guard descriptor >= 0 else { throw .cannotOpen(path: path, code: errno) }
        }
        var status = stat()
        let isRegular = fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
        return (descriptor, isRegular)
    }
}
