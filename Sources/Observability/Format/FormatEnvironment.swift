import Glibc

/// What formats may name and does not change while the process runs. Given, not asked for, so that the same format gives
/// the same text in a test.
public struct FormatEnvironment: Sendable {
    /// What a clock on the wall is apart from UTC at a moment, and what that is called.
    public struct TimeZone: Sendable {
        public var offset: Int
        public var name: String

        public init(offset: Int, name: String) {
            self.offset = offset
            self.name = name
        }
    }

    /// The zone that `TZ` or the system names, for a moment in seconds since 1970 (`%START_TIME_LOCAL%`).
    public var timeZone: @Sendable (Int64) -> TimeZone = { seconds in
        var moment = time_t(seconds)
        var local = tm()
        guard localtime_r(&moment, &local) != nil else { return TimeZone(offset: 0, name: "UTC") }
        return TimeZone(offset: local.tm_gmtoff, name: local.tm_zone.map { String(cString: $0) } ?? "UTC")
    }

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
