import Foundation
import TestKit

/// The configuration that meets hostile peers, the same for Heddle and Envoy: short deadlines, small limits.
struct HostileBootstrap {
    let plain: UInt16
    let tls: UInt16
    let admin: UInt16
    let http1: UInt16
    let http2: UInt16
    let logPath: String

    private static let certificate = TestCertificate(commonName: "hostile.test")

    var text: String {
        """
        admin: {address: {socket_address: {address: \(Loopback.address), port_value: \(admin)}}}
        static_resources:
          listeners:
          - name: plain
            address: {socket_address: {address: \(Loopback.address), port_value: \(plain)}}
            per_connection_buffer_limit_bytes: 32768
            filter_chains:
            - filters: \(filters("plain"))
          - name: tls
            address: {socket_address: {address: \(Loopback.address), port_value: \(tls)}}
            per_connection_buffer_limit_bytes: 32768
            filter_chains:
            - filters: \(filters("tls"))
              transport_socket_connect_timeout: 2s
              transport_socket:
                name: envoy.transport_sockets.tls
                typed_config:
                  "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
                  common_tls_context:
                    alpn_protocols: [h2, http/1.1]
                    tls_certificates:
                    - certificate_chain: {inline_string: \(quoted(Self.certificate.certificate))}
                      private_key: {inline_string: \(quoted(Self.certificate.key))}
          clusters:
          - \(cluster("one", http1))
          - {\(cluster("two", http2).dropFirst().dropLast()), typed_extension_protocol_options: {envoy.extensions.upstreams.http.v3.HttpProtocolOptions: {
              "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, explicit_http_config: {http2_protocol_options: {}}}}}

        """
    }

    private func cluster(_ name: String, _ port: UInt16) -> String {
        """
        {name: \(name), type: STATIC, connect_timeout: 1s, per_connection_buffer_limit_bytes: 32768,
             load_assignment: {cluster_name: \(name), endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: \(Loopback.address), port_value: \(port)}}}}]}]}}
        """
    }

    private func quoted(_ text: String) -> String {
        "\"\(text.replacingOccurrences(of: "\n", with: "\\n"))\""
    }

    private func filters(_ prefix: String) -> String {
        """
        [{name: envoy.filters.network.http_connection_manager, typed_config: {
                "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager,
                stat_prefix: \(prefix), codec_type: AUTO, use_remote_address: true, server_name: mesh,
                request_headers_timeout: 1s, delayed_close_timeout: 0.1s, stream_idle_timeout: 2s,
                http_protocol_options: {accept_http_10: true},
                http2_protocol_options: {max_concurrent_streams: 100, initial_stream_window_size: 65536, initial_connection_window_size: 1048576},
                common_http_protocol_options: {idle_timeout: 20s, headers_with_underscores_action: REJECT_REQUEST},
                access_log: [{name: envoy.access_loggers.file, typed_config: {"@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog, path: \(logPath),
                  log_format: {json_format: {path: "%REQ(:PATH)%", agent: "%REQ(USER-AGENT)%", host: "%REQ(:AUTHORITY)%"}}}}],
                http_filters: [{name: envoy.filters.http.router, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}],
                route_config: {name: routes, virtual_hosts: [{name: all, domains: ["*"], routes: [
                  {match: {path: /probe}, direct_response: {status: 200, body: {inline_string: probe}}},
                  {match: {path: /direct}, direct_response: {status: 200, body: {inline_string: direct}}},
                  {match: {safe_regex: {regex: "/regex/(a+)+b"}}, direct_response: {status: 200, body: {inline_string: regex}}},
                  {match: {path: /redirect}, redirect: {path_redirect: /elsewhere}},
                  {match: {prefix: /two}, route: {cluster: two, timeout: 5s}},
                  {match: {prefix: /}, route: {cluster: one, timeout: 5s}}]}]}}}]
        """
    }
}
