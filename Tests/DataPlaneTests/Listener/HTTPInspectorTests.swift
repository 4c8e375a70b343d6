import Testing

@testable import DataPlane

@Suite("The HTTP inspector")
struct HTTPInspectorTests {
    static let cases: [(text: String, finding: HTTPInspector.Finding)] = [
        ("GET / HTTP/1.1\r\n", .found("http/1.1")),
        ("GET / HTTP/1.1\n", .found("http/1.1")),
        ("M-SEARCH * HTTP/1.0\r\nHost: a\r\n\r\n", .found("http/1.0")),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .found("h2c")),
        ("PRI * HTTP/2.0\r\nX", .notHTTP),
        ("GET /\r\n", .notHTTP),
        ("GET HTTP/1.1\r\n", .notHTTP),
        ("GET / HTTP/3.0\r\n", .notHTTP),
        ("\u{16}\u{3}\u{1}\u{2}", .notHTTP),
        (" GET / HTTP/1.1\r\n", .notHTTP),
        ("SSH-2.0-OpenSSH_9.2p1 Debian\r\n", .notHTTP),
        (String(repeating: "A", count: 33), .notHTTP),
    ]

    private static func inspect(_ bytes: some Collection<UInt8>, isFull: Bool = false) -> HTTPInspector.Finding {
        Array(bytes).withUnsafeBytes { HTTPInspector.inspect($0, isFull: isFull) }
    }

    @Test("first bytes say what is spoken, and until they do more are waited for", arguments: cases)
    func findings(text: String, finding: HTTPInspector.Finding) {
        let bytes = Array(text.utf8)
        #expect(Self.inspect(bytes) == finding)
        var decided = false
        for length in 0..<bytes.count {
            let early = Self.inspect(bytes.prefix(length))
            // Once it is decided, more bytes change nothing.
            #expect(early == .needMore ? !decided : early == finding, "\(length)")
            decided = decided || early != .needMore
        }
    }

    @Test("a request line that does not end where no more can be looked at is none")
    func full() {
        #expect(Self.inspect(Array("GET /a".utf8), isFull: true) == .notHTTP)
        #expect(Self.inspect(Array("GET".utf8), isFull: true) == .notHTTP)
        #expect(Self.inspect(Array("GET /a".utf8)) == .needMore)
    }
}
