/// Why a text is not a YAML document that can be read.
package struct YAMLError: Error, Equatable, Sendable {
    /// Where the reading ended.
    package let mark: ConfigMark
    /// What was wrong.
    package let message: String

    /// Makes an error.
    package init(mark: ConfigMark, message: String) {
        self.mark = mark
        self.message = message
    }
}
