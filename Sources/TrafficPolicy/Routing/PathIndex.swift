import Bytes

/// A run of route indices, ascending, that a path leads to; `next` moves as they are tried.
struct CandidateRun {
    var next: UInt32
    let end: UInt32
}

/// A radix tree over the literal paths of a virtual host: one walk along a request's path finds every route whose
/// prefix, path or separated prefix fits, however many others there are.
struct PathIndex: Sendable {
    /// How a literal wants to meet the request's path.
    enum Kind: Int {
        case prefix, separatedPrefix, exact
    }

    struct Literal {
        var bytes: [UInt8]
        var kind: Kind
        var route: UInt32
    }

    /// One node: the label that leads to it, its children (neighbours in `nodes`) and its routes (neighbours in the
    /// virtual host's list, first prefixes, then separated prefixes, then exact paths).
    private struct Node {
        var labelStart: UInt32 = 0
        var labelCount: UInt32 = 0
        var childStart: UInt32 = 0
        var childCount: UInt32 = 0
        var routesStart: UInt32 = 0
        var prefixEnd: UInt32 = 0
        var separatedEnd: UInt32 = 0
        var exactEnd: UInt32 = 0
    }

    private var nodes: [Node] = []
    /// First label byte of each node: what a step searches.
    private var firstBytes: [UInt8] = []
    private var labels: [UInt8] = []
    private let foldsCase: Bool
    /// Most runs that one path can lead to.
    private(set) var maximumRuns = 0

    /// - Parameters:
    ///   - literals: in the order of their routes.
    ///   - foldsCase: ASCII letters of either case are the same.
    ///   - routes: the virtual host's list; this index appends its own part.
    init(_ literals: [Literal], foldsCase: Bool, routes: inout [UInt32]) {
        self.foldsCase = foldsCase
        guard !literals.isEmpty else { return }
        let sorted = literals.map { literal in
            var copy = literal
            if foldsCase { copy.bytes = literal.bytes.map(ASCII.lower) }
            return copy
        }.sorted {
            $0.bytes == $1.bytes
                ? ($0.kind.rawValue, $0.route) < ($1.kind.rawValue, $1.route)
                : $0.bytes.lexicographicallyPrecedes($1.bytes)
        }
        build(sorted, &routes)
    }

    /// Appends the runs for `path` to `runs`, which has room for ``maximumRuns`` more.
    func collect(_ path: UnsafeRawBufferPointer, into runs: UnsafeMutableBufferPointer<CandidateRun>, count: inout Int) {
        guard !nodes.isEmpty else { return }
        var current = 0
        var depth = 0
        while true {
            let node = nodes[current]
            add(node.routesStart, node.prefixEnd, runs, &count)
            if depth == path.count {
                add(node.prefixEnd, node.exactEnd, separated: node.separatedEnd, runs, &count)
                return
            }
            let byte = foldsCase ? ASCII.lower(path[depth]) : path[depth]
            if byte == UInt8(ascii: "/") { add(node.prefixEnd, node.separatedEnd, runs, &count) }
            guard let child = child(of: node, byte), matchesLabel(nodes[child], path, depth) else { return }
            depth += Int(nodes[child].labelCount)
            current = child
        }
    }

    private func add(
        _ start: UInt32, _ end: UInt32, _ runs: UnsafeMutableBufferPointer<CandidateRun>, _ count: inout Int
    ) {
        guard start < end else { return }
        runs[count] = CandidateRun(next: start, end: end)
        count += 1
    }

    /// Separated prefixes and exact paths are two ascending runs.
    private func add(
        _ start: UInt32, _ end: UInt32, separated: UInt32, _ runs: UnsafeMutableBufferPointer<CandidateRun>,
        _ count: inout Int
    ) {
        add(start, separated, runs, &count)
        add(separated, end, runs, &count)
    }

    private func child(of node: Node, _ byte: UInt8) -> Int? {
        var index = Int(node.childStart)
        let end = index + Int(node.childCount)
        while index < end {
            if firstBytes[index] == byte { return index }
            index += 1
        }
        return nil
    }

    private func matchesLabel(_ node: Node, _ path: UnsafeRawBufferPointer, _ depth: Int) -> Bool {
        let length = Int(node.labelCount)
        guard path.count - depth >= length else { return false }
        let start = Int(node.labelStart)
        let part = path.slice(depth, depth + length)
        return labels.withUnsafeBytes { labels in
            let label = labels.slice(start, start + length)
            return foldsCase ? part.equalsIgnoringCase(label) : part.equals(label)
        }
    }

    /// Breadth first, so that the children of a node are neighbours and deep nesting needs no stack.
    private mutating func build(_ literals: [Literal], _ routes: inout [UInt32]) {
        struct Work {
            var range: Range<Int>
            var depth: Int
            var runs: Int
        }
        var queue = [Work(range: 0..<literals.count, depth: 0, runs: 0)]
        nodes.append(Node())
        firstBytes.append(0)
        var done = 0
        while done < queue.count {
            let work = queue[done]
            var rest = work.range
            nodes[done].routesStart = UInt32(routes.count)
            var runs = work.runs
            for kind in [Kind.prefix, .separatedPrefix, .exact] {
                let before = routes.count
                while let first = rest.first, literals[first].bytes.count == work.depth, literals[first].kind == kind {
                    routes.append(literals[first].route)
                    rest.removeFirst()
                }
                if routes.count > before { runs += 1 }
                let end = UInt32(routes.count)
                switch kind {
                case .prefix: nodes[done].prefixEnd = end
                case .separatedPrefix: nodes[done].separatedEnd = end
                case .exact: nodes[done].exactEnd = end
                }
            }
            maximumRuns = max(maximumRuns, runs)
            nodes[done].childStart = UInt32(nodes.count)
            while let first = rest.first {
                let key = literals[first].bytes
                var last = first
                while last + 1 < rest.upperBound, literals[last + 1].bytes[work.depth] == key[work.depth] { last += 1 }
                let depth = Self.commonPrefix(key, literals[last].bytes, from: work.depth)
                nodes.append(
                    Node(labelStart: UInt32(labels.count), labelCount: UInt32(depth - work.depth)))
                firstBytes.append(key[work.depth])
                labels.append(contentsOf: key[work.depth..<depth])
                queue.append(Work(range: first..<(last + 1), depth: depth, runs: runs))
                rest = (last + 1)..<rest.upperBound
            }
            nodes[done].childCount = UInt32(nodes.count) - nodes[done].childStart
            done += 1
        }
    }

    private static func commonPrefix(_ left: [UInt8], _ right: [UInt8], from start: Int) -> Int {
        var index = start
        while index < left.count, index < right.count, left[index] == right[index] { index += 1 }
        return index
    }
}
