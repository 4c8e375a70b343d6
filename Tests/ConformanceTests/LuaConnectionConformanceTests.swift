import Foundation
import TestKit
import Testing

/// What scripts see of the fields of a PROXY header, in Envoy and in Heddle.
@Suite(
    .serialized, .enabled(if: ProxyProcess.Kind.envoy.program != nil, "\(ProxyProcess.Kind.envoy.whyMissing)"),
    .enabled(if: ProxyProcess.Kind.heddle.program != nil, "\(ProxyProcess.Kind.heddle.whyMissing)"))
struct LuaConnectionConformanceTests {
    private static let name = "envoy.filters.listener.proxy_protocol"

    /// Headers' fields, type by type.
    private static let headers: [[(UInt8, [UInt8])]] = [
        [], [(0x02, Array("a.test".utf8))], [(0xEA, [1, 0, 0xFF, 0x41]), (0x02, Array("ä".utf8))], [(0xEB, []), (0x55, [1])],
        [(0x02, [0x41]), (0x02, [0x42])], [(0xEC, Array("own".utf8)), (0xEA, [0xE2, 0x82, 0x41, 0xC3])],
    ]

    @Test("typed metadata of a connection is the same table, and its metadata the same text")
    func same() throws {
        let envoy = try answers(.envoy)
        let heddle = try answers(.heddle)
        #expect(envoy.count == Self.headers.count)
        #expect(heddle == envoy)
        #expect(envoy.first?.hasPrefix("nil nil") == true, "\(envoy)")
        #expect(Set(envoy).count == envoy.count, "\(envoy)")
    }

    private func answers(_ kind: ProxyProcess.Kind) throws -> [String] {
        let port = Loopback.freePort()
        let proxy = try ProxyProcess(kind, config: Self.configuration(port), ports: [port])
        defer { proxy.stop() }
        return try Self.headers.map { fields in
            guard let client = WireClient(port: port) else {
                throw ProxyProcess.NotReady(description: "\(kind) takes no connection: \(proxy.output.suffix(2000))")
            }
            let body: [UInt8] = [192, 0, 2, 1, 192, 0, 2, 2, 0xDC, 0x04, 0x01, 0xBB] + fields.flatMap { [$0.0, 0, UInt8($0.1.count)] + $0.1 }
            let signature: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A, 0x21, 0x11, 0]
            client.send(signature + [UInt8(body.count)] + body)
            client.send("GET / HTTP/1.1\r\nHost: act.test\r\n\r\n")
            var answers = WireAnswers(methods: ["GET"])
            answers.read(client, until: 1, Deadline(seconds: 5))
            return answers.messages.first.map { String(decoding: $0.body, as: UTF8.self) } ?? "no answer"
        }
    }

    /// Shows all that there is, keys in order and other bytes than letters as numbers.
    private static let script = """
        local function show(value)
          if type(value) ~= "table" then return (tostring(value):gsub("[^%w. ]", function(c) return "\\\\" .. c:byte() end)) end
          local keys, all = {}, {}
          for key in pairs(value) do keys[#keys + 1] = key end
          table.sort(keys)
          for _, key in ipairs(keys) do all[#all + 1] = key .. "=" .. show(value[key]) end
          return "{" .. table.concat(all, " ") .. "}"
        end
        function envoy_on_request(h)
          local c = h:connectionStreamInfo()
          local all = { show(c:dynamicTypedMetadata("\(name)")), show(c:dynamicTypedMetadata("own")), show(c:dynamicTypedMetadata("none")) }
          all[#all + 1] = show(c:dynamicMetadata():get("\(name)")) .. show(c:dynamicMetadata():get("own"))
          for key, value in pairs(c:dynamicMetadata()) do all[#all + 1] = "pair" .. (value ~= nil and 1 or 0) end
          all[#all + 1] = show(h:streamInfo():dynamicTypedMetadata("\(name)")) .. show(h:streamInfo():dynamicMetadata():get("\(name)"))
          h:respond({[":status"] = "200"}, table.concat(all, " "))
        end
        """

    private static func configuration(_ port: UInt16) -> String {
        """
        static_resources:
          listeners:
          - name: main
            address: { socket_address: { address: \(Loopback.address), port_value: \(port) } }
            listener_filters:
            - name: envoy.filters.listener.proxy_protocol
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol
                rules:
                - { tlv_type: 0x02, on_tlv_present: { key: authority } }
                - { tlv_type: 0xEA, on_tlv_present: { key: bytes } }
                - { tlv_type: 0xEB, on_tlv_present: { key: empty } }
                - { tlv_type: 0xEC, on_tlv_present: { metadata_namespace: own, key: other } }
            filter_chains:
            - filters:
              - name: http
                typed_config:
                  "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                  stat_prefix: test
                  route_config:
                    name: routes
                    virtual_hosts: [{ name: all, domains: ["*"], routes: [{ match: { prefix: / }, direct_response: { status: 200 } }] }]
                  http_filters:
                  - name: envoy.filters.http.lua
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua
                      default_source_code:
                        inline_string: |
                          \(script.replacingOccurrences(of: "\n", with: "\n                  "))
                  - name: envoy.filters.http.router
                    typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
        """
    }
}
