import CLinux
import DataPlane
import Glibc
import ProxyModel
import Reactor

/// Resources on their way to the workers. They travel in a sealed memory file that all of them read.
struct ResourcePackage: Equatable, Sendable {
    struct Item: Equatable, Sendable {
        var update: ResourceUpdate
        /// A cluster's group of counters in the limit region.
        var limitGroup: Int?
    }

    /// What the resources are compiled with.
    var settings: CompileSettings
    var items: [Item]

    init(_ items: [Item], settings: CompileSettings) {
        self.settings = settings
        self.items = items
    }

    var encoded: [UInt8] {
        var frame = FrameWriter()
        frame.put(bytes: settings.bytes)
        frame.put(items.count)
        for item in items {
            frame.put(UInt64(item.update.number))
            frame.put(UInt8(item.update.key.type.rawValue))
            frame.put(item.update.key.name)
            frame.put(item.limitGroup ?? -1)
            frame.put(item.update.body == nil ? 0 as UInt8 : 1)
            frame.put(bytes: item.update.body ?? [])
        }
        return frame.bytes
    }

    init(decoding bytes: [UInt8]) throws(FrameError) {
        var frame = FrameReader(bytes)
        let parts = try frame.countedBytes()
        do throws(ConfigProblem) {
            settings = try CompileSettings(bytes: parts)
        } catch {
            throw FrameError(offset: 0)
        }
        let count = try frame.int()
        guard count >= 0, count <= bytes.count else { throw FrameError(offset: 0) }
        items = []
        items.reserveCapacity(count)
        for _ in 0..<count {
            let number = UInt32(truncatingIfNeeded: try frame.number())
            guard let type = ResourceType(rawValue: Int(try frame.byte())) else { throw FrameError(offset: frame.offset) }
            let name = try frame.text()
            let group = try frame.int()
            let hasBody = try frame.byte() != 0
            let body = try frame.countedBytes()
            let update = ResourceUpdate(number: number, key: ResourceKey(type, name), body: hasBody ? body : nil)
            items.append(Item(update: update, limitGroup: group < 0 ? nil : group))
        }
        guard frame.isAtEnd else { throw FrameError(offset: frame.offset) }
    }
}

/// Bytes that travel between processes as a sealed memory file.
enum MemoryFile {
    /// Writes one.
    static func write(_ bytes: [UInt8]) throws(SystemError) -> Descriptor {
        let raw = heddle_memory_file_create("heddle-config", bytes.count)
        guard raw >= 0 else { throw SystemError("memfd_create") }
        let descriptor = Descriptor(raw)
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes {
                pwrite(descriptor.raw, $0.baseAddress.unsafelyUnwrapped + written, bytes.count - written, off_t(written))
            }
            guard count > 0 else { throw SystemError("pwrite") }
            written += count
        }
        return descriptor
    }

    /// Reads one.
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
