import FoundationEssentials
import Observability
import Testing

@Suite("A Lua file that changes")
struct LuaReloadTests {
    private func script(_ version: Int) -> String {
        """
        function envoy_on_request(h) h:headers():add("x-request-version", \(version)) end
        function envoy_on_response(h) h:headers():add("x-version", \(version)) end
        """
    }

    private func filter(_ file: String, _ more: String = "reload_interval: 0.01s") -> String {
        """
        - name: watched
          typed_config:
            "@type": type.googleapis.com/heddle.filters.http.lua.v1.LuaFilter
            lua: { default_source_code: { filename: \(file) } }
            \(more)
        """
    }

    /// Asks until the answer has this version; every request must be answered by some version.
    private func wait(_ proxy: TestProxy, for version: String) async -> Bool {
        for _ in 0..<5000 {
            guard let response = await proxy.get(), let found = response["x-version"] else { return false }
            if found == version { return true }
        }
        return false
    }

    @Test("is loaded for new requests, and requests under way keep the one that they began with")
    func reload() async throws {
        let folder = try Folder()
        try folder.write("script.lua", script(1))
        let gate = Gate()
        let upstream = TestUpstream { request in
            if request.target == "/slow" { gate.wait() }
            return TestUpstream.ok("hello")
        }
        let proxy = try await TestProxy.start(filters: filter("\(folder.path)/script.lua"), clusters: ["main": upstream.port])
        #expect(await proxy.get()?["x-version"] == "1")
        async let slow = proxy.get("/slow")
        while !upstream.requests.contains(where: { $0.target == "/slow" }) { #expect(await proxy.get()?.status == 200) }
        try folder.write("script.lua", script(2))
        #expect(await wait(proxy, for: "2"), "\(proxy.log)")
        #expect(proxy.log.contains("was changed: new requests run it as it is now"))
        gate.open()
        #expect(await slow?["x-version"] == "1")
        #expect(upstream.requests.first { $0.target == "/slow" }?["x-request-version"] == "1")
        await proxy.stop()
    }

    @Test("a file that does not load leaves the script before it in place, and says so once")
    func broken() async throws {
        let folder = try Folder()
        try folder.write("script.lua", script(1))
        let upstream = TestUpstream()
        let proxy = try await TestProxy.start(filters: filter("\(folder.path)/script.lua"), clusters: ["main": upstream.port])
        try folder.write("script.lua", "function envoy_on_request(h")
        let said = "cannot be loaded, the script before stays"
        for _ in 0..<5000 where !proxy.log.contains(said) { #expect(await proxy.get()?["x-version"] == "1") }
        #expect(proxy.log.contains(said))
        // A good one after that is loaded again.
        try folder.write("script.lua", script(3))
        #expect(await wait(proxy, for: "3"), "\(proxy.log)")
        #expect(proxy.log.ranges(of: said).count == 1)
        #expect(proxy.log.contains("\(said): \(folder.path)/script.lua:1: "), "\(proxy.log)")
        await proxy.stop()
    }

    @Test("a file that is gone for more than a look leaves the script in place, and that is said once")
    func gone() async throws {
        let folder = try Folder()
        try folder.write("script.lua", script(1))
        let upstream = TestUpstream()
        let proxy = try await TestProxy.start(filters: filter("\(folder.path)/script.lua"), clusters: ["main": upstream.port])
        try FileManager.default.removeItem(atPath: "\(folder.path)/script.lua")
        let said = "is gone, the script before stays: there is no file \(folder.path)/script.lua"
        for _ in 0..<5000 where !proxy.log.contains(said) { #expect(await proxy.get()?["x-version"] == "1") }
        #expect(proxy.log.contains(said), "\(proxy.log)")
        try folder.write("script.lua", script(2))
        #expect(await wait(proxy, for: "2"), "\(proxy.log)")
        #expect(proxy.log.ranges(of: said).count == 1)
        await proxy.stop()
    }

    @Test("is loaded again when a module that it requires is edited, and one that does not load changes nothing")
    func modules() async throws {
        let folder = try Folder()
        try folder.write("version.lua", "return 1")
        let script = "local version = require('version')\nfunction envoy_on_response(h) h:headers():add('x-version', version) end"
        let upstream = TestUpstream()
        for source in ["filename: \(folder.path)/main.lua", "inline_string: \"\(script.replacing("\n", with: "\\n"))\""] {
            try folder.write("main.lua", script)
            try folder.write("version.lua", "return 1")
            let filter = """
                - name: watched
                  typed_config:
                    "@type": type.googleapis.com/heddle.filters.http.lua.v1.LuaFilter
                    lua: { default_source_code: { \(source) } }
                    reload_interval: 0.01s
                    module_path: \(folder.path)
                """
            let proxy = try await TestProxy.start(filters: filter, clusters: ["main": upstream.port])
            #expect(await proxy.get()?["x-version"] == "1")
            try folder.write("version.lua", "return = 2")
            let said = "cannot be loaded, the script before stays"
            for _ in 0..<5000 where !proxy.log.contains(said) { #expect(await proxy.get()?["x-version"] == "1") }
            #expect(proxy.log.contains(said))
            try folder.write("version.lua", "return 3")
            #expect(await wait(proxy, for: "3"), "\(proxy.log)")
            await proxy.stop()
        }
    }

    @Test("an interval that is none is refused")
    func interval() async throws {
        let folder = try Folder()
        try folder.write("script.lua", script(1))
        let problem = await TestProxy.problem(filters: filter("\(folder.path)/script.lua", "reload_interval: 0s"))
        #expect(problem.contains("reload_interval: must be positive"), "\(problem)")
    }
}
