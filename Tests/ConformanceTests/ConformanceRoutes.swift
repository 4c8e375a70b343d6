/// The routes of the conformance tests, the same on each listener.
enum ConformanceRoutes {
    /// A route configuration as a flow mapping of YAML.
    static let text = """
        route_config: {name: routes, internal_only_headers: [X-Secret],
                  request_headers_to_add: [{header: {key: x-level, value: config}, append_action: APPEND_IF_EXISTS_OR_ADD}],
                  response_headers_to_add: [{header: {key: x-answer-level, value: config}, append_action: APPEND_IF_EXISTS_OR_ADD}],
                  virtual_hosts: [
                    {name: probe, domains: [probe.test], routes: [{match: {prefix: /}, direct_response: {status: 200, body: {inline_string: probe}}}]},
                    {name: exact, domains: [a.domains.test], routes: [{name: domain-exact, match: {prefix: /}, route: {cluster: one}}]},
                    {name: suffix, domains: ["*.domains.test"], routes: [{name: domain-suffix, match: {prefix: /}, route: {cluster: one}}]},
                    {name: longer, domains: ["*.b.domains.test"], routes: [{name: domain-longer-suffix, match: {prefix: /}, route: {cluster: one}}]},
                    {name: start, domains: ["domains.*"], routes: [{name: domain-prefix, match: {prefix: /}, route: {cluster: one}}]},
                    {name: withport, domains: ["ported.test:81"], routes: [{name: domain-port, match: {prefix: /}, route: {cluster: one}}]},
                    {name: secure, domains: [secure.test], require_tls: ALL, routes: [{name: secure, match: {prefix: /}, route: {cluster: one}}]},
                    {name: inner, domains: [inner.test, "inner.test:80", wrong.test], routes: [\(loops)]},
                    {name: matches, domains: [match.test], routes: [\(matches)]},
                    {name: actions, domains: [act.test],
                     request_headers_to_add: [{header: {key: x-level, value: host}, append_action: APPEND_IF_EXISTS_OR_ADD}],
                     response_headers_to_add: [{header: {key: x-answer-level, value: host}, append_action: APPEND_IF_EXISTS_OR_ADD}],
                     include_request_attempt_count: true, include_attempt_count_in_response: true,
                     routes: [\(actions)]}]}
        """

    private static func route(_ name: String, match: String, _ action: String = "route: {cluster: one}") -> String {
        "{name: \(name), match: {\(match)}, \(action)}"
    }

    /// To the proxy itself, by TLS; there the answer says how the connection was made.
    private static let loops =
        ["loop-h2", "loop-h1", "loop-named", "loop-header", "loop-host", "loop-untrusted", "loop-accepted"]
        .map { route($0, match: "path: /\($0)", "route: {cluster: \($0), prefix_rewrite: /inside}") }
        .joined(separator: ",\n              ") + """
            ,
                          {name: inside, match: {path: /inside}, direct_response: {status: 200, body: {inline_string: inside}},
                           response_headers_to_add: [{header: {key: x-inside, value: "%PROTOCOL% %REQUESTED_SERVER_NAME%"}}]}
            """

    private static let matches = [
        route("exact", match: "path: /exact"),
        route("exact-any-case", match: "path: /any, case_sensitive: false"),
        route("regex", match: #"safe_regex: {regex: "/items/[0-9]+"}"#),
        route("separated", match: "path_separated_prefix: /sep"),
        route("header-exact", match: "prefix: /h, headers: [{name: x-kind, string_match: {exact: a}}]"),
        route("header-prefix", match: "prefix: /h, headers: [{name: x-kind, string_match: {prefix: pre}}]"),
        route(
            "header-any-case",
            match: "prefix: /h, headers: [{name: x-kind, string_match: {exact: case, ignore_case: true}}]"),
        route(
            "header-regex", match: #"prefix: /h, headers: [{name: x-kind, string_match: {safe_regex: {regex: "r+"}}}]"#),
        route("header-range", match: "prefix: /h, headers: [{name: x-number, range_match: {start: -3, end: 10}}]"),
        route("header-present", match: "prefix: /h, headers: [{name: x-here, present_match: true}]"),
        route(
            "header-inverted",
            match:
                "prefix: /h, headers: [{name: x-kind, string_match: {exact: none}, invert_match: true}, {name: x-kind, present_match: true}]"
        ),
        route("header-absent", match: "prefix: /h, headers: [{name: x-kind, present_match: false}]"),
        route("query", match: "prefix: /q, query_parameters: [{name: a, string_match: {exact: \"1\"}}]"),
        route("query-present", match: "prefix: /q, query_parameters: [{name: b, present_match: true}]"),
        route("method", match: "prefix: /m, headers: [{name: \":method\", string_match: {exact: POST}}]"),
        route("grpc", match: "prefix: /g, grpc: {}"),
        route("rest", match: "prefix: /rest"),
        route("admin", match: "prefix: /admin"),
        route("http2", match: "prefix: /two", "route: {cluster: two}"),
    ].joined(separator: ",\n              ")

    private static let actions = [
        route("prefix-rewrite", match: "prefix: /old", "route: {cluster: one, prefix_rewrite: /new}"),
        route("prefix-rewrite-slash", match: "prefix: /cut/", "route: {cluster: one, prefix_rewrite: /}"),
        route(
            "regex-rewrite", match: "prefix: /svc",
            #"route: {cluster: one, regex_rewrite: {pattern: {regex: "^/svc/([^/]+)/(.*)$"}, substitution: '/\2/by/\1'}}"#
        ),
        route("host-literal", match: "path: /host/literal", "route: {cluster: one, host_rewrite_literal: other.test}"),
        route(
            "host-header", match: "path: /host/header",
            "route: {cluster: one, host_rewrite_header: x-host, append_x_forwarded_host: true}"),
        route(
            "host-path", match: "prefix: /host/path",
            #"route: {cluster: one, host_rewrite_path_regex: {pattern: {regex: "^/host/path/(.+)$"}, substitution: '\1.test'}}"#
        ),
        route(
            "weighted", match: "path: /weighted",
            "route: {weighted_clusters: {clusters: [{name: one, weight: 100, request_headers_to_add: [{header: {key: x-weighted, value: first}}]}, {name: other, weight: 0}]}}"
        ),
        route("by-header", match: "path: /by-header", "route: {cluster_header: x-cluster}"),
        route(
            "unknown", match: "path: /unknown",
            "route: {cluster_header: x-none, cluster_not_found_response_code: NOT_FOUND}"),
        route("redirect-host", match: "path: /to/host", "redirect: {host_redirect: new.test}"),
        route(
            "redirect-path", match: "path: /to/path", "redirect: {path_redirect: \"/there?x=1\", response_code: FOUND}"),
        route(
            "redirect-prefix", match: "prefix: /to/prefix",
            "redirect: {prefix_rewrite: /there, response_code: TEMPORARY_REDIRECT}"),
        route(
            "redirect-https", match: "path: /to/https",
            "redirect: {https_redirect: true, response_code: PERMANENT_REDIRECT}"),
        route(
            "redirect-port", match: "path: /to/port",
            "redirect: {port_redirect: 8443, scheme_redirect: https, response_code: SEE_OTHER}"),
        route("redirect-strip", match: "path: /to/strip", "redirect: {host_redirect: new.test, strip_query: true}"),
        route(
            "redirect-regex", match: "prefix: /to/regex",
            #"redirect: {regex_rewrite: {pattern: {regex: "^/to/regex/(.*)$"}, substitution: '/r/\1'}}"#),
        route("direct", match: "path: /direct", "direct_response: {status: 203, body: {inline_string: \"by hand\"}}"),
        route(
            "direct-empty", match: "path: /direct-empty", "direct_response: {status: 404, body: {inline_string: \"\"}}"),
        route("refused", match: "path: /refused", "route: {cluster: refused}"),
        route("hole", match: "path: /hole", "route: {cluster: hole}"),
        route("no-requests", match: "path: /no-requests", "route: {cluster: no-requests}"),
        route("no-connections", match: "path: /no-connections", "route: {cluster: no-connections}"),
        route("once", match: "path: /once", "route: {cluster: once}"),
        route("empty", match: "path: /empty", "route: {cluster: empty}"),
        route("full", match: "path: /full", "route: {cluster: full}"),
        route("short", match: "path: /short", "route: {cluster: one, timeout: 0.2s}"),
        route("idle", match: "path: /idle", "route: {cluster: one, timeout: 0s, idle_timeout: 0.2s}"),
        route("headers", match: "path: /headers", headers),
        route("two", match: "prefix: /two", "route: {cluster: two, timeout: 1s}"),
        route(
            "direct-format", match: "path: /direct-format",
            #"direct_response: {status: 202, body: {inline_string: "of hand"}, body_format: {text_format_source: {inline_string: "[%LOCAL_REPLY_BODY%] %RESPONSE_CODE% %REQ(:path)%"}, content_type: "text/x-made"}}"#),
        route(
            "direct-json", match: "path: /direct-json",
            #"direct_response: {status: 202, body_format: {json_format: {path: "%REQ(:path)%"}}}"#),
        route("bounded", match: "path: /bounded", "route: {cluster: bounded}"),
        route(
            "duration", match: "path: /duration", "route: {cluster: one, max_stream_duration: {max_stream_duration: 0.2s}}"),
        route(
            "unlimited", match: "path: /unlimited",
            "route: {cluster: one, timeout: 0.5s, max_stream_duration: {max_stream_duration: 0s}}"),
        route(
            "grpc-duration", match: "path: /grpc-duration",
            "route: {cluster: one, timeout: 1s, max_stream_duration: {max_stream_duration: 3s, grpc_timeout_header_max: 0.3s, grpc_timeout_header_offset: 0.1s}}"
        ),
        route(
            "upgrade-yes", match: "path: /upgrade/yes",
            "route: {cluster: one, upgrade_configs: [{upgrade_type: WebSocket}]}"),
        route(
            "upgrade-no", match: "path: /upgrade/no",
            "route: {cluster: one, upgrade_configs: [{upgrade_type: websocket, enabled: false}]}"),
        route(
            "share-none",
            match: "prefix: /share, runtime_fraction: {default_value: {numerator: 100}, runtime_key: share.none}",
            "direct_response: {status: 418}"),
        route(
            "share-all", match: "prefix: /share, runtime_fraction: {default_value: {numerator: 0}, runtime_key: share.all}",
            "route: {cluster: one}"),
        route("large", match: "path: /large", "route: {cluster: one}, request_body_buffer_limit: 8192"),
        route("rest", match: "prefix: /rest"),
    ].joined(separator: ",\n              ")

    private static let headers = """
        route: {cluster: one},
                request_headers_to_remove: [x-gone, x-also],
                response_headers_to_remove: [x-upstream],
                request_headers_to_add: [
                  {header: {key: x-level, value: route}, append_action: APPEND_IF_EXISTS_OR_ADD},
                  {header: {key: x-overwritten, value: ours}, append_action: OVERWRITE_IF_EXISTS_OR_ADD},
                  {header: {key: x-only-absent, value: ours}, append_action: ADD_IF_ABSENT},
                  {header: {key: x-only-present, value: ours}, append_action: OVERWRITE_IF_EXISTS},
                  {header: {key: x-formatted, value: "%REQ(:METHOD)% %REQ(x-none?:path)% %PROTOCOL% %REQ(x-long):3% %%"}},
                  {header: {key: x-from, value: "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"}}],
                response_headers_to_add: [
                  {header: {key: x-answer-level, value: route}, append_action: APPEND_IF_EXISTS_OR_ADD},
                  {header: {key: x-code, value: "%RESPONSE_CODE% %RESP(x-kept)% %ROUTE_NAME%"}},
                  {header: {key: x-kept, value: ours}, append_action: ADD_IF_ABSENT}]
        """
}
