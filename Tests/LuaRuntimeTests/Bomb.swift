import Foundation
import Testing

/// A script that would not end by itself: `main` is what runs.
struct Bomb: Sendable, CustomTestStringConvertible {
    let name: String
    let source: String
    /// Whether single instructions cost so much that only the clock stops it within seconds.
    let isHeavy: Bool
    var testDescription: String { name }

    /// Those of `Benchmarks/Lua/bombs.lua`, which the measurements in a release build take too.
    static let all: [Bomb] = {
        let file = URL(filePath: #filePath).appending(path: "../../../Benchmarks/Lua/bombs.lua").standardized
        guard let text = try? String(contentsOf: file, encoding: .utf8) else { return [] }
        return text.components(separatedBy: "\n--- ").dropFirst().map { part in
            let lines = part.split(separator: "\n", maxSplits: 1)
            let isHeavy = lines[0].hasSuffix(" (heavy)")
            return Bomb(
                name: String(isHeavy ? lines[0].dropLast(8) : lines[0]),
                source: "function main()\n\(lines.count > 1 ? lines[1] : "")\nend", isHeavy: isHeavy)
        }
    }()
}

@Suite("The bombs")
struct BombTests {
    @Test("are all read from their file")
    func count() {
        #expect(Bomb.all.count >= 45)
        #expect(Set(Bomb.all.map(\.name)).count == Bomb.all.count)
        #expect(Bomb.all.filter(\.isHeavy).map(\.name) == [
            "concat operator", "arithmetic with a long text of digits", "arithmetic with a text of blanks",
            "arithmetic with many texts of digits", "comparison of long texts", "byte",
            "comparison of texts of megabytes",
        ])
    }
}
