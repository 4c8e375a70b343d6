/// A field, or a value of an enum, that a configuration may have must be read by some code, or stand in the table of
/// `docs/DIFFERENCES.md` with the reason why it needs none. Else a file is accepted and does not do what it says.
///
/// The comparison is by name alone: a field whose name is used for something else is missed.
struct UnreadField {
    /// A field or an enum's value in the schema.
    struct Item: Hashable, CustomStringConvertible {
        /// Full name of the message or enum.
        let owner: String
        let name: String

        var description: String { "\(owner).\(name)" }
    }

    static let schemaPath = "Sources/ProxyModel/Generated/EnvoySchema.swift"
    static let tablePath = "docs/DIFFERENCES.md"
    /// What travels between the proxy and a control plane is no configuration.
    private static let wire = ["envoy.service.discovery.", "google."]

    /// What a configuration may have, but for the zero values of enums, which say what is anyway.
    let accepted: [Item]
    /// What needs no code, with the line where that is said.
    let excused: [Item: Int]
    /// The reasons that are given for nothing.
    private let empty: [Int]

    init(schema: String, table: String) {
        accepted = Self.accepted(schema)
        var excused: [Item: Int] = [:]
        var empty: [Int] = []
        for (index, line) in table.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let cells = line.split(separator: "|", omittingEmptySubsequences: false).map { $0.filter { $0 != "`" } }
            guard line.hasPrefix("| `envoy.") || line.hasPrefix("| `heddle."), cells.count == 5 else { continue }
            let owner = cells[1].trimmed
            for name in cells[2].split(separator: ",") {
                excused[Item(owner: owner, name: String(name).trimmed)] = index + 1
            }
            if cells[3].trimmed.isEmpty { empty.append(index + 1) }
        }
        self.excused = excused
        self.empty = empty
    }

    private static func accepted(_ schema: String) -> [Item] {
        var result: [Item] = []
        var owner: String?
        var isEnum = false
        for line in schema.split(separator: "\n") {
            let words = line.split(separator: " ").map(String.init)
            guard words.count > 1 else { continue }
            switch words[0] {
            case "m", "e":
                isEnum = words[0] == "e"
                owner = wire.contains { words[1].hasPrefix($0) } ? nil : words[1]
            case "t": owner = nil
            default:
                guard let owner, let number = Int(words[0]), !isEnum || number != 0 else { continue }
                result.append(Item(owner: owner, name: words[1]))
            }
        }
        return result
    }

    /// - Parameter sources: all code but the schema's own.
    func findings(in sources: [SwiftSource]) -> [Finding] {
        let used = Self.mentioned(sources)
        var findings = accepted.filter { !excused.keys.contains($0) && !Self.isRead($0, used) }.map {
            Finding(
                path: Self.schemaPath, line: 0,
                message: "\($0) is accepted and nothing reads it: act on it, take it out of the .proto file, "
                    + "or say in \(Self.tablePath) why it needs no code")
        }
        let known = Set(accepted)
        for (item, line) in excused where !known.contains(item) {
            findings.append(Finding(path: Self.tablePath, line: line, message: "the schema has no \(item)"))
        }
        findings += empty.map { Finding(path: Self.tablePath, line: $0, message: "no reason is given") }
        return findings.sorted { ($0.path, $0.line, $0.message) < ($1.path, $1.line, $1.message) }
    }

    private static func mentioned(_ sources: [SwiftSource]) -> Set<String> {
        var names: Set<String> = []
        for source in sources where source.target != "ProxyModel" {
            for line in source.code {
                for part in line.split(separator: ".", omittingEmptySubsequences: false).dropFirst() {
                    let word = part.prefix { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "`" }
                    if !word.isEmpty { names.insert(plain(word)) }
                }
            }
        }
        return names
    }

    private static func isRead(_ item: Item, _ used: Set<String>) -> Bool {
        let name = plain(item.name)
        // SwiftProtobuf leaves the name of the enum out of the names of its values.
        let short = item.owner.split(separator: ".").last.map { plain($0) } ?? ""
        let stripped = name.hasPrefix(short) ? String(name.dropFirst(short.count)) : name
        return used.contains(name) || used.contains("has" + name) || used.contains(stripped)
    }

    /// As names are compared: SwiftProtobuf writes them in camelCase.
    private static func plain(_ name: some StringProtocol) -> String {
        String(name.filter { $0 != "_" && $0 != "`" }).lowercased()
    }
}

extension String {
    fileprivate var trimmed: String {
        var text = self[...]
        while text.first == " " { text.removeFirst() }
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}
