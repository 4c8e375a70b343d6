/// Where a block node stands, which decides what it may be.
enum YAMLPlace {
    /// The document's root.
    case root
    /// After `- `: a collection may start on the same line (§8.2.1, compact form).
    case item
    /// After `key:`: a collection must start on a line of its own, a sequence at the key's indentation too (§8.2.2).
    case value
}

extension YAMLParser {
    /// The node after an indicator, on the same line or the next ones, indented deeper than `parent`; null if none is.
    mutating func blockNode(parent: Int, place: YAMLPlace) throws(YAMLError) -> YAMLNode {
        let empty = here()
        if place == .item {
            while current == .space { position += 1 }
            if current == .tab { throw error("a tab cannot indent; use spaces") }
        }
        var isOwnLine = try skipSeparation()
        guard startsNode(parent: parent, place: place, isOwnLine: isOwnLine) else {
            return try node(.scalar("", isPlain: true), empty)
        }
        let start = position
        var mark = here()
        let properties = try nodeProperties()
        var areKeyProperties = false
        if properties.isPresent {
            if try skipSeparation() {
                isOwnLine = true
                guard startsNode(parent: parent, place: place, isOwnLine: true) else {
                    return try finish(try node(.scalar("", isPlain: true), mark), properties)
                }
                mark = here()
            } else {
                // On the line of a first key, properties are the key's own (§8.2.2).
                areKeyProperties = true
            }
        }
        try refuseInJSON()
        if current == .dash, isBlank(1) {
            guard isOwnLine || place == .item, !areKeyProperties else {
                throw error("a list cannot start on this line")
            }
            return try finish(try blockSequence(indent: indentation, mark: mark), properties)
        }
        if current == UInt8(ascii: "|") || current == UInt8(ascii: ">") {
            return try finish(try blockScalar(parent: parent, mark: mark), properties)
        }
        let indent = areKeyProperties ? start - lineStart : indentation
        let firstLine = line
        let content = try blockContent(parent: parent, mark: mark)
        guard atKeyEnd else { return try finish(content, properties) }
        guard firstLine == line else { throw error("a key must stand on one line") }
        if format == .json { throw error("expected JSON, found \(described())") }
        guard isOwnLine || place == .item else {
            throw error("a mapping cannot start on this line; text that holds \": \" needs quotes")
        }
        let key = try keyText(content)
        if areKeyProperties { _ = try finish(content, properties) }
        let mapping = try blockMapping(indent: indent, firstKey: key, mark: mark)
        return areKeyProperties ? mapping : try finish(mapping, properties)
    }

    /// Whether what stands at the position belongs to a node of this place, rather than to one further out.
    private func startsNode(parent: Int, place: YAMLPlace, isOwnLine: Bool) -> Bool {
        guard position < bytes.count, !atAnyMarker else { return false }
        guard isOwnLine else { return true }
        if indentation > parent { return true }
        return place == .value && indentation == parent && current == .dash && isBlank(1)
    }

    /// A flow collection, an alias, or text with or without quotes.
    private mutating func blockContent(parent: Int, mark: ConfigMark) throws(YAMLError) -> YAMLNode {
        switch current {
        case UInt8(ascii: "["), UInt8(ascii: "{"): return try flowCollection()
        case UInt8(ascii: "*"): return try alias()
        case .quote, .apostrophe: return try node(.scalar(try quotedText(), isPlain: false), mark)
        default: return try node(.scalar(try plainText(parent: parent), isPlain: true), mark)
        }
    }

    /// Whether the position is after a key: blanks and a colon that a blank follows. Consumes nothing.
    var atKeyEnd: Bool {
        var offset = 0
        while peek(offset) == .space || peek(offset) == .tab { offset += 1 }
        return peek(offset) == .colon && isBlank(offset + 1)
    }

    /// The text of a node that turned out to be a key.
    func keyText(_ node: YAMLNode) throws(YAMLError) -> String {
        guard case .scalar(let text, let isPlain) = node.content else {
            throw YAMLError(mark: node.mark, message: "a key must be text, not a list or mapping")
        }
        if isPlain, text == "<<" {
            throw YAMLError(mark: node.mark, message: "merge keys (<<) are not supported")
        }
        return text
    }

    /// The rest of a mapping whose first key has been read; its keys stand at `indent` (§8.2.2).
    private mutating func blockMapping(indent: Int, firstKey: String, mark: ConfigMark) throws(YAMLError) -> YAMLNode {
        try descend()
        var entries = EntryList()
        var (key, keyMark) = (firstKey, mark)
        while true {
            while current != .colon { position += 1 }
            position += 1
            let value = try blockNode(parent: indent, place: .value)
            try entries.append(key, keyMark, value)
            guard try continues(indent: indent, what: "mapping") else { break }
            (key, keyMark) = try blockKey()
        }
        depth -= 1
        return try node(.mapping(entries.entries), mark)
    }

    /// A key after the first one.
    private mutating func blockKey() throws(YAMLError) -> (String, ConfigMark) {
        let mark = here()
        let firstLine = line
        let properties = try nodeProperties()
        try skipSeparation()
        if current == .dash, isBlank(1) { throw error("expected a key, found a list item") }
        let content = try blockContent(parent: Int.max, mark: mark)
        guard firstLine == line, atKeyEnd else {
            throw YAMLError(mark: mark, message: "expected \":\" and a space after this key")
        }
        let text = try keyText(content)
        _ = try finish(content, properties)
        return (text, mark)
    }

    /// A sequence whose dashes stand at `indent` (§8.2.1).
    private mutating func blockSequence(indent: Int, mark: ConfigMark) throws(YAMLError) -> YAMLNode {
        try descend()
        var items: [YAMLNode] = []
        while true {
            position += 1
            items.append(try blockNode(parent: indent, place: .item))
            guard try continues(indent: indent, what: "list"), current == .dash, isBlank(1) else { break }
        }
        depth -= 1
        return try node(.sequence(items), mark)
    }

    /// Goes to the next line with content; tells whether the collection at `indent` has another entry there.
    private mutating func continues(indent: Int, what: String) throws(YAMLError) -> Bool {
        let isNewLine = try skipSeparation()
        guard position < bytes.count, !atAnyMarker else { return false }
        guard isNewLine else { throw error("unexpected \(described()) after a value") }
        if indentation > indent { throw error("indented deeper than the \(what) that it stands in") }
        return indentation == indent
    }

    /// JSON has only what stands in brackets and quotes, numbers and three words.
    private func refuseInJSON() throws(YAMLError) {
        guard format == .json else { return }
        switch current {
        case UInt8(ascii: "["), UInt8(ascii: "{"), .quote: return
        default: if !isJSONWord { throw error("expected JSON, found \(described())") }
        }
    }
}

/// The entries of a mapping that is being read; refuses a key that is there already.
struct EntryList {
    /// The entries in the order of the text.
    private(set) var entries: [YAMLNode.Entry] = []
    private var keys: Set<String> = []

    /// So many entries are searched one by one; more have a set.
    private static let searched = 8

    /// Adds an entry.
    mutating func append(_ key: String, _ mark: ConfigMark, _ value: YAMLNode) throws(YAMLError) {
        let isNew =
            if entries.count < Self.searched { !entries.contains { $0.key == key } } else { keys.insert(key).inserted }
        guard isNew else { throw YAMLError(mark: mark, message: "the key \"\(key)\" appears twice") }
        entries.append(YAMLNode.Entry(key: key, mark: mark, value: value))
        if entries.count == Self.searched { keys = Set(entries.map(\.key)) }
    }
}
