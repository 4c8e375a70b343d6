import Bytes
import HTTPModel
import Testing

@testable import DataPlane

struct ForwardedForTests {
    private func address(_ value: String?, hops: Int) -> String? {
        var fields = HeaderBlock()
        if let value {
            var copy = value
            copy.withUTF8 { fields.append(.xForwardedFor, UnsafeRawBufferPointer($0)) }
        }
        return ForwardedFor.address(fields, hops: hops)?.description
    }

    @Test(
        "the address that stands so many hops before the last",
        arguments: [
            ("1.1.1.1", 0, "1.1.1.1:0"), ("1.1.1.1, 2.2.2.2", 0, "2.2.2.2:0"), ("1.1.1.1,2.2.2.2", 1, "1.1.1.1:0"),
            ("1.1.1.1, 2.2.2.2 , 3.3.3.3", 2, "1.1.1.1:0"), ("rubbish, 2001:db8::1", 0, "[2001:db8::1]:0"),
        ])
    func picks(value: String, hops: Int, expected: String) {
        #expect(address(value, hops: hops) == expected)
    }

    @Test(
        "no address: too few of them, none at all, or something else in its place",
        arguments: [
            (nil, 0), ("", 0), ("1.1.1.1", 1), ("1.1.1.1, 2.2.2.2", 2), ("1.1.1.1, unknown", 0), ("unknown, 1.1.1.1", 1),
            ("1.1.1.1,", 0), ("1.1.1.1:80", 0), ("1.1.1.1, , 2.2.2.2", 1),
        ] as [(String?, Int)])
    func none(value: String?, hops: Int) {
        #expect(address(value, hops: hops) == nil)
    }

    @Test(
        "an address is put behind those that are there, without its port",
        arguments: [
            (nil, "9.9.9.9:80", "9.9.9.9"), ("", "9.9.9.9:80", "9.9.9.9"), ("1.1.1.1", "9.9.9.9:80", "1.1.1.1,9.9.9.9"),
            ("1.1.1.1", "[2001:db8::9]:80", "1.1.1.1,2001:db8::9"),
        ] as [(String?, String, String)])
    func appends(present: String?, address: String, expected: String) throws {
        var fields = HeaderBlock()
        if var present { present.withUTF8 { fields.append(.xForwardedFor, UnsafeRawBufferPointer($0)) } }
        var scratch = ByteWriter()
        ForwardedFor.append(try #require(SocketAddress(address)), to: &fields, &scratch)
        let value = fields.get(.xForwardedFor)?.text
        #expect(value == expected)
    }

    @Test("a unix socket's client has no address to add")
    func unix() {
        var fields = HeaderBlock()
        var scratch = ByteWriter()
        ForwardedFor.append(SocketAddress(unixPath: "/run/a"), to: &fields, &scratch)
        let isAbsent = fields.get(.xForwardedFor) == nil
        #expect(isAbsent)
    }
}

struct UUID4Tests {
    private func text(_ high: UInt64, _ low: UInt64) -> String {
        var result = ""
        UUID4.write(high, low) { result = $0.text }
        return result
    }

    @Test(
        "both words stand in the text, but for version and variant (RFC 9562 section 5.4)",
        arguments: [
            (0, 0, "00000000-0000-4000-8000-000000000000"),
            (.max, .max, "ffffffff-ffff-4fff-bfff-ffffffffffff"),
            (0x0123_4567_89AB_CDEF, 0xFEDC_BA98_7654_3210, "01234567-89ab-4def-bedc-ba9876543210"),
            (0x0011_2233_4455_6677, 0x0899_AABB_CCDD_EEFF, "00112233-4455-4677-8899-aabbccddeeff"),
        ] as [(UInt64, UInt64, String)])
    func known(high: UInt64, low: UInt64, expected: String) {
        #expect(text(high, low) == expected)
    }

    @Test("whatever the words: 36 characters, dashes, lower-case digits, version 4, variant 10")
    func form() {
        var random = Generator(seed: 7)
        var seen: Set<String> = []
        for _ in 0..<1_000 {
            let text = text(random.next(), random.next())
            let pattern = #/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/#
            #expect(text.wholeMatch(of: pattern) != nil, "\(text)")
            seen.insert(text)
        }
        #expect(seen.count == 1_000)
    }
}
