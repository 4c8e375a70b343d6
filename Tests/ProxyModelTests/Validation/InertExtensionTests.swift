import Foundation
import ProxyModel
import SwiftProtobuf
import Testing

/// Extensions of Istio's build of Envoy are taken in where they belong, from files and from a control plane.
@Suite struct InertExtensionTests {
    private static let prefix = "type.googleapis.com/"
    private static let manager = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"

    private func problems(http: String = "", network: String = "", cluster: String = "", route: String = "") -> [String] {
        let router = #"{name: router, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}"#
        let text = """
            static_resources:
              listeners:
              - address: {socket_address: {address: 127.0.0.1, port_value: 1}}
                filter_chains:
                - filters:
                  \(network)
                  - name: hcm
                    typed_config:
                      "@type": \(Self.prefix)\(Self.manager)
                      stat_prefix: a
                      http_filters: [\(http) \(router)]
                      route_config: {virtual_hosts: [{name: a, domains: ["*"], routes: [{match: {prefix: /}, direct_response: {status: 200} \(route)}]}]}
              clusters:
              - name: c
                filters: [\(cluster)]
            """
        do {
            _ = try ConfigDecoder.decodeBootstrap(text, file: "f.yaml")
            return []
        } catch {
            return error.errors.map { "\($0.path): \($0.message)" }
        }
    }

    private static func any(_ type: String, _ more: String = "") -> String {
        "typed_config: {\"@type\": \(prefix)\(type)\(more)}"
    }

    private static func wrapped(_ type: String, _ package: String = "udpa") -> String {
        any("\(package).type.v1.TypedStruct", ", type_url: \(prefix)\(type), value: {some: [setting, {deep: 1}]}")
    }

    @Test("what Istio sends is taken in")
    func taken() {
        let http = [
            Self.wrapped("io.istio.http.peer_metadata.Config"), Self.wrapped("stats.PluginConfig"),
            Self.any("io.istio.http.peer_metadata.Config", ", upstream_discovery: [{istio_headers: {}}]"),
            Self.any("istio.envoy.config.filter.http.alpn.v2alpha1.FilterConfig", ", alpn_override: [{alpn_override: [istio]}]"),
            Self.any("envoy.extensions.filters.http.grpc_stats.v3.FilterConfig", ", emit_filter_state: true"),
            Self.any("envoy.extensions.filters.http.fault.v3.HTTPFault"), Self.any("envoy.extensions.filters.http.cors.v3.Cors"),
        ].map { "{name: x, \($0)}, " }
        #expect(
            problems(
                http: http.joined(), network: "- {name: y, \(Self.wrapped("envoy.tcp.metadataexchange.config.MetadataExchange"))}",
                cluster: "{name: z, \(Self.wrapped("envoy.tcp.metadataexchange.config.MetadataExchange"))}") == [])
    }

    @Test("the table stands in docs/dynamic-configuration.md")
    func documented() throws {
        var root = URL(fileURLWithPath: #filePath)
        for _ in 0..<4 { root.deleteLastPathComponent() }
        let text = try String(contentsOf: root.appendingPathComponent("docs/dynamic-configuration.md"), encoding: .utf8)
        for one in InertExtension.all { #expect(text.contains("| `\(one.messageName)` | \(one.effect) |")) }
    }

    @Test("what would do something, or stands elsewhere, is refused by name")
    func refused() {
        let fault = Self.any("envoy.extensions.filters.http.fault.v3.HTTPFault", ", abort: {http_status: 500}")
        #expect(problems(http: "{name: x, \(fault)}, ").joined().contains("is taken in without settings only"))
        let wrappedFault = Self.wrapped("envoy.extensions.filters.http.fault.v3.HTTPFault")
        #expect(problems(http: "{name: x, \(wrappedFault)}, ").joined().contains("is taken in without settings only"))
        #expect(
            problems(cluster: "{name: z, \(Self.wrapped("stats.PluginConfig"))}").joined().contains("stats.PluginConfig cannot stand here"))
        #expect(
            problems(http: "{name: x, \(Self.wrapped("envoy.extensions.filters.http.rbac.v3.RBAC"))}, ").joined()
                .contains("Envoy has the type envoy.extensions.filters.http.rbac.v3.RBAC, Heddle does not support it yet"))
        let perRoute = "typed_per_filter_config: {x: {\"@type\": \(Self.prefix)envoy.extensions.filters.http.fault.v3.HTTPFault}}"
        #expect(problems(route: ", \(perRoute)").joined().contains("cannot stand here"))
    }

    @Test("what a control plane sends for ambient mode is refused, and the reason says so")
    func internalListeners() throws {
        var ignored: [String] = []
        // name (1) and internal_listener (27); cluster_name (1), endpoints (2), lb_endpoints (2), endpoint (1), address (1), and
        // in it envoy_internal_address (3).
        let listener = ResourceChecker().problem(.listener, [0x0A, 1, 0x61, 0xDA, 1, 0], ignored: &ignored)
        #expect(listener?.contains("internal_listener: internal listeners, by which Istio's ambient mode chains") == true)
        let assignment = ResourceChecker().problem(
            .clusterLoadAssignment, [0x0A, 1, 0x61, 0x12, 8, 0x12, 6, 0x0A, 4, 0x0A, 2, 0x1A, 0], ignored: &ignored)
        #expect(assignment?.contains("address.envoy_internal_address: internal listeners, by which Istio's ambient mode") == true)
    }

    @Test("a control plane's wrapped filters are judged as those of files are")
    func dynamic() throws {
        func cluster(_ inner: String, wrapper: String = "udpa.type.v1.TypedStruct") throws -> String? {
            var filter = Envoy_Config_Cluster_V3_Filter()
            filter.name = "x"
            filter.typedConfig.typeURL = Self.prefix + wrapper
            let url = Array((Self.prefix + inner).utf8)
            filter.typedConfig.value.append(contentsOf: [0x0A, UInt8(url.count)] + url)
            var cluster = Envoy_Config_Cluster_V3_Cluster()
            cluster.name = "c"
            cluster.filters = [filter]
            var ignored: [String] = []
            return ResourceChecker().problem(.cluster, try cluster.serializedBytes(), ignored: &ignored)
        }
        #expect(try cluster("envoy.tcp.metadataexchange.config.MetadataExchange") == nil)
        #expect(try cluster("envoy.tcp.metadataexchange.config.MetadataExchange", wrapper: "xds.type.v3.TypedStruct") == nil)
        #expect(try cluster("stats.PluginConfig")?.contains("cannot stand here") == true)
        #expect(try cluster("envoy.extensions.filters.network.rbac.v3.RBAC")?.contains("is taken only for extensions that do nothing here") == true)
    }
}
