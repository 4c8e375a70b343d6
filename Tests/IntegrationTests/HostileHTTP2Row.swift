import TestKit
import Testing

/// Rows 20 and 21: one HTTP/2 request that may not reach an upstream (RFC 9113 sections 8.1 to 8.3).
struct HostileHTTP2Row: Sendable, CustomTestStringConvertible {
    let row: Int
    let name: String
    let fields: [WireField]
    var body: String?
    var trailers: [WireField] = []

    var testDescription: String { "row \(row), \(name)" }

    init(_ row: Int, _ name: String, _ fields: [WireField], body: String? = nil, trailers: [WireField] = []) {
        self.row = row
        self.name = name
        self.fields = fields
        self.body = body
        self.trailers = trailers
    }

    private static func plain(_ more: WireField..., method: String = "GET") -> [WireField] {
        pseudo(method: method) + more
    }

    private static func pseudo(
        method: String = "GET", scheme: String = "http", authority: String = "h.test", path: String = "/up"
    ) -> [WireField] {
        [
            WireField(":method", method), WireField(":scheme", scheme), WireField(":authority", authority),
            WireField(":path", path),
        ]
    }

    /// None of them may be forwarded.
    static let refused: [HostileHTTP2Row] = [
        HostileHTTP2Row(
            20, "transfer-encoding", plain(WireField("transfer-encoding", "chunked"), method: "POST"), body: "0\r\n\r\n"
        ),
        HostileHTTP2Row(20, "length too large", plain(WireField("content-length", "5"), method: "POST"), body: "abc"),
        HostileHTTP2Row(20, "length too small", plain(WireField("content-length", "2"), method: "POST"), body: "abc"),
        HostileHTTP2Row(20, "length without a body", plain(WireField("content-length", "5"))),
        HostileHTTP2Row(
            20, "two lengths",
            plain(WireField("content-length", "3"), WireField("content-length", "3"), method: "POST"), body: "abc"),
        HostileHTTP2Row(
            20, "length with a plus", plain(WireField("content-length", "+3"), method: "POST"), body: "abc"),
        HostileHTTP2Row(20, "CRLF in a value", plain(WireField("x", "a\r\nevil: 1"))),
        HostileHTTP2Row(20, "LF in a value", plain(WireField("x", "a\nevil: 1"))),
        HostileHTTP2Row(20, "CR in a value", plain(WireField("x", "a\rb"))),
        HostileHTTP2Row(20, "NUL in a value", plain(WireField("x", "a\0b"))),
        HostileHTTP2Row(20, "CRLF in a name", plain(WireField("x\r\nevil", "1"))),
        HostileHTTP2Row(20, "colon in a name", plain(WireField("x:y", "1"))),
        HostileHTTP2Row(20, "blank in a name", plain(WireField("x y", "1"))),
        HostileHTTP2Row(20, "upper case in a name", plain(WireField("X-Upper", "1"))),
        HostileHTTP2Row(20, "empty name", plain(WireField("", "1"))),
        HostileHTTP2Row(20, "CRLF in the path", pseudo(path: "/up HTTP/1.1\r\nevil: 1\r\n\r\n")),
        HostileHTTP2Row(20, "blank in the path", pseudo(path: "/up HTTP/1.1")),
        HostileHTTP2Row(20, "CRLF in the method", pseudo(method: "GET /evil HTTP/1.1\r\n")),
        HostileHTTP2Row(20, "blank in the method", pseudo(method: "GET /evil")),
        HostileHTTP2Row(20, "CRLF in the authority", pseudo(authority: "h.test\r\nevil: 1")),
        HostileHTTP2Row(20, "CRLF in the scheme", pseudo(scheme: "http\r\nevil: 1")),
        HostileHTTP2Row(20, "connection", plain(WireField("connection", "close"))),
        HostileHTTP2Row(20, "upgrade", plain(WireField("upgrade", "websocket"))),
        HostileHTTP2Row(20, "keep-alive", plain(WireField("keep-alive", "5"))),
        HostileHTTP2Row(20, "proxy-connection", plain(WireField("proxy-connection", "close"))),
        HostileHTTP2Row(20, "te: gzip", plain(WireField("te", "gzip"))),
        HostileHTTP2Row(21, "two methods", plain() + [WireField(":method", "POST")]),
        HostileHTTP2Row(21, "two paths", plain() + [WireField(":path", "/evil")]),
        HostileHTTP2Row(21, "unknown pseudo-header", plain() + [WireField(":evil", "1")]),
        HostileHTTP2Row(21, "pseudo-header after a field", [WireField("x", "1")] + plain()),
        HostileHTTP2Row(21, "no method", Array(pseudo().dropFirst())),
        HostileHTTP2Row(21, "no scheme", pseudo().filter { $0.name != ":scheme" }),
        HostileHTTP2Row(21, "no path", pseudo().filter { $0.name != ":path" }),
        HostileHTTP2Row(21, "empty path", pseudo(path: "")),
        HostileHTTP2Row(21, "path without a slash", pseudo(path: "up")),
        HostileHTTP2Row(21, "asterisk for GET", pseudo(path: "*")),
        HostileHTTP2Row(21, "status in a request", plain() + [WireField(":status", "200")]),
        HostileHTTP2Row(
            21, "pseudo-header in the trailers", plain(method: "POST"), body: "x",
            trailers: [WireField(":path", "/evil")]),
        HostileHTTP2Row(21, "scheme with a path", pseudo(scheme: "http://evil.test/?")),
        HostileHTTP2Row(21, "user information in the authority", pseudo(authority: "user@h.test")),
        HostileHTTP2Row(21, "comma in the authority", pseudo(authority: "a.test,b.test")),
        HostileHTTP2Row(21, "empty authority", pseudo(authority: "")),
        HostileHTTP2Row(21, "fragment", pseudo(path: "/up#part")),
    ]
}
