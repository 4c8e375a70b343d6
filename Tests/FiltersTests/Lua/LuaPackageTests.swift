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

    /// A filter that reads its script from a file, and shares its machine.
    private func shared(_ file: String, name: String, _ more: String = "reload_interval: 0.01s") -> String {
        """
        - name: \(name)
          typed_config:
            "@type": type.googleapis.com/heddle.filters.http.lua.v1.LuaFilter
            lua: { default_source_code: { filename: \(file) }, shared_vm_id: one }
            \(more)
        """
    }

    private func counting(_ version: Int) -> String {
        """
        version = \(version)
        function envoy_on_request(h)
          n = (n or 0) + 1
          h:headers():add('x-n', version .. ':' .. n)
          if h:headers():get('x-slow') then
            h:headers():remove('x-slow')
            h:httpCall('slow', {[':method'] = 'GET', [':path'] = '/', [':authority'] = 'slow'}, nil, 5000)
            h:headers():add('x-n', version .. ':' .. n)
          end
        end
        """
    }

    @Test("a changed file gives the filters that share a machine one new state with fresh globals, and requests under way keep the old one")
    func reload() async throws {
        let folder = try Folder()
        try folder.write("main.lua", counting(1))
        let gate = Gate()
        let slow = TestUpstream { _ in
            gate.wait()
            return TestUpstream.ok("")
        }
        let upstream = TestUpstream { TestUpstream.ok($0["x-n"] ?? "") }
        let filters = ["a", "b"].map { shared("\(folder.path)/main.lua", name: $0) }.joined(separator: "\n")
        let proxy = try await TestProxy.start(filters: filters, clusters: ["main": upstream.port, "slow": slow.port])
        #expect(await proxy.get()?.text == "1:1,1:2")
        async let waiting = proxy.get("/", "x-slow: 1")
        while slow.requests.isEmpty { #expect(await proxy.get()?.status == 200) }
        try folder.write("main.lua", counting(2))
        var text = ""
        for _ in 0..<5000 where !text.hasPrefix("2:1,") { text = await proxy.get()?.text ?? "" }
        #expect(text == "2:1,2:2", "\(proxy.log)")
        #expect(await proxy.get()?.text == "2:3,2:4")
        #expect(try await proxy.statistics().contains("lua.lua_vm_count: 1"))
        gate.open()
        // The first filter goes on in the old state with its globals; the second begins in the new one.
        let late = await waiting?.text ?? ""
        #expect(late.wholeMatch(of: #/1:\d+,1:\d+,2:5/#) != nil, "\(late)")
        await proxy.stop()
    }

    @Test("two files with the same text are looked at each for itself")
    func sameText() async throws {
        let folder = try Folder()
        for name in ["a", "b"] { try folder.write("\(name).lua", counting(1)) }
        let upstream = TestUpstream { TestUpstream.ok($0["x-n"] ?? "") }
        let filters = ["a", "b"].map { shared("\(folder.path)/\($0).lua", name: $0) }.joined(separator: "\n")
        let proxy = try await TestProxy.start(filters: filters, clusters: ["main": upstream.port])
        #expect(await proxy.get()?.text == "1:1,1:1")
        try folder.write("b.lua", counting(2))
        var text = ""
        for _ in 0..<5000 where !text.hasSuffix(",2:1") { text = await proxy.get()?.text ?? "" }
        #expect(text.contains(#/^1:\d+,2:1$/#), "\(text) \(proxy.log)")
        await proxy.stop()
    }

    @Test("a configuration that comes anew keeps the machine while script and modules are the same, and no longer")
    func anew() async throws {
        let folder = try Folder()
        try folder.write("main.lua", "local m = require('m')\n" + counting(1).replacing("version .. ':'", with: "m .. ':'"))
        try folder.write("m.lua", "return 'x'")
        let upstream = TestUpstream { TestUpstream.ok($0["x-n"] ?? "") }
        func listener(_ prefix: String) -> String {
            """
            name: main
            address: { socket_address: { address: 127.0.0.1, port_value: 1 } }
            filter_chains:
            - filters:
              - name: http
                typed_config:
                  "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                  stat_prefix: \(prefix)
                  route_config: { virtual_hosts: [{ name: all, domains: ["*"], routes: [{ match: { prefix: / }, route: { cluster: main } }] }] }
                  http_filters:
            \(shared("\(folder.path)/main.lua", name: "a", "module_path: \(folder.path)").indented(6))
                  - name: router
                    typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
            """
        }
        let proxy = try await TestProxy.start(
            filters: shared("\(folder.path)/main.lua", name: "a", "module_path: \(folder.path)"), clusters: ["main": upstream.port])
        #expect(await proxy.get()?.text == "x:1")
        try await proxy.apply([.listener(listener("other"))])
        #expect(await proxy.get()?.text == "x:2", "\(proxy.log)")
        try folder.write("m.lua", "return 'y'")
        try await proxy.apply([.listener(listener("third"))])
        #expect(await proxy.get()?.text == "y:1", "\(proxy.log)")
        await proxy.stop()
    }
}
