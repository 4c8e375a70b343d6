/// Every `package` and `public` declaration has a doc comment.
enum Documented {
    private static let keywords: Set<Substring> = [
        "func", "var", "let", "struct", "class", "enum", "actor", "protocol", "init", "subscript", "typealias", "macro",
        "associatedtype", "case",
    ]

    static func findings(in source: SwiftSource) -> [Finding] {
        source.code.indices.compactMap { index in
            guard isExported(source.code[index]), !hasDocComment(above: index, in: source) else { return nil }
            let line = source.lines[index].drop(while: \.isWhitespace)
            return Finding(path: source.path, line: index + 1, message: "no doc comment on `\(line)`")
        }
    }

    /// Whether a line of code starts a declaration that other targets see. An override has its parent's documentation.
    static func isExported(_ line: Substring) -> Bool {
        guard line.contains("package") || line.contains("public") else { return false }
        var isExported = false
        for word in line.split(whereSeparator: \.isWhitespace) {
            let bare = word.prefix { $0 != "(" && $0 != "<" && $0 != "?" }
            if keywords.contains(bare) {
                // `class` can be a modifier too, but `package class func` is found at `class` just as well.
                return isExported
            }
            if bare == "override" || bare == "extension" || bare == "import" { return false }
            if word == "package" || word == "public" || word == "open" { isExported = true }
            let isModifier = bare.allSatisfy { $0.isLetter || $0 == ":" } || word.hasPrefix("@") || word.hasSuffix(")")
            if !isModifier { return false }
        }
        return false
    }

    private static func hasDocComment(above index: Int, in source: SwiftSource) -> Bool {
        for line in source.lines[..<index].reversed() {
            let text = line.drop(while: \.isWhitespace)
            if text.hasPrefix("///") || text.hasSuffix("*/") { return true }
            // Attributes and remarks for us may stand between the documentation and the declaration.
            if text.hasPrefix("@") || text.hasPrefix("//") || text.hasPrefix("#if") { continue }
            return false
        }
        return false
    }
}
