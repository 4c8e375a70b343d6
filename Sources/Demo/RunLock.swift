import Glibc

/// Who has the folder of a demo: a lock on a file, which the kernel takes away from a process that ends, however it ends.
final class RunLock {
    private let path: String
    private var descriptor: Int32 = -1

    init(path: String) {
        self.path = path
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    private static var whole: flock {
        var lock = flock()
        lock.l_type = Int16(F_WRLCK)
        lock.l_whence = Int16(SEEK_SET)
        return lock
    }

    /// Takes the lock for as long as this object lives; false where another process has it.
    func take() throws(DemoError) -> Bool {
        if descriptor < 0 { descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644) }
        guard descriptor >= 0 else { throw .file(path: path, reason: String(cString: strerror(errno))) }
        var lock = Self.whole
        return fcntl(descriptor, F_SETLK, &lock) == 0
    }

    /// The other process that has the lock.
    var holder: Int32? {
        let file = open(path, O_RDWR | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var lock = Self.whole
        guard fcntl(file, F_GETLK, &lock) == 0, lock.l_type != Int16(F_UNLCK) else { return nil }
        return lock.l_pid
    }
}
