import Bytes
import HTTPModel
import Testing

struct PathNormalizerTests {
    typealias Normalizer = PathNormalizer

    static let keep = Normalizer(escapedSlashes: .keep)
    static let forward = Normalizer(escapedSlashes: .unescapeAndForward)
    static let redirect = Normalizer(escapedSlashes: .unescapeAndRedirect)
    static let reject = Normalizer(escapedSlashes: .reject)

    /// Path, what `keep` makes of it, what the two that unescape make of it. `!` is a rejection.
    ///
    /// Taken from Envoy 1.40 with normalize_path and merge_slashes, but for the rows below the line.
    static let table: [(path: String, kept: String, unescaped: String)] = [
        ("/", "/", "/"), ("/a/b.c?d=e", "/a/b.c?d=e", "/a/b.c?d=e"),
        ("/.well-known/x", "/.well-known/x", "/.well-known/x"),
        ("/public/..%2fadmin", "/public/..%2fadmin", "/admin"), ("/public/%2e%2e/admin", "/admin", "/admin"),
        ("/public/%2E./admin", "/admin", "/admin"), ("//admin", "/admin", "/admin"), ("/%61dmin", "/admin", "/admin"),
        ("/%41dmin", "/Admin", "/Admin"), ("/public\\..\\admin", "/admin", "/admin"),
        ("/public/..%5cadmin", "/public/..%5cadmin", "/admin"), ("/public/..;/admin", "/admin", "/admin"),
        ("/..;/admin", "/admin", "/admin"),
        ("/%252e%252e/admin", "/%252e%252e/admin", "/%252e%252e/admin"), ("/admin%00", "!", "!"),
        ("/admin#x", "!", "!"), ("/a?b#x", "!", "!"),
        ("/%c0%ae", "/%c0%ae", "/%c0%ae"), ("/admin.", "/admin.", "/admin."), ("/admin/", "/admin/", "/admin/"),
        ("/ADMIN", "/ADMIN", "/ADMIN"),
        ("/a/./b/../c", "/a/c", "/a/c"), ("/a/b/..", "/a/", "/a/"), ("/a/b/.", "/a/b/", "/a/b/"), ("/..", "/", "/"),
        ("/../..", "/", "/"),
        ("/.", "/", "/"), ("/a/..//b", "/b", "/b"), ("/a//../b", "/a/b", "/a/b"),
        ("/a/../?x=/../y//z%2f", "/?x=/../y//z%2f", "/?x=/../y//z%2f"), ("/a?b\\c", "/a?b\\c", "/a?b\\c"),
        ("/%7Euser", "/~user", "/~user"),
        ("/%2d%5f%7e%2E", "/-_~.", "/-_~."), ("/%20a", "/%20a", "/%20a"), ("/%zz", "/%zz", "/%zz"),
        ("/a%", "/a%", "/a%"), ("/a%2", "/a%2", "/a%2"),
        ("/%2fa", "/%2fa", "/a"), ("/%2F%2Fa", "/%2F%2Fa", "/a"), ("/a%2f%2e%2e%2fb", "/a%2f..%2fb", "/b"),
        ("/a/%2e", "/a/", "/a/"),
        ("/[x]{y}|\"<>^`", "/[x]%7By%7D%7C%22%3C%3E%5E%60", "/[x]%7By%7D%7C%22%3C%3E%5E%60"),
        ("/%3b%3a", "/%3b%3a", "/%3b%3a"),
        ("/a;b=c/../d", "/d", "/d"), ("/a/...;/b", "/a/...;/b", "/a/...;/b"), ("/a/.../b", "/a/.../b", "/a/.../b"),
        ("/%e4%bd%a0", "/%e4%bd%a0", "/%e4%bd%a0"), ("/%2520", "/%2520", "/%2520"), ("/a//", "/a/", "/a/"),
        ("/a%3fb", "/a%3fb", "/a%3fb"),
        ("/a%23b", "/a%23b", "/a%23b"), ("/%0a", "/%0a", "/%0a"), ("/'!$&()*+,=:@", "/'!$&()*+,=:@", "/'!$&()*+,=:@"),
        ("/%27%21%24%26", "/%27%21%24%26", "/%27%21%24%26"), ("/foo%2F..%2f..%5C..", "/foo%2F..%2f..%5C..", "/"),
        ("/a/.;x/b", "/a/b", "/a/b"), ("/a/.;/b", "/a/b", "/a/b"), ("/a/..;b=c/d", "/d", "/d"),
        ("/a/b/..;", "/a/", "/a/"), ("/a/b/.;", "/a/b/", "/a/b/"),
        ("/a/b/..;x", "/a/", "/a/"), ("/a/..%3b/b", "/a/..%3b/b", "/a/..%3b/b"), ("/a/..?x", "/?x", "/?x"),
        ("/a/b/..?x", "/a/?x", "/a/?x"),
        ("/a/b/.?x", "/a/b/?x", "/a/b/?x"), ("/a/.;?x", "/a/?x", "/a/?x"), ("/a/..x/b", "/a/..x/b", "/a/..x/b"),
        ("/a/.%2f/b", "/a/.%2f/b", "/a/b"),
        ("/a/..%00/b", "!", "!"), ("/a%5c..%5cb", "/a%5c..%5cb", "/b"), ("/a/..\\", "/", "/"), ("/;/../b", "/b", "/b"),
        ("/a/;/../b", "/a/b", "/a/b"),
        ("/a/..;;x;y/b", "/b", "/b"), ("/a/../..;/../b", "/b", "/b"), ("/a%2e%2e", "/a..", "/a.."),
        ("//..//..//a", "/a", "/a"),
        ("/a////b?c//d", "/a/b?c//d", "/a/b?c//d"), ("/?", "/?", "/?"), ("/a?%00", "/a?%00", "/a?%00"),
        ("/a?%2f%5c%2e", "/a?%2f%5c%2e", "/a?%2f%5c%2e"),
        ("/%2e%2e%2f%2e%2e%2fetc", "/..%2f..%2fetc", "/etc"), ("/a%2f%5c%2fb", "/a%2f%5c%2fb", "/a/b"),
        ("/a/..%5c/b", "/a/..%5c/b", "/b"),
        // Where Envoy's result would change if it were normalised again.
        ("/a/.%2e;/b", "/b", "/b"), ("/a/%2e;/b", "/a/b", "/a/b"), ("//", "/", "/"), ("///", "/", "/"),
        ("/%%32e%2e/b", "/%%32e./b", "/%%32e./b"),
        ("/%%32%65", "/%%32e", "/%%32e"), ("/%2%66x", "/%2%66x", "/%2%66x"),
    ]

    private static func run(_ normalizer: Normalizer, _ path: String) -> (outcome: Normalizer.Outcome, path: String) {
        var fields = HeaderBlock(fields: 4, bytes: 64)
        fields.append(":method", "GET")
        fields.append(":path", path)
        fields.append("x-behind", "kept")
        let outcome = normalizer.apply(to: &fields)
        let behind = fields["x-behind"]
        #expect(behind == "kept")
        return (outcome, fields[":path"] ?? "")
    }

    private static func expect(
        _ normalizer: Normalizer, _ path: String, _ result: String, changed: Normalizer.Outcome = .changed
    ) {
        let (outcome, actual) = run(normalizer, path)
        if result == "!" {
            #expect(outcome == .rejected, "\(path)")
        } else {
            #expect(actual == result, "\(path)")
            #expect(outcome == (path == result ? .unchanged : changed), "\(path)")
        }
    }

    @Test("a path gets one canonical form", arguments: table.indices)
    func canonical(index: Int) {
        let (path, kept, unescaped) = Self.table[index]
        Self.expect(Self.keep, path, kept)
        Self.expect(Self.forward, path, unescaped)
        let before = path.prefix { $0 != "?" }.lowercased()
        let hasEscapedSlash = before.contains("%2f") || before.contains("%5c")
        Self.expect(Self.redirect, path, unescaped, changed: hasEscapedSlash ? .redirect : .changed)
        Self.expect(Self.reject, path, hasEscapedSlash ? "!" : unescaped)
    }

    @Test("what is canonical stays as it is", arguments: table.indices)
    func stable(index: Int) {
        for normalizer in [Self.keep, Self.forward] {
            let (outcome, once) = Self.run(normalizer, Self.table[index].path)
            guard outcome != .rejected else { continue }
            let again = Self.run(normalizer, once)
            #expect(again.outcome == .unchanged && again.path == once)
        }
    }

    @Test(
        "each rule works alone",
        arguments: [
            ("/public/..%2fadmin", "/public/../admin"), ("/public/..%5cadmin", "/public/..\\admin"),
            ("//admin", "//admin"),
            ("/%61dmin", "/%61dmin"), ("/admin%00", "/admin%00"), ("/a%2f%2e%2e%2fb", "/a/%2e%2e/b"), ("/a{b", "/a{b"),
        ])
    func unescapeAlone(path: String, result: String) {
        Self.expect(
            Normalizer(normalizesPath: false, mergesSlashes: false, escapedSlashes: .unescapeAndForward), path, result)
    }

    @Test(arguments: [
        ("//a", "//a"), ("/a//../b", "/a/b"), ("/a/..//b", "//b"), ("/a//", "/a//"), ("//..//..//a", "//a"),
    ])
    func dotsAlone(path: String, result: String) {
        Self.expect(Normalizer(mergesSlashes: false, escapedSlashes: .keep), path, result)
    }

    @Test(arguments: [
        ("//a", "/a"), ("/a//../b", "/a/../b"), ("/a//", "/a/"), ("/a?b//c", "/a?b//c"), ("/%2f/a", "/%2f/a"),
    ])
    func mergeAlone(path: String, result: String) {
        Self.expect(Normalizer(normalizesPath: false, escapedSlashes: .keep), path, result)
    }

    @Test("a fragment is refused whatever the rules; * and no path stay; what is no path is refused")
    func edges() {
        let none = Normalizer(normalizesPath: false, mergesSlashes: false, escapedSlashes: .keep)
        #expect(Self.run(none, "/a#b").outcome == .rejected)
        #expect(Self.run(none, "x").outcome == .unchanged)
        #expect(Self.run(Self.keep, "*").outcome == .unchanged)
        #expect(Self.run(Self.keep, "x/../y").outcome == .rejected)
        #expect(Self.run(Self.keep, "").outcome == .rejected)
        var connect = HeaderBlock()
        connect.append(":method", "CONNECT")
        let outcome = Self.keep.apply(to: &connect)
        #expect(outcome == .unchanged)
    }

    @Test("random paths: never a dot segment, a double slash or a backslash left, and the second time changes nothing")
    func random() {
        var state: UInt64 = 0x5EED
        func next(_ bound: UInt64) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % bound)
        }
        let parts = [
            "/", ".", "..", "%2e", "%2E", "\\", "%2f", "%5C", "%", "2", "e", "a", ";", "%25", "%32", "{", "//", "%61",
            "é", "%00x", ":",
        ]
        for _ in 0..<20_000 {
            let path = "/" + (0..<next(12)).map { _ in parts[next(UInt64(parts.count))] }.joined()
            let (outcome, once) = Self.run(Self.forward, path)
            if outcome == .rejected { continue }
            #expect(once.hasPrefix("/") && !once.contains("//") && !once.contains("\\"), "\(path) became \(once)")
            for segment in once.split(separator: "/") {
                let name = segment.prefix { $0 != ";" }
                #expect(name != "." && name != "..", "\(path) became \(once)")
            }
            let again = Self.run(Self.forward, once)
            #expect(again.outcome == .unchanged && again.path == once, "\(path) became \(once), then \(again.path)")
        }
    }
}
