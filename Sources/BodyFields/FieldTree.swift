/// The fields that a scan looks for, as a tree of steps: where many begin alike, their beginning is compared once.
struct FieldTree<Step: Hashable & Sendable>: Sendable {
    struct Node: Sendable {
        var children: [(step: Step, node: Int)] = []
        /// The field that ends here.
        var field: Int?
        /// The fields that end here or further in.
        var fields: [Int] = []
    }

    /// The first is the whole body.
    private(set) var nodes = [Node()]

    /// - Parameter paths: one a field, in the order of the fields; two that are the same make one field.
    init(_ paths: [[Step]]) {
        for (field, path) in paths.enumerated() {
            var node = 0
            nodes[0].fields.append(field)
            for step in path {
                if let known = nodes[node].children.first(where: { $0.step == step }) {
                    node = known.node
                } else {
                    nodes.append(Node())
                    nodes[node].children.append((step, nodes.count - 1))
                    node = nodes.count - 1
                }
                nodes[node].fields.append(field)
            }
            precondition(nodes[node].field == nil, "one path stands for two fields")
            nodes[node].field = field
        }
    }
}
