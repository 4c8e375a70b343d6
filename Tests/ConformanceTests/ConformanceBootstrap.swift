import Foundation
import TestKit

/// The configuration that both proxies run in the conformance tests. Only ports, the log's path and the admin address
/// differ.
struct ConformanceBootstrap {
    /// A listener and what its connection manager says besides what all of them say.
    enum Listener: String, CaseIterable, Sendable {
        case main, edge, hops, appended, normal, rejectSlash, forwardSlash, redirectSlash, upgrades, old, limits, named,
            replies, strips, underscores
        case trailers, proper, timeouts, nameless, trusting
        case innerHTTP2, innerHTTP1
        case capped, schemed, matched, agent, dotted, lenient, buffered

        var options: String {
            switch self {
            case .main: "server_name: mesh"
            case .edge: "server_name: mesh, use_remote_address: true"
            case .hops: "server_name: mesh, use_remote_address: true, xff_num_trusted_hops: 1"
            case .appended: "server_name: mesh, use_remote_address: true, skip_xff_append: true, via: edge-1"
            case .normal: "server_name: mesh, normalize_path: true, merge_slashes: true"
            case .rejectSlash:
                "server_name: mesh, normalize_path: true, path_with_escaped_slashes_action: REJECT_REQUEST"
            case .forwardSlash:
                "server_name: mesh, normalize_path: true, path_with_escaped_slashes_action: UNESCAPE_AND_FORWARD"
            case .redirectSlash:
                "server_name: mesh, normalize_path: true, path_with_escaped_slashes_action: UNESCAPE_AND_REDIRECT"
            case .upgrades: "server_name: mesh, upgrade_configs: [{upgrade_type: websocket}]"
            case .old:
                "server_name: mesh, http_protocol_options: {accept_http_10: true, default_host_for_http_10: match.test}"
            case .limits:
                "server_name: mesh, max_request_headers_kb: 8, common_http_protocol_options: {max_headers_count: 20}"
            case .named:
                "server_name: mesh, server_header_transformation: APPEND_IF_ABSENT, always_set_request_id_in_response: true, preserve_external_request_id: true, use_remote_address: true"
            case .replies:
                """
                server_name: mesh, local_reply_config: {mappers: [
                  {filter: {status_code_filter: {comparison: {op: EQ, value: {default_value: 404, runtime_key: a}}}}, status_code: 418,
                   body: {inline_string: "not here"}, headers_to_add: [{header: {key: x-mapped, value: "yes"}}]},
                  {filter: {and_filter: {filters: [{header_filter: {header: {name: x-map, string_match: {exact: json}}}}, {response_flag_filter: {flags: [UH]}}]}},
                   body_format_override: {json_format: {code: "%RESPONSE_CODE%", why: "%LOCAL_REPLY_BODY%", none: "%REQ(x-none)%", deep: {flags: "%RESPONSE_FLAGS%"}}}},
                  {filter: {header_filter: {header: {name: x-map, string_match: {exact: typed}}}}, body: {inline_string: ""},
                   body_format_override: {text_format_source: {inline_string: "<p>%LOCAL_REPLY_BODY%|%REQ(x-none)%</p>"}, omit_empty_values: true, content_type: text/html}},
                  {filter: {header_filter: {header: {name: x-map, string_match: {exact: own}}}}, status_code: 429,
                   headers_to_add: [{header: {key: content-type, value: "text/x-own"}}, {header: {key: x-code, value: "%RESPONSE_CODE%"}}]},
                  {filter: {header_filter: {header: {name: x-map, string_match: {exact: empty}}}}, body_format_override: {text_format_source: {inline_string: "%REQ(x-none)%"}, omit_empty_values: true}},
                  {filter: {status_code_filter: {comparison: {op: GE, value: {default_value: 600, runtime_key: replies.from}}}}, headers_to_add: [{header: {key: x-runtime, value: "yes"}}]}],
                  body_format: {text_format_source: {inline_string: "<%LOCAL_REPLY_BODY%> %RESPONSE_CODE%"}}}
                """
            case .strips: "server_name: mesh, strip_any_host_port: true, generate_request_id: false"
            case .underscores:
                "server_name: mesh, common_http_protocol_options: {headers_with_underscores_action: REJECT_REQUEST}"
            case .trailers: "server_name: mesh, http_protocol_options: {enable_trailers: true}"
            case .proper: "server_name: mesh, http_protocol_options: {header_key_format: {proper_case_words: {}}}"
            case .timeouts:
                "server_name: mesh, stream_idle_timeout: 0.3s, request_headers_timeout: 0.3s, request_timeout: 0.4s"
            case .trusting:
                "server_name: mesh, use_remote_address: true, internal_address_config: {cidr_ranges: [{address_prefix: 127.0.0.0, prefix_len: 8}]}"
            case .capped: "server_name: mesh, common_http_protocol_options: {max_stream_duration: 0.3s}"
            case .schemed: "server_name: mesh, scheme_header_transformation: {scheme_to_overwrite: https}"
            case .matched: "server_name: mesh, scheme_header_transformation: {match_upstream: true}"
            case .agent: "server_name: mesh, add_user_agent: true"
            case .dotted: "server_name: mesh, strip_trailing_host_dot: true"
            case .lenient:
                "server_name: mesh, normalize_path: true, path_with_escaped_slashes_action: REJECT_REQUEST, stream_error_on_invalid_http_message: true"
            case .buffered, .innerHTTP2, .innerHTTP1: "server_name: mesh"
            case .nameless: "skip_xff_append: false"
            }
        }
    }

    /// The filters before the router.
    private static let filters: [Listener: String] = [
        .buffered:
            #"{name: envoy.filters.http.lua, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua, default_source_code: {inline_string: "function envoy_on_request(handle) handle:body() end"}}}, "#
    ]

    private static let certificate = TestCertificate(commonName: "inner.test")

    /// The protocols that a listener for the proxy itself agrees to by TLS.
    private static let protocols: [Listener: String] = [.innerHTTP2: "[h2, http/1.1]", .innerHTTP1: "[http/1.1]"]

    let ports: [Listener: UInt16]
    let adminPort: UInt16
    let logPath: String

    init() {
        ports = Dictionary(uniqueKeysWithValues: Listener.allCases.map { ($0, Loopback.freePort()) })
        adminPort = Loopback.freePort()
        logPath = NSTemporaryDirectory() + "heddle-conformance-\(getpid())-\(adminPort).log"
    }

    private static let logFormat = [
        "%REQ(:AUTHORITY)%", "%REQ(:METHOD)%", "%REQ(:PATH)%", "%PROTOCOL%", "%RESPONSE_CODE%", "%RESPONSE_FLAGS%",
        "%RESPONSE_CODE_DETAILS%", "%UPSTREAM_CLUSTER%", "%ROUTE_NAME%", "%BYTES_RECEIVED%", "%BYTES_SENT%",
        "%REQ(X-LOGGED)%",
    ].joined(separator: " ")

    /// The whole bootstrap.
    func text(http1: UInt16, http2: UInt16, refusing: UInt16, full: UInt16) -> String {
        var text = "admin: {address: {socket_address: {address: \(Loopback.address), port_value: \(adminPort)}}}\n"
        text += "node: {id: node-1, cluster: mesh-cluster}\n"
        text += "layered_runtime: {layers: [{name: first, static_layer: {replies: {from: 503}, share: {none: 100}}}, "
        text += "{name: second, static_layer: {share.none: 0, share.all: {numerator: 10000, denominator: TEN_THOUSAND}}}]}\n"
        text += "static_resources:\n  listeners:\n"
        for (listener, port) in ports.sorted(by: { $0.value < $1.value }) { text += self.listener(listener, port) }
        text += Self.secrets
        text += "  clusters:\n"
        for name in ["one", "other"] { text += cluster(name, port: http1) }
        text += cluster("two", port: http2, extra: Self.http2Upstream)
        text += cluster(
            "bounded", port: http1, extra: Self.protocolOptions("explicit_http_config: {http_protocol_options: {}}, common_http_protocol_options: {max_stream_duration: 0.2s}"))
        text += loops
        text += cluster("refused", port: refusing)
        text += cluster("full", port: http1, extra: "circuit_breakers: {thresholds: [{max_pending_requests: 0}]}")
        text += cluster("hole", port: full, timeout: "0.3s")
        text += cluster("no-requests", port: http1, extra: "circuit_breakers: {thresholds: [{max_requests: 0}]}")
        text += cluster("no-connections", port: http1, extra: "circuit_breakers: {thresholds: [{max_connections: 0}]}")
        text += cluster("once", port: http1, extra: Self.protocolOptions("explicit_http_config: {http_protocol_options: {}}, common_http_protocol_options: {max_requests_per_connection: 1}"))
        text += "  - {name: empty, type: STATIC, connect_timeout: 1s, load_assignment: {cluster_name: empty}}\n"
        return text
    }

    private static let http2Upstream = protocolOptions("explicit_http_config: {http2_protocol_options: {}}")

    private static let inspector =
        #"{name: tls_inspector, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector}}"#

    private static func socket(_ listener: Listener) -> String {
        guard let protocols = protocols[listener] else {
            return #"{name: raw, typed_config: {"@type": type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer}}"#
        }
        return """
            {name: tls, typed_config: {"@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext,
                  common_tls_context: {alpn_protocols: \(protocols), tls_certificate_sds_secret_configs: [{name: inner}]}}}
            """
    }

    /// Clusters that lead back into the proxy, by TLS.
    private var loops: String {
        let auto = "auto_config: {http_protocol_options: {}, http2_protocol_options: {}}"
        let plain = "explicit_http_config: {http_protocol_options: {}}"
        let named = "upstream_http_protocol_options: {auto_sni: true, auto_san_validation: true}"
        let header = "upstream_http_protocol_options: {auto_sni: true, override_auto_sni_header: x-server}"
        return loop("loop-h2", .innerHTTP2, auto, "sni: fixed.test") + loop("loop-h1", .innerHTTP1, auto, "sni: fixed.test")
            + loop("loop-named", .innerHTTP2, plain + ", " + named, "sni: fixed.test", verifies: true)
            + loop("loop-header", .innerHTTP2, plain + ", " + header, "sni: fixed.test")
            + loop("loop-host", .innerHTTP2, plain, "sni: fixed.test, auto_host_sni: true")
            + loop("loop-untrusted", .innerHTTP2, plain, "sni: fixed.test", trust: "other", verifies: true)
            + loop("loop-accepted", .innerHTTP2, plain, "sni: fixed.test", trust: "other-accepted", verifies: true)
    }

    private func loop(
        _ name: String, _ listener: Listener, _ options: String, _ tls: String, trust: String = "authority",
        verifies: Bool = false
    ) -> String {
        let validation = verifies ? "validation_context_sds_secret_config: {name: \(trust)}" : ""
        let address = "socket_address: {address: \(Loopback.address), port_value: \(ports[listener] ?? 0)}"
        return """
              - name: \(name)
                type: STATIC
                connect_timeout: 1s
                load_assignment: {cluster_name: \(name), endpoints: [{lb_endpoints: [{endpoint: {hostname: host.test, address: {\(address)}}}]}]}
                \(Self.protocolOptions(options))
                transport_socket: {name: tls, typed_config: {"@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext, \(tls), common_tls_context: {\(validation)}}}

            """
    }

    private static let secrets: String = {
        let other = TestCertificate(commonName: "other.test")
        func quoted(_ text: String) -> String { "\"" + text.replacingOccurrences(of: "\n", with: "\\n") + "\"" }
        func context(_ name: String, _ pem: String, _ more: String = "") -> String {
            "  - {name: \(name), validation_context: {trusted_ca: {inline_string: \(quoted(pem))}\(more)}}\n"
        }
        return """
              secrets:
              - {name: inner, tls_certificate: {certificate_chain: {inline_string: \(quoted(certificate.certificate))}, private_key: {inline_string: \(quoted(certificate.key))}}}

            """ + context("authority", certificate.certificate) + context("other", other.certificate)
            + context("other-accepted", other.certificate, ", trust_chain_verification: ACCEPT_UNTRUSTED")
    }()

    private static func protocolOptions(_ options: String) -> String {
        """
        typed_extension_protocol_options: {envoy.extensions.upstreams.http.v3.HttpProtocolOptions: {
              "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, \(options)}}
        """
    }

    private func cluster(_ name: String, port: UInt16, timeout: String = "1s", extra: String = "") -> String {
        """
          - name: \(name)
            type: STATIC
            connect_timeout: \(timeout)
            load_assignment: {cluster_name: \(name), endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: \(Loopback.address), port_value: \(port)}}}}]}]}
            \(extra)

        """
    }

    private func listener(_ listener: Listener, _ port: UInt16) -> String {
        """
          - name: \(listener.rawValue)
            address: {socket_address: {address: \(Loopback.address), port_value: \(port)}}
            listener_filters: [\(Self.protocols[listener] == nil ? "" : Self.inspector)]
            per_connection_buffer_limit_bytes: \(listener == .buffered ? 1024 : 1_048_576)
            filter_chains:
            - transport_socket: \(Self.socket(listener))
              filters:
              - name: envoy.filters.network.http_connection_manager
                typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager,
                  stat_prefix: \(listener.rawValue), delayed_close_timeout: 0.1s, \(listener.options.replacingOccurrences(of: "\n", with: "\n          ")),
                  access_log: [{name: envoy.access_loggers.file, typed_config: {"@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog, path: \(logPath), log_format: {text_format_source: {inline_string: "\(Self.logFormat)\\n"}}}}],
                  http_filters: [\(Self.filters[listener] ?? ""){name: envoy.filters.http.router, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}],
                  \(ConformanceRoutes.text)}

        """
    }
}
