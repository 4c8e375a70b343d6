import Bytes
import Observability
import Testing

@testable import DataPlane

struct ProxyProtocolHeaderTests {
    private typealias Parsed = ProxyProtocolHeader.Parsed

    private static let signature: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]

    private static func parse(_ bytes: [UInt8]) -> ProxyProtocolHeader.Parsed { bytes.withUnsafeBytes { ProxyProtocolHeader.parse($0) } }

    /// A version 2 header.
    private static func binary(_ command: UInt8, _ family: UInt8, _ body: [UInt8]) -> [UInt8] {
        signature + [0x20 | command, family, UInt8(body.count >> 8), UInt8(body.count & 255)] + body
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let bytes: [UInt8]
        let source: String?
        let destination: String?
        var fields = 0..<0
    }

    static let good: [Case] = [
        Case(
            testDescription: "TCP4", bytes: Array("PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n".utf8), source: "192.0.2.1:56324",
            destination: "192.0.2.2:443"),
        Case(
            testDescription: "TCP6", bytes: Array("PROXY TCP6 2001:db8::1 ::1 1 65535\r\n".utf8), source: "[2001:db8::1]:1",
            destination: "[::1]:65535"),
        Case(testDescription: "UNKNOWN", bytes: Array("PROXY UNKNOWN\r\n".utf8), source: nil, destination: nil),
        Case(
            testDescription: "UNKNOWN with more", bytes: Array("PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n".utf8), source: nil,
            destination: nil),
        Case(
            testDescription: "v2 IPv4", bytes: binary(1, 0x11, [192, 0, 2, 1, 192, 0, 2, 2, 0xDC, 0x04, 0x01, 0xBB]),
            source: "192.0.2.1:56324", destination: "192.0.2.2:443"),
        Case(
            testDescription: "v2 IPv4 with fields behind",
            bytes: binary(1, 0x11, [192, 0, 2, 1, 192, 0, 2, 2, 0xDC, 0x04, 0x01, 0xBB, 0x04, 0, 1, 0]),
            source: "192.0.2.1:56324", destination: "192.0.2.2:443", fields: 28..<32),
        Case(
            testDescription: "v2 IPv6",
            bytes: binary(
                1, 0x21, [0x20, 0x01, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [1] + [UInt8](repeating: 0, count: 15) + [1, 0, 80, 1, 0]),
            source: "[2001:db8::1]:80", destination: "[::1]:256"),
        Case(testDescription: "v2 LOCAL", bytes: binary(0, 0x11, [UInt8](repeating: 7, count: 12)), source: nil, destination: nil),
        Case(testDescription: "v2 unspecified", bytes: binary(1, 0x00, [1, 2, 3]), source: nil, destination: nil),
    ]

    @Test("a header is read wherever it is split, and what follows it is left", arguments: good)
    func reads(_ example: Case) throws {
        let expected = ProxyProtocolHeader(
            source: example.source.flatMap { SocketAddress($0) }, destination: example.destination.flatMap { SocketAddress($0) },
            fields: example.fields)
        for count in 0..<example.bytes.count {
            #expect(Self.parse(Array(example.bytes[..<count])) == .needMore, "after \(count) bytes")
        }
        let whole = Parsed.header(expected, length: example.bytes.count)
        #expect(Self.parse(example.bytes) == whole)
        #expect(Self.parse(example.bytes + Array("GET / HTTP/1.1\r\n".utf8)) == whole)
    }

    @Test(
        "what is no version 1 header is refused",
        arguments: [
            "PROXY TCP4 1.1.1.1 2.2.2.2 1 2\n",
            "PROXY TCP4 1.1.1.1 2.2.2.2 1\r\n", "PROXY TCP4 1.1.1.1 2.2.2.2 1 2 3\r\n", "PROXY TCP4 1.1.1.1 2.2.2.2 1 65536\r\n",
            "PROXY TCP4 1.1.1.1 2.2.2.2 01 2\r\n", "PROXY TCP4 1.1.1.1 2.2.2.2 +1 2\r\n", "PROXY TCP4 ::1 ::2 1 2\r\n",
            "PROXY TCP6 1.1.1.1 2.2.2.2 1 2\r\n", "PROXY TCP5 1.1.1.1 2.2.2.2 1 2\r\n", "PROXY  TCP4 1.1.1.1 2.2.2.2 1 2\r\n",
            "PROXY TCP4 1.1.1.1  2.2.2.2 1 2\r\n", "PROXY TCP4 a.example 2.2.2.2 1 2\r\n", "PROXY \r\n",
        ])
    func refusedLine(line: String) {
        #expect(Self.parse(Array(line.utf8)) == .malformed)
    }

    @Test("fields become metadata by rule: the last rule of a type counts, and of several values the first as text and the last as bytes")
    func metadata() {
        var rules = ProxyFieldRules()
        let bytes: [UInt8] = [1, 0, 1, 65, 2, 0, 2, 0xC3, 0xA4, 3, 0, 3, 0xFF, 66, 0xE2, 4, 0, 0, 1, 0, 1, 67]
        #expect(bytes.withUnsafeBytes { rules.metadata($0) } == nil)
        rules.add(1, namespace: "", key: "dropped")
        rules.add(1, namespace: "", key: "one")
        rules.add(2, namespace: "own", key: "two")
        rules.add(3, namespace: "own", key: "three")
        rules.add(4, namespace: "own", key: "four")
        rules.add(5, namespace: "own", key: "five")
        let found = bytes.withUnsafeBytes { rules.metadata($0) }
        #expect(
            found?.filters == [
                "envoy.filters.listener.proxy_protocol": ["one": .string("A")],
                "own": ["two": .string("ä"), "three": .string("!B!"), "four": .string("")],
            ])
        #expect(
            found?.fields == [
                "envoy.filters.listener.proxy_protocol": ["one": [67]], "own": ["two": [0xC3, 0xA4], "three": [0xFF, 66, 0xE2], "four": []],
            ])
        #expect([9, 0, 0].withUnsafeBytes { rules.metadata($0) } == nil)
    }

    @Test("a line is at most 107 bytes long")
    func longestLine() {
        let prefix = "PROXY UNKNOWN "
        let fits = prefix + String(repeating: "x", count: 107 - prefix.utf8.count - 2) + "\r\n"
        #expect(Self.parse(Array(fits.utf8)) == .header(ProxyProtocolHeader(), length: 107))
        let long = prefix + String(repeating: "x", count: 107 - prefix.utf8.count)
        #expect(Self.parse(Array(long.utf8)) == .malformed)
        #expect(Self.parse(Array(long.utf8.dropLast())) == .needMore)
    }

    @Test(
        "what is no version 2 header is refused",
        arguments: [
            ("version 1", signature + [0x11, 0x11, 0, 0]), ("version 3", signature + [0x31, 0x11, 0, 0]),
            ("unknown command", signature + [0x22, 0x11, 0, 0]), ("unknown family", binary(1, 0x41, [UInt8](repeating: 0, count: 36))),
            ("UDP", binary(1, 0x12, [UInt8](repeating: 0, count: 12))), ("IPv4 too short", binary(1, 0x11, [UInt8](repeating: 0, count: 11))),
            ("IPv6 too short", binary(1, 0x21, [UInt8](repeating: 0, count: 35))),
            ("longer than is taken", signature + [0x21, 0x11, 0x0F, 0xF1]),
            ("a field without a length", binary(1, 0x11, [UInt8](repeating: 0, count: 12) + [1, 0])),
            ("a field that is too long", binary(1, 0x11, [UInt8](repeating: 0, count: 12) + [1, 0, 2, 9])),
            ("half a field behind a whole one", binary(1, 0x11, [UInt8](repeating: 0, count: 12) + [1, 0, 1, 9, 2])),
        ] as [(String, [UInt8])])
    func refusedBinary(name: String, bytes: [UInt8]) {
        #expect(Self.parse(bytes) == .malformed)
    }

    @Test(
        "what begins otherwise than a header is told apart from a broken one",
        arguments: ["GET / HTTP/1.1\r\n", "PROXY\r\n", "proxy TCP4 1.1.1.1 2.2.2.2 1 2\r\n", "\r\n\r\n\0\r\nQUIX", "\u{16}\u{3}\u{1}"])
    func absent(text: String) {
        #expect(Self.parse(Array(text.utf8)) == .absent)
    }

    @Test("random bytes are never read as a header longer than they are")
    func hostile() {
        var random = Generator(seed: 99)
        for _ in 0..<20_000 {
            let start: [UInt8] = [Self.signature, Array("PROXY TCP4 ".utf8), []][Int.random(in: 0..<3, using: &random)]
            let bytes = start + (0..<Int.random(in: 0..<60, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
            if case .header(_, let length) = Self.parse(bytes) { #expect(length <= bytes.count) }
        }
    }
}
