/// One reason why a configuration is refused: where, and what was expected there.
package struct ConfigError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The file as the user named it.
    package let file: String
    /// The place in the file, where one is known; both count from 1, columns in characters.
    package let mark: ConfigMark?
    /// The value's path; the root for errors of the syntax.
    package let path: ConfigPath
    /// What is wrong and what was expected.
    package let message: String

    /// Makes an error.
    package init(file: String, mark: ConfigMark?, path: ConfigPath, message: String) {
        self.file = file
        self.mark = mark
        self.path = path
        self.message = message
    }

    /// `file:line:column: path: message`; what is not known is left out.
    package var description: String {
        var text = file
        if let mark { text += ":\(mark.line):\(mark.column)" }
        text += ": "
        if !path.steps.isEmpty { text += "\(path): " }
        return text + message
    }
}

/// A place in a file.
package struct ConfigMark: Equatable, Sendable {
    /// The line, from 1.
    package let line: Int
    /// The column in characters, from 1.
    package let column: Int

    /// Makes a mark.
    package init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }
}

/// All that was found wrong with a configuration, up to a bound.
package struct ConfigErrors: Error, Equatable, Sendable, CustomStringConvertible {
    /// How many errors are reported at once.
    package static let maximum = 20

    /// The errors, at least one, in the order in which they were found.
    package let errors: [ConfigError]
    /// Whether the search ended at the bound, so that there may be more.
    package let isTruncated: Bool

    init(_ errors: [ConfigError], isTruncated: Bool = false) {
        self.errors = errors
        self.isTruncated = isTruncated
    }

    /// One error about a file as a whole.
    package init(file: String, _ message: String) {
        self.init([ConfigError(file: file, mark: nil, path: ConfigPath(), message: message)])
    }

    /// One error a line.
    package var description: String {
        errors.map(\.description).joined(separator: "\n")
            + (isTruncated ? "\nthere may be more errors; the search ended here" : "")
    }
}
