/// What becomes of a field that Heddle does not have.
package enum UnknownFields: Sendable, Equatable {
    /// The configuration that holds it is refused: files, unless `--allow-unknown-static-fields` says otherwise, and
    /// dynamic resources with `--reject-unknown-dynamic-fields`.
    case refused
    /// It is left aside, as protobuf asks of fields that one does not know, unless leaving it aside would let in what the
    /// configuration keeps out: those are refused by name.
    case leftAside

    /// Whether the field of this number, which the message does not have here, is left aside.
    func leavesAside(_ number: Int, of message: MessageSchema) -> Bool {
        guard self == .leftAside else { return false }
        guard let absent = message.absent.first(where: { $0.number == number }) else {
            return !Self.guards(everythingIn: message.name)
        }
        return !Self.guards(absent.name, of: message.name)
    }

    /// The same for a field that is given by its name.
    func leavesAside(_ name: String, of message: MessageSchema) -> Bool {
        guard self == .leftAside else { return false }
        guard let absent = message.absentField(named: name) else { return !Self.guards(everythingIn: message.name) }
        return !Self.guards(absent.name, of: message.name)
    }

    /// Whether a configuration without this field could let in, or trust, more than the one with it.
    private static func guards(_ field: String, of message: String) -> Bool {
        if let fields = fieldsThatGuard[message] { return fields.contains(field) }
        return guards(everythingIn: message) && !harmless.contains(field)
    }

    private static func guards(everythingIn message: String) -> Bool {
        packagesThatGuard.contains(where: message.hasPrefix) || messagesThatGuard.contains(message)
    }

    /// Who is who, and who may speak to whom.
    private static let packagesThatGuard = [
        "envoy.extensions.transport_sockets.tls.v3.", "envoy.config.rbac.v3.", "envoy.extensions.filters.http.rbac.v3.",
        "envoy.extensions.filters.network.rbac.v3.", "envoy.extensions.filters.http.jwt_authn.v3.",
        "envoy.extensions.filters.http.ext_authz.v3.", "envoy.type.matcher.v3.",
    ]

    /// Conditions: without one of them, more is matched than was meant.
    private static let messagesThatGuard: Set<String> = [
        "envoy.config.listener.v3.FilterChainMatch", "envoy.config.route.v3.RouteMatch",
        "envoy.config.route.v3.HeaderMatcher", "envoy.config.route.v3.QueryParameterMatcher",
        "envoy.config.core.v3.CidrRange", "envoy.config.core.v3.TransportSocket", "envoy.config.core.v3.Address",
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter",
    ]

    /// Of messages that are harmless otherwise.
    private static let fieldsThatGuard: [String: Set<String>] = [
        "envoy.config.cluster.v3.Cluster": [
            "transport_socket_matcher", "cluster_type",
        ],
        "envoy.config.listener.v3.Listener": [
            "filter_chain_matcher", "fcds_config", "udp_listener_config", "internal_listener", "api_listener",
        ],
        "envoy.config.listener.v3.FilterChain": ["use_proxy_proto"],
        "envoy.config.route.v3.RouteConfiguration": ["vhds"],
        "envoy.config.route.v3.VirtualHost": ["require_tls", "matcher", "rate_limits"],
        "envoy.config.route.v3.Route": ["filter_action", "non_forwarding_action"],
        "envoy.config.route.v3.RouteAction": ["rate_limits", "cors", "internal_redirect_policy"],
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager": [
            "scoped_routes", "original_ip_detection_extensions", "early_header_mutation_extensions",
            "path_normalization_options", "typed_header_validation_config", "forward_client_cert_matcher",
            "forward_proto_config",
        ],
        "envoy.config.bootstrap.v3.Bootstrap": ["hds_config", "config_sources", "default_config_source"],
    ]

    /// Of messages that guard: what makes them only faster, slower or more talkative.
    private static let harmless: Set<String> = [
        "max_session_keys", "allow_renegotiation", "prefer_client_ciphers", "session_timeout", "key_log",
        "full_scan_certs_on_sni_mismatch",
    ]
}
