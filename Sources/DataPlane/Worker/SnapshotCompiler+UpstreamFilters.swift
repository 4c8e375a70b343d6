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
        let (factories, switchedOff) = try httpFilters(messages.dropLast(), statName, isUpstream: true)
        return factories.isEmpty ? nil : UpstreamFilters(factories, switchedOff: switchedOff)
    }
}
