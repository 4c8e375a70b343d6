import ProxyModel
import Reactor
import SwiftProtobuf

extension SnapshotCompiler {
    /// The listener filters of a configuration, whose order is fixed: the original destination, the PROXY header, TLS.
    func fillListenerFilters(
        _ config: ListenerConfig, _ messages: [Envoy_Config_Listener_V3_ListenerFilter]
    ) throws(ConfigProblem) {
        for (position, filter) in messages.enumerated() {
            do throws(ConfigProblem) {
                var use = ListenerFilterUse(isConfigured: true)
                if filter.hasFilterDisabled { use.disabled = try predicate(filter.filterDisabled, "filter_disabled") }
                switch filter.typedConfig.messageName {
                case Envoy_Extensions_Filters_Listener_TlsInspector_V3_TlsInspector.protoMessageName: config.clientHello = use
                case Envoy_Extensions_Filters_Listener_ProxyProtocol_V3_ProxyProtocol.protoMessageName:
                    let options: Envoy_Extensions_Filters_Listener_ProxyProtocol_V3_ProxyProtocol = try filter.typedConfig
                        .message()
                    config.proxyProtocol = use
                    config.allowsMissingProxyHeader = options.allowRequestsWithoutProxyProtocol
                    // A rule that names no place asks for nothing.
                    for rule in options.rules where rule.hasOnTlvPresent {
                        config.proxyFieldRules.add(
                            UInt8(truncatingIfNeeded: rule.tlvType), namespace: rule.onTlvPresent.metadataNamespace,
                            key: rule.onTlvPresent.key)
                    }
                case Envoy_Extensions_Filters_Listener_HttpInspector_V3_HttpInspector.protoMessageName: config.httpInspection = use
                case Envoy_Extensions_Filters_Listener_OriginalDst_V3_OriginalDst.protoMessageName:
                    config.originalDestination = use
                case let other: throw ConfigProblem("no listener filter of type \(other)", path: "typed_config")
                }
            } catch {
                throw error.within("listener_filters[\(position)]")
            }
        }
    }

    private func predicate(
        _ message: Envoy_Config_Listener_V3_ListenerFilterChainMatchPredicate, _ path: String
    ) throws(ConfigProblem) -> ListenerFilterPredicate {
        switch message.rule {
        case .anyMatch: return .always
        case .destinationPortRange(let range): return .destinationPort(from: range.start, before: range.end)
        case .notMatch(let other): return .not(try predicate(other, path + ".not_match"))
        case .andMatch(let set): return .all(try predicates(set, path + ".and_match"))
        case .orMatch(let set): return .any(try predicates(set, path + ".or_match"))
        case nil: throw ConfigProblem("one of or_match, and_match, not_match, any_match, destination_port_range is required", path: path)
        }
    }

    private func predicates(
        _ set: Envoy_Config_Listener_V3_ListenerFilterChainMatchPredicate.MatchSet, _ path: String
    ) throws(ConfigProblem) -> [ListenerFilterPredicate] {
        var result: [ListenerFilterPredicate] = []
        for (index, rule) in set.rules.enumerated() { result.append(try predicate(rule, "\(path).rules[\(index)]")) }
        return result
    }
}
