/// Which types may stand in a place that takes a `google.protobuf.Any`, by the beginnings of their names.
enum AnyPlace {
    /// The beginnings that the innermost field of a path, which belongs to `message`, allows; nil when all do.
    static func prefixes(field path: ConfigPath, of message: MessageSchema) -> [String]? {
        if let allowed = byMessage[message.name] { return allowed }
        for step in path.steps.reversed() {
            if case .field(let name) = step { return byField[name] }
        }
        return nil
    }

    /// Whether the one `Any` of a message may be empty: `config: {}` of a route's FilterConfig switches a filter on.
    static func mayBeEmpty(of message: MessageSchema) -> Bool { message.name == "envoy.config.route.v3.FilterConfig" }

    private static let httpFilters = ["envoy.extensions.filters.http.", "heddle.filters.http."]

    private static let byMessage = [
        "envoy.config.accesslog.v3.AccessLog": ["envoy.extensions.access_loggers."],
        "envoy.config.cluster.v3.Filter": ["envoy.extensions.filters.network."],
        "envoy.config.core.v3.TransportSocket": ["envoy.extensions.transport_sockets."],
        "envoy.config.listener.v3.Filter": ["envoy.extensions.filters.network."],
        "envoy.config.listener.v3.ListenerFilter": ["envoy.extensions.filters.listener."],
        "envoy.config.route.v3.FilterConfig": httpFilters,
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter": httpFilters,
    ]

    private static let byField = [
        "typed_extension_protocol_options": ["envoy.extensions.upstreams."],
        "typed_per_filter_config": httpFilters + ["envoy.config.route.v3.FilterConfig"],
    ]
}
