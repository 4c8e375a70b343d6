/// A field, or a value of an enum, that a configuration may have must be read by some code, or stand in the table of
/// `docs/DIFFERENCES.md` with the reason why it needs none. Else a file is accepted and does not do what it says.
///
/// A field counts as read in a file that names it and has its message at hand: by the message's type, or by a field or
/// property that is of this type. What has the name of another message's field is not taken for it.
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
    /// By message or enum: the names of the fields that have it, as names are compared.
    private let holders: [String: Set<String>]

    init(schema: String, table: String) {
        (accepted, holders) = Self.read(schema)
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

    private static func read(_ schema: String) -> (accepted: [Item], holders: [String: Set<String>]) {
        var accepted: [Item] = []
        var holders: [String: Set<String>] = [:]
        var owner: String?
        var isEnum = false
        for line in schema.split(separator: "\n") {
            let words = line.split(separator: " ").map(String.init)
            guard words.count > 1 else { continue }
            switch words[0] {
            case "m", "e":
                isEnum = words[0] == "e"
                owner = words[1]
            case "t": owner = nil
            default:
                guard let owner, let number = Int(words[0]) else { continue }
                if !isEnum, words.count > 2 { holders[type(words[2]), default: []].insert(plain(words[1])) }
                guard !isEnum || number != 0, !wire.contains(where: { owner.hasPrefix($0) }) else { continue }
                accepted.append(Item(owner: owner, name: words[1]))
            }
        }
        return (accepted, holders)
    }

    /// The type of a field without the signs for repeated ones and enums; of a map, that of its values.
    private static func type(_ text: String) -> String {
        let value = text.hasPrefix("map<") ? text.dropLast().drop { $0 != "," }.dropFirst() : text[...]
        return String(value.drop { $0 == "*" || $0 == "=" })
    }

    /// - Parameter sources: all code but the schema's own.
    func findings(in sources: [SwiftSource]) -> [Finding] {
        let readers = TypedNames(sources.filter { $0.target != "ProxyModel" })
        var findings = accepted.filter { !excused.keys.contains($0) && !isRead($0, by: readers) }.map {
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

    private func isRead(_ item: Item, by readers: TypedNames) -> Bool {
        let name = Self.plain(item.name)
        // SwiftProtobuf leaves the name of the enum out of the names of its values.
        let short = item.owner.split(separator: ".").last.map { Self.plain($0) } ?? ""
        let stripped = name.hasPrefix(short) ? String(name.dropFirst(short.count)) : name
        return [name, "has" + name, "clear" + name, stripped].contains {
            readers.areMentioned($0, with: Self.swiftName(item.owner), or: holders[item.owner] ?? [])
        }
    }

    /// What SwiftProtobuf calls a message or an enum.
    static func swiftName(_ type: String) -> String {
        let parts = type.split(separator: ".")
        let package = parts.prefix { $0.first?.isLowercase ?? false }.map { part in
            part.split(separator: "_").map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
        }
        return (package + [parts.dropFirst(package.count).joined(separator: ".")]).joined(separator: "_")
    }

    /// As names are compared: SwiftProtobuf writes them in camelCase.
    static func plain(_ name: some StringProtocol) -> String {
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
