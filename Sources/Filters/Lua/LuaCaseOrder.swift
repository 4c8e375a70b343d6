package import ProxyModel

/// Cases that a configuration wants run before it is in force, against one version of a Lua filter.
package struct LuaCaseOrder: Sendable {
    /// The filter's name.
    package let filter: String
    /// The filter with this version as its own.
    package let config: Heddle_Filters_Http_Lua_V1_LuaFilter
    /// The field that names the cases, from where the filter's configuration is.
    package let path: String

    /// The cases that a filter names, for its own version and for its candidate.
    /// - Parameter path: of the filter's configuration.
    package static func all(
        filter: String, _ config: Heddle_Filters_Http_Lua_V1_LuaFilter, at path: String = ""
    ) -> [LuaCaseOrder] {
        let prefix = path.isEmpty ? "" : path + "."
        var orders = [LuaCaseOrder(filter: filter, config: config, path: prefix + "cases")]
        if config.hasCandidate {
            let own = config.candidate.cases.isEmpty ? "cases" : "candidate.cases"
            orders.append(LuaCaseOrder(filter: filter, config: config.promoted, path: prefix + own))
        }
        return orders.filter { !$0.config.cases.isEmpty }
    }

    /// The version in words.
    package var title: String { "filter \(filter)\(config.version.isEmpty ? "" : " version \(config.version)")" }
}
