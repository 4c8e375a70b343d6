import Bytes
import Testing
import TrafficPolicy

struct RegexProgramTests {
    @Test("a regex must match the whole text", arguments: [
        ("a+", "aaa", true), ("a+", "aaab", false), ("a+", "", false), ("", "", true), (".*", "", true),
        ("/users/[0-9]+", "/users/42", true), ("/users/[0-9]+", "/users/42/x", false), ("(?i)ABC", "abc", true),
        ("a.c", "a\nc", false), ("é", "é", true),
    ])
    func full(pattern: String, text: String, expected: Bool) throws {
        let regex = try RegexProgram(pattern)
        #expect(withBytes(text) { regex.matchesAll(of: $0) } == expected)
    }

    @Test("case can be ignored")
    func ignoreCase() throws {
        let regex = try RegexProgram("abc", caseSensitive: false)
        #expect(withBytes("aBC") { regex.matchesAll(of: $0) })
    }

    @Test("an expression that RE2 refuses is an error with its reason", arguments: ["(", "a{2,1}", "(?=x)", "\\1", "[z-a]"])
    func invalid(pattern: String) {
        #expect {
            try RegexProgram(pattern)
        } throws: { error in
            guard case .invalidRegex(pattern, let reason) = error as? PolicyError else { return false }
            return !reason.isEmpty
        }
    }

    @Test("a program at the cap compiles, one instruction above does not")
    func cap() throws {
        let pattern = "a{100}"
        func compiles(_ maximum: Int) -> Bool { (try? RegexProgram(pattern, maximumSize: maximum)) != nil }
        let size = try #require((1...10_000).first(where: compiles))
        #expect(throws: PolicyError.regexTooLarge(pattern: pattern, size: size, maximum: size - 1)) {
            try RegexProgram(pattern, maximumSize: size - 1)
        }
        #expect(throws: PolicyError.self) { try RegexProgram("((a{100}){100}){100}") }
    }

    @Test("an expression that takes exponential time elsewhere is answered")
    func linear() throws {
        let regex = try RegexProgram("(a+)+$")
        #expect(!withBytes(String(repeating: "a", count: 50_000) + "!") { regex.matchesAll(of: $0) })
    }
}
