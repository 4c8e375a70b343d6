import Foundation

/// What processes weigh: their proportional share of the memory that they use.
enum MemoryReading {
    /// Megabytes of a process and all that it started.
    static func megabytes(ofTree process: Int32) -> Double {
        tree(process).reduce(0) { $0 + megabytes(of: $1) }
    }

    /// The processes that a process started itself.
    static func children(of process: Int32) -> [Int32] {
        guard let text = try? String(contentsOfFile: "/proc/\(process)/task/\(process)/children", encoding: .utf8) else { return [] }
        return text.split(separator: " ").compactMap { Int32($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
    }

    private static func tree(_ process: Int32) -> [Int32] {
        [process] + children(of: process).flatMap(tree)
    }

    private static func megabytes(of process: Int32) -> Double {
        guard let text = try? String(contentsOfFile: "/proc/\(process)/smaps_rollup", encoding: .utf8) else { return 0 }
        for line in text.split(separator: "\n") where line.hasPrefix("Pss:") {
            let words = line.split(separator: " ")
            return words.count > 1 ? (Double(words[1]) ?? 0) / 1024 : 0
        }
        return 0
    }
}
