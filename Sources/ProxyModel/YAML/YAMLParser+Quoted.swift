extension YAMLParser {
    /// Text in quotes (§7.3.1, §7.3.2), the quote at the position.
    mutating func quotedText() throws(YAMLError) -> String {
        let quote = current
        if format == .json, quote == .apostrophe { throw error("JSON text stands in double quotes") }
        let open = here()
        position += 1
        var result: [UInt8] = []
        // Blanks before a line break are trimmed, but not those that were escaped.
        var escaped = 0
        while true {
            guard position < bytes.count else { throw Self.unclosed(open) }
            switch current {
            case quote where quote == .apostrophe && peek(1) == .apostrophe:
                result.append(.apostrophe)
                position += 2
            case quote:
                position += 1
                return String(decoding: result, as: UTF8.self)
            case .backslash where quote == .quote:
                try escape(into: &result)
                escaped = result.count
            case .lineFeed:
                while result.count > escaped, result.last == .space || result.last == .tab { result.removeLast() }
                try fold(into: &result, open: open)
            case .tab where format == .json:
                throw error("a tab in JSON text is written \\t")
            default:
                result.append(current)
                position += 1
            }
        }
    }

    private static func unclosed(_ mark: ConfigMark) -> YAMLError {
        YAMLError(mark: mark, message: "this quote is never closed")
    }

    /// A line break inside quotes: blanks around it go, one break is a space, more are one fewer (§6.5).
    private mutating func fold(into result: inout [UInt8], open: ConfigMark) throws(YAMLError) {
        if format == .json { throw error("a line break in JSON text is written \\n") }
        var breaks = 0
        while current == .lineFeed {
            newLine()
            breaks += 1
            if atAnyMarker { throw Self.unclosed(open) }
            while current == .space || current == .tab { position += 1 }
            guard position < bytes.count else { throw Self.unclosed(open) }
        }
        result += Self.folded(breaks: breaks).utf8
    }

    /// An escape sequence (§5.7), the backslash at the position.
    private mutating func escape(into result: inout [UInt8]) throws(YAMLError) {
        let code = peek(1)
        if code == .lineFeed, format == .yaml {
            // An escaped break is nothing; the empty lines behind it stay breaks.
            position += 1
            newLine()
            while true {
                if atAnyMarker { throw error("the document ends inside quotes") }
                while current == .space || current == .tab { position += 1 }
                guard current == .lineFeed else { return }
                newLine()
                result.append(.lineFeed)
            }
        }
        if format == .json, !"\"\\/bfnrtu".utf8.contains(code) { throw error("JSON has no such escape sequence") }
        if let digits = Self.hexadecimalEscapes[code] {
            try append(try codePoint(digits: digits), to: &result)
            return
        }
        guard let replacement = Self.escapes[code] else { throw error("unknown escape sequence") }
        result += replacement.utf8
        position += 2
    }

    private static let hexadecimalEscapes: [UInt8: Int] = [
        UInt8(ascii: "x"): 2, UInt8(ascii: "u"): 4, UInt8(ascii: "U"): 8,
    ]

    private static let escapes: [UInt8: String] = [
        UInt8(ascii: "0"): "\0", UInt8(ascii: "a"): "\u{7}", UInt8(ascii: "b"): "\u{8}", UInt8(ascii: "t"): "\t",
        .tab: "\t", UInt8(ascii: "n"): "\n", UInt8(ascii: "v"): "\u{B}", UInt8(ascii: "f"): "\u{C}",
        UInt8(ascii: "r"): "\r", UInt8(ascii: "e"): "\u{1B}", .space: " ", .quote: "\"", UInt8(ascii: "/"): "/",
        .backslash: "\\", UInt8(ascii: "N"): "\u{85}", UInt8(ascii: "_"): "\u{A0}", UInt8(ascii: "L"): "\u{2028}",
        UInt8(ascii: "P"): "\u{2029}",
    ]

    /// Consumes the backslash, the letter and so many hexadecimal digits.
    private mutating func codePoint(digits: Int) throws(YAMLError) -> UInt32 {
        var value: UInt32 = 0
        for offset in 2..<2 + digits {
            guard let digit = Self.hexadecimal(peek(offset)) else {
                throw error("expected \(digits) hexadecimal digits")
            }
            value = value << 4 | UInt32(digit)
        }
        position += 2 + digits
        return value
    }

    /// Adds a character; a UTF-16 surrogate must be followed by its other half (RFC 8259 §7).
    private mutating func append(_ value: UInt32, to result: inout [UInt8]) throws(YAMLError) {
        var value = value
        if (0xD800..<0xDC00).contains(value), current == .backslash, peek(1) == UInt8(ascii: "u") {
            let low = try codePoint(digits: 4)
            guard (0xDC00..<0xE000).contains(low) else { throw error("a surrogate without its other half") }
            value = 0x10000 + (value - 0xD800) << 10 + (low - 0xDC00)
        }
        guard let scalar = Unicode.Scalar(value) else { throw error("this escape sequence names no character") }
        result += String(Character(scalar)).utf8
    }

    private static func hexadecimal(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
