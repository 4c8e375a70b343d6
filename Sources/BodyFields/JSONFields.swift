/// The pointers that scans of JSON bodies look for; made once, shared by all scans.
public final class JSONFields: Sendable {
    let tree: FieldTree<[UInt8]>
    /// Steps of the tree as array indices, -1 for none; by node and child.
    let indices: [[Int]]
    /// Bytes of the longest step: a longer name is nobody's.
    let longestStep: Int
    /// How many fields a scan has values for.
    public let count: Int
    /// Bytes that a value may have.
    public let longestValue: Int

    /// - Parameter pointers: one a field; no two may be the same.
    public init(_ pointers: [JSONPointer], longestValue: Int) {
        tree = FieldTree(pointers.map(\.steps))
        indices = tree.nodes.map { $0.children.map { JSONPointer.arrayIndex($0.step) ?? -1 } }
        longestStep = pointers.flatMap(\.steps).map(\.count).max() ?? 0
        count = pointers.count
        self.longestValue = longestValue
    }
}
