/// Something in a script that is wrong, or probably not meant.
package struct LintFinding: Equatable, Sendable, CustomStringConvertible {
    /// How sure it is.
    package enum Severity: String, Sendable {
        /// It fails, or cannot work.
        case error
        /// It may.
        case warning
        /// Good to know, and no reason to refuse a script.
        case note
    }

    /// How sure it is, and where.
    package let severity: Severity
    package let file: String
    package let line: Int
    /// A word for the rule: `syntax`, `undefined-global`, `global-write`, `unavailable`, `unknown-method`, `maybe-nil`,
    /// `slow-pattern`, `no-hook`, `file`.
    package let rule: String
    /// What is wrong, in words.
    package let message: String

    package var description: String { "\(file):\(line > 0 ? "\(line):" : "") \(severity.rawValue): \(message) [\(rule)]" }

    /// As a JSON object.
    package var json: String {
        """
        {"severity": "\(severity.rawValue)", "file": \(CaseValue.quoted(file)), "line": \(line), "rule": "\(rule)", \
        "message": \(CaseValue.quoted(message))}
        """
    }
}
