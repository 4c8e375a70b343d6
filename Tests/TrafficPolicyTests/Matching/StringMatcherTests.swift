import Testing
import TrafficPolicy

struct StringMatcherTests {
    static let cases: [(StringMatcher, String, Bool)] = [
        (.exact("abc"), "abc", true), (.exact("abc"), "ABC", false), (.exact("abc"), "abcd", false),
        (.exact(""), "", true), (.exact("abc", ignoresCase: true), "aBc", true),
        (.prefix("ab"), "abc", true), (.prefix("ab"), "ab", true), (.prefix("ab"), "a", false),
        (.prefix("AB", ignoresCase: true), "abc", true), (.prefix("AB"), "abc", false),
        (.suffix("bc"), "abc", true), (.suffix("bc"), "bc", true), (.suffix("bc"), "c", false),
        (.suffix("BC", ignoresCase: true), "abc", true),
        (.contains("b"), "abc", true), (.contains("abc"), "abc", true), (.contains("bc"), "abc", true),
        (.contains("x"), "abc", false), (.contains("abcd"), "abc", false), (.contains(""), "", true),
        (.contains("B", ignoresCase: true), "abc", true),
    ]

    @Test("each kind of pattern", arguments: cases)
    func patterns(matcher: StringMatcher, text: String, expected: Bool) {
        #expect(withBytes(text) { matcher.matches($0) } == expected)
    }

    @Test("a regex must match the whole text")
    func regex() throws {
        let matcher = try StringMatcher.regex("a.c")
        #expect(withBytes("abc") { matcher.matches($0) })
        #expect(!withBytes("abcd") { matcher.matches($0) })
    }
}
