import Foundation
import Glibc
import ProxyModel
import Testing

@testable import Supervision

@Suite("The file of the last good configuration")
struct LastGoodFileTests {
    static let resources = [
        ResourceChange(ResourceKey(.cluster, "web"), version: "7", body: [0x0A, 3, 0x77, 0x65, 0x62]),
        ResourceChange(ResourceKey(.secret, "key"), version: "", body: []),
        ResourceChange(ResourceKey(.listener, "in"), version: "é", body: [UInt8](repeating: 9, count: 70_000)),
    ]

    @Test("what is written is read again")
    func roundTrip() throws {
        let bytes = try LastGoodFile.encode(Self.resources)
        #expect(try LastGoodFile.decode(bytes) == Self.resources)
        #expect(try LastGoodFile.decode(LastGoodFile.encode([])) == [])
    }

    @Test("a file that is cut anywhere is not used")
    func cut() throws {
        let bytes = try LastGoodFile.encode(Array(Self.resources.prefix(2)))
        for length in 0..<bytes.count {
            #expect(throws: LastGoodFile.Failure.self, "\(length)") { try LastGoodFile.decode(Array(bytes[..<length])) }
        }
    }

    @Test("a file of which any bit is other than it was written is not used")
    func flipped() throws {
        let bytes = try LastGoodFile.encode(Array(Self.resources.prefix(2)))
        for index in bytes.indices {
            for bit in 0..<8 {
                var other = bytes
                other[index] ^= 1 << bit
                #expect(throws: LastGoodFile.Failure.self, "\(index) \(bit)") { try LastGoodFile.decode(other) }
            }
        }
    }

    @Test("a file of somebody else is not used")
    func foreign() throws {
        #expect(throws: LastGoodFile.Failure.foreign) { try LastGoodFile.decode(Array("static_resources: {}".utf8)) }
        var other = try LastGoodFile.encode([ResourceChange(ResourceKey(.cluster, "a"), version: "1", body: [])])
        let name = try #require(other.firstRange(of: Array("v3.Cluster".utf8)))
        other.replaceSubrange(name, with: Array("v9.Cluster".utf8))
        let content = other.dropLast(LastGoodFile.end([]).count)
        other = content + LastGoodFile.end(content)
        #expect(throws: LastGoodFile.Failure.foreign) { try LastGoodFile.decode(other) }
    }

    @Test("the file is its owner's alone, also when one that all may read stood there, and a folder that is not there is told")
    func disk() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("heddle-last-good-\(getpid())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appendingPathComponent("config").path
        #expect(try LastGoodFile.read(path) == nil)
        for place in [path, path + ".new"] {
            _ = FileManager.default.createFile(atPath: place, contents: Data(), attributes: [.posixPermissions: 0o644])
        }
        try LastGoodFile.write(try LastGoodFile.encode(Self.resources), to: path)
        #expect(try LastGoodFile.read(path) == Self.resources)
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        #expect(throws: (any Error).self) { try LastGoodFile.write([1], to: folder.path + "/none/config") }
    }
}
