/// Every `package` and `public` declaration has a doc comment.
///
/// Four need none of their own: a witness of the standard library's protocols, whose meaning is fixed there; an
/// initialiser without parameters; one that only stores its parameters in the properties of the same names, which say
/// what there is to say; and a property in a run of properties, line upon line, for which one comment speaks: that of
/// the first of them, or that of the type that begins with the run.
enum Documented {
    private static let keywords: Set<Substring> = [
        "func", "var", "let", "struct", "class", "enum", "actor", "protocol", "init", "subscript", "typealias", "macro",
        "associatedtype", "case",
    ]

    /// Names that the standard library has given a meaning to.
    private static let witnesses = [
        "var description:", "var debugDescription:", "func ==", "static func ==", "func <", "static func <",
        "func hash(into", "var unownedExecutor:", "func makeIterator()", "func next()", "func enqueue(",
        "func encode(to",
        "var startIndex:", "var endIndex:", "func index(after", "var hashValue:", "init(stringLiteral",
        "init(arrayLiteral",
        "init(rawValue", "init()",
        "func checkIsolated()", "func asUnownedSerialExecutor()",
    ]

    static func findings(in source: SwiftSource) -> [Finding] {
        source.code.indices.compactMap { index in
            guard isExported(source.code[index]), !isWitness(source.code[index]),
                !isMemberwise(index, in: source), !isDocumented(index, in: source)
            else { return nil }
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

    private static func isWitness(_ line: Substring) -> Bool {
        witnesses.contains { line.contains($0) }
    }

    /// Whether an initialiser starts here whose statements all have the form `self.name = …name…`.
    private static func isMemberwise(_ index: Int, in source: SwiftSource) -> Bool {
        guard source.code[index].contains("init("), !source.code[index].contains("func ") else { return false }
        let declaration = source.code[index...].prefix(maximumMemberwiseLines).joined(separator: "\n")
        let pattern = #/^(?<head>[^{}]*\binit\([^{}]*\)\s*)\{(?<body>[^{}]*)\}/#
        guard let match = declaration.firstMatch(of: pattern)?.output, !match.head.contains("throws") else { return false }
        let statements = match.body.split(separator: "\n").map { $0.drop(while: \.isWhitespace) }.filter { !$0.isEmpty }
        return !statements.isEmpty
            && statements.allSatisfy { $0.wholeMatch(of: #/self\.(\w+) = .*\b\1\b.*/#) != nil }
    }

    private static let maximumMemberwiseLines = 40

    /// Whether the line declares a property and is all of it.
    private static func isWholeProperty(_ line: Substring) -> Bool {
        let opens = line.count { $0 == "{" || $0 == "(" || $0 == "[" }
        let closes = line.count { $0 == "}" || $0 == ")" || $0 == "]" }
        return isExported(line) && opens == closes && (line.contains(" var ") || line.contains(" let "))
            && !line.contains(" func ")
    }

    private static func opensType(_ line: Substring) -> Bool {
        let words = line.split(whereSeparator: \.isWhitespace)
        return words.last == "{" && !Set(words).isDisjoint(with: ["struct", "class", "enum", "actor", "extension"])
    }

    private static func isDocumented(_ index: Int, in source: SwiftSource) -> Bool {
        var first = index
        if isWholeProperty(source.code[index]) {
            while first > 0, isWholeProperty(source.code[first - 1]) { first -= 1 }
        }
        if hasDocComment(above: index, in: source) || hasDocComment(above: first, in: source) { return true }
        return isWholeProperty(source.code[index]) && first > 0 && opensType(source.code[first - 1])
            && hasDocComment(above: first - 1, in: source)
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
