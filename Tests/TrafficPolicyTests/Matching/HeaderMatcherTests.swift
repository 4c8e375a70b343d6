import HTTPModel
import Testing
import TrafficPolicy

struct HeaderMatcherTests {
    typealias Condition = HeaderMatcher.Condition

    static let cases: [(Condition, [String], Bool)] = [
        (.present(true), ["a"], true), (.present(true), [], false),
        (.present(false), ["a"], false), (.present(false), [], true),
        (.string(.exact("a")), ["a"], true), (.string(.exact("a")), ["b"], false), (.string(.exact("a")), [], false),
        (.string(.exact("a,b")), ["a", "b"], false), (.string(.exact("a")), ["a", "b"], true),
        (.string(.exact("b")), ["a", "b"], true), (.string(.exact("x")), ["a", "b"], false),
        (.string(.prefix("b")), ["a", "b"], true), (.string(.contains(",")), ["a", "b"], false),
        (.string(.suffix("admin")), ["user", "admin"], true), (.string(.contains("user")), ["user,admin"], true),
        (.string(.exact(",")), ["", ""], false),
        (.string(.exact("")), [""], true), (.string(.exact("")), [], false),
        (.range(start: -10, end: 0), ["-1"], true), (.range(start: -10, end: 0), ["0"], false),
        (.range(start: -10, end: 0), ["-10"], true), (.range(start: -10, end: 0), ["-11"], false),
        (.range(start: -10, end: 0), ["somestring"], false), (.range(start: -10, end: 0), ["-1somestring"], false),
        (.range(start: 0, end: 10), ["3", "4"], true), (.range(start: 0, end: 10), ["x", "4"], true),
        (.range(start: 0, end: 10), ["+5"], true), (.range(start: 0, end: 10), ["+-5"], false), (.range(start: 0, end: 10), [""], false),
        (.range(start: 0, end: 10), ["-"], false), (.range(start: 0, end: 10), ["99999999999999999999"], false),
        (.range(start: .min, end: 0), ["-9223372036854775807"], true),
    ]

    @Test("each condition, on none, one and several values", arguments: cases)
    func conditions(condition: Condition, values: [String], expected: Bool) throws {
        let head = makeHead(values.map { ("x-test", $0) })
        let plain = try HeaderMatcher(name: "X-Test", condition)
        #expect(plain.matches(head) == expected)
        let inverted = try HeaderMatcher(name: "x-test", condition, inverts: true)
        // A missing header matches no inverted string or range either; presence is turned round always.
        if case .present = condition {
            #expect(inverted.matches(head) == !expected)
        } else {
            #expect(inverted.matches(head) == (values.isEmpty ? false : !expected))
        }
    }

    @Test("a missing header can be taken for an empty one", arguments: [
        (Condition.string(.exact("")), false, true), (.string(.exact("a")), false, false),
        (.string(.exact("a")), true, true), (.range(start: 0, end: 10), false, false),
        (.range(start: 0, end: 10), true, true), (.present(true), false, true), (.present(false), false, false),
    ])
    func missingAsEmpty(condition: Condition, inverts: Bool, expected: Bool) throws {
        let matcher = try HeaderMatcher(name: "x-test", condition, inverts: inverts, treatsMissingAsEmpty: true)
        #expect(matcher.matches(makeHead([("other", "1")])) == expected)
    }

    @Test("host means :authority, and known names are found too")
    func names() throws {
        let head = makeRequest("/", host: "a.example", [("user-agent", "curl/8")])
        #expect(try HeaderMatcher(name: "Host", .string(.exact("a.example"))).matches(head))
        #expect(try HeaderMatcher(name: ":method", .string(.exact("GET"))).matches(head))
        #expect(try HeaderMatcher(name: "User-Agent", .string(.prefix("curl/"))).matches(head))
    }

    @Test("values of a name that Envoy keeps as one field are joined, those of others are not", arguments: [
        ("user-agent", true), ("x-forwarded-for", true), ("authorization", true), ("content-type", true),
        ("cookie", false), ("x-custom", false), ("traceparent", false), ("accept-language", false),
    ])
    func joining(name: String, joins: Bool) throws {
        let head = makeHead([(name, "a"), ("other", "c"), (name, "b")])
        let each = try HeaderMatcher(name: name, .string(.exact("b")))
        let joined = try HeaderMatcher(name: name, .string(.exact("a,b")))
        let notEach = try HeaderMatcher(name: name, .string(.exact("b")), inverts: true)
        let notJoined = try HeaderMatcher(name: name, .string(.exact("a,b")), inverts: true)
        do { let value = each.matches(head); #expect(value == !joins) }
        do { let value = joined.matches(head); #expect(value == joins) }
        do { let value = notEach.matches(head); #expect(value == joins) }
        do { let value = notJoined.matches(head); #expect(value == !joins) }
    }

    @Test("values that join to more than fits on the stack still match")
    func longJoin() throws {
        let long = String(repeating: "x", count: 5000)
        let head = makeHead([("referer", long), ("other", "-"), ("referer", long)])
        #expect(try HeaderMatcher(name: "referer", .string(.exact(long + "," + long))).matches(head))
    }

    @Test("a range that ends before it starts is refused")
    func range() {
        #expect(throws: PolicyError.emptyRange(start: 1, end: 0)) { try HeaderMatcher(name: "a", .range(start: 1, end: 0)) }
    }
}
