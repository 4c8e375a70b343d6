import DataPlane
import HTTPModel
import Observability
import ProxyModel
import Reactor
import SwiftProtobuf
import TrafficPolicy

/// `envoy.filters.http.header_mutation`: removes and adds header fields, in the order of the configuration.
///
/// ```yaml
/// - name: envoy.filters.http.header_mutation
///   typed_config:
///     "@type": type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation
///     mutations:
///       request_mutations:
///         - append: { header: { key: x-client, value: "%DOWNSTREAM_REMOTE_ADDRESS%" } }
///       response_mutations:
///         - remove: server
///         - remove_on_match: { key_matcher: { prefix: x-internal- } }
/// ```
///
/// Mutations of routes come after the filter's own: the route's, then the virtual host's, then the route configuration's,
/// so that the widest scope has the last word; with `most_specific_header_mutations_wins` the other way round.
struct HeaderMutationType: HTTPFilterType {
    let messageNames = ["envoy.extensions.filters.http.header_mutation.v3.HeaderMutation"]
    let routeMessageNames = ["envoy.extensions.filters.http.header_mutation.v3.HeaderMutationPerRoute"]
    let mayBeUpstream = true

    nonisolated init() {}

    func makeFactory(
        _ config: Google_Protobuf_Any, _ context: FilterBuildContext
    ) throws(ConfigProblem) -> any HTTPFilterFactory {
        let message: Envoy_Extensions_Filters_Http_HeaderMutation_V3_HeaderMutation = try config.message()
        return HeaderMutationFactory(
            name: context.filterName, steps: try MutationSteps(message.mutations, context.environment).within("mutations"),
            mostSpecificWins: message.mostSpecificHeaderMutationsWins)
    }

    func makeRouteConfig(
        _ config: Google_Protobuf_Any, _ context: FilterBuildContext
    ) throws(ConfigProblem) -> any FilterRouteConfig {
        let message: Envoy_Extensions_Filters_Http_HeaderMutation_V3_HeaderMutationPerRoute = try config.message()
        return MutationRouteConfig([try MutationSteps(message.mutations, context.environment).within("mutations")])
    }
}

/// Mutations that can be made in one go.
enum MutationStep {
    /// Removes, then adds; a removal behind an addition begins a new step.
    case write(HeaderMutations)
    /// Removes the fields whose names match; those that begin with a colon are no fields and stay.
    case removeMatching(StringMatcher)
}

/// The mutations of one configuration, compiled.
struct MutationSteps {
    private(set) var request: [MutationStep]
    private(set) var response: [MutationStep]
    private var problem: ConfigProblem?

    @WorkerActor init(
        _ message: Envoy_Extensions_Filters_Http_HeaderMutation_V3_Mutations, _ environment: FormatEnvironment
    ) {
        request = []
        response = []
        do throws(ConfigProblem) {
            request = try Self.compile(message.requestMutations, .request, "request_mutations", environment)
            response = try Self.compile(message.responseMutations, .response, "response_mutations", environment)
        } catch {
            problem = error
        }
    }

    /// What was compiled, or the problem as seen from one level further out.
    func within(_ path: String) throws(ConfigProblem) -> MutationSteps {
        if let problem { throw problem.within(path) }
        return self
    }

    @WorkerActor private static func compile(
        _ messages: [Envoy_Config_Common_MutationRules_V3_HeaderMutation], _ direction: Direction, _ field: String,
        _ environment: FormatEnvironment
    ) throws(ConfigProblem) -> [MutationStep] {
        var steps: [MutationStep] = []
        var step = HeaderMutations()
        func finishStep() {
            if !step.isEmpty { steps.append(.write(step)) }
            step = HeaderMutations()
        }
        for (index, message) in messages.enumerated() {
            switch message.action {
            case .remove(let name):
                let removal = NamedText(name.lowercased())
                if !step.requestAdditions.isEmpty || !step.responseAdditions.isEmpty { finishStep() }
                if direction == .request { step.requestRemovals.append(removal) } else { step.responseRemovals.append(removal) }
            case .append(let option):
                do throws(FormatError) {
                    let addition = try HeaderMutations.Addition(option, environment)
                    if direction == .request { step.requestAdditions.append(addition) } else { step.responseAdditions.append(addition) }
                } catch {
                    throw ConfigProblem("\(error)", path: "\(field)[\(index)].append.header.value")
                }
            case .removeOnMatch(let removal):
                finishStep()
                do throws(PolicyError) {
                    steps.append(.removeMatching(try RouteMatching.stringMatcher(removal.keyMatcher)))
                } catch {
                    throw ConfigProblem("\(error)", path: "\(field)[\(index)].remove_on_match.key_matcher")
                }
            case nil:
                throw ConfigProblem("one of remove, append, remove_on_match is required", path: "\(field)[\(index)]")
            }
        }
        finishStep()
        return steps
    }

    @WorkerActor func apply(to stream: Stream, _ direction: Direction) {
        for step in direction == .request ? request : response {
            switch step {
            case .write(let mutations): mutations.apply(to: stream, direction)
            case .removeMatching(let matcher):
                if direction == .request {
                    Self.remove(matcher, &stream.requestHeaders)
                } else {
                    Self.remove(matcher, &stream.responseHeaders)
                }
            }
        }
    }

    private static func remove(_ matcher: StringMatcher, _ fields: inout HeaderBlock) {
        for index in stride(from: fields.count - 1, through: 0, by: -1) {
            let name = fields.name(at: index)
            if name.first != UInt8(ascii: ":"), matcher.matches(name) { fields.remove(at: index) }
        }
    }
}

/// What routes, virtual hosts and route configurations add to the filter's own mutations.
final class MutationRouteConfig: FilterRouteConfig {
    /// From the most specific scope to the widest.
    let levels: [MutationSteps]

    init(_ levels: [MutationSteps]) { self.levels = levels }

    func merged(over outer: any FilterRouteConfig) -> any FilterRouteConfig {
        guard let outer = outer as? MutationRouteConfig else { return self }
        return MutationRouteConfig(levels + outer.levels)
    }
}

@WorkerActor final class HeaderMutationFactory: HTTPFilterFactory {
    let name: String
    fileprivate let steps: MutationSteps
    fileprivate let mostSpecificWins: Bool

    init(name: String, steps: MutationSteps, mostSpecificWins: Bool) {
        self.name = name
        self.steps = steps
        self.mostSpecificWins = mostSpecificWins
    }

    func makeFilter() -> HTTPFilter { HeaderMutationFilter(self) }
}

@WorkerActor final class HeaderMutationFilter: HTTPFilter {
    private let factory: HeaderMutationFactory

    init(_ factory: HeaderMutationFactory) {
        self.factory = factory
        super.init(name: factory.name, callbacks: [.requestHeaders, .responseHeaders])
    }

    override func onRequestHeaders(_ stream: Stream, endStream: Bool) -> HeadersVerdict {
        apply(stream, .request)
        return .proceed
    }

    override func onResponseHeaders(_ stream: Stream, endStream: Bool) -> HeadersVerdict {
        apply(stream, .response)
        return .proceed
    }

    /// The filter's own mutations first, then those of the scopes around the route, as Envoy applies them.
    private func apply(_ stream: Stream, _ direction: Direction) {
        let route = stream.routeConfig(of: self)
        factory.steps.apply(to: stream, direction)
        guard let levels = (route as? MutationRouteConfig)?.levels else { return }
        for place in levels.indices {
            levels[factory.mostSpecificWins ? levels.count - 1 - place : place].apply(to: stream, direction)
        }
    }
}
