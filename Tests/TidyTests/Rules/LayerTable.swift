import Foundation

/// The layer table of ARCHITECTURE.md, which is the one truth about who may import whom.
struct LayerTable {
    struct Row: Equatable {
        let layer: String
        let target: String
        let imports: Set<String>
        let line: Int
    }

    /// In the order of the table: a row may name only targets of rows above it.
    let rows: [Row]
    /// The modules that every Swift target may import.
    let anywhere: Set<String>

    /// Reads the first Markdown table that has the columns layer, target and may import.
    init(markdown: String) {
        var rows: [Row] = []
        var anywhere: Set<String> = []
        var columns: [String: Int]?
        for (index, line) in markdown.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let cells = Self.cells(line)
            if let known = columns, let layer = known["layer"], let target = known["target"],
                let may = known["may import"]
            {
                guard cells.count > max(layer, target, may) else { break }
                let names = Self.names(cells[may])
                if cells[target] == "anywhere" {
                    anywhere = names
                } else if let name = Self.names(cells[target]).first {
                    rows.append(Row(layer: cells[layer], target: name, imports: names, line: index + 1))
                }
            } else if cells.contains("layer"), cells.contains("target"), cells.contains("may import") {
                columns = Dictionary(cells.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
            }
        }
        self.rows = rows
        self.anywhere = anywhere
    }

    func row(_ target: String) -> Row? { rows.first { $0.target == target } }

    /// Where the table contradicts itself: a row that names a target below it, itself, or a target twice.
    func contradictions(path: String) -> [Finding] {
        let targets = Set(rows.map(\.target))
        var above: Set<String> = []
        var findings: [Finding] = []
        var highest = -1
        for row in rows {
            if above.contains(row.target) {
                findings.append(
                    Finding(path: path, line: row.line, message: "\(row.target) stands twice in the layer table"))
            }
            for name in row.imports.intersection(targets).subtracting(above).sorted() {
                findings.append(
                    Finding(
                        path: path, line: row.line,
                        message: "\(row.target) may not import \(name), which stands below it"))
            }
            if let layer = Int(row.layer) {
                if layer < highest {
                    findings.append(
                        Finding(path: path, line: row.line, message: "layer \(layer) stands below layer \(highest)"))
                }
                highest = max(highest, layer)
            }
            above.insert(row.target)
        }
        return findings
    }

    /// Imports in `source` that its target's row does not name.
    func findings(in source: SwiftSource) -> [Finding] {
        guard let row = row(source.target) else {
            return [
                Finding(path: source.path, line: 0, message: "target \(source.target) has no row in the layer table")
            ]
        }
        let allowed = row.imports.union(anywhere).union([row.target])
        return source.code.enumerated().compactMap { index, line in
            guard let module = Self.importedModule(line), !allowed.contains(module) else { return nil }
            let message =
                "\(source.target) (layer \(row.layer)) may not import \(module); it may: \(row.imports.sorted().joined(separator: " "))"
            return Finding(path: source.path, line: index + 1, message: message)
        }
    }

    /// The module that an import line names, or nil for any other line.
    static func importedModule(_ line: Substring) -> String? {
        var words = line.split(whereSeparator: \.isWhitespace)[...]
        let before: Set<Substring> = ["package", "public", "internal", "private", "fileprivate"]
        while let word = words.first, before.contains(word) || word.hasPrefix("@") { words = words.dropFirst() }
        guard words.first == "import" else { return nil }
        let kinds: Set<Substring> = ["struct", "class", "enum", "protocol", "func", "var", "let", "typealias", "actor"]
        words = words.dropFirst()
        if let kind = words.first, kinds.contains(kind) { words = words.dropFirst() }
        return words.first?.split(separator: ".").first.map(String.init)
    }

    private static func cells(_ line: Substring) -> [String] {
        guard line.hasPrefix("|") else { return [] }
        return line.dropFirst().split(separator: "|", omittingEmptySubsequences: false)
            .map { $0.trimmingCharacters(in: .whitespaces) }
    }

    private static func names(_ cell: String) -> Set<String> {
        let parts = cell.split(separator: "`", omittingEmptySubsequences: false)
        return Set(parts.enumerated().filter { $0.offset % 2 == 1 }.map { String($0.element) })
    }
}
