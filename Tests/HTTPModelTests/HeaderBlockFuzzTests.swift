import Glibc
import HTTPModel
import Testing

struct HeaderBlockFuzzTests {
    @Test("a block has what a plain list has after the same verbs", arguments: 1...40 as ClosedRange<UInt64>)
    func random(seed: UInt64) {
        var state = seed
        func next() -> UInt8 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: state >> 40)
        }
        HeaderBlockProperty.check((0..<600).map { _ in next() })
    }

    @Test("the fuzzer's corpus keeps the promises")
    func corpus() throws {
        let folder = #filePath.split(separator: "/").dropLast(2).map { "/" + $0 }.joined() + "/Fuzzing/HeaderBlock/corpus"
        let directory = try #require(opendir(folder))
        defer { closedir(directory) }
        var replayed = 0
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            if name.hasPrefix(".") { continue }
            let file = try #require(fopen(folder + "/" + name, "r"))
            defer { fclose(file) }
            var bytes = [UInt8](repeating: 0, count: 1 << 16)
            bytes.removeLast(bytes.count - fread(&bytes, 1, bytes.count, file))
            HeaderBlockProperty.check(bytes)
            replayed += 1
        }
        #expect(replayed > 20)
    }
}
