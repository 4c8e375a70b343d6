import ProxyModel
import Testing
import Yams

/// What ours reads, libyaml reads in the same way. Ours may refuse more.
@Suite struct YAMLDifferentialTests {
    static let seeds = [
        "a: 1\nb:\n  - x\n  - y: z\n    w: [1, 2, {c: d}]\nc: |\n  text\n   more\n\n  end\nd: >-\n  folded\n  text\n\n  par\n",
        "- \"a\\n\\u00e9\"\n- 'it''s'\n- plain text\n  over lines\n- &x {a: 'b', \"c\": d}\n- *x\n-\n- - n\n  - m\n",
        "---\nkey: &a value # comment\nother: *a\n? x\n: y\n",
        "a:\n- b\n- c\nd: \"x\n  y\n\n  z\"\ne: |2-\n   x\nf: >+\n a\n  b\n c\n\n",
        "{\"a\": [1, -2.5e3, true, null], \"b\": {\"c\": \"d\\\\e\"}, 'f': []}",
        "x: !!str 5\ny: !!map {a: b}\nz: ! 7\nw: &n\n  k: v\nv: &m\n",
    ]

    @Test("a fixture reads as libyaml reads it", arguments: ["http.yaml", "minimal.yaml"])
    func fixtures(name: String) throws {
        let text = try Fixture.text(name)
        let theirs = try #require(try Yams.compose(yaml: text, .basic))
        #expect(try YAMLParser.parse(text).rendered == theirs.rendered(hasTags: text.contains("!")))
    }

    @Test("a mutated document that is accepted reads as libyaml reads it", arguments: seeds.indices)
    func mutations(seed: Int) throws {
        var generator = SeededGenerator(seed: UInt64(seed))
        let original = Array(Self.seeds[seed].utf8)
        for _ in 0..<2000 {
            let text = Self.mutated(original, &generator)
            guard let ours = try? YAMLParser.parse(text) else { continue }
            let theirs = try? Yams.compose(yaml: text, .basic)
            // libyaml refuses tabs in places where the specification allows them, such as on a blank line.
            if theirs == nil, text.contains("\t") { continue }
            #expect(
                ours.rendered == (theirs?.rendered(hasTags: text.contains("!")) ?? "||"), "\(text.debugDescription)")
        }
    }

    /// A few edits with the characters that mean something in YAML.
    private static func mutated(_ original: [UInt8], _ generator: inout SeededGenerator) -> String {
        let alphabet = Array("ab1 \n\n  :-?,[]{}#&*!|>'\"%\\\t~.<+".utf8)
        var bytes = original
        for _ in 0..<Int.random(in: 1...4, using: &generator) where !bytes.isEmpty {
            let position = Int.random(in: 0..<bytes.count, using: &generator)
            let byte = alphabet[Int.random(in: 0..<alphabet.count, using: &generator)]
            switch Int.random(in: 0..<4, using: &generator) {
            case 0: bytes.remove(at: position)
            case 1: bytes[position] = byte
            case 2: bytes.insert(byte, at: position)
            default:
                let end = min(bytes.count, position + Int.random(in: 1...12, using: &generator))
                bytes.insert(contentsOf: bytes[position..<end], at: position)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension Yams.Node {
    /// The same rendering as ours. Yams gives the tag of text to plain keys, so tags count only where there are any.
    fileprivate func rendered(hasTags: Bool) -> String {
        switch self {
        case .scalar(let scalar):
            let isText = hasTags && ["tag:yaml.org,2002:str", "!"].contains(scalar.tag.description)
            return scalar.style == .plain && !isText ? "|\(scalar.string)|" : scalar.string.debugDescription
        case .sequence(let sequence):
            return "[" + sequence.map { $0.rendered(hasTags: hasTags) }.joined(separator: ", ") + "]"
        case .mapping(let mapping):
            let entries = mapping.map { pair in
                "\((pair.key.scalar?.string ?? "?").debugDescription): \(pair.value.rendered(hasTags: hasTags))"
            }
            return "{" + entries.joined(separator: ", ") + "}"
        case .alias:
            return "*"
        }
    }
}
