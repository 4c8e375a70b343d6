import Foundation
import TestKit

/// `docs/DIFFERENCES.md`: where Heddle does not do as Envoy does, and why. The tests hold it to the letter.
struct DifferencesTable {
    struct Row: Hashable {
        let test: String
        let difference: Observation.Difference
        let reason: String
    }

    let rows: [Row]

    static let shared = Result { try DifferencesTable(path: ProxyProcess.root + "/docs/DIFFERENCES.md") }

    init(path: String) throws {
        rows = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").compactMap { line in
            let cells = line.components(separatedBy: " | ").map { $0.trimmingCharacters(in: ["|", " "]) }
            guard line.hasPrefix("| "), cells.count == 5, cells[0] != "case" else { return nil }
            let values = cells.map(Self.plain)
            let difference = Observation.Difference(fact: values[1], envoy: values[2], heddle: values[3])
            return Row(test: values[0], difference: difference, reason: values[4])
        }
    }

    /// A cell without its back quotes; a bar in a value stands as `¦`, which a table can hold.
    private static func plain(_ cell: String) -> String {
        let isQuoted = cell.count >= 2 && cell.hasPrefix("`") && cell.hasSuffix("`")
        return (isQuoted ? String(cell.dropFirst().dropLast()) : cell).replacingOccurrences(of: "¦", with: "|")
    }

    func expected(_ name: String) -> Set<Observation.Difference> {
        Set(rows.filter { $0.test == name }.map(\.difference))
    }
}
