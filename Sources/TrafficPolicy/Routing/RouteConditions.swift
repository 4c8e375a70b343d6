import Bytes
import HTTPModel

/// What the path index cannot answer about a route.
final class RouteConditions: Sendable {
    /// The part of a route that failed, for explanations.
    enum Failure: Equatable, Sendable {
        case connect, regex, header(Int), queryParameter(Int), runtimeFraction, grpc
    }

    private let isConnect: Bool
    private let regex: RegexProgram?
    private let headers: [HeaderMatcher]
    private let queryParameters: [QueryParameterMatcher]
    private let runtimeFraction: FractionalPercent?
    private let requiresGRPC: Bool

    /// Nil when the path alone decides.
    init?(_ config: RouteMatchConfig) throws(PolicyError) {
        isConnect = config.path == .connect
        regex = if case .regex(let pattern) = config.path { try RegexProgram(pattern) } else { nil }
        headers = config.headers
        queryParameters = config.queryParameters
        runtimeFraction = config.runtimeFraction
        requiresGRPC = config.requiresGRPC
        if !isConnect, regex == nil, headers.isEmpty, queryParameters.isEmpty, runtimeFraction == nil, !requiresGRPC {
            return nil
        }
    }

    /// The first condition that does not hold; nil when all do.
    ///
    /// - Parameter path: what path matching looks at; nil when the request has none.
    func firstFailure(
        _ head: borrowing HeaderBlock, path: UnsafeRawBufferPointer?, query: UnsafeRawBufferPointer, random: UInt64
    ) -> Failure? {
        if isConnect {
            guard let method = head.get(.method), method.equals("CONNECT") else { return .connect }
        }
        if let regex {
            guard let path, regex.matchesAll(of: path) else { return .regex }
        }
        if let runtimeFraction, !runtimeFraction.contains(random) { return .runtimeFraction }
        if requiresGRPC, !Self.isGRPC(head) { return .grpc }
        for index in headers.indices where !headers[index].matches(head) { return .header(index) }
        for index in queryParameters.indices where !queryParameters[index].matches(query: query) {
            return .queryParameter(index)
        }
        return nil
    }

    /// `application/grpc`, alone or followed by `+`; a request without a path is none.
    private static func isGRPC(_ head: borrowing HeaderBlock) -> Bool {
        guard head.has(.path), let type = head.get(.contentType) else { return false }
        let name = UnsafeRawBufferPointer("application/grpc" as StaticString)
        return type.hasPrefix(name) && (type.count == name.count || type[name.count] == UInt8(ascii: "+"))
    }
}
