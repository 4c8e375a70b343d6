/// What a route asks of a request (`config.route.v3.RouteMatch`); all of it must hold.
public struct RouteMatchConfig: Sendable {
    /// Looks at the path without query and fragment.
    public enum Path: Equatable, Sendable {
        case prefix(String)
        case path(String)
        /// The whole path, or a prefix of it that ends before a `/`.
        case separatedPrefix(String)
        /// RE2; the whole path must match.
        case regex(String)
        /// Any request whose method is CONNECT; the only one that takes a request without a path.
        case connect
    }

    /// How the path is compared.
    public var path: Path
    /// Does not apply to ``Path/regex(_:)``.
    public var isCaseSensitive: Bool
    public var headers: [HeaderMatcher]
    public var queryParameters: [QueryParameterMatcher]
    public var runtimeFraction: FractionalPercent?
    /// The content type must be gRPC's.
    public var requiresGRPC: Bool

    /// A route that asks for a path alone unless said otherwise.
    public init(
        _ path: Path, isCaseSensitive: Bool = true, headers: [HeaderMatcher] = [],
        queryParameters: [QueryParameterMatcher] = [], runtimeFraction: FractionalPercent? = nil, requiresGRPC: Bool = false
    ) {
        self.path = path
        self.isCaseSensitive = isCaseSensitive
        self.headers = headers
        self.queryParameters = queryParameters
        self.runtimeFraction = runtimeFraction
        self.requiresGRPC = requiresGRPC
    }
}

/// Routes for the hosts that its domains name (`config.route.v3.VirtualHost`).
public struct VirtualHostConfig: Sendable {
    public var name: String
    /// Exact (`a.example`), suffix (`*.example`), prefix (`a.*`) or all (`*`); letters of either case are the same.
    public var domains: [String]
    /// The first that matches wins.
    public var routes: [RouteMatchConfig]

    /// - Parameter domains: must not be claimed by another virtual host of the table.
    public init(name: String, domains: [String], routes: [RouteMatchConfig]) {
        self.name = name
        self.domains = domains
        self.routes = routes
    }
}
