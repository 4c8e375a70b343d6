import FilterTool
import Testing

@Suite("A Lua script without a hook")
struct LuaMissingHookTests {
    private static let said = "defines neither envoy_on_request() nor envoy_on_response(): it does nothing"

    private func log(_ source: String) async throws -> String {
        let proxy = try await TestProxy.start(
            filters: """
                - name: idle
                  typed_config:
                    "@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua
                    default_source_code: { \(source) }
                """, clusters: ["main": TestUpstream().port])
        let log = proxy.log
        await proxy.stop()
        return log
    }

    @Test("is loaded, and warned of once with filter, source and connection manager")
    func warned() async throws {
        let folder = try Folder()
        try folder.write("script.lua", "function envoy_on_reqest(h) end")
        for (source, name) in [
            ("filename: \(folder.path)/script.lua", "\(folder.path)/script.lua"), ("inline_string: \"x = 1\"", "default_source_code"),
        ] {
            let log = try await log(source)
            #expect(log.contains("[warning][lua] filter idle \(name) of http.test \(Self.said)"), "\(log)")
            #expect(log.ranges(of: "envoy_on_re").count == 2, "\(log)")
        }
    }

    @Test(
        "one hook or a timer suffices",
        arguments: ["function envoy_on_request(h) end", "function envoy_on_response(h) end", "heddle.every(1000, function() end)"])
    func oneIsEnough(_ script: String) async throws {
        #expect(!(try await log("inline_string: \"\(script)\"")).contains(Self.said))
    }

    @Test("is told by heddle filter run")
    func run() async throws {
        let folder = try Folder()
        try folder.write("script.lua", "function envoy_on_reqest(h) end")
        var request = WireMessage()
        request.fields = [WireMessage.Field(":method", "GET"), WireMessage.Field(":path", "/")]
        let report = await Tool.run(RunRequest(script: "\(folder.path)/script.lua", request: request))
        #expect(report.problem.isEmpty && report.hooks.isEmpty)
        #expect(report.log.contains { $0.contains(Self.said) && $0.contains("script.lua") }, "\(report.text())")
    }
}
