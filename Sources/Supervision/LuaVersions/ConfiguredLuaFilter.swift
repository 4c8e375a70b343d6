import Filters
import ProxyModel
import SwiftProtobuf

/// A Lua filter of a listener's configuration, as far as the supervisor has to do with it.
struct ConfiguredLuaFilter: Equatable {
    /// A version besides the one in force.
    struct Candidate: Equatable {
        let version: String
        let sha256: String
        let percent: Double
        let limits: LuaRollout.Limits
        /// What it is known by to all processes.
        let key: String
    }

    let listener: String
    /// `stat_prefix` of the connection manager.
    let connectionManager: String
    let name: String
    /// `stat_prefix` of the filter.
    let statPrefix: String
    /// Empty when the filter has no versions.
    let version: String
    /// Empty where the script's file is looked at and may have changed since.
    let sha256: String
    let candidate: Candidate?

    private init(
        _ listener: String, _ manager: Manager, _ name: String, _ config: Heddle_Filters_Http_Lua_V1_LuaFilter
    ) {
        self.listener = listener
        connectionManager = manager.statPrefix
        self.name = name
        statPrefix = config.lua.statPrefix
        version = config.version
        sha256 = config.hasReloadInterval ? "" : config.ownDigest
        candidate = config.hasCandidate
            ? Candidate(
                version: config.candidate.version, sha256: config.promoted.ownDigest, percent: config.candidate.percent,
                limits: LuaRollout.Limits(config.candidate),
                key: config.candidateKey(filter: name, statPrefix: manager.statPrefix)) : nil
    }

    // MARK: In a listener

    private typealias Manager = Envoy_Extensions_Filters_Network_HttpConnectionManager_V3_HttpConnectionManager

    /// The Lua filters of a listener, in order; what cannot be read has none.
    static func all(of listener: Envoy_Config_Listener_V3_Listener, name: String) -> [ConfiguredLuaFilter] {
        configs(of: listener).map { ConfiguredLuaFilter(name, $0.manager, $0.name, $0.config) }
    }

    /// The cases that a listener's Lua filters name.
    static func cases(of listener: Envoy_Config_Listener_V3_Listener) -> [LuaCaseOrder] {
        configs(of: listener).flatMap { LuaCaseOrder.all(filter: $0.name, $0.config, at: $0.path) }
    }

    /// A filter as it is configured, and the path from the listener to there.
    private typealias Found = (manager: Manager, name: String, config: Heddle_Filters_Http_Lua_V1_LuaFilter, path: String)

    private static func configs(of listener: Envoy_Config_Listener_V3_Listener) -> [Found] {
        var chains = listener.filterChains.enumerated().map { ("filter_chains[\($0)]", $1) }
        if listener.hasDefaultFilterChain { chains.append(("default_filter_chain", listener.defaultFilterChain)) }
        var found: [Found] = []
        for (place, chain) in chains {
            for (index, filter) in chain.filters.enumerated() {
                guard let manager = try? filter.typedConfig.unpack(Manager.self) else { continue }
                for (number, http) in manager.httpFilters.enumerated() {
                    guard let config = config(http.typedConfig) else { continue }
                    let path = "\(place).filters[\(index)].typed_config.http_filters[\(number)].typed_config"
                    found.append((manager, http.name, config, path))
                }
            }
        }
        return found
    }

    private static func config(_ any: Google_Protobuf_Any) -> Heddle_Filters_Http_Lua_V1_LuaFilter? {
        if let own = try? any.unpack(Heddle_Filters_Http_Lua_V1_LuaFilter.self) { return own }
        guard let plain = try? any.unpack(Envoy_Extensions_Filters_Http_Lua_V3_Lua.self) else { return nil }
        var config = Heddle_Filters_Http_Lua_V1_LuaFilter()
        config.lua = plain
        return config
    }
}
