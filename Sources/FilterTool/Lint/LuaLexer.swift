/// The words of a Lua script.
struct LuaToken: Equatable {
    enum Kind: Equatable {
        case name, keyword, string, number, symbol, end
    }

    let kind: Kind
    /// Of a string what it says, escapes left as they are.
    let text: String
    let line: Int
}

/// Cuts a Lua 5.1 script (with LuaJIT's `goto` and `::`) into words. A script that is no Lua was refused before.
struct LuaLexer {
    private static let keywords: Set<String> = [
        "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if", "in", "local", "nil", "not", "or",
        "repeat", "return", "then", "true", "until", "while",
    ]
    /// Longest first.
    private static let symbols = [
        "...", "..", "==", "~=", "<=", ">=", "::", "+", "-", "*", "/", "%", "^", "#", "<", ">", "=", "(", ")", "{", "}", "[", "]", ";",
        ":", ",", ".",
    ].map { Array($0.utf8) }

    private let bytes: [UInt8]
    private var position = 0
    private var line = 1

    static func tokens(_ source: [UInt8]) -> [LuaToken] {
        var lexer = LuaLexer(bytes: source)
        var tokens: [LuaToken] = []
        while let token = lexer.next() { tokens.append(token) }
        tokens.append(LuaToken(kind: .end, text: "", line: lexer.line))
        return tokens
    }

    private init(bytes: [UInt8]) {
        self.bytes = bytes
        // The first line of a program for a shell.
        if bytes.first == UInt8(ascii: "#") { skipLine() }
    }

    private func byte(_ offset: Int = 0) -> UInt8 { position + offset < bytes.count ? bytes[position + offset] : 0 }

    private mutating func next() -> LuaToken? {
        skipSpace()
        guard position < bytes.count else { return nil }
        let start = (position, line)
        let first = byte()
        if Self.isNameByte(first), !Self.isDigit(first) {
            while Self.isNameByte(byte()) { position += 1 }
            let text = String(decoding: bytes[start.0..<position], as: UTF8.self)
            return LuaToken(kind: Self.keywords.contains(text) ? .keyword : .name, text: text, line: start.1)
        }
        if Self.isDigit(first) || (first == UInt8(ascii: ".") && Self.isDigit(byte(1))) { return number(start.1) }
        if first == UInt8(ascii: "\"") || first == UInt8(ascii: "'") { return string(first, start.1) }
        if let level = longBracket() { return LuaToken(kind: .string, text: longText(level), line: start.1) }
        guard let symbol = Self.symbols.first(where: { bytes[position...].starts(with: $0) }) else {
            position += 1
            return next()
        }
        position += symbol.count
        return LuaToken(kind: .symbol, text: String(decoding: symbol, as: UTF8.self), line: start.1)
    }

    private mutating func number(_ line: Int) -> LuaToken {
        let start = position
        while Self.isNameByte(byte()) || byte() == UInt8(ascii: ".")
            || ((byte() == UInt8(ascii: "+") || byte() == UInt8(ascii: "-")) && "eEpP".utf8.contains(bytes[position - 1]))
        {
            position += 1
        }
        return LuaToken(kind: .number, text: String(decoding: bytes[start..<position], as: UTF8.self), line: line)
    }

    private mutating func string(_ quote: UInt8, _ line: Int) -> LuaToken {
        position += 1
        let start = position
        while position < bytes.count, byte() != quote {
            if byte() == UInt8(ascii: "\\") { position += 1 }
            if byte() == UInt8(ascii: "\n") { self.line += 1 }
            position += 1
        }
        let text = String(decoding: bytes[start..<min(position, bytes.count)], as: UTF8.self)
        position += 1
        return LuaToken(kind: .string, text: text, line: line)
    }

    private mutating func skipSpace() {
        while position < bytes.count {
            if byte() == UInt8(ascii: "\n") { line += 1 }
            if byte() <= 0x20 {
                position += 1
            } else if byte() == UInt8(ascii: "-"), byte(1) == UInt8(ascii: "-") {
                position += 2
                if let level = longBracket() { _ = longText(level) } else { skipLine() }
            } else {
                return
            }
        }
    }

    private mutating func skipLine() {
        while position < bytes.count, byte() != UInt8(ascii: "\n") { position += 1 }
    }

    /// How many `=` the long bracket here has; nil when there is none.
    private func longBracket() -> Int? {
        guard byte() == UInt8(ascii: "[") else { return nil }
        var level = 0
        while byte(level + 1) == UInt8(ascii: "=") { level += 1 }
        return byte(level + 1) == UInt8(ascii: "[") ? level : nil
    }

    private mutating func longText(_ level: Int) -> String {
        position += level + 2
        let start = position
        let close = [UInt8(ascii: "]")] + [UInt8](repeating: UInt8(ascii: "="), count: level) + [UInt8(ascii: "]")]
        while position < bytes.count, !bytes[position...].starts(with: close) {
            if byte() == UInt8(ascii: "\n") { line += 1 }
            position += 1
        }
        defer { position += close.count }
        return String(decoding: bytes[start..<min(position, bytes.count)], as: UTF8.self)
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        isDigit(byte) || (byte | 0x20) &- UInt8(ascii: "a") < 26 || byte == UInt8(ascii: "_") || byte >= 0x80
    }
}
