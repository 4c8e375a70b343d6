import CLinux
import Glibc
import ProxyModel
import Reactor

/// A configuration on its way to the workers: the bytes of the bootstrap, and which group of the limit region each
/// cluster has. It travels as a sealed memory file that all workers map.
struct ConfigPackage: Equatable, Sendable {
    var groups: [String: Int]
    var bootstrap: [UInt8]

    var encoded: [UInt8] {
        var frame = FrameWriter()
        frame.put(groups.count)
        for (name, group) in groups.sorted(by: { $0.value < $1.value }) {
            frame.put(name)
            frame.put(group)
        }
        return frame.bytes + bootstrap
    }

    init(groups: [String: Int], bootstrap: [UInt8]) {
        self.groups = groups
        self.bootstrap = bootstrap
    }

    init(decoding bytes: [UInt8]) throws(FrameError) {
        var frame = FrameReader(bytes)
        let count = try frame.int()
        guard count >= 0, count <= bytes.count else { throw FrameError(offset: 0) }
        var groups: [String: Int] = [:]
        for _ in 0..<count {
            let name = try frame.text()
            groups[name] = try frame.int()
        }
        self.groups = groups
        bootstrap = frame.rest()
    }

    /// Writes a memory file.
    func write() throws(SystemError) -> Descriptor {
        let bytes = encoded
        let raw = heddle_memory_file_create("heddle-config", bytes.count)
        guard raw >= 0 else { throw SystemError("memfd_create") }
        let descriptor = Descriptor(raw)
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { pwrite(descriptor.raw, $0.baseAddress.unsafelyUnwrapped + written, bytes.count - written, off_t(written)) }
            guard count > 0 else { throw SystemError("pwrite") }
            written += count
        }
        return descriptor
    }

    /// Reads a memory file.
    static func read(_ descriptor: Int32) throws(SystemError) -> [UInt8] {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw SystemError("fstat") }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        var done = 0
        while done < bytes.count {
            let wanted = bytes.count - done
            let count = bytes.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress.unsafelyUnwrapped + done, wanted, off_t(done)) }
            guard count > 0 else { throw SystemError("pread") }
            done += count
        }
        return bytes
    }
}

/// Gives each cluster a group of counters in the limit region and keeps it while the cluster is configured.
struct LimitGroups: Equatable, Sendable {
    let capacity: Int
    private var groups: [String: Int] = [:]
    private var free: [Int] = []
    private var next = 0

    init(capacity: Int) { self.capacity = capacity }

    /// The groups for these clusters; nil when there are more than the region has room for. Clusters that are gone keep
    /// theirs until ``settle(_:)``, for the configuration in force may still be the old one.
    mutating func assign(_ clusters: [String]) -> [String: Int]? {
        var result: [String: Int] = [:]
        for name in clusters {
            if let group = groups[name] {
                result[name] = group
                continue
            }
            guard let group = free.popLast() ?? (next < capacity ? next : nil) else { return nil }
            if group == next { next += 1 }
            groups[name] = group
            result[name] = group
        }
        return result
    }

    /// Only these clusters are configured from now on.
    mutating func settle(_ clusters: Set<String>) {
        for (name, group) in groups where !clusters.contains(name) {
            groups[name] = nil
            free.append(group)
        }
    }
}
