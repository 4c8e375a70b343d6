import ProxyModel
import SwiftProtobuf
import Testing

/// Envoy's constraints on single fields.
@Suite struct ConstraintTests {
    private func errors<Message: SwiftProtobuf.Message>(_ type: Message.Type, _ text: String) -> [String] {
        do {
            _ = try ConfigDecoder.decode(type, from: [ConfigSource(text: text, file: "f")])
            return []
        } catch {
            return error.errors.map(\.description)
        }
    }

    @Test(
        "numbers keep their limits",
        arguments: [
            ("address: a\nport_value: 65535", []), ("address: a\nport_value: 0", []),
            ("address: a\nport_value: 65536", ["f:2:13: port_value: must be at most 65535, found 65536"]),
            ("address: a", ["f:1:1: port_value must be set"]),
            ("port_value: 1", ["f:1:1: address: must not be empty"]),
            ("address: ''\nport_value: 1", ["f:1:10: address: must not be empty"]),
        ])
    func socketAddress(text: String, expected: [String]) {
        #expect(errors(Envoy_Config_Core_V3_SocketAddress.self, text) == expected)
    }

    @Test(
        "durations keep their limits and are never negative",
        arguments: [
            ("connect_timeout: 0.000000001s", []),
            ("connect_timeout: 0s", ["f:2:18: connect_timeout: must be above 0s, found 0s"]),
            (
                "connect_timeout: -1s",
                ["f:2:18: connect_timeout: a duration cannot be negative or longer than 10,000 years"]
            ),
            ("dns_refresh_rate: 0.001s", ["f:2:19: dns_refresh_rate: must be above 0.001s, found 0.001s"]),
            ("dns_refresh_rate: 0.002s", []),
            ("dns_jitter: 0s", []),
        ])
    func durations(text: String, expected: [String]) {
        #expect(errors(Envoy_Config_Cluster_V3_Cluster.self, "name: a\n" + text) == expected)
    }

    @Test(
        "header names and values keep to their characters",
        arguments: [
            ("header: {key: x-a, value: b}", []),
            ("header: {key: '', value: b}", ["f:1:15: header.key: must not be empty"]),
            ("header: {key: \"x\\ny\", value: b}", ["f:1:15: header.key: is no header name: \"x\ny\""]),
            (
                "header: {key: x, value: \"b\\r\\nc\"}",
                ["f:1:25: header.value: holds characters that a header cannot have: \"b\r\nc\""]
            ),
            ("{}", ["f:1:1: header: is required"]),
        ])
    func headers(text: String, expected: [String]) {
        let found = errors(Envoy_Config_Core_V3_HeaderValueOption.self, text)
        #expect(found == expected)
    }

    @Test(
        "oneofs that must be set, lists that must not be empty, booleans that must be true",
        arguments: [
            ("name: v\ndomains: ['*']\nroutes: [{match: {prefix: /}, non_forwarding_action: {}}]", []),
            ("name: v\ndomains: []", ["f:2:10: domains: must not be empty"]),
            (
                "name: v\ndomains: [a]\nroutes: [{match: {prefix: /}}]",
                [
                    "f:3:10: routes[0]: one of route, redirect, direct_response, non_forwarding_action must be set"
                ]
            ),
            (
                "name: v\ndomains: [a]\nroutes: [{match: {}, non_forwarding_action: {}}]",
                [
                    "f:3:18: routes[0].match: one of prefix, path, safe_regex, path_separated_prefix must be set"
                ]
            ),
            (
                "name: v\ndomains: [a]\nroutes: [{match: {path_separated_prefix: /a/}, non_forwarding_action: {}}]",
                [
                    "f:3:42: routes[0].match.path_separated_prefix: must not end in \"/\" nor hold \"?\" or \"#\", found \"/a/\""
                ]
            ),
            (
                "name: v\ndomains: [a]\ntyped_per_filter_config: {lua: {\"@type\": a/envoy.extensions.filters.http.lua.v3.LuaPerRoute, disabled: false}}",
                [
                    "f:3:104: typed_per_filter_config[\"lua\"].disabled: must be true, if it is set"
                ]
            ),
            (
                "name: v\ndomains: [a]\nroutes: [{match: {prefix: /}, direct_response: {status: 600}}]",
                [
                    "f:3:57: routes[0].direct_response.status: must be below 600, found 600"
                ]
            ),
        ])
    func virtualHosts(text: String, expected: [String]) {
        #expect(errors(Envoy_Config_Route_V3_VirtualHost.self, text) == expected)
    }

    @Test(
        "a type stands only where its kind may",
        arguments: [
            (
                "name: f\ntyped_config: {\"@type\": a/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy, stat_prefix: t, cluster: c}",
                [
                    "f:2:15: typed_config: envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy cannot stand here; expected a type of "
                        + "envoy.extensions.filters.http. or heddle.filters.http.*"
                ]
            ),
            (
                "name: f\ntyped_config: {\"@type\": a/heddle.filters.http.explain.v1.Explain, allowed_cidrs: [{address_prefix: 10.0.0.0}]}",
                []
            ),
            (
                "name: f\ntyped_config: {\"@type\": a/heddle.filters.http.explain.v1.Explain, allowed_cidrs: [{}]}",
                [
                    "f:2:83: typed_config.allowed_cidrs[0].address_prefix: must not be empty"
                ]
            ),
        ])
    func places(text: String, expected: [String]) {
        typealias Filter = Envoy_Extensions_Filters_Network_HttpConnectionManager_V3_HttpFilter
        #expect(errors(Filter.self, text) == expected)
    }

    @Test("every regular expression is shown to whoever can compile it")
    func regexes() throws {
        let errors = #expect(throws: ConfigErrors.self) {
            try ConfigDecoder.decodeBootstrap(try Fixture.text("http.yaml"), file: "f") { pattern in
                pattern.hasPrefix("/items") ? "no good: \(pattern)" : nil
            }
        }
        #expect(
            errors?.errors.map(\.message)
                == Array(repeating: ["no good: /items/([0-9]+)", "no good: /items/(.*)"], count: 2).flatMap { $0 })
        #expect(errors?.errors.first?.path.description.hasSuffix("routes[1].match.safe_regex.regex") == true)
    }

    // MARK: - What comes from a control plane

    private func check(_ bytes: [UInt8], _ type: (some SwiftProtobuf.Message).Type) -> [String] {
        ConstraintChecker.check(bytes, as: type, marks: ConfigMarks(file: "xds")).map(\.description)
    }

    @Test(
        "a field that Heddle does not have is found by its number",
        arguments: [
            (
                [0x0A, 0x01, 0x61, 0xDA, 0x03, 0x00],
                "xds: transport_socket_matcher: Envoy has this field, Heddle does not support it yet"
            ),
            (
                [0x0A, 0x01, 0x61, 0x48, 0x01],
                "xds: max_requests_per_connection: deprecated in Envoy; Heddle does not support it"
            ),
            (
                [0x0A, 0x01, 0x61, 0xF8, 0x7F, 0x01],
                "xds: unknown field number 2047 of envoy.config.cluster.v3.Cluster"
            ),
            ([0x0A, 0x01, 0x61, 0x30, 0x02], "xds: lb_policy: Envoy has the value RING_HASH, Heddle does not support it yet"),
            (
                [0x0A, 0x01, 0x61, 0x10, 0x63],
                "xds: type: unknown value 99 of envoy.config.cluster.v3.Cluster.DiscoveryType"
            ),
        ] as [([UInt8], String)])
    func unknownNumbers(bytes: [UInt8], message: String) {
        #expect(check(bytes, Envoy_Config_Cluster_V3_Cluster.self) == [message])
    }

    @Test(
        "bytes that are no message are refused",
        arguments: [
            [0x0A], [0x0A, 0x05, 0x61], [0x0B], [0x00, 0x00], [0x0A, 0x01, 0xFF], [0x08, 0x01], [0x0F],
            [0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01],
            [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], [0x22, 0x02, 0x0A, 0x00],
        ] as [[UInt8]])
    func malformed(bytes: [UInt8]) {
        #expect(!check(bytes, Envoy_Config_Cluster_V3_Cluster.self).isEmpty)
    }

    @Test("every cut and every changed byte of a good message is checked without a crash")
    func damaged() throws {
        let bytes = try ConfigDecoder.decodeBootstrap(try Fixture.text("minimal.yaml"), file: "f").bytes
        #expect(check(bytes, Envoy_Config_Bootstrap_V3_Bootstrap.self) == [])
        for end in bytes.indices { _ = check(Array(bytes[..<end]), Envoy_Config_Bootstrap_V3_Bootstrap.self) }
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<2000 {
            var damaged = bytes
            damaged[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            _ = check(damaged, Envoy_Config_Bootstrap_V3_Bootstrap.self)
        }
    }

    @Test("messages inside each other are bounded")
    func nesting() throws {
        var predicate = Envoy_Config_Listener_V3_ListenerFilterChainMatchPredicate()
        predicate.anyMatch = true
        for _ in 0..<99 {
            var outer = Envoy_Config_Listener_V3_ListenerFilterChainMatchPredicate()
            outer.notMatch = predicate
            predicate = outer
        }
        #expect(
            check(try predicate.serializedBytes(), Envoy_Config_Listener_V3_ListenerFilterChainMatchPredicate.self)
                == [])
        var outer = Envoy_Config_Listener_V3_ListenerFilterChainMatchPredicate()
        outer.notMatch = predicate
        let errors = check(try outer.serializedBytes(), Envoy_Config_Listener_V3_ListenerFilterChainMatchPredicate.self)
        #expect(errors.count == 1)
        #expect(errors[0].hasSuffix("nested deeper than 100 messages"))
    }
}
