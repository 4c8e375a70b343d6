import Bytes
import HTTPModel
import Testing
import TrafficPolicy

struct RewriteTests {
    private static func prefix(_ text: String) -> PathRewrite { .prefix(Array(text.utf8)) }

    static let prefixes: [(String, Int, String, String)] = [
        ("/api/v1/x?q=1", 7, "/v2", "/v2/x?q=1"), ("/api", 4, "/", "/"), ("/api/x", 4, "/", "//x"), ("/api/x", 5, "/", "/x"),
        ("/a?b#c", 2, "/new", "/new?b#c"), ("/a", 99, "/b", "/b"), ("/abc", 1, "x", "/xabc"), ("/a/b", 2, "", "/b"),
        ("/ab", 2, "", "/b"),
    ]

    @Test("a prefix is replaced and the query kept", arguments: prefixes)
    func prefix(target: String, matched: Int, replacement: String, expected: String) {
        var head = makeRequest(target)
        var scratch = ByteWriter()
        Self.prefix(replacement).apply(to: &head, matchedLength: matched, keepsOriginal: true, scratch: &scratch)
        do { let value = head[":path"]; #expect(value == expected) }
        do { let value = head["x-envoy-original-path"]; #expect(value == target) }
    }

    @Test("a regex sees the path without its query, and a result without a slash gets one", arguments: [
        ("/(.*)", "\\1", "/http://evil/", "/http://evil/"), ("^/a/(.*)$", "/b/\\1", "/a/x?a=/a/y", "/b/x?a=/a/y"),
        (".*", "", "/x?q", "/x?q"), ("b*", "-", "/emb?b", "/-/-e-m-?b"), ("x", "y", "/abc", "/abc"),
    ])
    func regex(pattern: String, substitution: String, target: String, expected: String) throws {
        let rewrite = PathRewrite.regex(try RegexRewrite(regex: RegexProgram(pattern), substitution: substitution))
        var head = makeRequest(target)
        var scratch = ByteWriter()
        rewrite.apply(to: &head, matchedLength: 0, keepsOriginal: false, scratch: &scratch)
        do { let value = head[":path"]; #expect(value == expected) }
        do { let value = head["x-envoy-original-path"]; #expect(value == nil) }
    }

    @Test("the whole path is replaced", arguments: [("/a/b?c", "/x", "/x?c"), ("/a", "x", "/x"), ("/a", "", "/")])
    func whole(target: String, replacement: String, expected: String) {
        var head = makeRequest(target)
        var scratch = ByteWriter()
        PathRewrite.whole(Array(replacement.utf8))
            .apply(to: &head, matchedLength: 0, keepsOriginal: false, scratch: &scratch)
        do { let value = head[":path"]; #expect(value == expected) }
    }

    @Test("a request without a path is left alone")
    func noPath() {
        var head = makeRequest(nil, method: "CONNECT")
        var scratch = ByteWriter()
        Self.prefix("/x").apply(to: &head, matchedLength: 0, keepsOriginal: true, scratch: &scratch)
        do { let value = head.has(.path) || head.has(.xEnvoyOriginalPath); #expect(!value) }
    }

    static let hosts: [(HostRewrite, [(String, String)], String, String?)] = [
        (.literal(Array("new".utf8)), [], "new", "example.com"),
        (.literal(Array("new".utf8)), [("x-forwarded-host", "first")], "new", "first,example.com"),
        (.literal(Array("new".utf8)), [("x-forwarded-host", "first,example.com")], "new", "first,example.com"),
        (.literal(Array("new".utf8)), [("x-forwarded-host", "a"), ("x-forwarded-host", "b")], "new", "a,b,example.com"),
        (.header(Array("x-to".utf8)), [("x-to", "there")], "there", "example.com"),
        (.header(Array("x-to".utf8)), [], "example.com", nil),
        (.upstream, [], "upstream.local", "example.com"),
    ]

    @Test("the host is replaced and the old one appended to x-forwarded-host", arguments: hosts)
    func host(rewrite: HostRewrite, fields: [(String, String)], expected: String, forwarded: String?) {
        var head = makeRequest("/", fields)
        var scratch = ByteWriter()
        withBytes("upstream.local") {
            rewrite.apply(to: &head, upstreamName: $0, appendsForwardedHost: true, scratch: &scratch)
        }
        do { let value = head[":authority"]; #expect(value == expected) }
        do { let value = head["x-forwarded-host"]; #expect(value == forwarded) }
    }

    @Test("a host can be cut out of the path")
    func hostFromPath() throws {
        let rewrite = HostRewrite.path(try RegexRewrite(regex: RegexProgram("^/(.+)/.+$"), substitution: "\\1"))
        var head = makeRequest("/envoyproxy.io/some/path?a")
        var scratch = ByteWriter()
        rewrite.apply(to: &head, appendsForwardedHost: false, scratch: &scratch)
        do { let value = head[":authority"]; #expect(value == "envoyproxy.io/some") }
        do { let value = head["x-forwarded-host"]; #expect(value == nil) }
    }
}
