import Testing

@Suite("The code mask")
struct CodeMaskTests {
    @Test(
        "blanks comments and strings and keeps the rest",
        arguments: [
            ("let a = 1 // b", "let a = 1     "),
            ("a /* b /* c */ d */ e", "a                   e"),
            (#"f("x\"y") + z"#, #"f("    ") + z"#),
            (##"f(#"x"y\("#) + z"##, ##"f(#"     "#) + z"##),
            (#"f("a\(g("b"))c") + z"#, #"f("  (g(" ")) ") + z"#),
            ("\"\"\"\nx \"y\" z\n\"\"\" + a", "\"\"\"\n       \n\"\"\" + a"),
            ("\"never closed\nnext", "\"            \nnext"),
            ("// \"quote\ncode", "         \ncode"),
        ])
    func masks(input: String, expected: String) {
        #expect(CodeMask.blank(input) == expected)
    }

    @Test("keeps every line and column")
    func keepsPositions() {
        let text = "let a = \"x\" /* y\n z */ + b // c\n"
        let masked = CodeMask.blank(text)
        #expect(masked.count == text.count)
        #expect(
            masked.split(separator: "\n", omittingEmptySubsequences: false).map(\.count)
                == text.split(separator: "\n", omittingEmptySubsequences: false).map(\.count))
    }
}
