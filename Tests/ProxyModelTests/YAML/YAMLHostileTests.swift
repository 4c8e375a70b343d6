import ProxyModel
import Testing

/// Row 58 of the hostile inputs: refused with a place and a reason, or read by the rules of YAML 1.2, and never a crash.
@Suite struct YAMLHostileTests {
    static let refused: [(text: String, line: Int, column: Int, message: String)] = [
        ("a: 1\na: 2\n", 2, 1, "the key \"a\" appears twice"),
        ("{a: 1, \"a\": 2}", 1, 8, "the key \"a\" appears twice"),
        ("a: &x {b: 1}\nc:\n  <<: *x\n", 3, 3, "merge keys (<<) are not supported"),
        ("a: !!python/object:os.system ls\n", 1, 4, "unknown tag !!python/object:os.system"),
        ("a: !ruby/object {}\n", 1, 4, "unknown tag !ruby/object"),
        ("a: !!binary aGk=\n", 1, 4, "unknown tag !!binary"),
        ("a: !!int x\n", 1, 4, "the text does not fit its tag !!int"),
        ("a: !!str {}\n", 1, 4, "the value does not fit its tag !!str"),
        ("a: 1\n---\nb: 2\n", 2, 1, "a second document starts here; only one is read"),
        ("a: 1\n...\n---\nb: 2\n", 3, 1, "a second document starts here; only one is read"),
        ("a: &x [*x]\n", 1, 8, "the alias *x names no anchor before it"),
        ("a: *nothing\n", 1, 4, "the alias *nothing names no anchor before it"),
        ("a:\n\tb: 1\n", 2, 1, "a tab cannot indent; use spaces"),
        ("-\ta: 1\n", 1, 2, "a tab cannot indent; use spaces"),
        ("a: b\0c\n", 1, 5, "control character 0x00"),
        ("a: b\u{7}c\n", 1, 5, "control character 0x07"),
        ("a: b\u{7F}\n", 1, 5, "control character 0x7f"),
        ("a: b\u{85}\u{9F}\n", 1, 6, "control character 0x9f"),
        ("? a\n: b\n", 1, 1, "keys that start with \"?\" are not supported"),
        ("{[a]: b}\n", 1, 2, "a key must be text, not a list or mapping"),
        ("[a]: b\n", 1, 1, "a key must be text, not a list or mapping"),
        ("a: b: c\n", 1, 5, "a mapping cannot start on this line; text that holds \": \" needs quotes"),
        ("a: - b\n", 1, 4, "a list cannot start on this line"),
        (
            "a: b\n  c: d\n", 2, 4,
            "a mapping cannot start inside text that began on an earlier line; is the indentation right?"
        ),
        ("a:\n    b: 1\n  c: 2\n", 3, 3, "indented deeper than the mapping that it stands in"),
        ("a: [1, 2\n", 2, 1, "unexpected end of text; expected \"]\""),
        ("a: {b: 1]\n", 1, 9, "expected \",\" or \"}\", found \"]\""),
        ("a: \"b\n", 1, 4, "this quote is never closed"),
        ("a: 'b\n---\n'", 1, 4, "this quote is never closed"),
        ("a: \"\\q\"\n", 1, 5, "unknown escape sequence"),
        ("a: \"\\ud800\"\n", 1, 11, "this escape sequence names no character"),
        ("a: @b\n", 1, 4, "text cannot start with \"@\"; put it in quotes"),
        ("a: %b\n", 1, 4, "text cannot start with \"%\"; put it in quotes"),
        ("%TAG ! x\n---\na: 1\n", 1, 1, "only the directive %YAML 1.x is supported"),
        ("é: \"ü\" x\n", 1, 8, "unexpected \"x\" after a value"),
        ("a: \"b\" c\n", 1, 8, "unexpected \"c\" after a value"),
    ]

    @Test("a document that could be read in two ways is refused with its place", arguments: refused)
    func refuses(text: String, line: Int, column: Int, message: String) {
        #expect(throws: YAMLError(mark: ConfigMark(line: line, column: column), message: message)) {
            try YAMLParser.parse(text)
        }
    }

    static let read: [(text: String, tree: String)] = [
        ("", "||"),
        ("\u{FEFF}a: 1", "{\"a\": |1|}"),
        ("# only a comment\n", "||"),
        ("%YAML 1.2\n---\na: 1\n...\n", "{\"a\": |1|}"),
        (
            "a: no\nb: on\nc: 1_000\nd: 1:30\ne: 2001-01-01\n",
            "{\"a\": |no|, \"b\": |on|, \"c\": |1_000|, \"d\": |1:30|, \"e\": |2001-01-01|}"
        ),
        ("a: x#y # z\n", "{\"a\": |x#y|}"),
        ("a: \"\\ud83e\\uddf5\"\n", "{\"a\": \"🧵\"}"),
        ("a: &x [1]\nb: *x\nc: &x 2\nd: *x\n", "{\"a\": [|1|], \"b\": [|1|], \"c\": |2|, \"d\": |2|}"),
        ("a:\r\n- b\r- c\r\n", "{\"a\": [|b|, |c|]}"),
        ("a: |\n  if x then\n    y = 2 *3 -- &z\n  end\n", "{\"a\": \"if x then\\n  y = 2 *3 -- &z\\nend\\n\"}"),
    ]

    @Test("the traps of YAML 1.1 are read by the core schema of YAML 1.2", arguments: read)
    func reads(text: String, tree: String) throws {
        #expect(try YAMLParser.parse(text).rendered == tree)
    }

    @Test("every cut of a document is read or refused", arguments: ["http.yaml", "minimal.yaml"])
    func everyPrefix(name: String) throws {
        let bytes = Array(try Fixture.text(name).utf8)
        let step = name == "http.yaml" ? 7 : 1
        for end in stride(from: 0, through: bytes.count, by: step) {
            _ = try? YAMLParser.parse(String(decoding: bytes[..<end], as: UTF8.self))
        }
        #expect(throws: Never.self) { try YAMLParser.parse(String(decoding: bytes, as: UTF8.self)) }
    }

    // MARK: - Bounds

    @Test("aliases that multiply are counted before they are expanded")
    func billionLaughs() {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1...9 {
            text +=
                "a\(level): &a\(level) [" + Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
                + "]\n"
        }
        #expect(throws: YAMLError.self) { try YAMLParser.parse(text) }
        let error = #expect(throws: YAMLError.self) { try YAMLParser.parse("k: &k {v: [x]}\n" + text + "? [*a9]: 1\n") }
        #expect(error?.message == "more than 1000000 values, counting each use of an alias")
    }

    @Test("the bound on values holds exactly")
    func nodesAtTheBound() throws {
        // The list, its anchored list of 997 items, and aliases of 998 values each.
        func document(aliases: Int, more: Int) -> String {
            "- &a [" + Array(repeating: "x", count: 997).joined(separator: ",") + "]\n"
                + String(repeating: "- *a\n", count: aliases) + String(repeating: "- x\n", count: more)
        }
        // 1 + 998 + 1001 * 998 = 999997
        #expect(throws: Never.self) { try YAMLParser.parse(document(aliases: 1001, more: 3)) }
        #expect(throws: YAMLError.self) { try YAMLParser.parse(document(aliases: 1001, more: 4)) }
    }

    @Test(
        "a hundred levels are read and one more is refused",
        arguments: [("[", "]"), ("{a: ", "}"), ("- ", ""), ("a:\n", "")])
    func depth(open: String, close: String) {
        func document(_ levels: Int) -> String {
            guard open == "a:\n" else {
                return String(repeating: open, count: levels) + "x" + String(repeating: close, count: levels)
            }
            return (0..<levels).map { String(repeating: " ", count: $0) + open }.joined()
                + String(repeating: " ", count: levels) + "x"
        }
        #expect(throws: Never.self) { try YAMLParser.parse(document(100)) }
        #expect(throws: YAMLError.self) { try YAMLParser.parse(document(101)) }
        if open != "a:\n" {
            let error = #expect(throws: YAMLError.self) { try YAMLParser.parse(document(100_000)) }
            #expect(error?.message == "nested deeper than 100 levels")
        }
    }

    @Test("aliases cannot be nested past the bound on depth")
    func deepAliases() {
        var text = "a0: &a0 [x]\n"
        for level in 1...120 { text += "a\(level): &a\(level) [*a\(level - 1)]\n" }
        let error = #expect(throws: YAMLError.self) { try YAMLParser.parse(text) }
        #expect(error?.message == "nested deeper than 100 levels")
    }

    @Test("a large scalar and a long line are read in linear time")
    func large() throws {
        let scalar = try YAMLParser.parse("a: \"" + String(repeating: "x", count: 4 << 20) + "\"")
        guard case .scalar(let text, _)? = scalar.value(for: "a")?.content else { return #expect(Bool(false)) }
        #expect(text.utf8.count == 4 << 20)
        let line = "[" + Array(repeating: "{\"a\": 1}", count: 100_000).joined(separator: ",") + "]"
        guard case .sequence(let items) = try YAMLParser.parse(line).content else { return #expect(Bool(false)) }
        #expect(items.last?.mark == ConfigMark(line: 1, column: 2 + 99_999 * 9))
    }

    @Test("a text over the bound on size is not looked at")
    func tooLarge() {
        let text = String(repeating: " ", count: ConfigFormat.maximumBytes + 1)
        let error = #expect(throws: YAMLError.self) { try YAMLParser.parse(text) }
        #expect(error?.message == "the text has 67108865 bytes; at most 67108864 are read")
    }

    // MARK: - JSON alone

    @Test(
        "what only YAML has is refused in JSON",
        arguments: [
            "a: 1", "{a: 1}", "{'a': 1}", "{\"a\": b}", "{\"a\": 1,}", "[1,]", "{\"a\" 1}", "# c\n{}", "{} # c",
            "&a {}",
            "[*a]", "\"a\": 1", "- 1", "|\n a", "{\"a\": 01}", "{\"a\": +1}", "{\"a\": .5}", "{\"a\": 0x1}",
            "{\"a\": Null}",
            "{\"a\": \"\\x41\"}", "{\"a\": \"b\nc\"}", "{\"a\": \"\t\"}", "{\"a\": !!str 1}", "[1] [2]", "[1, , 2]",
        ])
    func strictJSON(text: String) {
        #expect(throws: YAMLError.self) { try YAMLParser.parse(text, format: .json) }
    }

    @Test(
        "all of JSON is read, as JSON and as YAML",
        arguments: [
            "{\"a\":[1,-2.5e+3,true,false,null,\"x\\u00e9\\n\"],\"b\":{}}", "[]", " \n\t{ \"a\" : \"b\" }\n", "\"x\"",
            "12",
        ])
    func json(text: String) throws {
        let withoutTabs = text.replacing("\t", with: " ")
        #expect(try YAMLParser.parse(text, format: .json).rendered == YAMLParser.parse(withoutTabs).rendered)
    }
}
