/// The anchor and the tag before a node (§6.9).
struct NodeProperties {
    /// The name after `&`.
    var anchor: String?
    /// The tag as written, with its place.
    var tag: (text: String, mark: ConfigMark)?

    /// Whether there is either.
    var isPresent: Bool { anchor != nil || tag != nil }
}

extension YAMLParser {
    /// The anchor and the tag at the position, at most one of each, on one line.
    mutating func nodeProperties() throws(YAMLError) -> NodeProperties {
        var properties = NodeProperties()
        while true {
            let mark = here()
            switch current {
            case UInt8(ascii: "&"):
                guard properties.anchor == nil else { throw error("a second anchor") }
                properties.anchor = try anchorName()
            case UInt8(ascii: "!"):
                guard properties.tag == nil else { throw error("a second tag") }
                let start = position
                while !isBlank(0), !isFlowIndicator(current) { position += 1 }
                guard isBlank(0) else { throw error("expected a blank after a tag, found \(described())") }
                properties.tag = (text(start..<position), mark)
            default:
                return properties
            }
            if format == .json { throw YAMLError(mark: mark, message: "JSON has no anchors and tags") }
            let end = position
            while current == .space || current == .tab { position += 1 }
            if current == .lineFeed || current == .hash || position == bytes.count {
                position = end
                return properties
            }
        }
    }

    /// The node that an alias names, the asterisk at the position.
    mutating func alias() throws(YAMLError) -> YAMLNode {
        let mark = here()
        if format == .json { throw error("JSON has no aliases") }
        let name = try anchorName()
        guard var target = anchors[name] else {
            throw YAMLError(mark: mark, message: "the alias *\(name) names no anchor before it")
        }
        nodes += target.count
        guard nodes <= Self.maximumNodes else { throw tooMany(mark) }
        guard depth + target.height - 1 <= Self.maximumDepth else {
            throw YAMLError(mark: mark, message: "nested deeper than \(Self.maximumDepth) levels")
        }
        target.mark = mark
        return target
    }

    /// Gives a finished node its tag, and its anchor its name.
    mutating func finish(_ node: YAMLNode, _ properties: NodeProperties) throws(YAMLError) -> YAMLNode {
        guard properties.isPresent else { return node }
        var node = node
        if let tag = properties.tag { try apply(tag.text, tag.mark, to: &node) }
        if let anchor = properties.anchor { anchors[anchor] = node }
        return node
    }

    /// The name after `&` or `*`: letters, digits, `_` and `-`, as in YAML 1.1, with a blank or the end of a collection
    /// behind it.
    private mutating func anchorName() throws(YAMLError) -> String {
        position += 1
        let start = position
        while isNameCharacter(current) { position += 1 }
        guard position > start else { throw error("expected a name") }
        switch current {
        case .space, .tab, .lineFeed, 0, .comma, UInt8(ascii: "]"), UInt8(ascii: "}"): return text(start..<position)
        default: throw error("unexpected \(described()) in a name")
        }
    }

    private func isNameCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"), .dash:
            true
        default: false
        }
    }

    /// The tags of the core schema (§10.3) say what the text says anyway, or are wrong; others are refused.
    private func apply(_ tag: String, _ mark: ConfigMark, to node: inout YAMLNode) throws(YAMLError) {
        let core = "!<tag:yaml.org,2002:"
        let name = tag.hasPrefix(core) && tag.hasSuffix(">") ? "!!" + tag.dropFirst(core.count).dropLast() : tag
        switch (name, node.content) {
        case ("!", .scalar(let text, _)), ("!!str", .scalar(let text, _)):
            node.content = .scalar(text, isPlain: false)
        case ("!", _), ("!!map", .mapping), ("!!seq", .sequence):
            break
        case ("!!int", .scalar(let text, isPlain: true)), ("!!float", .scalar(let text, isPlain: true)),
            ("!!bool", .scalar(let text, isPlain: true)), ("!!null", .scalar(let text, isPlain: true)):
            guard "!!" + CoreScalar(text).tag == name else {
                throw YAMLError(mark: mark, message: "the text does not fit its tag \(tag)")
            }
        case ("!!str", _), ("!!map", _), ("!!seq", _), ("!!int", _), ("!!float", _), ("!!bool", _), ("!!null", _):
            throw YAMLError(mark: mark, message: "the value does not fit its tag \(tag)")
        default:
            throw YAMLError(mark: mark, message: "unknown tag \(tag)")
        }
    }
}
