/// A value of a YAML document. Aliases are replaced by what they name; the storage is shared.
package struct YAMLNode: Sendable {
    /// What the value is.
    package enum Content: Sendable {
        /// Text; `isPlain` when it stood without quotes and so may be a number, a boolean or null.
        case scalar(String, isPlain: Bool)
        /// A list.
        case sequence([YAMLNode])
        /// Pairs in the order of the text; no key appears twice.
        case mapping([Entry])
    }

    /// One pair of a mapping.
    package struct Entry: Sendable {
        /// The key's text.
        package let key: String
        /// Where the key stands.
        package let mark: ConfigMark
        /// The value.
        package let value: YAMLNode
    }

    /// What the value is.
    package var content: Content
    /// Where it starts.
    package var mark: ConfigMark
    /// How many nodes it holds, itself included, with aliases counted as often as they are used.
    var count: Int
    /// How many levels it holds, itself included.
    var height: Int

    /// Whether this is a mapping with other keys than this one.
    func hasMore(than key: String) -> Bool {
        guard case .mapping(let entries) = content else { return false }
        return entries.contains { $0.key != key }
    }

    /// The value under a key, when this is a mapping that has it.
    package func value(for key: String) -> YAMLNode? {
        guard case .mapping(let entries) = content else { return nil }
        return entries.first { $0.key == key }?.value
    }
}
