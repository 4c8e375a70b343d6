#if !canImport(Filters)
    import DataPlane
    import Reactor
    import SwiftProtobuf

    final class RouterOnly: HTTPFilterType {
        let messageNames = ["envoy.extensions.filters.http.router.v3.Router"]
        func makeFactory(_ config: Google_Protobuf_Any, _ context: FilterBuildContext) throws(ConfigProblem) -> any HTTPFilterFactory {
            RouterFactory(name: context.filterName)
        }
    }
#endif
