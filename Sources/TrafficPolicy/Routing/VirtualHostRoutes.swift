import Bytes
import HTTPModel

/// The routes of one virtual host, compiled: candidates come from the path indices in the order of the configuration,
/// and only they are looked at.
final class VirtualHostRoutes: Sendable {
    let config: VirtualHostConfig
    private let literal: PathIndex
    private let folded: PathIndex
    /// What the runs of both indices point into, behind `unindexedCount` routes that every request must look at.
    private let candidates: [UInt32]
    private let unindexedCount: Int
    /// By route; nil where the path alone decides.
    private let conditions: [RouteConditions?]
    /// By route: length of the literal that a prefix rewrite replaces; -1 for "the whole path".
    private let prefixLengths: [Int32]

    init(_ config: VirtualHostConfig) throws(PolicyError) {
        self.config = config
        var literals: [PathIndex.Literal] = []
        var folded: [PathIndex.Literal] = []
        var unindexed: [UInt32] = []
        var conditions: [RouteConditions?] = []
        var prefixLengths: [Int32] = []
        for (index, route) in config.routes.enumerated() {
            do throws(PolicyError) {
                conditions.append(try RouteConditions(route))
            } catch {
                throw .route(virtualHost: config.name, route: index, cause: error)
            }
            let (text, kind): (String, PathIndex.Kind)
            switch route.path {
            case .prefix(let prefix): (text, kind) = (prefix, .prefix)
            case .separatedPrefix(let prefix): (text, kind) = (prefix, .separatedPrefix)
            case .path(let path): (text, kind) = (path, .exact)
            case .regex, .connect:
                unindexed.append(UInt32(index))
                prefixLengths.append(-1)
                continue
            }
            let entry = PathIndex.Literal(bytes: Array(text.utf8), kind: kind, route: UInt32(index))
            prefixLengths.append(kind == .exact ? -1 : Int32(entry.bytes.count))
            if route.isCaseSensitive { literals.append(entry) } else { folded.append(entry) }
        }
        unindexedCount = unindexed.count
        var candidates = unindexed
        literal = PathIndex(literals, foldsCase: false, routes: &candidates)
        self.folded = PathIndex(folded, foldsCase: true, routes: &candidates)
        self.candidates = candidates
        self.conditions = conditions
        self.prefixLengths = prefixLengths
    }

    /// The first route that matches.
    func match(
        _ head: borrowing HeaderBlock, path: UnsafeRawBufferPointer?, query: UnsafeRawBufferPointer, random: UInt64
    ) -> Int? {
        let capacity = 1 + literal.maximumRuns + folded.maximumRuns
        // On the stack up to 128 runs, which no sane nesting of prefixes reaches.
        return withUnsafeTemporaryAllocation(of: CandidateRun.self, capacity: capacity) { runs in
            var count = 0
            if unindexedCount > 0 {
                runs[0] = CandidateRun(next: 0, end: UInt32(unindexedCount))
                count = 1
            }
            if let path {
                literal.collect(path, into: runs, count: &count)
                folded.collect(path, into: runs, count: &count)
            }
            while let route = nextCandidate(runs, count) {
                guard let conditions = conditions[route] else { return route }
                if conditions.firstFailure(head, path: path, query: query, random: random) == nil { return route }
            }
            return nil
        }
    }

    /// How much of the path a prefix rewrite of this route replaces.
    func matchedLength(route: Int, path: UnsafeRawBufferPointer) -> Int {
        let length = prefixLengths[route]
        return length < 0 ? path.count : min(Int(length), path.count)
    }

    /// Why a route does not match; nil when it does. Slow: looks at the configuration.
    func failure(
        route: Int, _ head: borrowing HeaderBlock, path: UnsafeRawBufferPointer?, query: UnsafeRawBufferPointer,
        random: UInt64
    ) -> String? {
        let config = config.routes[route]
        if let failure = Self.pathFailure(config, path) { return failure }
        switch conditions[route]?.firstFailure(head, path: path, query: query, random: random) {
        case nil: return nil
        case .connect: return "method is not CONNECT"
        case .regex: return "path does not match \(config.path)"
        case .header(let index): return "\(config.headers[index]) does not hold"
        case .queryParameter(let index): return "\(config.queryParameters[index]) does not hold"
        case .runtimeFraction: return "outside of the runtime fraction \(config.runtimeFraction.map { "\($0)" } ?? "")"
        case .grpc: return "not a gRPC request"
        }
    }

    /// The smallest route index at the head of a run, which moves on.
    private func nextCandidate(_ runs: UnsafeMutableBufferPointer<CandidateRun>, _ count: Int) -> Int? {
        var best = -1
        var bestRoute = UInt32.max
        var index = 0
        while index < count {
            let run = runs[index]
            if run.next < run.end, candidates[Int(run.next)] < bestRoute {
                best = index
                bestRoute = candidates[Int(run.next)]
            }
            index += 1
        }
        guard best >= 0 else { return nil }
        runs[best].next += 1
        return Int(bestRoute)
    }

    private static func pathFailure(_ config: RouteMatchConfig, _ path: UnsafeRawBufferPointer?) -> String? {
        if case .connect = config.path { return nil }
        guard let path else { return "request has no path" }
        func equals(_ text: String, _ part: UnsafeRawBufferPointer) -> Bool {
            var text = text
            return text.withUTF8 {
                let bytes = UnsafeRawBufferPointer($0)
                return config.isCaseSensitive ? part.equals(bytes) : part.equalsIgnoringCase(bytes)
            }
        }
        let holds =
            switch config.path {
            case .regex, .connect: true
            case .path(let text): equals(text, path)
            case .prefix(let text):
                path.count >= text.utf8.count && equals(text, path.slice(0, text.utf8.count))
            case .separatedPrefix(let text):
                path.count >= text.utf8.count && equals(text, path.slice(0, text.utf8.count))
                    && (path.count == text.utf8.count || path[text.utf8.count] == UInt8(ascii: "/"))
            }
        return holds ? nil : "path does not match \(config.path)"
    }
}

extension RouteMatchConfig.Path: CustomStringConvertible {
    public var description: String {
        switch self {
        case .prefix(let text): "prefix '\(text)'"
        case .path(let text): "path '\(text)'"
        case .separatedPrefix(let text): "path_separated_prefix '\(text)'"
        case .regex(let text): "safe_regex '\(text)'"
        case .connect: "connect_matcher"
        }
    }
}
