package import Observability
package import ProxyModel

/// What `heddle-proxy` was asked to do.
package struct ProxyOptions: Equatable, Sendable {
    /// What the program is to do (`--mode`).
    package enum Mode: String, Sendable, CaseIterable {
        case serve, validate
    }

    /// The bootstrap's file (`-c`); nil when the text came by `--config-yaml` alone.
    package var configPath: String?
    /// `--config-yaml`, merged over the file.
    package var configText: String?
    package var mode = Mode.serve
    /// Worker processes; nil: one a core.
    package var concurrency: Int?
    package var logLevel = LogLevel.info
    package var componentLevels: [LogComponent: LogLevel] = [:]
    package var logFormat = Log.Format.text
    /// `--drain-time-s`: how long requests under way may take when the proxy stops.
    package var drainSeconds = 600
    package var serviceNode: String?
    package var serviceCluster: String?
    /// Where the admin listener's address is written to.
    package var adminAddressPath: String?
    /// Address of the listener that has only metrics and health.
    package var metricsAddress: String?
    /// Unix socket by which a new program takes the listening sockets over.
    package var takeOverPath: String?
    /// More than 0: take the sockets over from the process that listens at ``takeOverPath``.
    package var restartEpoch = 0
    /// Seconds without a sign of life after which a worker is killed; 0 switches the watchdog off.
    package var watchdogSeconds = 10
    /// Seconds after which new session tickets are sealed with another key. A ticket is good until the key after the one
    /// that sealed it goes, and OpenSSL's clients and ours use none that is older than two hours.
    package var ticketKeySeconds = 7200

    /// `--last-good-path`: where the last good dynamic configuration is kept; nil: nowhere.
    package var lastGoodPath: String?
    /// What becomes of fields that Heddle does not have, in files (`--allow-unknown-static-fields`).
    package var unknownStaticFields = UnknownFields.refused
    /// The same in resources from a source (`--reject-unknown-dynamic-fields`).
    package var unknownDynamicFields = UnknownFields.leftAside

    package init() {}
}

/// What a command line comes to.
package enum ProxyCommand: Equatable, Sendable {
    case run(ProxyOptions)
    case help
    case version
    /// Internal: read a configuration and write it in binary form to descriptor 3.
    case decodeConfig(ProxyOptions)
    /// Internal: be a worker, spoken to on descriptor 3.
    case worker
    /// Internal: run the cases that descriptor 3 names, and write what came of them to descriptor 4.
    case runCases
}

/// Why a command line cannot be followed.
package struct CommandLineError: Error, Equatable, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
}
