package import DataPlane
package import Reactor

/// The HTTP filters that this program knows: the one list of them.
@WorkerActor package enum BuiltInFilters {
    /// - Parameter more: filters that only one program has, in the place of those here with the same message.
    package static func registry(and more: [any HTTPFilterType] = []) -> HTTPFilterRegistry {
        let builtIn: [any HTTPFilterType] = [
            RouterType(),
            LuaType(),
            HeaderMutationType(),
            ExplainType(),
            BodyRouteType(),
        ]
        return HTTPFilterRegistry(builtIn + more)
    }
}
