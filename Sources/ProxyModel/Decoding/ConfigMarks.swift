/// Finds the place in a file for the path of a value, so that an error found later can name it.
///
/// It holds the trees that were read, in the order in which they are merged, and looks nothing up before it is asked.
package struct ConfigMarks: Sendable {
    /// One file's tree.
    struct Tree: Sendable {
        let file: String
        let root: YAMLNode
    }

    private let trees: [Tree]

    /// Marks of nothing, for configurations that come from no file; errors then name `file` alone.
    package init(file: String) {
        trees = [
            Tree(
                file: file,
                root: YAMLNode(content: .mapping([]), mark: ConfigMark(line: 0, column: 0), count: 1, height: 1))
        ]
    }

    init(trees: [Tree]) {
        self.trees = trees
    }

    /// The file and the place of a value; where the value is missing, of the innermost value around it that is there.
    package func locate(_ path: ConfigPath) -> (file: String, mark: ConfigMark?) {
        var nodes: [YAMLNode?] = trees.map(\.root)
        var found = (file: trees[0].file, mark: trees[0].root.mark)
        for step in path.steps {
            nodes = Self.descend(step, nodes)
            guard let index = nodes.lastIndex(where: { $0 != nil }), let node = nodes[index] else { break }
            found = (trees[index].file, node.mark)
        }
        return (found.file, found.mark.line > 0 ? found.mark : nil)
    }

    /// An error at a path.
    package func error(_ path: ConfigPath, _ message: String) -> ConfigError {
        let (file, mark) = locate(path)
        return ConfigError(file: file, mark: mark, path: path, message: message)
    }

    /// One step in every tree. Lists are merged one behind the other, so an index names an item of one tree only.
    private static func descend(_ step: ConfigPath.Step, _ nodes: [YAMLNode?]) -> [YAMLNode?] {
        switch step {
        case .field(let name):
            let camelCase = FieldSchema.camelCase(name)
            return nodes.map { $0?.value(for: name) ?? $0?.value(for: camelCase) }
        case .key(let key):
            return nodes.map { $0?.value(for: key) }
        case .index(var index):
            return nodes.map { node in
                guard case .sequence(let items)? = node?.content else { return nil }
                defer { index -= items.count }
                return items.indices.contains(index) ? items[index] : nil
            }
        }
    }
}
