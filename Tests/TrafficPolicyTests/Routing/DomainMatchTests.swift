import HTTPModel
import Testing
import TrafficPolicy

struct DomainMatchTests {
    private func table(_ domains: [[String]], ignoresPort: Bool = false) throws -> RouteTable {
        let hosts = domains.enumerated().map {
            VirtualHostConfig(name: "v\($0)", domains: $1, routes: [RouteMatchConfig(.prefix("/"))])
        }
        return try RouteTable(hosts, options: .init(ignoresPort: ignoresPort))
    }

    static let cases: [(String?, Int?)] = [
        ("www.foo.com", 0), ("WWW.Foo.Com", 0), ("a.foo.com", 1), ("foo.com", 3), ("a-bar.foo.com", 2),
        ("-bar.foo.com", 1), ("x.bar.foo.com", 1), ("foo.bar", 3), ("foo.bar.baz", 4), ("foo.", 6), ("foo.bar.", 3),
        ("other", 6), (nil, 6), ("", 6), ("www.foo.com:80", 6), ("api.foo.org", 5), ("b.foo.org", 1),
    ]

    @Test("exact before the longest suffix before the longest prefix before all", arguments: cases)
    func order(host: String?, expected: Int?) throws {
        let table = try table([
            ["www.foo.com"], ["*.foo.com", "*.foo.org"], ["*-bar.foo.com"], ["foo.*"], ["foo.bar.*", "api.*"],
            ["api.foo.org"], ["*"],
        ])
        // `foo.bar.baz` begins with `foo.bar.`, the longer prefix; `foo.bar.` has nothing behind it.
        #expect(table.match(makeRequest("/", host: host), random: 0)?.virtualHost == expected)
    }

    @Test("without a virtual host for all, other hosts have none")
    func none() throws {
        let table = try table([["a.example"], ["*.b.example"]])
        #expect(table.match(makeRequest("/", host: "c.example"), random: 0) == nil)
        #expect(table.match(makeRequest("/", host: nil), random: 0) == nil)
        #expect(table.match(makeRequest("/", host: "b.example"), random: 0) == nil)
        #expect(table.virtualHost(for: makeRequest("/", host: "x.b.example")) == 1)
    }

    @Test("a port is a part of the name unless it is ignored", arguments: [
        ("a.example:8080", true, 0), ("a.example", true, 0), ("a.example:8080", false, nil), ("[::1]:80", true, 1),
        ("[::1]", true, 1), ("[::1]", false, 1), ("a.example:", true, 0),
    ] as [(String, Bool, Int?)])
    func ports(host: String, ignores: Bool, expected: Int?) throws {
        let table = try table([["a.example"], ["[::1]"]], ignoresPort: ignores)
        #expect(table.virtualHost(for: makeRequest("/", host: host)) == expected)
    }

    @Test("a domain that is taken, empty or has its star inside is refused", arguments: [
        (["a", "a"], true), (["a", "A"], true), (["*", "*"], true), (["*.a", "*.A"], true), (["a.*", "a.*"], true),
        ([""], false), (["a.*.b"], false), (["*.a.*"], false), (["**"], false),
    ])
    func invalid(domains: [String], isDuplicate: Bool) throws {
        #expect {
            try table([domains])
        } throws: { error in
            switch error as? PolicyError {
            case .duplicateDomain(virtualHost: "v0", _): isDuplicate
            case .invalidDomain(virtualHost: "v0", _): !isDuplicate
            default: false
            }
        }
    }

    @Test("ten thousand domains of each kind are told apart, like a search through all of them")
    func many() throws {
        var random = FastRandom(seed: 42)
        func label() -> String { String("abcd".randomElement(using: &random)!) }
        func name() -> String { (0..<Int(random.next(below: 6) + 1)).map { _ in label() }.joined(separator: ".") }
        var domains: Set<String> = []
        for _ in 0..<3000 { domains.insert(name()) }
        for _ in 0..<500 { domains.insert("*." + name()) }
        for _ in 0..<500 { domains.insert(name() + ".*") }
        let list = domains.sorted()
        let table = try table(list.map { [$0] })
        for _ in 0..<20_000 {
            let host = name()
            #expect(table.virtualHost(for: makeRequest("/", host: host)) == Self.search(list, host))
        }
    }

    private static func search(_ domains: [String], _ host: String) -> Int? {
        if let index = domains.firstIndex(of: host) { return index }
        let suffixes = domains.indices.filter {
            domains[$0].hasPrefix("*") && host.utf8.count >= domains[$0].utf8.count && host.hasSuffix(domains[$0].dropFirst())
        }
        if let best = suffixes.max(by: { domains[$0].utf8.count < domains[$1].utf8.count }) { return best }
        let prefixes = domains.indices.filter {
            domains[$0].hasSuffix("*") && host.utf8.count >= domains[$0].utf8.count && host.hasPrefix(domains[$0].dropLast())
        }
        return prefixes.max(by: { domains[$0].utf8.count < domains[$1].utf8.count })
    }
}
