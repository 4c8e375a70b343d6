extension YAMLParser {
    /// A collection in brackets (§7.4). Indentation means nothing inside, as in JSON.
    mutating func flowCollection() throws(YAMLError) -> YAMLNode {
        let mark = here()
        let isMapping = current == UInt8(ascii: "{")
        position += 1
        try descend()
        let result = isMapping ? try flowMapping(mark) : try flowSequence(mark)
        depth -= 1
        return result
    }

    private mutating func flowSequence(_ mark: ConfigMark) throws(YAMLError) -> YAMLNode {
        let end = UInt8(ascii: "]")
        var items: [YAMLNode] = []
        while try nextFlowEntry(end, isFirst: items.isEmpty) {
            items.append(try flowNode())
            try skipSeparation(isFlow: true)
            if current == .colon { throw error("a key cannot stand directly in a list; put braces around the pair") }
        }
        return try node(.sequence(items), mark)
    }

    private mutating func flowMapping(_ mark: ConfigMark) throws(YAMLError) -> YAMLNode {
        let end = UInt8(ascii: "}")
        var entries = EntryList()
        while try nextFlowEntry(end, isFirst: entries.entries.isEmpty) {
            let keyMark = here()
            if format == .json, current != .quote { throw error("a key must stand in double quotes") }
            let firstLine = line
            let key = try flowNode()
            let keyText = try keyText(key)
            guard firstLine == line else { throw error("a key must stand on one line") }
            let keyLine = line
            try skipSeparation(isFlow: true)
            if format == .yaml, current == .colon, line != keyLine {
                throw error("\":\" must stand on the line of its key")
            }
            var value = YAMLNode(content: .scalar("", isPlain: true), mark: keyMark, count: 1, height: 1)
            if current == .colon {
                position += 1
                try skipSeparation(isFlow: true)
                if current != .comma, current != end { value = try flowNode() }
                try skipSeparation(isFlow: true)
            } else if format == .json {
                throw error("expected \":\", found \(described())")
            }
            try entries.append(keyText, keyMark, value)
        }
        return try node(.mapping(entries.entries), mark)
    }

    /// Goes to the next entry of a flow collection, or past its end.
    private mutating func nextFlowEntry(_ end: UInt8, isFirst: Bool) throws(YAMLError) -> Bool {
        try skipSeparation(isFlow: true)
        var isAfterComma = false
        if !isFirst, current == .comma {
            position += 1
            isAfterComma = true
            try skipSeparation(isFlow: true)
        }
        guard position < bytes.count, !atAnyMarker else {
            throw error("unexpected \(described()); expected \"\(text(of: end))\"")
        }
        if current == end {
            if format == .json, isAfterComma { throw error("JSON has no comma before \"\(text(of: end))\"") }
            position += 1
            return false
        }
        guard isFirst || isAfterComma else {
            throw error("expected \",\" or \"\(text(of: end))\", found \(described())")
        }
        if current == .comma { throw error("expected a value, found \",\"") }
        return true
    }

    private func text(of byte: UInt8) -> String { String(UnicodeScalar(byte)) }

    /// A node inside a flow collection.
    private mutating func flowNode() throws(YAMLError) -> YAMLNode {
        let mark = here()
        let properties = try nodeProperties()
        if properties.isPresent { try skipSeparation(isFlow: true) }
        switch current {
        case UInt8(ascii: "["), UInt8(ascii: "{"):
            return try finish(try flowCollection(), properties)
        case UInt8(ascii: "*"):
            return try finish(try alias(), properties)
        case .quote, .apostrophe:
            return try finish(try node(.scalar(try quotedText(), isPlain: false), mark), properties)
        case .comma, .colon, UInt8(ascii: "]"), UInt8(ascii: "}"):
            if current == .colon, !isBlank(1), !isFlowIndicator(peek(1)) { break }
            guard properties.isPresent else { throw error("expected a value, found \(described())") }
            return try finish(try node(.scalar("", isPlain: true), mark), properties)
        default:
            if format == .json, !isJSONWord { throw error("expected JSON, found \(described())") }
        }
        return try finish(try node(.scalar(try flowPlainText(), isPlain: true), mark), properties)
    }
}
