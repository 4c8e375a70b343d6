import CLinux
import Glibc

/// Memory that several processes map: self-describing, append-only, with one writer and any number of readers.
///
/// ```
/// 0    magic          "HEDDLREG", stored last: a region that was never finished is foreign
/// 8    layoutVersion  u32, headerSize u32
/// 16   purpose        eight characters
/// 24   capacity       bytes of the whole file
/// 32   schemaSize     bytes behind the header; what they mean is the purpose's affair
/// 40   committed      offset behind the last whole record
/// 64   schema, padded to 8; then records: tag u32, size u32 (header and padding included), sequence u64, payload
/// ```
///
/// A record becomes visible by one release store of `committed` after it was fully written: a writer that dies at any
/// moment leaves a region that can be read. The file has its full size from the start and is sealed against shrinking,
/// so that no access can fault; it is sparse, so that only pages that are used cost memory, and it grows by a page at a
/// time up to its capacity, which is the bound.
///
/// A reader trusts nothing: the writer may be another version or have run amok.
public final class SharedRegion {
    /// What this process may do.
    public enum Access: Sendable {
        case writer, reader
    }

    /// Version of the header that each region begins with; a reader refuses another.
    public static let layoutVersion: UInt32 = 1
    static let magic: UInt64 = 0x4745_524C_4444_4548
    static let headerSize = 64
    static let recordHeaderSize = 16

    private enum Field {
        static let magic = 0
        static let version = 8
        static let headerSize = 12
        static let purpose = 16
        static let capacity = 24
        static let schemaSize = 32
        static let committed = 40
    }

    /// The memory file; belongs to this object.
    public let descriptor: Int32
    public let capacity: Int
    public let access: Access

    // Safety: `base` is a mapping of `capacity` bytes that lives as long as this object; the seal keeps the file from
    // shrinking below it.
    let base: UnsafeMutableRawPointer
    private let recordsStart: Int

    /// Makes an empty region.
    /// - Parameters:
    ///   - name: shown in `/proc/PID/maps`.
    ///   - purpose: one to eight ASCII characters.
    ///   - capacity: most bytes it can ever hold, header included.
    ///   - schema: describes the records; at most a quarter of `capacity`.
    public convenience init(
        creating name: String, purpose: String, capacity: Int, schema: [UInt8]
    ) throws(RegionError) {
        let pageSize = 4096
        let size = (capacity + pageSize - 1) / pageSize * pageSize
        precondition(schema.count <= size / 4, "a schema larger than a quarter of its region")
        let descriptor = heddle_memory_file_create(name, size)
        guard descriptor >= 0 else { throw .system(call: "memfd_create", code: errno) }
        let base: UnsafeMutableRawPointer
        do throws(RegionError) {
            base = try SharedRegion.map(descriptor, size: size, access: .writer)
        } catch {
            close(descriptor)
            throw error
        }
        let recordsStart = SharedRegion.headerSize + SharedRegion.padded(schema.count)
        base.storeBytes(of: SharedRegion.layoutVersion, toByteOffset: Field.version, as: UInt32.self)
        base.storeBytes(of: UInt32(SharedRegion.headerSize), toByteOffset: Field.headerSize, as: UInt32.self)
        base.storeBytes(of: SharedRegion.word(purpose), toByteOffset: Field.purpose, as: UInt64.self)
        base.storeBytes(of: UInt64(size), toByteOffset: Field.capacity, as: UInt64.self)
        base.storeBytes(of: UInt64(schema.count), toByteOffset: Field.schemaSize, as: UInt64.self)
        base.storeBytes(of: UInt64(recordsStart), toByteOffset: Field.committed, as: UInt64.self)
        UnsafeMutableRawBufferPointer(start: base + SharedRegion.headerSize, count: schema.count).copyBytes(from: schema)
        heddle_store_release_u64((base + Field.magic).assumingMemoryBound(to: UInt64.self), SharedRegion.magic)
        self.init(descriptor: descriptor, base: base, capacity: size, recordsStart: recordsStart, access: .writer)
    }

    /// Maps a region that another process made. Takes `descriptor` over, and closes it when the region is refused.
    public convenience init(mapping descriptor: Int32, purpose: String, access: Access) throws(RegionError) {
        do throws(RegionError) {
            let size = try SharedRegion.checkedSize(descriptor)
            let base = try SharedRegion.map(descriptor, size: size, access: access)
            do throws(RegionError) {
                let start = try SharedRegion.checkedHeader(base, size: size, purpose: purpose)
                self.init(descriptor: descriptor, base: base, capacity: size, recordsStart: start, access: access)
            } catch {
                munmap(base, size)
                throw error
            }
        } catch {
            close(descriptor)
            throw error
        }
    }

    private init(descriptor: Int32, base: UnsafeMutableRawPointer, capacity: Int, recordsStart: Int, access: Access) {
        self.descriptor = descriptor
        self.base = base
        self.capacity = capacity
        self.recordsStart = recordsStart
        self.access = access
    }

    deinit {
        munmap(base, capacity)
        close(descriptor)
    }

    /// Bytes behind the header, as the creator gave them.
    public var schema: [UInt8] {
        let size = min(Int(clamping: base.load(fromByteOffset: Field.schemaSize, as: UInt64.self)), recordsStart - SharedRegion.headerSize)
        return Array(UnsafeRawBufferPointer(start: base + SharedRegion.headerSize, count: size))
    }

    /// Bytes in use, header included.
    public var used: Int { Int(clamping: heddle_load_acquire_u64(committedWord)) }

    /// Appends a record: `fill` gets its zeroed payload, and readers see it when `fill` has returned.
    /// - Returns: the payload, nil when the region is full.
    public func append(
        tag: UInt32, payloadSize: Int, fill: (UnsafeMutableRawBufferPointer) -> Void
    ) -> UnsafeMutableRawBufferPointer? {
        precondition(access == .writer, "only the writer appends")
        let start = used
        let size = SharedRegion.recordHeaderSize + SharedRegion.padded(payloadSize)
        guard size <= capacity - start, size <= Int(UInt32.max) else { return nil }
        let record = base + start
        record.storeBytes(of: tag, as: UInt32.self)
        record.storeBytes(of: UInt32(size), toByteOffset: 4, as: UInt32.self)
        record.storeBytes(of: 0, toByteOffset: 8, as: UInt64.self)
        let payload = UnsafeMutableRawBufferPointer(
            start: record + SharedRegion.recordHeaderSize, count: size - SharedRegion.recordHeaderSize)
        // A writer that died here before may have left bytes behind `committed`.
        memset(payload.baseAddress.unsafelyUnwrapped, 0, payload.count)
        fill(payload)
        heddle_store_release_u64(committedWord, UInt64(start + size))
        return payload
    }

    /// One record as a reader sees it.
    struct Record {
        let tag: UInt32
        /// Of the record's header, in the region.
        let offset: Int
        let payload: UnsafeMutableRawBufferPointer
        /// Odd while the record is being changed or out of use.
        let sequence: UnsafeMutablePointer<UInt64>

        /// Of the payload, in the region: what other records refer to it by.
        var payloadOffset: Int { offset + SharedRegion.recordHeaderSize }
    }

    /// Visits all visible records in order.
    /// - Throws: ``RegionError/corrupt(what:offset:)`` at the first that cannot be one.
    func forEachRecord(_ body: (Record) -> Void) throws(RegionError) {
        let end = try checkedEnd()
        var offset = recordsStart
        while offset < end {
            let size = Int((base + offset).load(fromByteOffset: 4, as: UInt32.self))
            guard size >= SharedRegion.recordHeaderSize, size % 8 == 0, size <= end - offset else {
                throw .corrupt(what: "a record of \(size) bytes", offset: offset)
            }
            body(
                Record(
                    tag: (base + offset).load(as: UInt32.self), offset: offset,
                    payload: UnsafeMutableRawBufferPointer(
                        start: base + offset + SharedRegion.recordHeaderSize, count: size - SharedRegion.recordHeaderSize),
                    sequence: (base + offset + 8).assumingMemoryBound(to: UInt64.self)))
            offset += size
        }
    }

    /// The payload at `payloadOffset`, if a visible record of this tag with at least `size` bytes can be there.
    func payload(at payloadOffset: UInt64, tag: UInt32, atLeast size: Int) -> UnsafeMutableRawPointer? {
        guard let end = try? checkedEnd() else { return nil }
        let offset = Int(clamping: payloadOffset)
        guard offset >= recordsStart + SharedRegion.recordHeaderSize, offset % 8 == 0, offset <= end, size <= end - offset
        else { return nil }
        let record = base + offset - SharedRegion.recordHeaderSize
        guard record.load(as: UInt32.self) == tag,
            Int(record.load(fromByteOffset: 4, as: UInt32.self)) >= size + SharedRegion.recordHeaderSize
        else { return nil }
        return base + offset
    }

    // MARK: Private parts

    private var committedWord: UnsafeMutablePointer<UInt64> {
        (base + Field.committed).assumingMemoryBound(to: UInt64.self)
    }

    private func checkedEnd() throws(RegionError) -> Int {
        let end = used
        guard end >= recordsStart, end <= capacity, end % 8 == 0 else {
            throw .corrupt(what: "\(end) bytes in use", offset: Field.committed)
        }
        return end
    }

    static func padded(_ size: Int) -> Int { (size + 7) & ~7 }

    private static func map(_ descriptor: Int32, size: Int, access: Access) throws(RegionError) -> UnsafeMutableRawPointer {
        let protection = access == .writer ? PROT_READ | PROT_WRITE : PROT_READ
        guard let base = mmap(nil, size, protection, MAP_SHARED, descriptor, 0), base != MAP_FAILED else {
            throw .system(call: "mmap", code: errno)
        }
        return base
    }

    private static func checkedSize(_ descriptor: Int32) throws(RegionError) -> Int {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .system(call: "fstat", code: errno) }
        guard heddle_memory_file_is_sealed(descriptor) == 1 else { throw .notSealed }
        guard status.st_size >= headerSize else { throw .wrongSize(bytes: Int(status.st_size), expected: headerSize) }
        return Int(status.st_size)
    }

    /// - Returns: the offset of the first record.
    private static func checkedHeader(
        _ base: UnsafeMutableRawPointer, size: Int, purpose: String
    ) throws(RegionError) -> Int {
        guard heddle_load_acquire_u64((base + Field.magic).assumingMemoryBound(to: UInt64.self)) == magic else {
            throw .foreign
        }
        let version = base.load(fromByteOffset: Field.version, as: UInt32.self)
        guard version == layoutVersion else { throw .layoutVersion(found: version, expected: layoutVersion) }
        let found = base.load(fromByteOffset: Field.purpose, as: UInt64.self)
        guard found == word(purpose) else { throw .purpose(found: text(found), expected: purpose) }
        let capacity = Int(clamping: base.load(fromByteOffset: Field.capacity, as: UInt64.self))
        guard capacity == size else { throw .wrongSize(bytes: size, expected: capacity) }
        let schemaSize = Int(clamping: base.load(fromByteOffset: Field.schemaSize, as: UInt64.self))
        guard schemaSize <= size / 4 else {
            throw .corrupt(what: "a schema of \(schemaSize) bytes", offset: Field.schemaSize)
        }
        return headerSize + padded(schemaSize)
    }

    private static func word(_ purpose: String) -> UInt64 {
        precondition((1...8).contains(purpose.utf8.count), "a purpose has one to eight characters")
        return purpose.utf8.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    private static func text(_ word: UInt64) -> String {
        let bytes = (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64($0 * 8)) }.prefix { $0 != 0 }
        return String(decoding: bytes.map { $0 >= 0x20 && $0 < 0x7F ? $0 : 0x3F }, as: UTF8.self)
    }
}
