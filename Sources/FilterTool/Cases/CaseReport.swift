/// The outcomes of some files of cases, as people or programs read them.
package struct CaseReport: Sendable {
    /// One file's outcomes, or why it could not be used.
    package struct File: Sendable {
        package var path: String
        package var outcomes: [CaseOutcome]
        package var problem: String?
    }

    /// In the order in which they ran.
    package var files: [File] = []

    /// A report without any file yet.
    package init() {}

    /// Whether every case did what it must; no case at all is no success.
    package var passed: Bool {
        !files.isEmpty && files.allSatisfy { $0.problem == nil && !$0.outcomes.isEmpty && $0.outcomes.allSatisfy(\.passed) }
    }

    private var count: Int { files.reduce(0) { $0 + $1.outcomes.count } }
    private var failed: Int { files.reduce(0) { $0 + $1.outcomes.count { !$0.passed } + ($1.problem == nil ? 0 : 1) } }

    /// A table, and below it what was not as it must be.
    /// - Parameter isColored: with escape codes of a terminal.
    package func text(isColored: Bool = false) -> String {
        func paint(_ text: String, _ code: String) -> String { isColored ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text }
        let width = min(files.flatMap(\.outcomes).map(\.name.count).max() ?? 0, 72)
        var lines: [String] = []
        for file in files {
            lines.append(paint(file.path, "1"))
            if let problem = file.problem { lines.append("  \(paint("FAILED", "31")) \(problem)") }
            for outcome in file.outcomes {
                let name = outcome.name + String(repeating: " ", count: max(width - outcome.name.count, 0))
                let mark = outcome.passed ? paint("ok    ", "32") : paint("FAILED", "31")
                lines.append("  \(mark) \(name)  \(Self.column(outcome.nanoseconds / 1000, 7)) µs \(Self.column(outcome.fuel, 8)) fuel \(Self.column(outcome.memoryBytes / 1024, 5)) KiB")
                for failure in outcome.failures { lines.append("           \(outcome.place): \(failure)") }
                for line in outcome.log { lines.append("           \(paint("log: \(line)", "2"))") }
            }
        }
        lines.append("\(count) \(count == 1 ? "case" : "cases"), \(failed == 0 ? "all as they must be" : "\(failed) FAILED")")
        return lines.joined(separator: "\n")
    }

    private static func column(_ number: some BinaryInteger, _ width: Int) -> String {
        let text = String(number)
        return String(repeating: " ", count: max(width - text.count, 0)) + text
    }

    /// The same as JSON.
    package var json: String {
        let files = files.map { file in
            let outcomes = file.outcomes.map { outcome in
                """
                {"name": \(CaseValue.quoted(outcome.name)), "place": \(CaseValue.quoted(outcome.place)), "passed": \(outcome.passed), \
                "failures": [\(outcome.failures.map(CaseValue.quoted).joined(separator: ", "))], \
                "log": [\(outcome.log.map(CaseValue.quoted).joined(separator: ", "))], \
                "fuel": \(outcome.fuel), "nanoseconds": \(outcome.nanoseconds), "memory_bytes": \(outcome.memoryBytes)}
                """
            }
            let problem = file.problem.map { ", \"problem\": \(CaseValue.quoted($0))" } ?? ""
            return "{\"file\": \(CaseValue.quoted(file.path))\(problem), \"cases\": [\(outcomes.joined(separator: ", "))]}"
        }
        return "{\"passed\": \(passed), \"cases\": \(count), \"failed\": \(failed), \"files\": [\(files.joined(separator: ", "))]}"
    }
}
