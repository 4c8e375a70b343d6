import Testing

@testable import SecureTransport

@Suite struct ClientHelloInspectorTests {
    private typealias Finding = ClientHelloInspector.Finding

    /// A ClientHello's body with these extensions.
    private static func body(_ extensions: [(kind: UInt16, bytes: [UInt8])]?) -> [UInt8] {
        let list = extensions?.flatMap { big($0.kind) + vector16($0.bytes) }
        return [3, 3] + [UInt8](repeating: 9, count: 32) + [0] + vector16([0x13, 1]) + [1, 0]
            + (list.map(vector16) ?? [])
    }

    private static func message(_ body: [UInt8]) -> [UInt8] {
        [1, UInt8(body.count >> 16), UInt8(body.count >> 8 & 0xff), UInt8(body.count & 0xff)] + body
    }

    /// The message in records of so many bytes.
    private static func records(_ message: [UInt8], of size: Int = 1 << 14) -> [UInt8] {
        stride(from: 0, to: message.count, by: size).flatMap {
            [22, 3, 1] + vector16(Array(message[$0..<min($0 + size, message.count)]))
        }
    }

    private static func big(_ number: UInt16) -> [UInt8] { [UInt8(number >> 8), UInt8(number & 0xff)] }
    private static func vector16(_ bytes: [UInt8]) -> [UInt8] { big(UInt16(bytes.count)) + bytes }
    private static func vector8(_ bytes: [UInt8]) -> [UInt8] { [UInt8(bytes.count)] + bytes }

    private static func sni(_ name: String) -> (UInt16, [UInt8]) { (0, vector16([0] + vector16(Array(name.utf8)))) }
    private static func alpn(_ names: String...) -> (UInt16, [UInt8]) {
        (16, vector16(names.flatMap { vector8(Array($0.utf8)) }))
    }

    private static func hello(_ extensions: (UInt16, [UInt8])...) -> [UInt8] { records(message(body(extensions))) }

    private static func inspect(_ bytes: [UInt8]) -> Finding {
        var inspector = ClientHelloInspector()
        return bytes.withUnsafeBytes { inspector.inspect($0) }
    }

    /// The findings as the bytes grow by `step`.
    private static func findings(_ bytes: [UInt8], step: Int = 1) -> [Finding] {
        var inspector = ClientHelloInspector()
        return bytes.withUnsafeBytes { all in
            var findings: [Finding] = []
            for count in Array(stride(from: 0, to: bytes.count, by: step)) + [bytes.count] {
                findings.append(inspector.inspect(UnsafeRawBufferPointer(rebasing: all[..<count])))
                guard findings.last == .needMore else { break }
            }
            return findings
        }
    }

    private static let sample = hello((43, [2, 3, 4]), sni("Shop.Test"), alpn("h2", "http/1.1"))
    private static let found = Finding.found(
        ClientHello(serverName: "shop.test", applicationProtocols: ["h2", "http/1.1"]))

    @Test("server name and protocols are found")
    func sample() {
        #expect(Self.inspect(Self.sample) == Self.found)
    }

    @Test("a hello shown byte by byte is found with its last byte, not before")
    func byteByByte() {
        let findings = Self.findings(Self.sample)
        #expect(findings == Array(repeating: .needMore, count: Self.sample.count) + [Self.found])
    }

    @Test("a hello is found however it is cut into records", arguments: [1, 2, 3, 4, 5, 7, 64, 100])
    func recordSizes(_ size: Int) {
        let bytes = Self.records(
            Self.message(Self.body([Self.sni("Shop.Test"), Self.alpn("h2", "http/1.1")])), of: size)
        #expect(Self.inspect(bytes) == Self.found)
        #expect(Self.findings(bytes).last == Self.found)
        #expect(Self.findings(bytes).count == bytes.count + 1)
    }

    @Test("a hello without extensions, or without these, names nothing")
    func bare() {
        #expect(Self.inspect(Self.records(Self.message(Self.body(nil)))) == .found(ClientHello()))
        #expect(Self.inspect(Self.hello()) == .found(ClientHello()))
        #expect(Self.inspect(Self.hello((43, [2, 3, 4]))) == .found(ClientHello()))
    }

    @Test("what follows the hello's record is not looked at")
    func earlyData() {
        #expect(Self.inspect(Self.sample + [23, 3, 3, 0, 1, 0]) == Self.found)
    }

    @Test("OpenSSL's own hellos are found", arguments: [TLSContextConfig.Version.tls12, .tls13])
    func realHello(_ version: TLSContextConfig.Version) throws {
        let wire = Wire()
        let context = try TLSContext(
            .client {
                $0.maximumVersion = version
                $0.applicationProtocols = ["h2", "http/1.1"]
            })
        let client = try TLSSession(context: context, descriptor: wire.client, serverName: "shop.test")
        #expect(client.handshake() == .wantRead)
        wire.move()
        #expect(Self.findings(wire.fromClient).last == Self.found)
        #expect(Self.findings(wire.fromClient).count == wire.fromClient.count + 1)
    }

    @Test(
        "what is no TLS is told at the first byte that shows it",
        arguments: [
            (Array("GET / HTTP/1.1\r\n".utf8), 1), (Array("PRI * HTTP/2.0".utf8), 1), ([0x80, 46, 1, 3, 1], 1),
            ([22, 2, 0], 2), ([22, 3, 1, 0, 0], 5), ([22, 3, 1, 0x40, 1], 5), ([23, 3, 1, 0, 1, 0], 1),
            ([21, 3, 1, 0, 2, 1, 0], 1), ([22, 3, 1, 0, 4, 2, 0, 0, 0], 6),
        ] as [([UInt8], Int)])
    func notTLS(_ bytes: [UInt8], shownBy: Int) {
        let findings = Self.findings(bytes)
        #expect(findings.last == .notTLS)
        #expect(findings.count == shownBy + 1)
    }

    /// Bodies that no server would accept.
    private static let broken: [[UInt8]] = [
        [],
        // Session id over 32 bytes; no suites; half a suite; no compression method.
        [3, 3] + [UInt8](repeating: 9, count: 32) + vector8([UInt8](repeating: 0, count: 33)) + [0, 2, 0, 0, 1, 0],
        [3, 3] + [UInt8](repeating: 9, count: 32) + [0, 0, 0, 1, 0],
        [3, 3] + [UInt8](repeating: 9, count: 32) + [0, 0, 1, 0, 1, 0],
        [3, 3] + [UInt8](repeating: 9, count: 32) + [0, 0, 2, 0, 0, 0],
        body(nil) + [0], body(nil) + [0, 1], body([]) + [0],
        body([sni("a.test"), sni("a.test")]), body([alpn("h2"), alpn("h2")]),
        body([sni("")]), body([sni("a\0b")]), body([sni(String(repeating: "a", count: 256))]),
        body([(0, [])]), body([(0, [0, 0])]), body([(0, [0, 4, 0, 0, 1])]), body([(0, [0, 4, 1, 0, 1, 97])]),
        body([(0, [0, 4, 0, 0, 1, 97, 0])]), body([(0, [0, 8, 0, 0, 1, 97, 0, 0, 1, 97])]),
        body([(16, [])]), body([(16, [0, 0])]), body([(16, [0, 1, 0])]), body([(16, [0, 3, 1, 97, 0])]),
        body([(16, [0, 2, 2, 97])]), body([(16, [0, 2, 1, 97, 0])]),
    ]

    @Test("a hello that no server would accept is malformed", arguments: broken)
    func malformed(_ body: [UInt8]) {
        #expect(Self.inspect(Self.records(Self.message(body))) == .malformed)
        #expect(Self.findings(Self.records(Self.message(body), of: 3)).last == .malformed)
    }

    @Test("bytes behind the hello in its record are malformed")
    func excess() {
        #expect(Self.inspect(Self.records(Self.message(Self.body(nil)) + [1])) == .malformed)
    }

    @Test("another kind of record in the middle of a hello is malformed")
    func interrupted() {
        let first = [22, 3, 1] + Self.vector16([1, 0, 1])
        #expect(Self.inspect(first) == .needMore)
        #expect(Self.inspect(first + [21]) == .malformed)
        #expect(Self.inspect(first + [22, 3, 1, 0, 0]) == .malformed)
    }

    @Test("a hello at the bound is found and one past it is not")
    func bound() {
        // The rest of the body is 51 bytes, the extension's own header included.
        let overhead = Self.body([(21, [])]).count
        for (size, isFound) in [(ClientHelloInspector.bound, true), (ClientHelloInspector.bound + 1, false)] {
            let body = Self.body([(21, [UInt8](repeating: 0, count: size - overhead))])
            #expect(body.count == size)
            #expect(Self.inspect(Self.records(Self.message(body))) == (isFound ? .found(ClientHello()) : .malformed))
        }
    }

    @Test("a client that cuts its hello ever smaller is not listened to without end")
    func peekBound() {
        let body = Self.body([(21, [UInt8](repeating: 0, count: 16_000))])
        let bytes = Self.records(Self.message(body), of: 1)
        let findings = Self.findings(bytes)
        #expect(findings.last == .malformed)
        #expect(findings.count == ClientHelloInspector.peekBound + 1)
    }

    @Test("no input of a seeded generator crashes it or changes its mind", arguments: 0..<200)
    func fuzz(_ seed: UInt64) {
        var random = SplitMix(state: seed)
        for _ in 0..<50 {
            var bytes = Self.sample
            for _ in 0..<random.next(below: 4) + 1 {
                switch random.next(below: 4) {
                case 0: bytes[random.next(below: bytes.count)] = UInt8(random.next(below: 256))
                case 1: bytes.remove(at: random.next(below: bytes.count))
                case 2: bytes.insert(UInt8(random.next(below: 256)), at: random.next(below: bytes.count))
                default: bytes.removeLast(random.next(below: bytes.count / 4))
                }
            }
            let whole = Self.inspect(bytes)
            // However it is shown, the finding is the same, unless the last steps were never needed.
            #expect(Self.findings(bytes, step: random.next(below: 5) + 1).last == whole)
        }
    }
}

/// A seeded generator (Steele, Lea, Flood: SplitMix64).
private struct SplitMix {
    var state: UInt64

    mutating func next(below bound: Int) -> Int {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = state
        word = (word ^ word >> 30) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ word >> 27) &* 0x94d0_49bb_1331_11eb
        return Int((word ^ word >> 31) % UInt64(bound))
    }
}
