package import DataPlane
package import Reactor

/// The HTTP filters that this program knows: the one list of them.
@WorkerActor package enum BuiltInFilters {
    /// - Parameter probe: notes what scripts cost; a proxy has none.
    package static func registry(probe: LuaProbe? = nil) -> HTTPFilterRegistry {
        HTTPFilterRegistry([
            RouterType(),
            LuaType(probe: probe),
            HeaderMutationType(),
            ExplainType(),
            BodyRouteType(),
        ])
    }
}
