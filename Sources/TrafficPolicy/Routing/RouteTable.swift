import Bytes
public import HTTPModel

/// Which route a request takes: indices into the configuration that the table was made of.
public struct RouteMatch: Equatable, Sendable {
    public let virtualHost: Int
    public let route: Int

    /// Both count from 0 in the order of the configuration.
    public init(virtualHost: Int, route: Int) {
        self.virtualHost = virtualHost
        self.route = route
    }
}

/// A route configuration, compiled: immutable, shared by all requests of a worker. A lookup allocates nothing and costs
/// the same with one route as with thousands that differ by path.
public final class RouteTable: Sendable {
    /// What of the request is left out of the comparison.
    public struct Options: Equatable, Sendable {
        /// The host header's port (`ignore_port_in_host_matching`).
        public var ignoresPort: Bool
        /// The path from its first `;` on (`ignore_path_parameters_in_path_matching`).
        public var ignoresPathParameters: Bool

        /// Nothing is left out unless said otherwise.
        public init(ignoresPort: Bool = false, ignoresPathParameters: Bool = false) {
            self.ignoresPort = ignoresPort
            self.ignoresPathParameters = ignoresPathParameters
        }
    }

    private let domains: DomainIndex
    private let virtualHosts: [VirtualHostRoutes]
    private let options: Options

    /// - Throws: a ``PolicyError`` that names the virtual host and the route.
    public init(_ hosts: [VirtualHostConfig], options: Options = Options()) throws(PolicyError) {
        domains = try DomainIndex(hosts)
        var compiled: [VirtualHostRoutes] = []
        compiled.reserveCapacity(hosts.count)
        for host in hosts { compiled.append(try VirtualHostRoutes(host)) }
        virtualHosts = compiled
        self.options = options
    }

    /// The first route that matches, in the virtual host that the request's `:authority` leads to.
    ///
    /// - Parameter random: the request's random value; all fractions of one request are drawn from it.
    /// - Returns: nil when no virtual host or none of its routes matches.
    public func match(_ head: borrowing HeaderBlock, random: UInt64) -> RouteMatch? {
        guard let host = virtualHost(for: head) else { return nil }
        let route: Int?
        if let target = head.get(.path) {
            let split = RequestPath(target)
            route = virtualHosts[host].match(head, path: comparedPath(split), query: split.query, random: random)
        } else {
            route = virtualHosts[host].match(head, path: nil, query: .empty, random: random)
        }
        return route.map { RouteMatch(virtualHost: host, route: $0) }
    }

    /// Index of the virtual host that the request's `:authority` leads to.
    public func virtualHost(for head: borrowing HeaderBlock) -> Int? {
        guard let host = head.get(.authority) else { return domains.lookup(nil) }
        return domains.lookup(options.ignoresPort ? HostPort.withoutPort(host) : host)
    }

    /// How many bytes of the request's path a prefix rewrite replaces: the prefix that the route asks for, or the whole
    /// path without its query where the route has none.
    public func matchedLength(_ match: RouteMatch, path: UnsafeRawBufferPointer) -> Int {
        virtualHosts[match.virtualHost].matchedLength(route: match.route, path: path)
    }

    /// Says for each route up to the one that matches why it does not. Slow: for debug answers, never for each request.
    public func explain(_ head: borrowing HeaderBlock, random: UInt64) -> RouteExplanation {
        guard let host = virtualHost(for: head) else { return RouteExplanation() }
        let routes = virtualHosts[host]
        var explanation = RouteExplanation(virtualHost: routes.config.name)
        let split = RequestPath(head.get(.path) ?? .empty)
        let path = head.has(.path) ? comparedPath(split) : nil
        for route in routes.config.routes.indices {
            guard let reason = routes.failure(route: route, head, path: path, query: split.query, random: random) else {
                explanation.match = RouteMatch(virtualHost: host, route: route)
                break
            }
            explanation.rejected.append(RouteExplanation.Rejection(route: route, reason: reason))
        }
        return explanation
    }

    private func comparedPath(_ split: RequestPath) -> UnsafeRawBufferPointer {
        options.ignoresPathParameters ? split.pathWithoutParameters : split.path
    }
}

/// Why a request took its route.
public struct RouteExplanation: Equatable, Sendable {
    /// A route that was asked before and what it missed.
    public struct Rejection: Equatable, Sendable {
        public var route: Int
        /// Names the condition that does not hold.
        public var reason: String
    }

    /// Name of the virtual host; nil when none has a domain for the request.
    public var virtualHost: String?
    /// In the order of the configuration.
    public var rejected: [Rejection] = []
    public var match: RouteMatch?
}
