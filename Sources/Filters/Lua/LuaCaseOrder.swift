package import ProxyModel

/// Cases that a configuration wants run before it is in force, against one version of a Lua filter.
package struct LuaCaseOrder: Sendable {
    /// The filter's name.
    package let filter: String
    /// The filter with this version as its own.
    package let config: Heddle_Filters_Http_Lua_V1_LuaFilter

    /// The cases that a filter names, for its own version and for its candidate.
    package static func all(filter: String, _ config: Heddle_Filters_Http_Lua_V1_LuaFilter) -> [LuaCaseOrder] {
        let versions = config.hasCandidate ? [config, config.promoted] : [config]
        return versions.filter { !$0.cases.isEmpty }.map { LuaCaseOrder(filter: filter, config: $0) }
    }

    /// The version in words.
    package var title: String { "filter \(filter)\(config.version.isEmpty ? "" : " version \(config.version)")" }
}
