/// What a route, or one of its clusters, says of HTTP filters (`typed_per_filter_config`).
package struct FilterConfigs {
    /// By place in the connection manager's chain; nil where nothing is said.
    package internal(set) var byIndex: [(any FilterRouteConfig)?] = []
    /// By name, those of the connection manager's chain included: filters of clusters are found by it.
    package internal(set) var byName: [String: any FilterRouteConfig] = [:]

    /// Says nothing.
    package init() {}

    /// What is said of the filter at a place in the connection manager's chain.
    func at(_ index: Int) -> (any FilterRouteConfig)? { index < byIndex.count ? byIndex[index] : nil }

    /// - Parameter outer: what a wider scope says.
    func merged(over outer: FilterConfigs) -> FilterConfigs {
        var result = self
        for (name, config) in outer.byName { result.byName[name] = byName[name]?.merged(over: config) ?? config }
        for index in byIndex.indices {
            guard let config = outer.at(index) else { continue }
            result.byIndex[index] = byIndex[index]?.merged(over: config) ?? config
        }
        return result
    }
}
