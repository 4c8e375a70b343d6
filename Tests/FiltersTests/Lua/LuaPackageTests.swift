import Foundation
import Testing

/// `package_paths`, `package_cpaths` and `shared_vm_id`
@Suite("Packages and machines of Lua filters")
struct LuaPackageTests {
    private func lua(_ script: String, _ more: String = "", name: String = "lua") -> String {
        """
        - name: \(name)
          typed_config:
            "@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua
            default_source_code: { inline_string: "\(script)" }
        \(more.indented(4))
        """
    }

    private func trusted(_ script: String, _ more: String) -> String {
        """
        - name: lua
          typed_config:
            "@type": type.googleapis.com/heddle.filters.http.lua.v1.LuaFilter
            trust: TRUSTED
            lua:
              default_source_code: { inline_string: "\(script)" }
        \(more.indented(6))
        """
    }

    /// Folders `a` and `b` with modules, and one that is in both.
    private func modules() throws -> Folder {
        let folder = try Folder()
        for name in ["a/deep", "a/whole", "b"] {
            try FileManager.default.createDirectory(atPath: "\(folder.path)/\(name)", withIntermediateDirectories: true)
        }
        try folder.write("a/one.lua", "return 'a.one ' .. ...")
        try folder.write("a/both.lua", "return 'a.both'")
        try folder.write("a/deep/inner.lua", "return 'a.deep.inner'")
        try folder.write("a/whole/init.lua", "return 'a.whole'")
        try folder.write("a/odd.name.lua", "return 'odd'")
        try folder.write("b/both.lua", "return 'b.both'")
        try folder.write("b/two.lua", "return 'b.two'")
        return folder
    }

    private func answer(_ expression: String) -> String { "function envoy_on_request(h) h:respond({[':status'] = '200'}, tostring(\(expression))) end" }

    private static let found: [(String, String)] = [
        ("one", "a.one one"), ("both", "a.both"), ("two", "b.two"), ("deep.inner", "a.deep.inner"), ("whole", "a.whole"),
        ("none", "module 'none' not found"), ("odd.name", "module 'odd.name' not found"), ("..b.two", "not found"),
    ]

    @Test("what is required is looked for in package_paths, in their order", arguments: found)
    func paths(_ name: String, _ expected: String) async throws {
        let folder = try modules()
        let (a, b) = ("\(folder.path)/a", "\(folder.path)/b")
        let script = answer("select(2, pcall(require, '\(name)'))")
        let settings = "package_paths: ['\(a)/?.lua', '\(a)/?/init.lua;\(b)/?.lua', '/nowhere/?.lua']"
        for filters in [lua(script, settings), trusted(script, settings)] {
            let proxy = try await TestProxy.start(filters: filters, clusters: ["main": 1])
            let text = await proxy.get()?.text ?? ""
            // Of a trusted script Lua itself looks, for which a dot in a file's name is nothing special.
            #expect(text.contains(expected), "\(text)")
            await proxy.stop()
        }
    }

    @Test("a trusted script sees the paths in front of Lua's own")
    func trustedPaths() async throws {
        let script = answer("package.path .. ' ' .. package.cpath")
        let proxy = try await TestProxy.start(
            filters: trusted(script, "package_paths: ['/x/?.lua', '/y/?.lua;/z\"/?.lua']\npackage_cpaths: [/c/?.so]"), clusters: ["main": 1])
        let text = await proxy.get()?.text ?? ""
        #expect(text.hasPrefix("/x/?.lua;/y/?.lua;/z\"/?.lua;./?.lua;"), "\(text)")
        #expect(text.contains(" /c/?.so;./?.so;"), "\(text)")
        await proxy.stop()
    }

    @Test("a route's own script has the route's paths and not the filter's")
    func route() async throws {
        let folder = try modules()
        let proxy = try await TestProxy.start(
            filters: lua("function envoy_on_request(h) end", "package_paths: ['\(folder.path)/a/?.lua']"),
            routes: """
                - match: { prefix: / }
                  route: { cluster: main }
                  typed_per_filter_config:
                    lua:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.LuaPerRoute
                      package_paths: ['\(folder.path)/b/?.lua']
                      source_code: { inline_string: "\(answer("require('both') .. ' ' .. tostring(pcall(require, 'one'))"))" }
                """, clusters: ["main": 1])
        #expect(await proxy.get()?.text == "b.both false", "\(proxy.log)")
        await proxy.stop()
    }

    private static let refusals = [
        ("package_paths: [/x/a?.lua]", "package_paths: \"/x/a?.lua\" is not understood; expected something like /dir/?.lua"),
        ("package_paths: [/x/lua]", "\"/x/lua\" is not understood"), ("package_paths: ['/x/?/?.lua']", "is not understood"),
        ("package_paths: ['/?.lua']", "is not understood"),
        ("package_cpaths: [/x/?.so]", "package_cpaths: modules in C need `trust: TRUSTED`"),
    ]

    @Test("paths that the sandbox cannot take are refused", arguments: refusals)
    func refused(_ settings: String, _ expected: String) async {
        let problem = await TestProxy.problem(filters: lua("function envoy_on_request(h) end", settings))
        #expect(problem.contains(expected), "\(problem)")
    }

    @Test("filters of one shared_vm_id with the same script and paths have one machine, and only those")
    func shared() async throws {
        let count = "function envoy_on_request(h) n = (n or 0) + 1 h:headers():add('x-n', n) end"
        let other = "function envoy_on_request(h)  n = (n or 0) + 1 h:headers():add('x-n', n) end"
        let upstream = TestUpstream { TestUpstream.ok($0["x-n"] ?? "") }
        let proxy = try await TestProxy.start(
            filters: [
                lua(count, "shared_vm_id: one", name: "a"), lua(count, "shared_vm_id: one", name: "b"), lua(count, "shared_vm_id: two", name: "c"),
                lua(count, name: "d"), lua(count, "shared_vm_id: one\npackage_paths: [/x/?.lua]", name: "e"), lua(other, "shared_vm_id: one", name: "f"),
            ].joined(separator: "\n"), clusters: ["main": upstream.port])
        #expect(try await proxy.statistics().contains("lua.lua_vm_count: 5"))
        #expect(await proxy.get()?.text == "1,2,1,1,1,1")
        #expect(await proxy.get()?.text == "3,4,2,2,2,2")
        await proxy.stop()
    }
}
