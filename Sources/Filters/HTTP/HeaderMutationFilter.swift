import DataPlane
import Observability
import ProxyModel
import Reactor
import SwiftProtobuf

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
/// ```
struct HeaderMutationType: HTTPFilterType {
    let messageNames = ["envoy.extensions.filters.http.header_mutation.v3.HeaderMutation"]
    let routeMessageNames = ["envoy.extensions.filters.http.header_mutation.v3.HeaderMutationPerRoute"]

    nonisolated init() {}

    func makeFactory(
        _ config: Google_Protobuf_Any, _ context: FilterBuildContext
    ) throws(ConfigProblem) -> any HTTPFilterFactory {
        let message: Envoy_Extensions_Filters_Http_HeaderMutation_V3_HeaderMutation = try config.message()
        return HeaderMutationFactory(
            name: context.filterName, steps: try MutationSteps(message.mutations, context.environment).within("mutations"))
    }

    func makeRouteConfig(
        _ config: Google_Protobuf_Any, _ context: FilterBuildContext
    ) throws(ConfigProblem) -> any FilterRouteConfig {
        let message: Envoy_Extensions_Filters_Http_HeaderMutation_V3_HeaderMutationPerRoute = try config.message()
        return MutationRouteConfig(try MutationSteps(message.mutations, context.environment).within("mutations"))
    }
}

/// The mutations of one configuration, compiled.
struct MutationSteps {
    /// Each removes, then adds; a removal behind an addition begins a new step.
    private(set) var request: [HeaderMutations]
    private(set) var response: [HeaderMutations]
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
    ) throws(ConfigProblem) -> [HeaderMutations] {
        var steps: [HeaderMutations] = []
        var step = HeaderMutations()
        for (index, message) in messages.enumerated() {
            switch message.action {
            case .remove(let name):
                let removal = NamedText(name.lowercased())
                if !step.requestAdditions.isEmpty || !step.responseAdditions.isEmpty {
                    steps.append(step)
                    step = HeaderMutations()
                }
                if direction == .request { step.requestRemovals.append(removal) } else { step.responseRemovals.append(removal) }
            case .append(let option):
                do throws(FormatError) {
                    let addition = try HeaderMutations.Addition(option, environment)
                    if direction == .request { step.requestAdditions.append(addition) } else { step.responseAdditions.append(addition) }
                } catch {
                    throw ConfigProblem("\(error)", path: "\(field)[\(index)].append.header.value")
                }
            case .removeOnMatch:
                throw ConfigProblem("remove_on_match is not supported yet", path: "\(field)[\(index)].remove_on_match")
            case nil:
                throw ConfigProblem("one of remove, append is required", path: "\(field)[\(index)]")
            }
        }
        if !step.isEmpty { steps.append(step) }
        return steps
    }
}

/// What a route adds to the filter's own mutations.
final class MutationRouteConfig: FilterRouteConfig {
    let steps: MutationSteps

    init(_ steps: MutationSteps) { self.steps = steps }
}

@WorkerActor final class HeaderMutationFactory: HTTPFilterFactory {
    let name: String
    fileprivate let steps: MutationSteps

    init(name: String, steps: MutationSteps) {
        self.name = name
        self.steps = steps
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

    /// The filter's own mutations first, then the route's, as Envoy applies them.
    private func apply(_ stream: Stream, _ direction: Direction) {
        let route = stream.routeConfig(at: index)
        apply(factory.steps, stream, direction)
        if let route = route as? MutationRouteConfig { apply(route.steps, stream, direction) }
    }

    private func apply(_ steps: MutationSteps, _ stream: Stream, _ direction: Direction) {
        for step in direction == .request ? steps.request : steps.response { step.apply(to: stream, direction) }
    }
}
