/// Blanks comments and string contents out of Swift text, keeping every newline and every column (counted in bytes).
///
/// It knows line and nested block comments, strings with escapes, `#` delimiters and three quotes. Code inside an
/// interpolation stays visible, because a banned call there is a call.
struct CodeMask {
    /// Bytes that may start something other than plain code.
    private static let special = Set("/#\"()".utf8)
    private static let newline = UInt8(ascii: "\n")

    private let input: [UInt8]
    private var output: [UInt8] = []
    private var position = 0

    /// The text with comments and string contents replaced by spaces.
    static func blank(_ text: String) -> String {
        var mask = CodeMask(input: Array(text.utf8))
        mask.code(untilParenthesis: false)
        return String(decoding: mask.output, as: UTF8.self)
    }

    private init(input: [UInt8]) {
        self.input = input
        output.reserveCapacity(input.count)
    }

    /// Copies code; inside an interpolation it ends at the parenthesis that closes it.
    private mutating func code(untilParenthesis: Bool) {
        var depth = 0
        while position < input.count {
            if !Self.special.contains(input[position]) {
                keep(1)
            } else if starts(with: "//") {
                lineComment()
            } else if starts(with: "/*") {
                blockComment()
            } else if let hashes = stringStart() {
                string(hashes: hashes)
            } else {
                let byte = input[position]
                if untilParenthesis {
                    if byte == UInt8(ascii: "(") { depth += 1 }
                    if byte == UInt8(ascii: ")") {
                        if depth == 0 { return }
                        depth -= 1
                    }
                }
                keep(1)
            }
        }
    }

    private mutating func lineComment() {
        while position < input.count, input[position] != Self.newline { blank(1) }
    }

    private mutating func blockComment() {
        var depth = 0
        repeat {
            if starts(with: "/*") {
                depth += 1
                blank(2)
            } else if starts(with: "*/") {
                depth -= 1
                blank(2)
            } else {
                blank(1)
            }
        } while depth > 0 && position < input.count
    }

    /// The number of `#` before a quote that starts here, or nil where no string starts.
    private func stringStart() -> Int? {
        var index = position
        while index < input.count, input[index] == UInt8(ascii: "#") { index += 1 }
        return index < input.count && input[index] == UInt8(ascii: "\"") ? index - position : nil
    }

    private mutating func string(hashes: Int) {
        keep(hashes)
        let isMultiline = starts(with: "\"\"\"")
        let quotes = isMultiline ? "\"\"\"" : "\""
        let end = quotes + String(repeating: "#", count: hashes)
        let escape = "\\" + String(repeating: "#", count: hashes)
        keep(quotes.count)
        while position < input.count {
            if starts(with: end) {
                keep(end.count)
                return
            }
            if !isMultiline, input[position] == Self.newline { return }
            if starts(with: escape + "(") {
                blank(escape.count)
                keep(1)
                code(untilParenthesis: true)
                if position < input.count { keep(1) }
            } else if starts(with: escape) {
                blank(escape.count + 1)
            } else {
                blank(1)
            }
        }
    }

    private func starts(with text: String) -> Bool {
        var index = position
        for byte in text.utf8 {
            guard index < input.count, input[index] == byte else { return false }
            index += 1
        }
        return true
    }

    private mutating func keep(_ count: Int) {
        for _ in 0..<count where position < input.count {
            output.append(input[position])
            position += 1
        }
    }

    private mutating func blank(_ count: Int) {
        for _ in 0..<count where position < input.count {
            output.append(input[position] == Self.newline ? Self.newline : UInt8(ascii: " "))
            position += 1
        }
    }
}
