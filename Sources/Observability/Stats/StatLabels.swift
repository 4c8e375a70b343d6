/// Labels of one series of a metric, in the order in which they were given.
public struct StatLabels: Hashable, Sendable {
    /// Separates names and values in a group's name; no label may hold it.
    private static let separator: Character = "\u{1}"

    let encoded: String

    /// - Parameter labels: names and values; control characters in them are replaced.
    public init(_ labels: [(name: String, value: String)]) {
        encoded = labels.map { Self.clean($0.name) + String(Self.separator) + Self.clean($0.value) }.joined(separator: String(Self.separator))
    }

    private static func clean(_ text: String) -> String {
        text.unicodeScalars.contains { $0.value < 0x20 }
            ? String(String.UnicodeScalarView(text.unicodeScalars.map { $0.value < 0x20 ? "_" : $0 })) : text
    }

    static func decode(_ encoded: String) -> [(name: String, value: String)] {
        let parts = encoded.split(separator: separator, omittingEmptySubsequences: false).map(String.init)
        return stride(from: 0, to: parts.count - 1, by: 2).map { (parts[$0], parts[$0 + 1]) }
    }

    /// As `/stats` shows them: `{currency=EUR}`.
    static func text(_ encoded: String) -> String {
        encoded.isEmpty ? "" : "{" + decode(encoded).map { "\($0.name)=\($0.value)" }.joined(separator: ",") + "}"
    }
}
