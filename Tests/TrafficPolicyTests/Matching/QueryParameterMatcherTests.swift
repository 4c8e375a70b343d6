import Testing
import TrafficPolicy

struct QueryParameterMatcherTests {
    static let cases: [(QueryParameterMatcher, String, Bool)] = [
        (.init(name: "a"), "a=1", true), (.init(name: "a"), "a", true), (.init(name: "a"), "", false),
        (.init(name: "a"), "b=1&a=", true), (.init(name: "a"), "ab=1", false), (.init(name: "a"), "b=a", false),
        (.init(name: "a", value: .exact("1")), "a=1", true), (.init(name: "a", value: .exact("1")), "b=2&a=1", true),
        (.init(name: "a", value: .exact("2")), "a=1&a=2", false), (.init(name: "a", value: .exact("")), "a", true),
        (.init(name: "a", value: .exact("1=2")), "a=1=2", true), (.init(name: "a", value: .prefix("x")), "a=y&&a=x", false),
        (.init(name: "a", value: .exact("%20")), "a=%20", true), (.init(name: "A"), "a=1", false),
        (.init(name: "a", isPresent: false), "a=1", false), (.init(name: "a", isPresent: false), "b=1", true),
        (.init(name: "a", isPresent: false), "", true),
    ]

    @Test("the first value of a name counts, undecoded", arguments: cases)
    func match(matcher: QueryParameterMatcher, query: String, expected: Bool) {
        #expect(withBytes(query) { matcher.matches(query: $0) } == expected)
    }
}
