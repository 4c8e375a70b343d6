/// The cases of one filter, from one file.
package struct CaseSet: Sendable {
    /// The file of the cases, for messages.
    package var file: String
    /// The script's path; nil where `filters` says all.
    package var script: String?
    /// More of the filter's configuration, such as `source_codes`.
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
        var members: [String] = []
        if case .map(let more)? = config { members = more.map { "\(CaseValue.quoted($0.key)): \($0.value.json)" } }
        if let settings = filterCase.settings { members.append("\"filter_context\": \(settings.json)") }
        let type = "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua"
        let source = "\"default_source_code\": {\"filename\": \(CaseValue.quoted(script ?? ""))}"
        return "                  - {\"name\": \"envoy.filters.http.lua\", \"typed_config\": "
            + "{\"@type\": \"\(type)\", \(([source] + members).joined(separator: ", "))}}"
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
