import ProxyModel

extension SnapshotCompiler {
    /// The HTTP filters of a cluster; nil for none.
    /// - Parameter statName: what the cluster is called in statistics.
    func upstreamFilters(
        _ messages: [Envoy_Extensions_Filters_Network_HttpConnectionManager_V3_HttpFilter], statName: String
    ) throws(ConfigProblem) -> UpstreamFilters? {
        typealias Codec = Envoy_Extensions_Filters_Http_UpstreamCodec_V3_UpstreamCodec
        guard let last = messages.last else { return nil }
        guard last.typedConfig.holds(Codec.self) else {
            throw ConfigProblem("the last filter must be envoy.filters.http.upstream_codec", path: "http_filters")
        }
        guard messages.count <= HTTPConnectionConfig.maximumFilters else {
            throw ConfigProblem("at most \(HTTPConnectionConfig.maximumFilters) filters", path: "http_filters")
        }
        var factories: [any HTTPFilterFactory] = []
        var switchedOff: UInt64 = 0
        for (index, filter) in messages.dropLast().enumerated() {
            do throws(ConfigProblem) {
                let context = buildContext(filter.name, statName, isUpstream: true)
                guard let factory = try httpFilter(filter, context) else { continue }
                if filter.disabled { switchedOff |= 1 &<< UInt64(truncatingIfNeeded: factories.count) }
                factories.append(factory)
            } catch {
                throw error.within("http_filters[\(index)]")
            }
        }
        return factories.isEmpty ? nil : UpstreamFilters(factories, switchedOff: switchedOff)
    }
}
