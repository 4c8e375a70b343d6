// Size: one short case for each rule of one validator.
import ProxyModel
import Testing

/// What must hold between fields. Each case changes the minimal fixture in one place; where a real Envoy is at hand,
/// `EnvoyComparisonTests` shows that it refuses the same.
@Suite struct ConfigValidatorTests {
    /// One change and what comes of it.
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        /// Text of the fixture, and what stands there instead.
        let edits: [(String, String)]
        /// The end of the only error, from the path on; nil when the result is good.
        let message: String?
        /// Whether Envoy is of another mind, which the name explains.
        var differsFromEnvoy = false

        var testDescription: String { name }

        func text() throws -> String {
            var text = try Fixture.text("minimal.yaml")
            for (old, new) in edits {
                guard text.contains(old) else { throw ConfigErrors.missing(old) }
                text = text.replacing(old, with: new, maxReplacements: 1)
            }
            return text
        }
    }

    static let routes = "static_resources.listeners[0].filter_chains[0].filters[0].typed_config.route_config"
    static let hcm = "static_resources.listeners[0].filter_chains[0].filters[0].typed_config"
    static let route = "route: { cluster: backend }"
    static let routeEntry = "- match: { prefix: / }\n                          route: { cluster: backend }"
    static let listener = "    - name: ingress\n"
    static let cluster = "    - name: backend\n"
    static let lua =
        "- {name: lua, typed_config: {\"@type\": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua}}"
    static let router =
        "- {name: router, typed_config: {\"@type\": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}"
    static let filters = "http_filters:\n"
    static let downstream = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext"
    static let upstream = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"

    static let options =
        "static_resources.clusters[0].typed_extension_protocol_options[\"envoy.extensions.upstreams.http.v3.HttpProtocolOptions\"]"
    static let codec =
        "{name: codec, typed_config: {\"@type\": type.googleapis.com/envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec}}"

    /// HTTP filters of the cluster.
    static func clusterFilters(_ filters: String) -> (String, String) {
        let options = "\"@type\": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, explicit_http_config: {http_protocol_options: {}}"
        let filters = filters.replacing("- {", with: "{")
        return (
            cluster,
            cluster
                + "      typed_extension_protocol_options: {envoy.extensions.upstreams.http.v3.HttpProtocolOptions: {\(options), http_filters: [\(filters)]}}\n"
        )
    }

    static func socket(_ type: String, _ context: String) -> (String, String) {
        (
            "- filters:\n",
            "- transport_socket: {name: tls, typed_config: {\"@type\": \(type), \(context)}}\n          filters:\n"
        )
    }

    static let cases: [Case] = [
        Case(name: "as it is", edits: [], message: nil),
        // Clusters that routes name.
        Case(
            name: "unknown cluster", edits: [(route, "route: { cluster: backen }")],
            message:
                "\(routes).virtual_hosts[0].routes[0].route.cluster: there is no cluster \"backen\"; did you mean \"backend\"?"
        ),
        Case(
            name: "unknown cluster, not validated",
            edits: [
                (route, "route: { cluster: x }"),
                ("name: routes\n", "name: routes\n                  validate_clusters: false\n"),
            ], message: nil),
        Case(
            name: "weighted", edits: [(route, "route: {weighted_clusters: {clusters: [{name: backend, weight: 1}]}}")],
            message: nil),
        Case(
            name: "unknown weighted cluster",
            edits: [(route, "route: {weighted_clusters: {clusters: [{name: other, weight: 1}]}}")],
            message:
                "\(routes).virtual_hosts[0].routes[0].route.weighted_clusters.clusters[0].name: there is no cluster \"other\""
        ),
        Case(
            name: "weights without a sum",
            edits: [(route, "route: {weighted_clusters: {clusters: [{name: backend, weight: 0}]}}")],
            message:
                "\(routes).virtual_hosts[0].routes[0].route.weighted_clusters.clusters: the sum of the weights must be above 0"
        ),
        Case(
            name: "weights over 32 bits",
            edits: [
                (
                    route,
                    "route: {weighted_clusters: {clusters: [{name: backend, weight: 4294967295}, {name: backend, weight: 1}]}}"
                )
            ],
            message:
                "\(routes).virtual_hosts[0].routes[0].route.weighted_clusters.clusters: the sum of the weights must be at most 4294967295, found 4294967296"
        ),
        Case(
            name: "weighted cluster without a name",
            edits: [(route, "route: {weighted_clusters: {clusters: [{weight: 1}]}}")],
            message:
                "\(routes).virtual_hosts[0].routes[0].route.weighted_clusters.clusters[0]: exactly one of name and cluster_header must be set"
        ),
        Case(
            name: "weighted cluster with two names",
            edits: [(route, "route: {weighted_clusters: {clusters: [{name: backend, cluster_header: x, weight: 1}]}}")],
            message:
                "\(routes).virtual_hosts[0].routes[0].route.weighted_clusters.clusters[0]: exactly one of name and cluster_header must be set"
        ),
        // Virtual hosts.
        Case(
            name: "a virtual cluster of all requests",
            edits: [("domains: [\"*\"]", "domains: [\"*\"]\n                      virtual_clusters: [{name: all}]")],
            message: "\(routes).virtual_hosts[0].virtual_clusters[0].headers: must not be empty"
        ),
        Case(
            name: "a domain twice", edits: [("domains: [\"*\"]", "domains: [a.com, A.com]")],
            message:
                "\(routes).virtual_hosts[0].domains[1]: the domain \"a.com\" is taken by \(routes).virtual_hosts[0].domains[0]"
        ),
        Case(
            name: "two hosts for everything",
            edits: [
                (
                    "                http_filters:",
                    "                    - {name: other, domains: ['*']}\n                http_filters:"
                )
            ],
            message:
                "\(routes).virtual_hosts[1].domains[0]: the domain \"*\" is taken by \(routes).virtual_hosts[0].domains[0]"
        ),
        // Rewrites, bodies, headers.
        Case(
            name: "two rewrites",
            edits: [
                (
                    route,
                    "route: {cluster: backend, prefix_rewrite: /x, regex_rewrite: {pattern: {regex: a}, substitution: b}}"
                )
            ],
            message:
                "\(routes).virtual_hosts[0].routes[0].route.regex_rewrite: cannot be set together with \"prefix_rewrite\""
        ),
        Case(
            name: "a body at the limit",
            edits: [
                (route, "direct_response: {status: 200, body: {inline_string: \(String(repeating: "x", count: 4096))}}")
            ], message: nil),
        Case(
            name: "a body over the limit",
            edits: [
                (route, "direct_response: {status: 200, body: {inline_string: \(String(repeating: "x", count: 4097))}}")
            ],
            message:
                "\(routes).virtual_hosts[0].routes[0].direct_response.body: the body has 4097 bytes; max_direct_response_body_size_bytes is 4096"
        ),
        Case(
            name: "a pseudo header added",
            edits: [
                (
                    route,
                    route + "\n                          request_headers_to_add: [{header: {key: ':path', value: x}}]"
                )
            ],
            message:
                "\(routes).virtual_hosts[0].routes[0].request_headers_to_add[0].header.key: \":path\" cannot be added or replaced"
        ),
        Case(
            name: "what is no name added",
            edits: [(route, route + "\n                          response_headers_to_add: [{header: {key: 'x y', value: x}}]")],
            message:
                "\(routes).virtual_hosts[0].routes[0].response_headers_to_add[0].header.key: \"x y\" is no name of a header field:"
                + " letters, digits and !#$%&'*+-.^_`|~"),
        Case(
            name: "the host removed",
            edits: [(route, route + "\n                          request_headers_to_remove: [Host]")],
            message: "\(routes).virtual_hosts[0].routes[0].request_headers_to_remove[0]: \"Host\" cannot be removed"),
        Case(
            name: "append and append_action",
            edits: [
                (
                    route,
                    route
                        + "\n                          request_headers_to_add: [{header: {key: a, value: x}, append: true, append_action: ADD_IF_ABSENT}]"
                )
            ],
            message:
                "\(routes).virtual_hosts[0].routes[0].request_headers_to_add[0].append_action: cannot be set together with \"append\""
        ),
        // Filters.
        Case(
            name: "a filter before the router", edits: [(filters, "http_filters:\n                  \(lua)\n")],
            message: nil),
        Case(
            name: "the router not last",
            edits: [(filters, "http_filters:\n                  \(router)\n                  \(lua)\n")],
            message: "\(hcm).http_filters[0]: the router must be the last HTTP filter"),
        Case(
            name: "the router disabled",
            edits: [
                (
                    "- name: envoy.filters.http.router\n",
                    "- name: envoy.filters.http.router\n                    disabled: true\n"
                )
            ],
            message: "\(hcm).http_filters[0].disabled: the router cannot be disabled"),
        Case(
            name: "no router",
            edits: [
                ("- name: envoy.filters.http.router", lua + "\n                  - name: explain"),
                (
                    "envoy.extensions.filters.http.router.v3.Router",
                    "envoy.extensions.filters.http.header_mutation.v3.HeaderMutation"
                ),
            ],
            message:
                "\(hcm).http_filters[1]: the last HTTP filter must be the router (envoy.extensions.filters.http.router.v3.Router)"
        ),
        Case(
            name: "an upgrade twice",
            edits: [
                (
                    filters,
                    "upgrade_configs: [{upgrade_type: websocket}, {upgrade_type: WebSocket}]\n                http_filters:\n"
                )
            ],
            message: "\(hcm).upgrade_configs[1]: the upgrade \"WebSocket\" appears twice"),
        Case(
            name: "a terminal filter that is not last",
            edits: [
                (
                    "- filters:\n",
                    "- filters:\n            - {name: t, typed_config: {\"@type\": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy, stat_prefix: t, cluster: backend}}\n"
                )
            ],
            message:
                "static_resources.listeners[0].filter_chains[0].filters[0]: this filter must be the last of its chain"),
        Case(
            name: "both ways to strip a port",
            edits: [
                (
                    filters,
                    "strip_matching_host_port: true\n                strip_any_host_port: true\n                http_filters:\n"
                )
            ],
            message: "\(hcm).strip_any_host_port: cannot be set together with \"strip_matching_host_port\""),
        Case(
            name: "two Lua sources",
            edits: [
                (
                    filters,
                    "http_filters:\n                  \(lua.dropLast(2)), inline_code: 'x = 1', default_source_code: {inline_string: 'x = 1'}}}\n"
                )
            ],
            message:
                "\(hcm).http_filters[0].typed_config.inline_code: cannot be set together with \"default_source_code\""),
        Case(
            name: "a filter without a configuration",
            edits: [(filters, "http_filters:\n                  - {name: envoy.filters.http.lua}\n")],
            message: "\(hcm).http_filters[0].typed_config: is required"),
        Case(
            name: "a log without a configuration",
            edits: [(filters, "access_log: [{name: envoy.access_loggers.stdout}]\n                http_filters:\n")],
            message: "\(hcm).access_log[0].typed_config: is required"),
        Case(
            name: "an empty wrapper for a filter",
            edits: [
                (
                    route,
                    route
                        + "\n                          typed_per_filter_config: {x: {\"@type\": type.googleapis.com/envoy.config.route.v3.FilterConfig}}"
                )
            ],
            message:
                "\(routes).virtual_hosts[0].routes[0].typed_per_filter_config[\"x\"]: must hold a config or be disabled"
        ),
        Case(
            name: "a wrapper that switches a filter on",
            edits: [
                (
                    route,
                    route
                        + "\n                          typed_per_filter_config: {x: {\"@type\": type.googleapis.com/envoy.config.route.v3.FilterConfig, config: {}}}"
                )
            ],
            message: nil),
        Case(
            name: "an enum in lower case", edits: [(filters, "codec_type: http1\n                http_filters:\n")],
            message: nil),
        Case(
            name: "a header limit of nothing",
            edits: [(filters, "max_request_headers_kb: 0\n                http_filters:\n")],
            message: "\(hcm).max_request_headers_kb: must be above 0, found 0"),
        Case(
            name: "a window that is too small",
            edits: [
                (
                    filters,
                    "http2_protocol_options: {initial_stream_window_size: 65534}\n                http_filters:\n"
                )
            ],
            message: "\(hcm).http2_protocol_options.initial_stream_window_size: must be at least 65535, found 65534"),
        // Listeners.
        Case(
            name: "a unix socket with the longest path",
            edits: [
                (
                    "socket_address: { address: 127.0.0.1, port_value: 0 }",
                    "pipe: {path: /run/\(String(repeating: "a", count: 102))}"
                )
            ], message: nil),
        Case(
            name: "a unix socket with a longer path",
            edits: [
                (
                    "socket_address: { address: 127.0.0.1, port_value: 0 }",
                    "pipe: {path: /run/\(String(repeating: "a", count: 103))}"
                )
            ],
            message: "static_resources.listeners[0].address.pipe.path: must have at most 107 bytes, found 108"),
        Case(
            name: "an abstract unix socket with a mode",
            edits: [("socket_address: { address: 127.0.0.1, port_value: 0 }", "pipe: {path: '@a', mode: 420}")],
            message: "static_resources.listeners[0].address.pipe.mode: an abstract unix socket has no mode"),
        Case(
            name: "a listener without an address",
            edits: [("      address: { socket_address: { address: 127.0.0.1, port_value: 0 } }\n", "")],
            message: "static_resources.listeners[0].address: is required"),
        Case(
            name: "a listener at a name",
            edits: [("address: 127.0.0.1, port_value: 0", "address: localhost, port_value: 0")],
            message:
                "static_resources.listeners[0].address.socket_address.address: expected an IP address, found \"localhost\""
        ),
        Case(
            name: "a listener at an IPv6 address",
            edits: [("address: 127.0.0.1, port_value: 0", "address: '::1', port_value: 0")], message: nil),
        Case(
            name: "a listener without chains",
            edits: [
                (
                    listener,
                    "    - {name: empty, address: {socket_address: {address: 127.0.0.1, port_value: 0}}}\n" + listener
                )
            ],
            message: "static_resources.listeners[0].filter_chains: a listener needs a filter chain"),
        Case(
            name: "two chains for the same connections",
            edits: [("      filter_chains:\n", "      filter_chains:\n        - filters: []\n")],
            message:
                "static_resources.listeners[0].filter_chains[1].filter_chain_match: matches the same connections as static_resources.listeners[0].filter_chains[0]"
        ),
        Case(
            name: "a server name with a wildcard inside",
            edits: [("- filters:\n", "- filter_chain_match: {server_names: ['a*.com']}\n          filters:\n")],
            message:
                "static_resources.listeners[0].filter_chains[0].filter_chain_match.server_names[0]: a wildcard stands for whole labels at the start, as in \"*.example.com\""
        ),
        Case(
            name: "a range that is no address",
            edits: [
                (
                    "- filters:\n",
                    "- filter_chain_match: {prefix_ranges: [{address_prefix: x, prefix_len: 8}]}\n          filters:\n"
                )
            ],
            message:
                "static_resources.listeners[0].filter_chains[0].filter_chain_match.prefix_ranges[0].address_prefix: expected an IP address, found \"x\""
        ),
        Case(
            name: "two listeners on one address",
            edits: [
                ("port_value: 0", "port_value: 19411"),
                (
                    listener,
                    "    - {name: a, address: {socket_address: {address: 127.0.0.1, port_value: 19411}}, filter_chains: [{filters: []}]}\n"
                        + listener
                ),
            ],
            message:
                "static_resources.listeners[1].address: the address is taken by static_resources.listeners[0].address"),
        Case(
            name: "a listener name twice, which Envoy takes for an update",
            edits: [
                (
                    listener,
                    "    - {name: ingress, address: {socket_address: {address: 127.0.0.1, port_value: 0}}, filter_chains: [{filters: []}]}\n"
                        + listener
                )
            ],
            message:
                "static_resources.listeners[1].name: the listener name \"ingress\" is taken by static_resources.listeners[0]",
            differsFromEnvoy: true),
        // Clusters.
        Case(
            name: "a cluster twice", edits: [(cluster, "    - {name: backend, connect_timeout: 1s}\n" + cluster)],
            message:
                "static_resources.clusters[1].name: the cluster name \"backend\" is taken by static_resources.clusters[0]"
        ),
        Case(
            name: "a static cluster with a name to resolve",
            edits: [("address: 127.0.0.1, port_value: 8080", "address: localhost, port_value: 8080")],
            message:
                "static_resources.clusters[0].load_assignment.endpoints[0].lb_endpoints[0].endpoint.address.socket_address.address: expected an IP address, found \"localhost\"; a cluster of type STRICT_DNS or LOGICAL_DNS takes names"
        ),
        Case(
            name: "a DNS cluster with a name to resolve",
            edits: [
                ("type: STATIC", "type: STRICT_DNS"),
                ("address: 127.0.0.1, port_value: 8080", "address: localhost, port_value: 8080"),
            ], message: nil),
        Case(
            name: "a logical DNS cluster with two endpoints",
            edits: [
                ("type: STATIC", "type: LOGICAL_DNS"),
                (
                    "          - lb_endpoints:\n",
                    "          - lb_endpoints:\n              - {endpoint: {address: {socket_address: {address: a, port_value: 1}}}}\n"
                ),
            ],
            message:
                "static_resources.clusters[0].load_assignment.endpoints: a LOGICAL_DNS cluster has exactly one endpoint"
        ),
        Case(
            name: "an unknown protocol extension",
            edits: [
                (
                    cluster,
                    cluster
                        + "      typed_extension_protocol_options: {x: {\"@type\": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, explicit_http_config: {http_protocol_options: {}}}}\n"
                )
            ],
            message:
                "static_resources.clusters[0].typed_extension_protocol_options[\"x\"]: unknown extension; expected the key \"envoy.extensions.upstreams.http.v3.HttpProtocolOptions\""
        ),
        Case(
            name: "filters of a cluster without the codec at their end", edits: [clusterFilters(lua)],
            message:
                "\(options).http_filters[0]: the last HTTP filter must be the upstream codec (envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec)"
        ),
        Case(
            name: "the codec before other filters of a cluster", edits: [clusterFilters("\(codec), \(lua), \(codec)")],
            message: "\(options).http_filters[0]: the upstream codec must be the last HTTP filter"
        ),
        Case(name: "filters of a cluster", edits: [clusterFilters("\(lua), \(codec)")], message: nil),
        // TLS.
        Case(
            name: "TLS without a certificate", edits: [socket(downstream, "common_tls_context: {}")],
            message:
                "static_resources.listeners[0].filter_chains[0].transport_socket.typed_config.common_tls_context: a listener needs a certificate (tls_certificates)"
        ),
        Case(
            name: "the other side's TLS", edits: [socket(upstream, "sni: a")],
            message:
                "static_resources.listeners[0].filter_chains[0].transport_socket.typed_config: envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext is no transport socket of a listener; expected envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext"
        ),
        Case(
            name: "a secret that is not there",
            edits: [socket(downstream, "common_tls_context: {tls_certificate_sds_secret_configs: [{name: s}]}")],
            message:
                "static_resources.listeners[0].filter_chains[0].transport_socket.typed_config.common_tls_context.tls_certificate_sds_secret_configs[0].name: static_resources.secrets has no \"s\""
        ),
        Case(
            name: "TLS versions the wrong way round, which Envoy finds out later",
            edits: [
                (
                    cluster,
                    cluster
                        + "      transport_socket: {name: tls, typed_config: {\"@type\": \(upstream), common_tls_context: {tls_params: {tls_minimum_protocol_version: TLSv1_3, tls_maximum_protocol_version: TLSv1_2}}}}\n"
                )
            ],
            message:
                "static_resources.clusters[0].transport_socket.typed_config.common_tls_context.tls_params: tls_minimum_protocol_version is above tls_maximum_protocol_version",
            differsFromEnvoy: true),
    ]

    @Test("a configuration that cannot work is refused with its reason", arguments: cases)
    func validate(one: Case) throws {
        do {
            _ = try ConfigDecoder.decodeBootstrap(try one.text(), file: "f.yaml")
            #expect(one.message == nil)
        } catch let errors as ConfigErrors {
            #expect(errors.errors.map { "\($0.path): \($0.message)" } == [one.message])
            #expect(errors.errors.allSatisfy { $0.mark != nil && $0.file == "f.yaml" })
        }
    }

    @Test(
        "addresses are told from names",
        arguments: [
            ("127.0.0.1", true), ("255.255.255.255", true), ("256.0.0.1", false), ("1.2.3", false),
            ("1.2.3.4.5", false),
            ("01.2.3.4", false), ("1.2.3.", false), ("", false), ("::", true), ("::1", true), ("1::", true),
            ("2001:db8::7", true),
            ("1:2:3:4:5:6:7:8", true), ("1:2:3:4:5:6:7", false), ("1:2:3:4:5:6:7:8:9", false), ("1::2::3", false),
            ("::ffff:1.2.3.4", true), ("1:2:3:4:5:6:1.2.3.4", true), ("1:2:3:4:5:6:7:1.2.3.4", false),
            ("12345::", false),
            (":::", false), (":1", false), ("1:", false), ("g::", false), ("localhost", false), ("::1%lo", false),
            (":", false), (":1:2:3:4:5:6:7", false),
        ])
    func addresses(text: String, isAddress: Bool) {
        var validator = ConfigValidator(marks: ConfigMarks(file: "f"))
        var listener = Envoy_Config_Listener_V3_Listener()
        listener.address.socketAddress.address = text
        listener.filterChains = [Envoy_Config_Listener_V3_FilterChain()]
        validator.validate(listener, ConfigPath())
        #expect(((try? validator.finish()) != nil) == isAddress)
    }
}

extension ConfigErrors {
    /// A test's edit that finds nothing to edit.
    static func missing(_ text: String) -> some Error {
        EditError(text: text)
    }

    private struct EditError: Error {
        let text: String
    }
}
