import Foundation
import ProxyModel

/// The cases of one filter, from one file.
package struct CaseSet: Sendable {
    /// The file of the cases, for messages.
    package var file: String
    /// The script's path; nil where `filters` says all.
    package var script: String?
    /// More of the filter's configuration, such as `source_codes` or `limits`.
    package var config: CaseValue?
    /// Instead of one Lua filter: items of `http_filters` as Envoy has them.
    package var filters: CaseValue?
    /// Items of `routes` as Envoy has them; all to cluster `main` when nil.
    package var routes: CaseValue?
    /// Names of all clusters that filters and routes use.
    package var clusters: [String]
    package var cases: [FilterCase]
    /// The filter as a configuration has it, instead of `script`; `config` and `settings` count where it says nothing.
    var version: CaseValue?

    /// Envoy's configuration for a case.
    /// - Parameter ports: of the services, by cluster.
    func bootstrap(_ filterCase: FilterCase, ports: [(cluster: String, port: UInt16)]) -> String {
        """
        static_resources:
          listeners:
            - name: main
              address: { socket_address: { address: 127.0.0.1, port_value: 1 } }
              filter_chains:
                - filters:
                    - name: http
                      typed_config:
                        "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                        stat_prefix: test
                        http_protocol_options: { enable_trailers: true }
                        route_config:
                          name: routes
                          virtual_hosts:
                            - name: all
                              domains: ["*"]
                              routes: \(routes?.json ?? "[{ name: default, match: { prefix: / }, route: { cluster: main } }]")
                        http_filters:
        \(httpFilters(filterCase))
                          - name: envoy.filters.http.router
                            typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
          clusters:
        \(ports.map(Self.cluster).joined(separator: "\n"))
        """
    }

    private func httpFilters(_ filterCase: FilterCase) -> String {
        if case .list(let items)? = filters {
            return items.map { "                  - \($0.json)" }.joined(separator: "\n")
        }
        if let version { return "                  - \(versionFilter(version, filterCase.settings))" }
        var lua = [CaseValue.Member(key: "default_source_code", value: .map([.init(key: "filename", value: .text(script ?? ""), line: 0)]), line: 0)]
        lua += settingsOf { !Self.ownKeys.contains($0) }
        if let settings = filterCase.settings { lua.append(CaseValue.Member(key: "filter_context", value: settings, line: 0)) }
        var own = settingsOf(Self.ownKeys.contains)
        if let modules = script.flatMap(Self.modules), config?["module_path"] == nil {
            own.append(CaseValue.Member(key: "module_path", value: .text(modules), line: 0))
        }
        return "                  - " + Self.filter(lua, own)
    }

    /// Fields of `LuaFilter` that `config` may have beside those of Envoy's message.
    static let ownKeys: Set<String> = [
        "trust", "limits", "on_error", "answer", "kills_before_detach", "module_path", "settings_schema",
    ]

    /// Members of `config` by their keys.
    func settingsOf(_ isWanted: (String) -> Bool) -> [CaseValue.Member] {
        guard case .map(let members)? = config else { return [] }
        return members.filter { isWanted($0.key) }
    }

    /// The folder of a script that requires a file which lies beside it; nil when it requires none.
    private static func modules(of script: String) -> String? {
        guard let text = FileManager.default.contents(atPath: script).map({ String(decoding: $0, as: UTF8.self) }) else { return nil }
        let folder = script.contains("/") ? String(script[..<(script.lastIndex(of: "/") ?? script.startIndex)]) : "."
        let isThere = text.matches(of: #/\brequire\s*\(?\s*["']([^"'\s]+)["']/#).contains {
            let path = "\(folder)/\($0.output.1.replacing(".", with: "/"))"
            return FileManager.default.fileExists(atPath: path + ".lua") || FileManager.default.fileExists(atPath: path + "/init.lua")
        }
        return isThere ? folder : nil
    }

    /// An item of `http_filters`.
    /// - Parameters:
    ///   - lua: fields of Envoy's message.
    ///   - own: fields of the message around it.
    static func filter(_ lua: [CaseValue.Member], _ own: [CaseValue.Member]) -> String {
        let type = CaseValue.Member(key: "@type", value: .text("type.googleapis.com/\(Heddle_Filters_Http_Lua_V1_LuaFilter.protoMessageName)"), line: 0)
        let config = [type] + own + [CaseValue.Member(key: "lua", value: .map(lua), line: 0)]
        return "{\"name\": \"envoy.filters.http.lua\", \"typed_config\": \(CaseValue.map(config).json)}"
    }

    private static func cluster(_ name: String, _ port: UInt16) -> String {
        """
            - name: \(CaseValue.quoted(name))
              type: STATIC
              connect_timeout: 2s
              load_assignment:
                cluster_name: \(CaseValue.quoted(name))
                endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: \(port) } } } }] }]
        """
    }
}
