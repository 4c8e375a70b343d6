import Glibc

/// What the kernel tells of processes under `/proc`.
enum ProcessFiles {
    /// Reads a small file whole; nil when it cannot be read.
    static func read(_ path: String, limit: Int = 1 << 20) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16 * 1024)
        while bytes.count < limit {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count == 0 { return bytes }
            if count < 0 {
                if errno == EINTR { continue }
                return nil
            }
            bytes += buffer[..<count]
        }
        return bytes
    }

    /// Open descriptors of this process.
    static func openDescriptors() -> Int? {
        guard let directory = opendir("/proc/self/fd") else { return nil }
        defer { closedir(directory) }
        var count = 0
        while let entry = readdir(directory) {
            if entry.pointee.d_name.0 != 0x2E { count += 1 }
        }
        // One of them is the directory's own.
        return count - 1
    }

    /// What this process has resident, in bytes.
    static var resident: Int? {
        guard let bytes = read("/proc/self/statm") else { return nil }
        let words = String(decoding: bytes, as: UTF8.self).split(separator: " ")
        guard words.count > 1, let pages = Int(words[1]) else { return nil }
        return pages * Int(getpagesize())
    }

    /// Memory of a process in bytes: what it has resident, and its share of it when pages are shared.
    static func memory(_ process: Int32) -> (resident: Int, proportional: Int)? {
        guard let bytes = read("/proc/\(process)/smaps_rollup") else { return nil }
        var resident: Int?
        var proportional: Int?
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count >= 2, let kilobytes = Int(words[1]) else { continue }
            if words[0] == "Rss:" { resident = kilobytes * 1024 }
            if words[0] == "Pss:" { proportional = kilobytes * 1024 }
        }
        guard let resident, let proportional else { return nil }
        return (resident, proportional)
    }
}
