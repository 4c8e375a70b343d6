import BodyFields
import Testing

@Suite("Fields of form bodies")
struct FormScannerTests {
    @Test("finds values by their names, wherever the body is cut", arguments: [
        ("model=large", #"valid ["string large", "absent"]"#),
        ("a=b&model=large&c=d", #"valid ["string large", "absent"]"#),
        ("mod%65l=l%C3%A4rge+one&x%20y=1%262", #"valid ["string lärge one", "string 1&2"]"#),
        ("x+y=a=b=c", #"valid ["absent", "string a=b=c"]"#),
        ("model", #"valid ["string ", "absent"]"#),
        ("model=&&", #"valid ["string ", "absent"]"#),
        ("", #"valid ["absent", "absent"]"#),
        ("models=1&mode=2&Model=3", #"valid ["absent", "absent"]"#),
        ("model=1&model=2", #"valid ["twice string 1", "absent"]"#),
        ("model=1&%6dodel", #"valid ["twice string 1", "absent"]"#),
        ("model=%2", #"unexpected end at byte 8 ["pending", "absent"]"#),
    ])
    func values(_ text: String, _ expected: String) throws {
        let results = try Scanned.everywhere(text.utf8.count) { try Scanned.form(text, ["model", "x y"], cuts: $0) }
        let wanted = expected.hasPrefix("valid") ? expected : nil
        if let wanted { #expect(results == [wanted]) } else { #expect(results.allSatisfy { $0.hasPrefix("unexpected end at byte 8") }) }
    }

    @Test("refuses an escape that is none", arguments: [("a=%zz", 3), ("a=%2z", 4), ("%%=1", 1), ("model=100%&a=1", 10)])
    func escapes(_ text: String, _ offset: Int) throws {
        let results = try Scanned.everywhere(text.utf8.count) {
            let scanned = try Scanned.form(text, ["model"], cuts: $0)
            return Scanned(problem: scanned.problem)
        }
        #expect(results == ["invalid escape at byte \(offset) []"])
    }

    @Test("takes values up to the longest")
    func longest() throws {
        #expect(try Scanned.form("model=12345678", ["model"], longest: 8).values == ["string 12345678"])
        #expect(try Scanned.form("model=123456789&x=1", ["model", "x"], longest: 8).values == ["tooLong", "string 1"])
    }

    @Test("a field needs a name")
    func name() {
        #expect(throws: FieldPathError.emptyName) { try FormFields(["a", ""], longestValue: 8) }
    }
}

extension Scanned {
    init(problem: ScanProblem?) {
        self.problem = problem
        values = []
    }
}
