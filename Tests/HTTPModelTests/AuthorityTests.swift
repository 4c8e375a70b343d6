import Bytes
import HTTPModel
import Testing

struct AuthorityTests {
    private func with<Result>(_ text: String, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        Array(text.utf8).withUnsafeBytes { body($0) }
    }

    @Test(
        "a host with or without a port is taken apart",
        arguments: [
            ("h", "h", nil), ("a.example", "a.example", nil), ("a_b.example:80", "a_b.example", 80),
            ("127.0.0.1:65535", "127.0.0.1", 65_535),
            ("[::1]", "[::1]", nil), ("[2001:db8::1]:443", "[2001:db8::1]", 443),
            ("[::ffff:1.2.3.4]:1", "[::ffff:1.2.3.4]", 1),
            ("h.:1", "h.", 1), ("h%2fx", "h%2fx", nil), ("UPPER", "UPPER", nil),
            ("xn--bcher-kva.example", "xn--bcher-kva.example", nil),
        ] as [(String, String, UInt16?)])
    func valid(text: String, host: String, port: UInt16?) {
        with(text) { bytes in
            let authority = Authority(bytes)
            #expect(authority?.host.text == host)
            #expect(authority?.port == port)
            #expect(Authority.withoutPort(bytes).text == host)
        }
    }

    @Test(
        "what is no authority is refused",
        arguments: [
            "", ":", ":80", "u@h", "u:p@h", "h:", "h:0", "h:65536", "h:99999999", "h:-1", "h:+1", "h:8o", "h:80:80",
            "h,i", "h i", "h/", "h?x",
            "h#x", "h\\i", "[", "[]", "[::1", "::1", "[::1]x", "[::1]:", "[1.2.3.4]", "[g::1]", "[::1%25eth0]",
            "[::1\u{0}]", "h%", "h%2", "h%zz",
            "h\u{0}", "h\r\n", "hé", "h\t", "[:::1]", "[\(String(repeating: "0", count: 60))]", "h<i", "h\"i", "h|i",
            "h^i",
        ])
    func invalid(text: String) {
        with(text) { #expect(!Authority.isValid($0)) }
        with(text) { #expect(Authority.withoutPort($0).count == text.utf8.count) }
    }

    @Test("a path is origin form without a fragment; a scheme is http or https")
    func target() {
        for path in ["/", "/a?b", "/\\", "/~!$&'()*+,;=:@%[]{}|^`\"<>"] {
            with(path) { #expect(RequestTarget.isValidPath($0)) }
        }
        for path in ["", "a", "*", "/ ", "/#", "/é", "/\u{0}", "/\r\n", "/\u{7F}", "http://h/"] {
            with(path) { #expect(!RequestTarget.isValidPath($0)) }
        }
        with("*") { #expect(RequestTarget.isValidPath($0, isOptions: true)) }
        for scheme in ["http", "HTTPS"] { with(scheme) { #expect(RequestTarget.isValidScheme($0)) } }
        for scheme in ["", "ftp", "http:", "http://evil/?"] {
            with(scheme) { #expect(!RequestTarget.isValidScheme($0)) }
        }
    }
}
