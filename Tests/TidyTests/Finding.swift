/// One place where a rule is broken, in the form that editors jump to.
struct Finding: Equatable, CustomStringConvertible {
    let path: String
    /// Counted from 1; 0 where the whole file is meant.
    let line: Int
    let message: String

    var description: String { line == 0 ? "\(path): \(message)" : "\(path):\(line): \(message)" }
}

extension [Finding] {
    /// All findings, a line each, for the failure message of a test.
    var report: String { "\n" + map(\.description).joined(separator: "\n") }
}
