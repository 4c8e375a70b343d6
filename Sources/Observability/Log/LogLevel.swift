/// How much a message matters; names as Envoy's `-l` and `/logging` take them.
public enum LogLevel: UInt8, Sendable, CaseIterable, Comparable {
    case trace, debug, info, warning, error, critical, off

    /// The word on the command line and in the admin interface.
    public var name: StaticString {
        switch self {
        case .trace: "trace"
        case .debug: "debug"
        case .info: "info"
        case .warning: "warning"
        case .error: "error"
        case .critical: "critical"
        case .off: "off"
        }
    }

    /// Reads a name; `warn` too.
    public init?(_ name: String) {
        if name == "warn" {
            self = .warning
            return
        }
        guard let level = LogLevel.allCases.first(where: { $0.name.description == name }) else { return nil }
        self = level
    }

    public static func < (left: LogLevel, right: LogLevel) -> Bool { left.rawValue < right.rawValue }
}

/// The part of the proxy that a message comes from; each has a level of its own. Envoy's names where it has the part.
public enum LogComponent: String, Sendable, CaseIterable {
    case main, config, admin, upstream, http, http2, connection, pool, router, filter, lua, dns, tls, health
    case listener, supervisor, stats, runtime, misc
}
