import Foundation
import Testing

@testable import Observability

@Suite("The table that workers share")
struct KeyValueRegionTests {
    private func key(_ text: String) -> [UInt8] { Array(text.utf8) }

    @Test("holds values, replaces and forgets them")
    func values() {
        let table = KeyValueRegion(privateBuckets: 4)
        #expect(table.value(key("a"), now: 1) == nil)
        #expect(table.set(key("a"), .bytes([1, 2]), lifetime: 0, now: 1))
        #expect(table.set(key("b"), .number(1.5), lifetime: 0, now: 1))
        #expect(table.value(key("a"), now: 2) == .bytes([1, 2]))
        #expect(table.value(key("b"), now: 2) == .number(1.5))
        #expect(table.set(key("a"), .bytes([]), lifetime: 0, now: 3))
        #expect(table.value(key("a"), now: 3) == .bytes([]))
        #expect(table.remove(key("a"), now: 4))
        #expect(!table.remove(key("a"), now: 4))
        #expect(table.value(key("a"), now: 4) == nil)
    }

    @Test("takes an entry at the bound and none past it")
    func bound() {
        let table = KeyValueRegion(privateBuckets: 1)
        let most = KeyValueRegion.maximumEntry - 1
        #expect(table.set([7], .bytes(Array(repeating: 1, count: most)), lifetime: 0, now: 0))
        #expect(table.value([7], now: 0) == .bytes(Array(repeating: 1, count: most)))
        #expect(!table.set([7], .bytes(Array(repeating: 1, count: most + 1)), lifetime: 0, now: 0))
        #expect(!table.set([], .bytes([]), lifetime: 0, now: 0))
        #expect(table.add(1, to: Array(repeating: 1, count: most), lifetime: 0, now: 0) == nil)
    }

    @Test("forgets what its time is over for, at once")
    func lifetime() {
        let table = KeyValueRegion(privateBuckets: 1)
        #expect(table.set([1], .number(1), lifetime: 10, now: 100))
        #expect(table.value([1], now: 109) == .number(1))
        #expect(table.value([1], now: 110) == nil)
        #expect(table.add(5, to: [1], lifetime: 10, now: 200) == 5)
        // A counter keeps the end that it was made with: that makes a window.
        #expect(table.add(5, to: [1], lifetime: 10, now: 209) == 10)
        #expect(table.add(5, to: [1], lifetime: 10, now: 210) == 5)
    }

    @Test("gives the room of what was not used for longest to the new")
    func eviction() {
        let table = KeyValueRegion(privateBuckets: 1)
        for index in 1...8 { #expect(table.set([UInt8(index)], .number(Double(index)), lifetime: 0, now: UInt64(index))) }
        #expect(table.value([1], now: 20) == .number(1))
        #expect(table.set([9], .number(9), lifetime: 0, now: 21))
        #expect(table.value([2], now: 22) == nil)
        for index in [1, 3, 8, 9] { #expect(table.value([UInt8(index)], now: 23) == .number(Double(index))) }
    }

    @Test("loses no increment of two threads on one memory, and takes over the lock of a process that is gone")
    func threads() async {
        let buckets = 2
        let memory = UnsafeMutableRawPointer.allocate(byteCount: KeyValueRegion.byteCount(buckets: buckets), alignment: 64)
        memset(memory, 0, KeyValueRegion.byteCount(buckets: buckets))
        defer { memory.deallocate() }
        // No process has this number: it is past the largest that Linux gives.
        memory.storeBytes(of: 4_194_305, as: Int64.self)
        memory.storeBytes(of: 4_194_305, toByteOffset: 8, as: Int64.self)
        let address = UInt(bitPattern: memory)
        await withTaskGroup { group in
            for _ in 0..<4 {
                group.addTask {
                    guard let memory = UnsafeMutableRawPointer(bitPattern: address) else { return }
                    let table = KeyValueRegion(memory: memory, buckets: buckets)
                    for _ in 0..<5_000 { _ = table.add(1, to: [1], lifetime: 0, now: 1) }
                }
            }
        }
        #expect(KeyValueRegion(memory: memory, buckets: buckets).value([1], now: 1) == .number(20_000))
    }
}
