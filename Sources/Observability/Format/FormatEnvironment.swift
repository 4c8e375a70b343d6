/// What formats may name and does not change while the process runs. Given, not asked for, so that the same format gives
/// the same text in a test.
package struct FormatEnvironment: Sendable {
    /// `%HOSTNAME%`.
    package var hostname: String
    /// `%ENVIRONMENT(X)%`.
    package var variables: [String: String]
    /// Random, one a process: what makes `%UNIQUE_ID%` differ from process to process.
    package var instanceID: UInt64

    package init(hostname: String = "", variables: [String: String] = [:], instanceID: UInt64 = 0) {
        self.hostname = hostname
        self.variables = variables
        self.instanceID = instanceID
    }
}
