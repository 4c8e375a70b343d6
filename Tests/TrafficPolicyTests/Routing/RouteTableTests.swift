import HTTPModel
import Testing
import TrafficPolicy

struct RouteTableTests {
    private func table(_ routes: [RouteMatchConfig], _ options: RouteTable.Options = .init()) throws -> RouteTable {
        try RouteTable([VirtualHostConfig(name: "v", domains: ["*"], routes: routes)], options: options)
    }

    typealias Path = RouteMatchConfig.Path

    static let paths: [(Path, String, Bool)] = [
        (.prefix("/"), "/", true), (.prefix("/"), "/a?b", true), (.prefix(""), "*", true), (.prefix("/a"), "/ab", true),
        (.prefix("/a"), "/", false), (.prefix("/a?"), "/a?b", false), (.prefix("/a"), "/A", false),
        (.prefix("/abc"), "/abd", false), (.prefix("/a/b"), "/a#/b", false),
        (.path("/a"), "/a", true), (.path("/a"), "/a?x=/b", true), (.path("/a"), "/a#x", true), (.path("/a"), "/ab", false),
        (.path("/a"), "/a/", false), (.path("/a/b"), "/a", false), (.path(""), "/", false),
        (.separatedPrefix("/a"), "/a", true), (.separatedPrefix("/a"), "/a/b", true), (.separatedPrefix("/a"), "/a/", true),
        (.separatedPrefix("/a"), "/ab", false), (.separatedPrefix("/a"), "/a?b", true), (.separatedPrefix("/a/b"), "/a", false),
        (.regex("/[0-9]+"), "/12", true), (.regex("/[0-9]+"), "/12?x", true), (.regex("/[0-9]+"), "/12/", false),
        (.regex("/[0-9]+"), "/x12", false), (.connect, "/", false),
    ]

    @Test("each kind of path, with the query left out", arguments: paths)
    func path(path: Path, target: String, expected: Bool) throws {
        let table = try table([RouteMatchConfig(path)])
        let head = makeRequest(target)
        #expect((table.match(head, random: 0) != nil) == expected)
        #expect((table.explain(head, random: 0).match != nil) == expected)
    }

    @Test("letters of either case are the same on demand, except in a regex", arguments: [
        (Path.prefix("/Api/"), "/aPI/x", true), (.path("/Api"), "/aPI", true), (.separatedPrefix("/Api"), "/aPI/x", true),
        (.regex("/Api"), "/aPI", false),
    ])
    func caseInsensitive(path: Path, target: String, expected: Bool) throws {
        let table = try table([RouteMatchConfig(path, isCaseSensitive: false)])
        #expect((table.match(makeRequest(target), random: 0) != nil) == expected)
        #expect((table.explain(makeRequest(target), random: 0).match != nil) == expected)
    }

    @Test("the first route that matches wins, whatever its kind", arguments: [
        ("/a/b", 0), ("/a/c", 1), ("/A/x", 2), ("/a", 3), ("/ax", 4), ("/zz", 5), ("/9", 6), ("/", 7),
    ])
    func firstWins(target: String, expected: Int) throws {
        let table = try table([
            .init(.path("/a/b")), .init(.prefix("/a/")), .init(.prefix("/a/"), isCaseSensitive: false),
            .init(.separatedPrefix("/a")), .init(.prefix("/a")), .init(.regex("/z+")), .init(.regex("/[0-9]")),
            .init(.prefix("/")), .init(.prefix("/a/b/c")),
        ])
        #expect(table.match(makeRequest(target), random: 0) == RouteMatch(virtualHost: 0, route: expected))
    }

    @Test("a shorter prefix that stands first hides a longer one")
    func shadowed() throws {
        let table = try table([.init(.prefix("/a")), .init(.prefix("/a/b"))])
        #expect(table.match(makeRequest("/a/b/c"), random: 0)?.route == 0)
    }

    @Test("headers, query, fraction and gRPC must hold as well; the next candidate is tried")
    func conditions() throws {
        let table = try table([
            .init(.prefix("/"), headers: [HeaderMatcher(name: "x-v", .string(.exact("2")))]),
            .init(.prefix("/a"), queryParameters: [.init(name: "debug", value: .exact("1"))]),
            .init(.path("/a/grpc"), requiresGRPC: true),
            .init(.prefix("/a"), runtimeFraction: .init(25)),
            .init(.prefix("/a")),
        ])
        func route(_ path: String, _ fields: [(String, String)] = [], random: UInt64 = 99) -> Int? {
            table.match(makeRequest(path, fields), random: random)?.route
        }
        func makeRequest(_ path: String, _ fields: [(String, String)]) -> HeaderBlock {
            TrafficPolicyTests.makeRequest(path, fields)
        }
        #expect(route("/a", [("x-v", "2")]) == 0)
        #expect(route("/a?debug=1", [("x-v", "1")]) == 1)
        #expect(route("/a/grpc", [("content-type", "application/grpc+proto")]) == 2)
        #expect(route("/a/grpc", [("content-type", "application/grpc")]) == 2)
        #expect(route("/a/grpc", [("content-type", "application/grpc-web")]) == 4)
        #expect(route("/a", random: 24) == 3)
        #expect(route("/a", random: 124) == 3)
        #expect(route("/a", random: 25) == 4)
        #expect(route("/b") == nil)
    }

    @Test("a CONNECT request without a path matches the connect matcher alone")
    func connect() throws {
        let table = try table([.init(.prefix("")), .init(.regex(".*")), .init(.connect)])
        #expect(table.match(makeRequest(nil, method: "CONNECT"), random: 0)?.route == 2)
        #expect(table.match(makeRequest(nil, method: "GET"), random: 0) == nil)
        #expect(table.match(makeRequest("/", method: "CONNECT"), random: 0)?.route == 0)
    }

    @Test("path parameters are left out on demand")
    func parameters() throws {
        let route = RouteMatchConfig(.path("/a"))
        #expect(try table([route]).match(makeRequest("/a;v=1"), random: 0) == nil)
        let ignoring = try table([route], .init(ignoresPathParameters: true))
        #expect(ignoring.match(makeRequest("/a;v=1?q"), random: 0)?.route == 0)
    }

    @Test("an explanation names the condition that each earlier route misses")
    func explanation() throws {
        let table = try table([
            .init(.path("/x")),
            .init(.prefix("/"), headers: [HeaderMatcher(name: "x-v", .string(.exact("2")))]),
            .init(.prefix("/"), queryParameters: [.init(name: "q")]),
            .init(.regex("/b")), .init(.prefix("/"), runtimeFraction: .init(1)), .init(.connect),
            .init(.prefix("/"), requiresGRPC: true), .init(.prefix("/a")),
        ])
        let explanation = table.explain(makeRequest("/a"), random: 50)
        #expect(explanation.virtualHost == "v")
        #expect(explanation.match == RouteMatch(virtualHost: 0, route: 7))
        #expect(explanation.rejected.map(\.reason) == [
            "path does not match path '/x'", "header 'x-v' equal to '2' does not hold",
            "query parameter 'q' present does not hold", "path does not match safe_regex '/b'",
            "outside of the runtime fraction 1/100", "method is not CONNECT", "not a gRPC request",
        ])
    }

    @Test("a route that cannot be compiled is named")
    func invalid() throws {
        #expect {
            try table([.init(.prefix("/")), .init(.regex("("))])
        } throws: { error in
            guard case .route(virtualHost: "v", route: 1, cause: .invalidRegex) = error as? PolicyError else { return false }
            return "\(error)".hasPrefix("virtual host 'v', routes[1]: regex '(' is not valid")
        }
    }

    @Test("prefixes nested deeper than the stack has room for are still told apart")
    func deep() throws {
        let depth = 1000
        let routes = (1...depth).reversed().map { RouteMatchConfig(.prefix(String(repeating: "a", count: $0))) }
        let table = try table(routes)
        for length in [1, 2, 500, depth, depth + 5] {
            let match = table.match(makeRequest(String(repeating: "a", count: length)), random: 0)
            #expect(match?.route == depth - min(length, depth))
        }
    }

    @Test("what a prefix rewrite replaces is the prefix, or the whole path", arguments: [
        (Path.prefix("/ab"), "/abc?d", 3), (.separatedPrefix("/abc"), "/abc/d", 4), (.path("/abc"), "/abc?d", 4),
        (.regex("/a.*"), "/abc?d", 4),
    ])
    func matchedLength(path: Path, target: String, expected: Int) throws {
        let table = try table([.init(path)])
        let found = table.match(makeRequest(target), random: 0)
        let match = try #require(found)
        let length = withBytes(target) { table.matchedLength(match, path: RequestPath($0).path) }
        #expect(length == expected)
    }
}
