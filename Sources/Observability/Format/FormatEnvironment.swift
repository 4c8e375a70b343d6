/// What formats may name and does not change while the process runs. Given, not asked for, so that the same format gives
/// the same text in a test.
public struct FormatEnvironment: Sendable {
    /// `%HOSTNAME%`.
    public var hostname: String
    /// `%ENVIRONMENT(X)%`.
    public var variables: [String: String]
    /// Random, one a process: what makes `%UNIQUE_ID%` differ from process to process.
    public var instanceID: UInt64

    public init(hostname: String = "", variables: [String: String] = [:], instanceID: UInt64 = 0) {
        self.hostname = hostname
        self.variables = variables
        self.instanceID = instanceID
    }
}
