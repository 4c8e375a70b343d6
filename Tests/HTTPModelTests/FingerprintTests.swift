import HTTPModel
import Testing

@Suite("Fingerprints of requests")
struct FingerprintTests {
    private func fingerprint(_ fields: [(String, String)]) -> UInt64 {
        var block = HeaderBlock()
        for (name, value) in fields { block.append(name, value) }
        return block.fingerprint
    }

    private static let base = [
        (":method", "GET"), (":path", "/a/long/enough/path?x=1"), (":authority", "example.com"), ("x-own", "1"), ("accept", "*/*"),
    ]

    @Test("values of other fields do not count", arguments: [3, 4])
    func values(index: Int) {
        var other = Self.base
        other[index].1 = "something else"
        #expect(fingerprint(other) == fingerprint(Self.base))
    }

    @Test("method, path and authority count in every byte", arguments: [0, 1, 2])
    func target(index: Int) {
        var seen: Set<UInt64> = [fingerprint(Self.base)]
        let text = Array(Self.base[index].1)
        for position in text.indices {
            var other = Self.base
            var changed = text
            changed[position] = "~"
            other[index].1 = String(changed)
            #expect(seen.insert(fingerprint(other)).inserted)
            other[index].1 = String(text[..<position])
            #expect(seen.insert(fingerprint(other)).inserted)
        }
    }

    @Test("the names of all fields count, known ones and others, and their order")
    func names() {
        var seen: Set<UInt64> = [fingerprint(Self.base)]
        let others: [[(String, String)]] = [
            Self.base + [("x-more", "")], Self.base + [("cookie", "")], Array(Self.base.dropLast()), Array(Self.base.dropLast(2)),
            Self.base.reversed(), Self.base.dropLast() + [("x-own", "2")],
        ]
        for other in others { #expect(seen.insert(fingerprint(other)).inserted) }
    }

    @Test("a used block has the same fingerprint as a new one, whatever lies behind its text")
    func leftovers() {
        var block = HeaderBlock()
        for round in 0..<20 {
            block.reset()
            block.append("x-noise", String(repeating: "n", count: round))
            block.reset()
            for (name, value) in Self.base { block.append(name, value) }
            let value = block.fingerprint
            #expect(value == fingerprint(Self.base))
        }
    }

    @Test("a request without fields has one too, which is not 0")
    func empty() { #expect(fingerprint([]) != 0) }
}
