package import DataPlane
package import Reactor

/// The HTTP filters that this program knows: the one list of them.
@WorkerActor package enum BuiltInFilters {
    package static func registry() -> HTTPFilterRegistry {
        HTTPFilterRegistry([
            RouterType(),
            LuaType(),
            HeaderMutationType(),
            ExplainType(),
            BodyRouteType(),
        ])
    }
}
