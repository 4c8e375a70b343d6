import ProxyModel
import Testing

/// What a person reads when a configuration is refused, to the letter.
@Suite struct ConfigErrorTests {
    static func errors(_ text: String, file: String = "envoy.yaml") -> String {
        do {
            _ = try ConfigDecoder.decodeBootstrap(text, file: file)
            return "accepted"
        } catch {
            return error.description
        }
    }

    static let fields: [(text: String, message: String)] = [
        // Unknown fields.
        (
            "static_resources:\n  listeners:\n  - name: a\n    filter_chain: []\n",
            "envoy.yaml:4:5: static_resources.listeners[0].filter_chain: unknown field; did you mean \"filter_chains\"?"
        ),
        (
            "{\"staticResources\": {\"listeners\": [{\"filterChain\": []}]}}",
            "envoy.yaml:1:37: staticResources.listeners[0].filterChain: unknown field; did you mean \"filterChains\"?"
        ),
        (
            "overload_manager: {}\n",
            "envoy.yaml:1:1: overload_manager: Envoy has this field, Heddle does not support it yet"
        ),
        (
            "overloadManager: {}\n",
            "envoy.yaml:1:1: overloadManager: Envoy has this field, Heddle does not support it yet"
        ),
        (
            "static_resources:\n  listeners:\n  - name: a\n    internal_listener: {}\n",
            "envoy.yaml:4:5: static_resources.listeners[0].internal_listener: internal listeners, by which Istio's ambient mode chains proxies in one process, are not supported by Heddle yet"
        ),
        (
            "static_resources:\n  clusters:\n  - name: a\n    load_assignment: {endpoints: [{lb_endpoints: [{endpoint: {address: {envoy_internal_address: {server_listener_name: x}}}}]}]}\n",
            "envoy.yaml:4:73: static_resources.clusters[0].load_assignment.endpoints[0].lb_endpoints[0].endpoint.address.envoy_internal_address: internal listeners, by which Istio's ambient mode chains proxies in one process, are not supported by Heddle yet"
        ),
        (
            "watchdog: {}\n",
            "envoy.yaml:1:1: watchdog: deprecated in Envoy; Heddle does not support it"
        ),
        (
            "overload_manger: {}\n",
            "envoy.yaml:1:1: overload_manger: unknown field; Envoy has \"overload_manager\", which Heddle does not support yet"
        ),
        (
            "completely_different: {}\n",
            "envoy.yaml:1:1: completely_different: unknown field of envoy.config.bootstrap.v3.Bootstrap"
        ),
        // Fields set twice.
        (
            "stats_flush_interval: 1s\nstatsFlushInterval: 2s\n",
            "envoy.yaml:2:1: statsFlushInterval: the same field as \"stats_flush_interval\", set twice"
        ),
        (
            "admin: {address: {pipe: {path: a}, socket_address: {address: b, port_value: 1}}}",
            "envoy.yaml:1:36: admin.address.socket_address: cannot be set together with \"pipe\" (oneof address)"
        ),
        // Values of the wrong kind.
        ("node: []", "envoy.yaml:1:7: node: expected a mapping of envoy.config.core.v3.Node's fields, found a list"),
        ("node: {id: 5}", "envoy.yaml:1:12: node.id: expected text, found the number 5; put it in quotes"),
        ("node: {id: true}", "envoy.yaml:1:12: node.id: expected text, found the boolean true; put it in quotes"),
        ("node: {id: [a]}", "envoy.yaml:1:12: node.id: expected text, found a list"),
        ("node: {client_features: a}", "envoy.yaml:1:25: node.client_features: expected a list, found the text \"a\""),
        ("node: {client_features: [null]}", "envoy.yaml:1:26: node.client_features[0]: a list cannot hold null"),
        ("node: {metadata: {a: .nan}}", "envoy.yaml:1:22: node.metadata[\"a\"]: JSON has no number .nan"),
        (
            "stats_config: {use_all_default_tags: no}",
            "envoy.yaml:1:38: stats_config.use_all_default_tags: expected true or false, found the text \"no\", which YAML 1.2 reads as text"
        ),
        (
            "stats_config: {use_all_default_tags: \"true\"}",
            "envoy.yaml:1:38: stats_config.use_all_default_tags: expected true or false, found the text \"true\""
        ),
        (
            "stats_flush_interval: 5",
            "envoy.yaml:1:23: stats_flush_interval: expected a duration in seconds such as \"1.5s\", found the number 5"
        ),
        (
            "stats_flush_interval: 5m",
            "envoy.yaml:1:23: stats_flush_interval: expected a duration in seconds such as \"1.5s\", found the text \"5m\""
        ),
        (
            "admin: {address: {pipe: {path: a, mode: 0644}}}",
            "envoy.yaml:1:41: admin.address.pipe.mode: 0644 is ambiguous: octal in YAML 1.1, decimal in YAML 1.2; write it without the zero, or with 0o for octal"
        ),
        (
            "admin: {address: {pipe: {path: a, mode: 4294967296}}}",
            "envoy.yaml:1:41: admin.address.pipe.mode: 4294967296 is out of range; expected 0 to 4294967295"
        ),
        (
            "admin: {address: {socket_address: {protocol: UDP}}}",
            "envoy.yaml:1:46: admin.address.socket_address.protocol: Envoy has the value UDP, Heddle does not support it yet"
        ),
        (
            "admin: {address: {socket_address: {protocol: 1}}}",
            "envoy.yaml:1:46: admin.address.socket_address.protocol: Envoy has the value UDP, Heddle does not support it yet"
        ),
        (
            "static_resources: {clusters: [{lb_policy: LEAST_REQUESTS}]}",
            "envoy.yaml:1:43: static_resources.clusters[0].lb_policy: unknown value \"LEAST_REQUESTS\"; did you mean LEAST_REQUEST?"
        ),
        (
            "static_resources: {clusters: [{lb_policy: 77}]}",
            "envoy.yaml:1:43: static_resources.clusters[0].lb_policy: unknown value \"77\"; expected ROUND_ROBIN, LEAST_REQUEST, RANDOM or CLUSTER_PROVIDED"
        ),
        // Types.
        (
            "admin: {access_log: [{typed_config: {path: a}}]}",
            "envoy.yaml:1:37: admin.access_log[0].typed_config: needs \"@type\", such as type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
        ),
        (
            "admin: {access_log: [{typed_config: {\"@type\": type.googleapis.com/envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig}}]}",
            "envoy.yaml:1:47: admin.access_log[0].typed_config: Envoy has the type envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig, Heddle does not support it yet"
        ),
        (
            "admin: {access_log: [{typed_config: {\"@type\": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccesLog}}]}",
            "envoy.yaml:1:47: admin.access_log[0].typed_config: unknown type \"envoy.extensions.access_loggers.file.v3.FileAccesLog\"; did you mean envoy.extensions.access_loggers.file.v3.FileAccessLog?"
        ),
        // Syntax.
        ("node: {id: a\n", "envoy.yaml:2:1: unexpected end of text; expected \"}\""),
        ("- a\n", "envoy.yaml:1:1: expected a mapping of envoy.config.bootstrap.v3.Bootstrap's fields, found a list"),
    ]

    @Test("an error says where it is, what is wrong and what was expected", arguments: fields)
    func message(text: String, message: String) {
        #expect(Self.errors(text) == message)
    }

    @Test("all errors are reported together, in the order of the text")
    func several() {
        #expect(
            Self.errors("nodes: {}\nadmin: {adress: {}}\nstats_flush_interval: x\n") == """
                envoy.yaml:1:1: nodes: unknown field; did you mean "node"?
                envoy.yaml:2:9: admin.adress: unknown field; did you mean "address"?
                envoy.yaml:3:23: stats_flush_interval: expected a duration in seconds such as "1.5s", found the text "x"
                """)
    }

    @Test("twenty errors are reported and more are only hinted at", arguments: [19, 20, 21, 1000])
    func bounded(count: Int) {
        let errors = #expect(throws: ConfigErrors.self) {
            try ConfigDecoder.decodeBootstrap((0..<count).map { "unknown_\($0): 1\n" }.joined(), file: "f.yaml")
        }
        #expect(errors?.errors.count == min(count, 20))
        #expect(errors?.isTruncated == (count >= 20))
    }

    @Test("an unknown name of any length is compared in bounded time")
    func longName() {
        #expect(
            Self.errors(String(repeating: "x", count: 1 << 20) + ": 1").hasSuffix(
                "unknown field of envoy.config.bootstrap.v3.Bootstrap"))
    }

    @Test("JSON errors name the file's line too")
    func json() {
        #expect(
            Self.errors("{\n  \"node\": {\n    \"idd\": \"a\"\n  }\n}\n", file: "envoy.json")
                == "envoy.json:3:5: node.idd: unknown field; did you mean \"id\"?")
        #expect(
            Self.errors("{\n  node: {}\n}\n", file: "envoy.json") == "envoy.json:2:3: a key must stand in double quotes"
        )
    }
}
