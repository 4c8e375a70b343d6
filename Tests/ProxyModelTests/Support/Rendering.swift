import ProxyModel

extension YAMLNode {
    /// The tree as one line of text in which plain scalars stand between bars and others in quotes.
    var rendered: String {
        switch content {
        case .scalar(let text, isPlain: true): "|\(text)|"
        case .scalar(let text, isPlain: false): text.debugDescription
        case .sequence(let items): "[" + items.map(\.rendered).joined(separator: ", ") + "]"
        case .mapping(let entries):
            "{" + entries.map { "\($0.key.debugDescription): \($0.value.rendered)" }.joined(separator: ", ") + "}"
        }
    }
}
