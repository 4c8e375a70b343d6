import Glibc
import Testing

@testable import Observability

struct SharedRegionTests {
    static func make(capacity: Int = 8192, schema: [UInt8] = [1, 2, 3]) throws -> SharedRegion {
        try SharedRegion(creating: "heddle-test", purpose: "test", capacity: capacity, schema: schema)
    }

    static func records(_ region: SharedRegion) throws -> [(tag: UInt32, bytes: [UInt8])] {
        var found: [(UInt32, [UInt8])] = []
        try region.forEachRecord { found.append(($0.tag, Array($0.payload))) }
        return found
    }

    @Test("another mapping sees the schema and every record")
    func twoMappings() throws {
        let region = try Self.make()
        let reader = try SharedRegion(mapping: secondDescriptor(region), purpose: "test", access: .reader)
        #expect(reader.schema == [1, 2, 3])
        #expect(try Self.records(reader).isEmpty)
        _ = region.append(tag: 7, payloadSize: 5) { $0.copyBytes(from: [9, 8, 7, 6, 5]) }
        _ = region.append(tag: 8, payloadSize: 0) { _ in }
        let records = try Self.records(reader)
        #expect(records.map(\.tag) == [7, 8])
        #expect(records.map(\.bytes) == [[9, 8, 7, 6, 5, 0, 0, 0], []])
    }

    @Test("a record is not visible while it is being written")
    func torn() throws {
        let region = try Self.make()
        let reader = try SharedRegion(mapping: secondDescriptor(region), purpose: "test", access: .reader)
        var seen = -1
        _ = region.append(tag: 7, payloadSize: 8) { _ in seen = (try? Self.records(reader).count) ?? -2 }
        #expect(seen == 0)
        #expect(try Self.records(reader).count == 1)
    }

    @Test("a writer that takes over goes on behind the last whole record and clears what was left behind it")
    func takeOver() throws {
        let region = try Self.make()
        _ = region.append(tag: 1, payloadSize: 8) { _ in }
        for offset in region.used..<region.used + 64 { poke(region, offset, 0xFF) }
        let next = try SharedRegion(mapping: secondDescriptor(region), purpose: "test", access: .writer)
        _ = next.append(tag: 2, payloadSize: 16) { _ in }
        let records = try Self.records(region)
        #expect(records.map(\.tag) == [1, 2])
        #expect(records[1].bytes == [UInt8](repeating: 0, count: 16))
    }

    @Test("a region is full at its capacity and not before")
    func full() throws {
        let region = try Self.make(capacity: 4096)
        let room = region.capacity - region.used
        #expect(region.append(tag: 1, payloadSize: room - SharedRegion.recordHeaderSize + 1) { _ in } == nil)
        #expect(region.append(tag: 1, payloadSize: room - SharedRegion.recordHeaderSize) { _ in } != nil)
        #expect(region.used == region.capacity)
        #expect(region.append(tag: 1, payloadSize: 0) { _ in } == nil)
        #expect(try Self.records(region).count == 1)
    }

    @Test(
        "a header that is not ours is refused with its reason",
        arguments: [
            (0, RegionError.foreign), (8, .layoutVersion(found: 0xFF, expected: 1)), (17, .purpose(found: "t?st", expected: "test")),
            (25, .wrongSize(bytes: 8192, expected: 0xFF00)), (39, .corrupt(what: "a schema of 9223372036854775807 bytes", offset: 32)),
        ] as [(Int, RegionError)])
    func header(offset: Int, expected: RegionError) throws {
        let region = try Self.make()
        poke(region, offset, 0xFF)
        #expect(throws: expected) {
            try SharedRegion(mapping: secondDescriptor(region), purpose: "test", access: .reader)
        }
    }

    @Test("a region that was never finished is foreign")
    func unfinished() throws {
        let region = try Self.make()
        for offset in 0..<8 { poke(region, offset, 0) }
        #expect(throws: RegionError.foreign) {
            try SharedRegion(mapping: secondDescriptor(region), purpose: "test", access: .reader)
        }
    }

    @Test("memory that could be cut under a reader is refused")
    func unsealed() throws {
        let directory = TemporaryDirectory()
        let descriptor = open(directory.path + "/region", O_RDWR | O_CREAT, 0o600)
        #expect(ftruncate(descriptor, 8192) == 0)
        #expect(throws: RegionError.notSealed) { try SharedRegion(mapping: descriptor, purpose: "test", access: .reader) }
        #expect(throws: RegionError.system(call: "fstat", code: EBADF)) {
            try SharedRegion(mapping: -1, purpose: "test", access: .reader)
        }
    }

    @Test("a sealed region cannot be cut")
    func sealed() throws {
        let region = try Self.make()
        #expect(ftruncate(region.descriptor, 0) == -1)
        #expect(errno == EPERM)
    }

    @Test("a broken record is an error, not a crash", arguments: [0, 4, 15, 17, 0xFFFF_FFF8] as [UInt32])
    func brokenRecord(size: UInt32) throws {
        let region = try Self.make()
        let start = region.used
        _ = region.append(tag: 1, payloadSize: 8) { _ in }
        region.base.storeBytes(of: size, toByteOffset: start + 4, as: UInt32.self)
        #expect(throws: RegionError.corrupt(what: "a record of \(size) bytes", offset: start)) { try Self.records(region) }
    }

    @Test("an impossible end is an error", arguments: [0, 63, 8200, UInt64.max, 129] as [UInt64])
    func brokenEnd(end: UInt64) throws {
        let region = try Self.make()
        region.base.storeBytes(of: end, toByteOffset: 40, as: UInt64.self)
        #expect(throws: RegionError.self) { try Self.records(region) }
    }
}
