extension YAMLParser {
    /// Text without quotes in a block (§7.3.3). It ends before `: `, ` #` and lines not indented deeper than `parent`;
    /// on a first line that ends before `: ` it is a key and stays on that line.
    mutating func plainText(parent: Int) throws(YAMLError) -> String {
        try refuseIndicator()
        var result = text(try plainLine(isFlow: false))
        if atKeyEnd { return result }
        while let breaks = nextPlainLine(parent: parent) {
            result += Self.folded(breaks: breaks)
            result += text(try plainLine(isFlow: false))
            if atKeyEnd {
                throw error(
                    "a mapping cannot start inside text that began on an earlier line; is the indentation right?")
            }
        }
        return result
    }

    /// Text without quotes inside a flow collection, where indentation means nothing.
    mutating func flowPlainText() throws(YAMLError) -> String {
        try refuseIndicator()
        if current == .question || current == .colon || current == .dash && isFlowIndicator(peek(1)) {
            throw error("text cannot start with \(described()) here; put it in quotes")
        }
        var result = text(try plainLine(isFlow: true))
        while let breaks = nextPlainLine(parent: -1) {
            if isFlowIndicator(current) || current == .colon { break }
            result += Self.folded(breaks: breaks)
            result += text(try plainLine(isFlow: true))
        }
        return result
    }

    /// Whether a word stands here that JSON has: a number, `true`, `false` or `null`.
    var isJSONWord: Bool {
        var end = position
        while end < bytes.count, !isFlowIndicator(bytes[end]), bytes[end] > .space { end += 1 }
        let word = text(position..<end)
        if ["true", "false", "null"].contains(word) { return true }
        var digits = word.utf8[...]
        if digits.first == .dash { digits = digits.dropFirst() }
        guard let first = digits.first, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) else { return false }
        if first == UInt8(ascii: "0"), let second = digits.dropFirst().first,
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(second)
        {
            return false
        }
        if case .float = CoreScalar(word) { return true }
        if case .integer = CoreScalar(word) { return !word.contains("x") && !word.contains("o") }
        return false
    }

    /// Whether a byte ends plain text inside a flow collection.
    func isFlowIndicator(_ byte: UInt8) -> Bool {
        switch byte {
        case .comma, UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "{"), UInt8(ascii: "}"): true
        default: false
        }
    }

    /// Line breaks between two lines of text: one is a space, more are one fewer (§6.5).
    static func folded(breaks: Int) -> String {
        breaks == 1 ? " " : String(repeating: "\n", count: breaks - 1)
    }

    /// Refuses the characters that plain text cannot start with.
    private func refuseIndicator() throws(YAMLError) {
        switch current {
        case .dash, .question, .colon:
            if current == .question, isBlank(1) { throw error("keys that start with \"?\" are not supported") }
            if isBlank(1) { throw error("expected a value, found \(described())") }
        case .comma, UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "{"), UInt8(ascii: "}"), .hash,
            UInt8(ascii: "&"), UInt8(ascii: "*"), UInt8(ascii: "!"), UInt8(ascii: "|"), UInt8(ascii: ">"), .apostrophe,
            .quote, .percent, UInt8(ascii: "@"), UInt8(ascii: "`"):
            throw error("text cannot start with \(described()); put it in quotes")
        default:
            break
        }
    }

    /// Consumes plain text up to the end of its line, without the blanks at its end.
    private mutating func plainLine(isFlow: Bool) throws(YAMLError) -> Range<Int> {
        let start = position
        var end = position
        while position < bytes.count, current != .lineFeed {
            if current == .colon, isBlank(1) { break }
            if current == .colon, isFlow, isFlowIndicator(peek(1)) || peek(1) == .question {
                throw error("expected a space after \":\"")
            }
            if current == .hash, position > start, isBlank(-1) { break }
            if isFlow, isFlowIndicator(current) { break }
            position += 1
            if !isBlank(-1) { end = position }
        }
        // The blanks at the end are given back: before a comment they make it one.
        position = end
        return start..<end
    }

    /// Goes to the next line of plain text; nil, with nothing consumed, when the text ended.
    private mutating func nextPlainLine(parent: Int) -> Int? {
        var ahead = position
        while ahead < bytes.count, bytes[ahead] == .space || bytes[ahead] == .tab { ahead += 1 }
        guard ahead < bytes.count, bytes[ahead] == .lineFeed else { return nil }
        var (breaks, start) = (0, ahead)
        while ahead < bytes.count {
            switch bytes[ahead] {
            case .lineFeed:
                breaks += 1
                ahead += 1
                start = ahead
                continue
            case .space, .tab:
                ahead += 1
                continue
            default: break
            }
            break
        }
        guard ahead < bytes.count, bytes[ahead] != .hash else { return nil }
        var indent = start
        while bytes[indent] == .space { indent += 1 }
        guard indent - start > parent, !isMarker(at: start) else { return nil }
        while lineStart < start {
            while current != .lineFeed { position += 1 }
            newLine()
        }
        position = ahead
        return breaks
    }

    private func isMarker(at start: Int) -> Bool {
        guard start + 3 <= bytes.count else { return false }
        let three = bytes[start..<start + 3]
        guard three.elementsEqual("---".utf8) || three.elementsEqual("...".utf8) else { return false }
        return start + 3 == bytes.count || bytes[start + 3] <= .space
    }
}
