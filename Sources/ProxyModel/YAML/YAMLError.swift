/// Why a text is not a YAML document that can be read.
package struct YAMLError: Error, Equatable, Sendable {
    /// Where the reading ended.
    package let mark: ConfigMark
    /// What was wrong.
    package let message: String
}
