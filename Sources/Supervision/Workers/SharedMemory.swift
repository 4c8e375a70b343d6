import CLinux
import Glibc
import Reactor

/// A sealed memory file that several processes map and write, zero at first.
final class SharedMemory: @unchecked Sendable {
    // Safety: a mapping of `size` bytes that lives as long as this object; the seal keeps the file from shrinking. What
    // lies in it is accessed with atomic operations by whoever interprets it.
    let base: UnsafeMutableRawPointer
    let size: Int
    /// Belongs to this object.
    let descriptor: Int32

    /// Makes one.
    convenience init(named name: String, size: Int) throws(SystemError) {
        let descriptor = heddle_memory_file_create(name, size)
        guard descriptor >= 0 else { throw SystemError("memfd_create") }
        try self.init(mapping: descriptor)
    }

    /// Maps one that another process made. Takes the descriptor over.
    init(mapping descriptor: Int32) throws(SystemError) {
        var status = stat()
        guard fstat(descriptor, &status) == 0, heddle_memory_file_is_sealed(descriptor) == 1, status.st_size > 0 else {
            Glibc.close(descriptor)
            throw SystemError("fstat", code: EINVAL)
        }
        size = Int(status.st_size)
        guard let base = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0), base != MAP_FAILED else {
            let code = errno
            Glibc.close(descriptor)
            throw SystemError("mmap", code: code)
        }
        self.base = base
        self.descriptor = descriptor
    }

    deinit {
        munmap(base, size)
        Glibc.close(descriptor)
    }
}
