import Bytes
import Testing
import TrafficPolicy

struct RegexRewriteTests {
    private func rewrite(_ pattern: String, _ substitution: String, _ text: String) throws -> String {
        let rewrite = try RegexRewrite(regex: RegexProgram(pattern), substitution: substitution)
        var output = ByteWriter()
        _ = withBytes(text) { rewrite.apply(to: $0, into: &output) }
        return output.text
    }

    @Test("every match is replaced, groups are filled in", arguments: [
        ("^/service/([^/]+)(/.*)$", "\\2/instance/\\1", "/service/foo/v1/api", "/v1/api/instance/foo"),
        ("one", "two", "/xxx/one/yyy/one/zzz", "/xxx/two/yyy/two/zzz"),
        ("^(.*?)one(.*)$", "\\1two\\2", "/xxx/one/yyy/one/zzz", "/xxx/two/yyy/one/zzz"),
        ("(?i)/xxx/", "/yyy/", "/aaa/XxX/bbb", "/aaa/yyy/bbb"),
        ("a", "\\\\", "bab", "b\\b"),
        ("x", "y", "abc", "abc"),
        ("(b)|(c)", "[\\1\\2]", "abc", "a[b][c]"),
        ("b", "<\\0>", "abc", "a<b>c"),
        ("", "-", "ab", "-a-b-"),
        ("b*", "-", "abbc", "-a-c-"),
        ("", "-", "é", "-é-"),
        ("a", "", "aaa", ""),
        ("$", "!", "", "!"),
    ])
    func replaceAll(pattern: String, substitution: String, text: String, expected: String) throws {
        #expect(try rewrite(pattern, substitution, text) == expected)
    }

    @Test("a substitution that cannot be filled in is refused", arguments: ["\\2", "a\\", "\\x"])
    func invalid(substitution: String) throws {
        let regex = try RegexProgram("(a)")
        #expect(throws: PolicyError.self) { try RegexRewrite(regex: regex, substitution: substitution) }
    }
}
