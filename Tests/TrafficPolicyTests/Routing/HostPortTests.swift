import Bytes
import HTTPModel
import Testing
import TrafficPolicy

struct HostPortTests {
    @Test("a port is what follows the last colon outside of brackets", arguments: [
        ("a:80", "a"), ("a", "a"), ("[::1]:80", "[::1]"), ("[::1]", "[::1]"), ("a:", "a"), ("", ""), (":80", ""),
    ])
    func withoutPort(host: String, expected: String) {
        #expect(withBytes(host) { HostPort.withoutPort($0).text } == expected)
    }

    @Test("strip removes any port or one port, and none of CONNECT", arguments: [
        ("a:80", "GET", nil, "a"), ("a:80", "GET", 80, "a"), ("a:80", "GET", 81, "a:80"), ("a:x", "GET", nil, "a:x"),
        ("a:", "GET", nil, "a:"), ("a:80", "CONNECT", nil, "a:80"), ("[::1]:443", "GET", nil, "[::1]"),
    ] as [(String, String, UInt16?, String)])
    func strip(host: String, method: String, port: UInt16?, expected: String) {
        var head = makeRequest("/", host: host, method: method)
        HostPort.strip(&head, only: port)
        do { let value = head[":authority"]; #expect(value == expected) }
    }
}
