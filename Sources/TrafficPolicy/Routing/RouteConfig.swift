/// What a route asks of a request (`config.route.v3.RouteMatch`); all of it must hold.
package struct RouteMatchConfig: Sendable {
    /// Looks at the path without query and fragment.
    package enum Path: Equatable, Sendable {
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
    package var path: Path
    /// Does not apply to ``Path/regex(_:)``.
    package var isCaseSensitive: Bool
    package var headers: [HeaderMatcher]
    package var queryParameters: [QueryParameterMatcher]
    package var runtimeFraction: FractionalPercent?
    /// The content type must be gRPC's.
    package var requiresGRPC: Bool

    package init(
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
package struct VirtualHostConfig: Sendable {
    package var name: String
    /// Exact (`a.example`), suffix (`*.example`), prefix (`a.*`) or all (`*`); letters of either case are the same.
    package var domains: [String]
    /// The first that matches wins.
    package var routes: [RouteMatchConfig]

    package init(name: String, domains: [String], routes: [RouteMatchConfig]) {
        self.name = name
        self.domains = domains
        self.routes = routes
    }
}
