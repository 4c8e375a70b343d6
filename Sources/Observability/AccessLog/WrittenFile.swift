import Bytes
import Glibc

/// A file as the writer's thread knows it: plain memory, so that the thread counts no references.
struct WrittenFile {
    let ring: ByteRing
    // Safety: a copy that ``deallocate()`` frees; nil for standard output and error, which are not opened anew.
    let path: UnsafeMutablePointer<CChar>?
    // The writer's thread alone changes these two once the file is registered.
    private(set) var descriptor: Int32
    private var isRegular: Bool
    /// Why there is no descriptor.
    let openError: Int32

    /// - Parameter descriptor: negative where the file could not be opened, for the reason in `errno`.
    init(path: String?, descriptor: Int32, bufferSize: Int) {
        openError = descriptor < 0 ? errno : 0
        ring = ByteRing(capacity: bufferSize)
        self.path = path.map { strdup($0) }
        self.descriptor = descriptor
        isRegular = Self.isRegular(descriptor)
    }

    /// Frees what it has; the descriptor stays open.
    func deallocate() {
        ring.deallocate()
        free(path)
    }

    /// Opens a file for appending; negative where that fails.
    static func open(_ path: UnsafePointer<CChar>) -> Int32 {
        Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    }

    private static func isRegular(_ descriptor: Int32) -> Bool {
        var status = stat()
        return fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }

    /// Opens the path anew, as after a rotation. The old file stays in use when that fails.
    mutating func reopen() -> Bool {
        guard let path else { return true }
        let fresh = Self.open(path)
        guard fresh >= 0 else { return false }
        close(descriptor)
        descriptor = fresh
        isRegular = Self.isRegular(fresh)
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
            let piece = isRegular ? size : Self.wholeLines(first, second, atMost: Int(PIPE_BUF))
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
}
