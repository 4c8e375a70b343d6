import ProxyModel
import SwiftProtobuf
import Testing

@Suite struct ConfigDecoderTests {
    typealias Bootstrap = Envoy_Config_Bootstrap_V3_Bootstrap

    @Test("the fixture is read whole")
    func fixture() throws {
        let decoded = try ConfigDecoder.decodeBootstrap(try Fixture.text("http.yaml"), file: "http.yaml")
        let bootstrap = decoded.bootstrap
        #expect(decoded.warnings.isEmpty)
        #expect(try Bootstrap(serializedBytes: decoded.bytes) == bootstrap)
        #expect(bootstrap.node.metadata.fields["weights"]?.listValue.values.map(\.numberValue) == [1, 2.5])
        #expect(bootstrap.staticResources.listeners.map(\.name) == ["ingress", "tcp"])
        #expect(bootstrap.staticResources.listeners[1].address.pipe.mode == 0o644)

        let listener = bootstrap.staticResources.listeners[0]
        #expect(listener.perConnectionBufferLimitBytes.value == 32768)
        #expect(listener.filterChains[0].filters == listener.defaultFilterChain.filters)
        let manager = try listener.filterChains[0].filters[0].typedConfig.unpack(
            Envoy_Extensions_Filters_Network_HttpConnectionManager_V3_HttpConnectionManager.self)
        #expect(manager.delayedCloseTimeout == Google_Protobuf_Duration(seconds: 0, nanos: 500_000_000))
        #expect(manager.hasRequestTimeout)
        #expect(
            manager.httpFilters.map(\.typedConfig.messageName).map { $0.split(separator: ".").last } == [
                "Lua", "HeaderMutation", "Router",
            ])
        let lua = try manager.httpFilters[0].typedConfig.unpack(Envoy_Extensions_Filters_Http_Lua_V3_Lua.self)
        #expect(lua.defaultSourceCode.inlineString.hasSuffix("tostring(n))\nend\n"))
        #expect(lua.sourceCodes.keys.sorted() == ["other.lua"])

        let routes = manager.routeConfig.virtualHosts[0].routes
        #expect(routes[0].match.headers[1].rangeMatch.end == 10)
        #expect(routes[3].directResponse.body.inlineBytes.elementsEqual("ok\n".utf8))
        #expect(routes[4].route.maxStreamDuration.hasGrpcTimeoutHeaderMax)
        #expect(bootstrap.staticResources.clusters[0].typedExtensionProtocolOptions.count == 1)
    }

    /// One message in several ways of writing; all give the same as the first.
    static let equivalents: [[String]] = [
        [
            "name: a\nconnect_timeout: 1.5s\nlb_policy: LEAST_REQUEST\nrespect_dns_ttl: true",
            "name: a\nconnectTimeout: 1.500s\nlbPolicy: LEAST_REQUEST\nrespectDnsTtl: True",
            "{\"name\": \"a\", \"connectTimeout\": \"1.5s\", \"lbPolicy\": 1, \"respectDnsTtl\": true}",
            "{\"name\": \"a\", \"connect_timeout\": \"1.5s\", \"lb_policy\": \"LEAST_REQUEST\", \"respect_dns_ttl\": true}",
            "name: 'a'\nconnect_timeout: \"1.5s\"\nlb_policy: 1\nrespect_dns_ttl: true\ntype: null\nmetadata: ~\ndns_jitter:",
        ],
        [
            "name: a\nper_connection_buffer_limit_bytes: 32768",
            "{\"name\": \"a\", \"perConnectionBufferLimitBytes\": 32768}",
            "{\"name\": \"a\", \"perConnectionBufferLimitBytes\": \"32768\"}",
            "name: a\nper_connection_buffer_limit_bytes: 0x8000",
            "name: a\nper_connection_buffer_limit_bytes: 0o100000",
            "name: a\nper_connection_buffer_limit_bytes: 3.2768e4",
            "name: a\nper_connection_buffer_limit_bytes: 32768.0",
        ],
        [
            "name: a\nmetadata: {filter_metadata: {n: {a: 1, b: [x, true, null], c: {d: \"2\"}}}}",
            "{\"name\": \"a\", \"metadata\": {\"filterMetadata\": {\"n\": {\"a\": 1, \"b\": [\"x\", true, null], \"c\": {\"d\": \"2\"}}}}}",
        ],
        [
            "name: a\ntypedExtensionProtocolOptions: {x: {\"@type\": type.googleapis.com/envoy.config.core.v3.Pipe, path: p}}",
            "name: a\ntyped_extension_protocol_options: {x: {path: p, \"@type\": envoy.config.core.v3.Pipe}}",
            "name: a\ntyped_extension_protocol_options: {x: {path: p, \"@type\": \"types.example/envoy.config.core.v3.Pipe\"}}",
        ],
    ]

    @Test("the same configuration in any case, notation and format is the same message", arguments: equivalents)
    func equivalent(texts: [String]) throws {
        let messages = try texts.map { text in
            // The types in maps are checked for their place elsewhere.
            try ConfigDecoder.decodeUnchecked(Envoy_Config_Cluster_V3_Cluster.self, text)
        }
        #expect(Set(messages).count == 1)
        #expect(messages[0] != Envoy_Config_Cluster_V3_Cluster())
    }

    @Test("the order of keys does not change the bytes, not even inside a typed value")
    func canonical() throws {
        let texts = [
            "name: a\ntyped_config: {\"@type\": t/envoy.extensions.filters.http.lua.v3.Lua, stat_prefix: s, source_codes: {b: {inline_string: x}, a: {inline_string: y}}}",
            "typed_config: {source_codes: {a: {inline_string: y}, b: {inline_string: x}}, stat_prefix: s, \"@type\": t/envoy.extensions.filters.http.lua.v3.Lua}\nname: a",
        ]
        typealias Filter = Envoy_Extensions_Filters_Network_HttpConnectionManager_V3_HttpFilter
        let decoded = try texts.map { try ConfigDecoder.decode(Filter.self, from: [ConfigSource(text: $0, file: "f")]) }
        #expect(decoded[0].bytes == decoded[1].bytes)
        #expect(!decoded[0].bytes.isEmpty)
    }

    @Test("JSON that SwiftProtobuf writes is read back as the same message")
    func swiftProtobufJSON() throws {
        TypeRegistry.registerForJSON()
        let decoded = try ConfigDecoder.decodeBootstrap(try Fixture.text("http.yaml"), file: "http.yaml")
        var options = JSONEncodingOptions()
        for useDeterministicOrdering in [false, true] {
            options.useDeterministicOrdering = useDeterministicOrdering
            options.preserveProtoFieldNames = useDeterministicOrdering
            let json = try decoded.bootstrap.jsonString(options: options)
            let again = try ConfigDecoder.decodeBootstrap(json, file: "dump.json")
            #expect(again.bootstrap == decoded.bootstrap)
        }
    }

    @Test(
        "our reading of JSON is SwiftProtobuf's",
        arguments: [
            "{\"name\": \"a\", \"connectTimeout\": \"0.000000001s\", \"dnsRefreshRate\": \"315576000000s\"}",
            "{\"name\": \"\\ud83e\\uddf5\", \"metadata\": {\"filterMetadata\": {\"n\": {\"x\": -1.5e-3, \"y\": 1e20, \"z\": [[], {}]}}}}",
            "{\"name\": \"a\", \"upstreamConnectionOptions\": {\"tcpKeepalive\": {\"keepaliveTime\": 4294967295}}}",
        ])
    func sameAsSwiftProtobuf(json: String) throws {
        let theirs = try Envoy_Config_Cluster_V3_Cluster(jsonString: json)
        #expect(try ConfigDecoder.decodeUnchecked(Envoy_Config_Cluster_V3_Cluster.self, json) == theirs)
    }

    @Test(
        "an unsigned number of 32 bits takes its limits and no more",
        arguments: [
            ("0", true), ("4294967295", true), ("\"4294967295\"", true), ("4294967295.0", true), ("4294967296", false),
            ("-1", false), ("0.5", false), ("1e10", false), ("x", false), ("18446744073709551616", false),
            (".inf", false),
        ])
    func limits(text: String, isGood: Bool) {
        let read = try? ConfigDecoder.decodeUnchecked(Envoy_Config_Core_V3_SocketAddress.self, "port_value: \(text)")
        #expect((read != nil) == isGood)
    }

    @Test("int64 keeps all its bits", arguments: [Int64.min, -1, 0, 1, Int64.max])
    func int64(value: Int64) throws {
        let option = try ConfigDecoder.decodeUnchecked(
            Envoy_Config_Core_V3_SocketOption.self, "level: \"\(value)\"\nname: \(value)")
        #expect(option.level == value)
        #expect(option.name == value)
    }

    @Test("base64 is read in both alphabets, padded or not", arguments: ["+/8=", "-_8=", "+/8", "-_8"])
    func base64(text: String) throws {
        let source = try ConfigDecoder.decodeUnchecked(
            Envoy_Config_Core_V3_DataSource.self, "inline_bytes: \"\(text)\"")
        #expect(source.inlineBytes.elementsEqual([0xFB, 0xFF]))
    }

    @Test("bytes that are not UTF-8 are refused before they are read")
    func notUTF8() {
        let errors = #expect(throws: ConfigErrors.self) { try ConfigSource(bytes: [0x61, 0xFF, 0xFE], file: "f.yaml") }
        #expect(errors?.description == "f.yaml: the file is not UTF-8 text")
    }

    @Test("an optional filter that Heddle does not have is kept by its type, with a warning")
    func optionalFilter() throws {
        let text = try Fixture.text("minimal.yaml").replacing(
            "                http_filters:\n",
            with: """
                                http_filters:
                                  - name: rbac
                                    is_optional: true
                                    typed_config:
                                      "@type": type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC
                                      rules: {}

                """)
        let decoded = try ConfigDecoder.decodeBootstrap(text, file: "f.yaml")
        #expect(
            decoded.warnings.map(\.description) == [
                "f.yaml:23:32: static_resources.listeners[0].filter_chains[0].filters[0].typed_config.http_filters[0].typed_config: "
                    + "Envoy has the type envoy.extensions.filters.http.rbac.v3.RBAC, Heddle does not support it yet; "
                    + "left out, as it is optional"
            ])
        let manager = try decoded.bootstrap.staticResources.listeners[0].filterChains[0].filters[0].typedConfig.unpack(
            Envoy_Extensions_Filters_Network_HttpConnectionManager_V3_HttpConnectionManager.self)
        #expect(
            manager.httpFilters[0].typedConfig.typeURL
                == "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC")
        #expect(manager.httpFilters[0].typedConfig.value.isEmpty)
    }
}

extension ConfigDecoder {
    /// A message without the constraints on its fields.
    static func decodeUnchecked<Message: SwiftProtobuf.Message>(_ type: Message.Type, _ text: String) throws -> Message
    {
        try ConfigDecoder.merged(type, from: [ConfigSource(text: text, file: "f.yaml")]).message
    }
}
