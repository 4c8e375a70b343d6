/// Reads one YAML 1.2 document into a tree of ``YAMLNode``.
///
/// A recursive descent over the bytes, bounded in depth, nodes and size, that never crashes on any input. It reads what
/// configurations use and refuses, by name, what has made readers of configurations disagree: several documents, keys
/// that are not text, merge keys, tags outside the core schema, tabs as indentation, duplicate keys.
///
/// The grammar is that of YAML 1.2.2; sections are cited where a rule is not plain.
///
/// - `YAMLParser+Block`: mappings and sequences by indentation
/// - `YAMLParser+Flow`: `[…]` and `{…}`
/// - `YAMLParser+Quoted`, `YAMLParser+Plain`, `YAMLParser+BlockScalar`: text
/// - `YAMLParser+Properties`: anchors, aliases and tags
package struct YAMLParser {
    /// Deepest nesting, with aliases replaced.
    package static let maximumDepth = 100
    /// Most nodes, with aliases replaced.
    package static let maximumNodes = 1_000_000

    let bytes: [UInt8]
    let format: ConfigFormat

    /// The next byte to read.
    var position = 0
    /// Where the line of `position` starts.
    var lineStart = 0
    /// The line of `position`, from 1.
    var line = 1
    /// How deep the node that is being read stands.
    var depth = 0
    /// How many nodes have been read, with aliases replaced.
    var nodes = 0
    /// The finished nodes that have an anchor; a later anchor of the same name replaces an earlier one (§3.2.2.2).
    var anchors: [String: YAMLNode] = [:]

    /// The place up to which columns have been counted on the current line: a byte, and its column.
    private var counted = (byte: 0, column: 1)

    /// Reads a whole document; an empty one is a null.
    package static func parse(_ text: String, format: ConfigFormat = .yaml) throws(YAMLError) -> YAMLNode {
        guard text.utf8.count <= ConfigFormat.maximumBytes else {
            throw YAMLError(
                mark: ConfigMark(line: 1, column: 1),
                message: "the text has \(text.utf8.count) bytes; at most \(ConfigFormat.maximumBytes) are read")
        }
        var parser = YAMLParser(bytes: normalised(text), format: format)
        try parser.refuseControlCharacters()
        return try parser.document()
    }

    private init(bytes: [UInt8], format: ConfigFormat) {
        self.bytes = bytes
        self.format = format
    }

    /// The text's bytes without a byte order mark, every line break a line feed (§5.4).
    private static func normalised(_ text: String) -> [UInt8] {
        var bytes = Array(text.utf8)
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes.removeFirst(3) }
        guard bytes.contains(.carriageReturn) else { return bytes }
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        for (index, byte) in bytes.enumerated() {
            if byte != .carriageReturn {
                result.append(byte)
            } else if index + 1 == bytes.count || bytes[index + 1] != .lineFeed {
                result.append(.lineFeed)
            }
        }
        return result
    }

    /// Refuses the bytes that §5.1 keeps out of a document: control characters other than tab and line breaks.
    private mutating func refuseControlCharacters() throws(YAMLError) {
        for (index, byte) in bytes.enumerated() {
            if byte == .lineFeed {
                line += 1
                lineStart = index + 1
                continue
            }
            let isControl =
                byte < .space && byte != .tab || byte == 0x7F
                || byte == 0xC2 && index + 1 < bytes.count && (0x80...0x9F).contains(bytes[index + 1])
                    && bytes[index + 1] != 0x85
            if isControl {
                let code = byte == 0xC2 ? bytes[index + 1] : byte
                throw error("control character 0x\(code < 16 ? "0" : "")\(String(code, radix: 16))", at: index)
            }
        }
        (line, lineStart) = (1, 0)
        counted = (0, 1)
    }

    /// A document with what may stand before and after it.
    private mutating func document() throws(YAMLError) -> YAMLNode {
        try directives()
        let root = try blockNode(parent: -1, place: .root)
        try skipSeparation()
        if format == .yaml, atMarker("...") {
            position += 3
            try skipSeparation()
        }
        if position < bytes.count {
            throw error(
                atMarker("---")
                    ? "a second document starts here; only one is read" : "unexpected \(described()) after the document"
            )
        }
        return root
    }

    /// The lines before `---`, and `---` itself.
    private mutating func directives() throws(YAMLError) {
        try skipSeparation()
        guard format == .yaml else { return }
        var seen = false
        while current == .percent, position == lineStart {
            if !startsWith("%YAML 1.") { throw error("only the directive %YAML 1.x is supported") }
            seen = true
            while position < bytes.count, current != .lineFeed { position += 1 }
            try skipSeparation()
        }
        if atMarker("---") {
            position += 3
        } else if seen {
            throw error("expected \"---\" after the directive")
        }
    }
}

// MARK: - Reading bytes

extension YAMLParser {
    /// The byte at the position; a NUL, which no text holds, at the end.
    var current: UInt8 { position < bytes.count ? bytes[position] : 0 }

    /// The byte so far after the position; a NUL at the end.
    func peek(_ offset: Int) -> UInt8 {
        position + offset < bytes.count ? bytes[position + offset] : 0
    }

    /// Whether the byte so far after the position is a blank, a line break or the end.
    func isBlank(_ offset: Int) -> Bool {
        switch peek(offset) {
        case .space, .tab, .lineFeed, 0: true
        default: false
        }
    }

    /// The indentation of the position: its distance in bytes from the start of its line.
    var indentation: Int { position - lineStart }

    /// Whether the bytes at the position are these.
    func startsWith(_ text: StaticString) -> Bool {
        guard position + text.utf8CodeUnitCount <= bytes.count else { return false }
        return text.withUTF8Buffer { expected in
            bytes[position..<position + expected.count].elementsEqual(expected)
        }
    }

    /// Whether a document marker (`---` or `...`) stands at the position.
    func atMarker(_ marker: StaticString) -> Bool {
        position == lineStart && startsWith(marker) && isBlank(3)
    }

    /// Whether either document marker stands at the position.
    var atAnyMarker: Bool { atMarker("---") || atMarker("...") }

    /// Consumes a line feed.
    mutating func newLine() {
        position += 1
        line += 1
        lineStart = position
        counted = (position, 1)
    }

    /// Skips blanks, comments and line breaks (§6.6, §6.7); tells whether a new line began.
    @discardableResult
    mutating func skipSeparation(isFlow: Bool = false) throws(YAMLError) -> Bool {
        var isNewLine = bytes[lineStart..<position].allSatisfy { $0 == .space }
        var tab: Int?
        while position < bytes.count {
            switch current {
            case .space:
                position += 1
            case .tab:
                if isNewLine, tab == nil { tab = position }
                position += 1
            case .lineFeed:
                newLine()
                isNewLine = true
                tab = nil
            case .hash where isNewLine || position == 0 || bytes[position - 1] == .space || bytes[position - 1] == .tab:
                if format == .json { throw error("JSON has no comments") }
                while position < bytes.count, current != .lineFeed { position += 1 }
            default:
                if let tab, !isFlow, format == .yaml { throw error("a tab cannot indent; use spaces", at: tab) }
                return isNewLine
            }
        }
        return isNewLine
    }

    /// The mark of a byte of the current line.
    mutating func mark(at byte: Int) -> ConfigMark {
        if byte < counted.byte || counted.byte < lineStart { counted = (lineStart, 1) }
        while counted.byte < byte {
            if bytes[counted.byte] & 0xC0 != 0x80 { counted.column += 1 }
            counted.byte += 1
        }
        return ConfigMark(line: line, column: counted.column)
    }

    /// The mark of the position.
    mutating func here() -> ConfigMark { mark(at: position) }

    /// The text of these bytes, which lie on character boundaries of valid UTF-8.
    func text(_ range: Range<Int>) -> String {
        String(decoding: bytes[range], as: UTF8.self)
    }

    /// An error at a byte of the current line, at the position unless said otherwise.
    func error(_ message: String, at byte: Int? = nil) -> YAMLError {
        let byte = min(byte ?? position, bytes.count)
        let column = byte < lineStart ? 1 : bytes[lineStart..<byte].count(where: { $0 & 0xC0 != 0x80 }) + 1
        return YAMLError(mark: ConfigMark(line: line, column: column), message: message)
    }

    /// What stands at the position, for messages.
    func described() -> String {
        guard position < bytes.count else { return "end of text" }
        if current == .lineFeed { return "end of line" }
        var end = position + 1
        while end < bytes.count, bytes[end] & 0xC0 == 0x80 { end += 1 }
        return "\"\(text(position..<end))\""
    }

    /// Counts a finished node and everything in it against the bounds.
    mutating func node(_ content: YAMLNode.Content, _ mark: ConfigMark) throws(YAMLError) -> YAMLNode {
        nodes += 1
        var (count, height) = (1, 0)
        switch content {
        case .scalar: break
        case .sequence(let items):
            for item in items {
                count += item.count
                height = max(height, item.height)
            }
        case .mapping(let entries):
            for entry in entries {
                count += entry.value.count
                height = max(height, entry.value.height)
            }
        }
        guard nodes <= Self.maximumNodes else { throw tooMany(mark) }
        return YAMLNode(content: content, mark: mark, count: count, height: height + 1)
    }

    /// The error of the bound on nodes.
    func tooMany(_ mark: ConfigMark) -> YAMLError {
        YAMLError(mark: mark, message: "more than \(Self.maximumNodes) values, counting each use of an alias")
    }

    /// Enters a collection.
    mutating func descend() throws(YAMLError) {
        depth += 1
        if depth > Self.maximumDepth { throw error("nested deeper than \(Self.maximumDepth) levels") }
    }
}

extension UInt8 {
    static let tab = UInt8(ascii: "\t")
    static let lineFeed = UInt8(ascii: "\n")
    static let carriageReturn = UInt8(ascii: "\r")
    static let space = UInt8(ascii: " ")
    static let hash = UInt8(ascii: "#")
    static let percent = UInt8(ascii: "%")
    static let colon = UInt8(ascii: ":")
    static let dash = UInt8(ascii: "-")
    static let question = UInt8(ascii: "?")
    static let comma = UInt8(ascii: ",")
    static let quote = UInt8(ascii: "\"")
    static let apostrophe = UInt8(ascii: "'")
    static let backslash = UInt8(ascii: "\\")
}
