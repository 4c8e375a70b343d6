import Testing

/// What a route brings itself (`LuaPerRoute.source_code`) is a script of the filter that it is for.
@Suite("A route's own Lua script")
struct LuaRouteScriptTests {
    private func filter(_ more: String) -> String {
        """
        - name: lua
          typed_config:
            "@type": type.googleapis.com/heddle.filters.http.lua.v1.LuaFilter
            lua: { default_source_code: { inline_string: "function envoy_on_request(h) end" } }
        \(more.indented(4))
        """
    }

    private func route(_ source: String) -> String {
        """
        - match: { prefix: / }
          route: { cluster: main }
          typed_per_filter_config:
            lua:
              "@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.LuaPerRoute
              source_code: { \(source) }
        """
    }

    @Test("has the filter's trust, bounds and modules")
    func settings() async throws {
        let folder = try Folder()
        try folder.write("greeting.lua", "return 'hello'")
        let upstream = TestUpstream()
        let proxy = try await TestProxy.start(
            filters: filter("trust: TRUSTED\nmodule_path: \(folder.path)\non_error: FAIL_CLOSED"),
            routes: route(
                "inline_string: \"local greeting = require('greeting') function envoy_on_request(h) h:respond({[':status'] = '200'}, greeting .. type(io)) end\""
            ),
            clusters: ["main": upstream.port])
        #expect(await proxy.get()?.text == "hellotable", "\(proxy.log)")
        await proxy.stop()
        let bounded = try await TestProxy.start(
            filters: filter("limits: { memory_bytes: 1000000 }"),
            routes: route(
                "inline_string: \"function envoy_on_request(h) h:headers():add('x-size', #('x'):rep(2000000)) end\""),
            clusters: ["main": upstream.port])
        #expect(await bounded.get()?.status == 200)
        #expect(bounded.log.contains("not enough memory"))
        await bounded.stop()
    }

    @Test("is watched as often as the filter's files")
    func reload() async throws {
        let folder = try Folder()
        try folder.write("route.lua", "function envoy_on_response(h) h:headers():add('x-version', 1) end")
        let upstream = TestUpstream()
        let proxy = try await TestProxy.start(
            filters: filter("reload_interval: 0.01s"), routes: route("filename: \(folder.path)/route.lua"),
            clusters: ["main": upstream.port])
        #expect(await proxy.get()?["x-version"] == "1")
        try folder.write("route.lua", "function envoy_on_response(h) h:headers():add('x-version', 2) end")
        var version: String?
        for _ in 0..<5000 where version != "2" { version = await proxy.get()?["x-version"] }
        #expect(version == "2")
        await proxy.stop()
    }
}
