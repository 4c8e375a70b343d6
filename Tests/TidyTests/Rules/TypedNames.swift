/// Which names follow a dot in which file, and which types of messages a file has to do with.
struct TypedNames {
    private struct File {
        let target: String
        /// Names behind a dot, as ``UnreadField/plain(_:)`` writes them.
        let members: Set<String>
        /// Types of messages that are written out, with the types around nested ones.
        var types: Set<String>
    }

    private var files: [File] = []
    /// By target and type: properties of that type.
    private var properties: [String: [String: Set<String>]] = [:]
    /// Files by a name behind a dot.
    private var mentions: [String: [Int]] = [:]

    init(_ sources: [SwiftSource]) {
        var aliases: [String: [String: String]] = [:]
        for source in sources {
            for line in source.code where line.contains("typealias ") {
                let words = line.split { $0 == " " || $0 == "=" }
                guard let index = words.firstIndex(of: "typealias"), words.count > index + 2 else { continue }
                aliases[source.target, default: [:]][String(words[index + 1])] = String(words[index + 2])
            }
        }
        for source in sources {
            var members: Set<String> = []
            var types: Set<String> = []
            for line in source.code {
                members.formUnion(Self.members(line))
                for chain in Self.chains(line) {
                    let first = String(chain.prefix { $0 != "." })
                    let full = (aliases[source.target]?[first] ?? first) + chain.dropFirst(first.count)
                    guard full.hasPrefix("Envoy_") || full.hasPrefix("Heddle_") else { continue }
                    types.formUnion(Self.prefixes(full))
                    if let property = Self.property(line, of: chain) {
                        properties[source.target, default: [:]][full, default: []].insert(UnreadField.plain(property))
                    }
                }
            }
            for member in members { mentions[member, default: []].append(files.count) }
            files.append(File(target: source.target, members: members, types: types))
        }
    }

    /// Whether a file has `member` behind a dot and something of `type`: the type itself, one of the `holders` behind a
    /// dot, or a property of the type.
    func areMentioned(_ member: String, with type: String, or holders: Set<String>) -> Bool {
        (mentions[member] ?? []).contains { index in
            let file = files[index]
            if file.types.contains(type) { return true }
            let named = holders.union(properties[file.target]?[type] ?? [])
            return named.contains { file.members.contains($0) || file.members.contains("has" + $0) }
        }
    }

    private static func members(_ line: Substring) -> [String] {
        line.split(separator: ".", omittingEmptySubsequences: false).dropFirst().compactMap { part in
            let word = part.prefix { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "`" }
            return word.isEmpty ? nil : UnreadField.plain(word)
        }
    }

    /// Words with dots in them.
    private static func chains(_ line: Substring) -> [Substring] {
        line.split { !($0.isLetter || $0.isNumber || $0 == "_" || $0 == ".") }
    }

    private static func prefixes(_ chain: String) -> [String] {
        let parts = chain.split(separator: ".")
        return parts.indices.map { parts[...$0].joined(separator: ".") }
    }

    /// The name before the colon that `type` stands behind, for one or for many.
    private static func property(_ line: Substring, of type: Substring) -> Substring? {
        guard let start = line.firstRange(of: type)?.lowerBound else { return nil }
        let before = line[..<start].trimming { $0 == " " || $0 == "[" }
        guard before.last == ":" else { return nil }
        let name = before.dropLast().split { !($0.isLetter || $0.isNumber || $0 == "_") }.last
        return name
    }
}

extension Substring {
    /// Without what `isSpare` at its end.
    fileprivate func trimming(_ isSpare: (Character) -> Bool) -> Substring {
        var text = self
        while let last = text.last, isSpare(last) { text.removeLast() }
        return text
    }

    fileprivate func firstRange(of part: Substring) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(part) { return start..<index(start, offsetBy: part.count) }
            start = index(after: start)
        }
        return nil
    }
}
