import Foundation
import TestKit
import Testing

@Suite("heddle-proxy as a command", .enabled(if: SupervisedProxy.program != nil, "no heddle-proxy is built"))
struct CommandTests {
    private func run(
        _ arguments: [String], environment: [String: String] = [:]
    ) throws -> (code: Int32, output: String, errors: String) {
        let process = Process()
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.currentDirectoryURL = URL(fileURLWithPath: ProxyProcess.root)
        process.executableURL = URL(fileURLWithPath: try #require(SupervisedProxy.program))
        process.arguments = arguments
        let output = Pipe()
        let errors = Pipe()
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        let said = output.fileHandleForReading.readDataToEndOfFile()
        let complained = errors.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: said, as: UTF8.self), String(decoding: complained, as: UTF8.self))
    }

    @Test("--mode validate accepts a good configuration and ends with 0")
    func good() throws {
        let result = try run(["--mode", "validate", "--config-yaml", "static_resources: {clusters: [{name: a}]}"])
        #expect(result.code == 0, "\(result.errors)")
        #expect(result.output == "configuration '--config-yaml' OK\n")
    }

    @Test("cases of a Lua filter are run where no folder can be written to")
    func casesWithoutFolder() throws {
        let result = try run(
            ["--mode", "validate", "-c", "samples/lua-versions/envoy.yaml"], environment: ["TMPDIR": "/nonexistent"])
        #expect(result.code == 0, "\(result.errors)")
        #expect(result.output == "configuration 'samples/lua-versions/envoy.yaml' OK\n")
    }

    @Test("cases that fail or cannot be read end with 1 and the place of the field that names them", arguments: ["validate", "serve"])
    func failingCases(mode: String) throws {
        let filter = """
            {name: l, typed_config: {"@type": type.googleapis.com/heddle.filters.http.lua.v1.LuaFilter, version: "1",
                      cases: /nowhere/cases.yaml, lua: {inline_code: "function envoy_on_request(h) end"}}}
            """
        let config = """
            static_resources:
              listeners:
              - name: front
                address: {socket_address: {address: \(Loopback.address), port_value: \(Loopback.freePort())}}
                default_filter_chain:
                  filters:
                  - name: http
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                      stat_prefix: front
                      route_config: {name: r}
                      http_filters:
                      - \(filter)
                      - {name: r, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}
            """
        let result = try run(["--mode", mode, "--config-yaml", config])
        #expect(result.code == 1)
        let path = "default_filter_chain.filters[0].typed_config.http_filters[0].typed_config.cases"
        let place = mode == "validate" ? "--config-yaml:14:18: static_resources.listeners[0].\(path)" : "--config-yaml: lds \"front\": \(path)"
        #expect(result.errors.contains("\(place): filter l version 1: /nowhere/cases.yaml: cannot be read"), "\(result.errors)")
    }

    @Test("a bad configuration ends with 1 and every error with its place", arguments: ["validate", "serve"])
    func bad(mode: String) throws {
        let result = try run(["--mode", mode, "--config-yaml", "static_resources:\n  clusters: [{nam: a}]\n  listenrs: []"])
        #expect(result.code == 1)
        #expect(result.errors.contains("--config-yaml:2:15: static_resources.clusters[0].nam: "))
        #expect(result.errors.contains("listeners"))
    }

    @Test("an address in use ends with 1 and names listener and address")
    func inUse() throws {
        let upstream = RecordingUpstream { _ in .silent }
        let config = """
            static_resources:
              listeners:
              - name: front
                address: {socket_address: {address: \(Loopback.address), port_value: \(upstream.port)}}
                filter_chains: [{filters: [{name: t, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy, stat_prefix: t, cluster: a}}]}]
              clusters: [{name: a}]
            """
        let result = try run(["--config-yaml", config])
        #expect(result.code == 1)
        #expect(result.errors.contains("listener front: cannot listen at \(Loopback.address):\(upstream.port): bind: Address already in use"), "\(result.errors)")
        withExtendedLifetime(upstream) {}
    }

    @Test("help and version are told, a wrong flag ends with 1 and the nearest name")
    func flags() throws {
        #expect(try run(["--help"]).output.contains("Examples:"))
        #expect(try run(["--version"]).output.hasPrefix("heddle "))
        let wrong = try run(["--concurency", "2"])
        #expect(wrong.code == 1)
        #expect(wrong.errors.contains("did you mean --concurrency?"))
    }
}
