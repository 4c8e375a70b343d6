import SwiftProtobuf

typealias ProtobufAny = Google_Protobuf_Any
typealias HTTPConnectionManager = Envoy_Extensions_Filters_Network_HttpConnectionManager_V3_HttpConnectionManager

extension ConfigValidator {
    /// The message in an `Any` when it is of this type; a malformed one is an error.
    mutating func unpacked<Message: SwiftProtobuf.Message>(
        _ type: Message.Type, _ config: ProtobufAny, _ path: ConfigPath
    ) -> Message? {
        guard config.holds(type) else { return nil }
        do {
            return try config.unpack(type)
        } catch {
            fail(path, error.description)
            return nil
        }
    }

    /// Checks an HTTP connection manager with its routes.
    mutating func validate(_ manager: HTTPConnectionManager, _ path: ConfigPath) {
        validate(
            manager.httpFilters, path.field("http_filters"), endingWith: Envoy_Extensions_Filters_Http_Router_V3_Router.self,
            called: "router")
        var upgrades: Set<String> = []
        for (index, upgrade) in manager.upgradeConfigs.enumerated()
        where !upgrades.insert(upgrade.upgradeType.lowercased()).inserted {
            fail(path.field("upgrade_configs").index(index), "the upgrade \"\(upgrade.upgradeType)\" appears twice")
        }
        if manager.stripMatchingHostPort, manager.stripAnyHostPort {
            fail(path.field("strip_any_host_port"), "cannot be set together with \"strip_matching_host_port\"")
        }
        for (index, range) in manager.internalAddressConfig.cidrRanges.enumerated() {
            validate(range, path.field("internal_address_config").field("cidr_ranges").index(index))
        }
        for (index, mapper) in manager.localReplyConfig.mappers.enumerated() {
            validateAdded(
                mapper.headersToAdd,
                path.field("local_reply_config").field("mappers").index(index).field("headers_to_add"))
        }
        switch manager.routeSpecifier {
        case .routeConfig(let routes)?: validate(routes, path.field("route_config"), validatesClusters: true)
        case .rds(let rds)?:
            let path = path.field("rds")
            if rds.routeConfigName.isEmpty { fail(path.field("route_config_name"), "must not be empty") }
            validate(rds.configSource, path.field("config_source"))
        case nil: break
        }
    }

    /// A chain ends with one filter, which is nowhere else; a chain without filters answers nothing and is allowed.
    mutating func validate<Last: SwiftProtobuf.Message>(
        _ filters: [Envoy_Extensions_Filters_Network_HttpConnectionManager_V3_HttpFilter], _ path: ConfigPath,
        endingWith last: Last.Type, called name: String
    ) {
        for (index, filter) in filters.enumerated() {
            let path = path.index(index)
            guard case .typedConfig(let config)? = filter.configType else {
                fail(path.field("typed_config"), "is required")
                continue
            }
            let isLast = index == filters.count - 1
            let ends = config.holds(last)
            if ends, !isLast { fail(path, "the \(name) must be the last HTTP filter") }
            if !ends, isLast { fail(path, "the last HTTP filter must be the \(name) (\(last.protoMessageName))") }
            if let lua = unpacked(Envoy_Extensions_Filters_Http_Lua_V3_Lua.self, config, path.field("typed_config")),
                !lua.inlineCode.isEmpty, lua.hasDefaultSourceCode
            {
                fail(
                    path.field("typed_config").field("inline_code"),
                    "cannot be set together with \"default_source_code\"")
            }
            if ends, filter.disabled { fail(path.field("disabled"), "the \(name) cannot be disabled") }
        }
    }
}
