package import DataPlane
package import Reactor

/// The HTTP filters and other extensions that this program knows: the one list of them.
@WorkerActor package enum BuiltInFilters {
    /// - Parameters:
    ///   - probe: notes what scripts cost; a proxy has none.
    ///   - more: filters that only one program has, in the place of those here with the same message.
    package static func registry(probe: LuaProbe? = nil, and more: [any HTTPFilterType] = []) -> HTTPFilterRegistry {
        let builtIn: [any HTTPFilterType] = [
            RouterType(),
            LuaType(probe: probe),
            HeaderMutationType(),
            ExplainType(),
            BodyRouteType(),
        ]
        return HTTPFilterRegistry(builtIn + more, specifiers: [LuaClusterSpecifierType()], matchers: [LuaMatcherType()])
    }
}
