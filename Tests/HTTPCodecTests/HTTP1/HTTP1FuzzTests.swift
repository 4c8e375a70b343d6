import Glibc
import HTTPCodec
import Testing

struct HTTP1FuzzTests {
    /// Everything the tables have, as seeds.
    private static let seeds: [[UInt8]] = {
        let requests =
            HTTP1RequestTests.accepted.map(\.text) + HTTP1RefusalTests.framing.map(\.text)
            + HTTP1RefusalTests.lines.map(\.text)
            + HTTP1RefusalTests.startLines.map { $0.text + "Host: h\r\n\r\n" }
            + HTTP1RefusalTests.chunks.map {
                "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + $0.text
            }
        let responses = HTTP1ResponseTests.accepted.map(\.text) + HTTP1ResponseTests.refused.map(\.text)
        return requests.map { [0, 0] + Array($0.utf8) } + responses.map { [1, 0] + Array($0.utf8) }
    }()

    @Test("every message of the tables keeps the promises that hold for any bytes, under all options")
    func tables() {
        for seed in Self.seeds {
            for choice in stride(from: seed[0], through: 126 + seed[0], by: 2) {
                HTTP1Property.check([choice, 1] + seed[2...])
            }
        }
    }

    @Test(
        "messages with random bytes changed, cut out, doubled or joined keep the promises",
        arguments: [1, 2, 3, 4] as [UInt64])
    func mutations(seed: UInt64) {
        var state = seed
        func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(bound))
        }
        let spices = Array("\r\n\r\n\0\t :;,/?#%\\@[]0afZ_-\u{7F}\u{E9}".utf8)
        for _ in 0..<1500 {
            var bytes = Self.seeds[next(Self.seeds.count)]
            bytes[0] = UInt8(next(128)) & ~1 | bytes[0]
            bytes[1] = UInt8(next(256))
            for _ in 0..<(1 + next(4)) {
                let place = 2 + next(bytes.count - 2)
                switch next(5) {
                case 0: bytes[place] = spices[next(spices.count)]
                case 1: bytes.insert(spices[next(spices.count)], at: place)
                case 2: bytes.removeSubrange(place..<min(bytes.count, place + 1 + next(8)))
                case 3: bytes.insert(contentsOf: bytes[place..<min(bytes.count, place + 1 + next(40))], at: place)
                default: bytes += Self.seeds[next(Self.seeds.count)].dropFirst(2)
                }
                if bytes.count < 3 { bytes += [13, 10] }
            }
            HTTP1Property.check(bytes)
        }
    }

    @Test("the fuzzer's corpus keeps the promises")
    func corpus() throws {
        let folder = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined() + "/Fuzzing/HTTP1/corpus"
        let directory = try #require(opendir(folder))
        defer { closedir(directory) }
        var replayed = 0
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name.hasPrefix(".") { continue }
            let file = try #require(fopen(folder + "/" + name, "r"))
            defer { fclose(file) }
            var bytes = [UInt8](repeating: 0, count: 1 << 16)
            bytes.removeLast(bytes.count - fread(&bytes, 1, bytes.count, file))
            HTTP1Property.check(bytes)
            replayed += 1
        }
        #expect(replayed > 20)
    }
}
