import Foundation
import Glibc
import Observability
import Testing

@testable import Filters

@Suite("Lua's libraries")
struct LuaLibraryTests {
    @Test("metrics appear under their own names, with bounded labels")
    func metrics() async throws {
        let upstream = TestUpstream()
        let proxy = try await TestProxy.start(
            filters: """
                - name: envoy.filters.http.lua
                  typed_config:
                    "@type": type.googleapis.com/heddle.filters.http.lua.v1.LuaFilter
                    limits: { cpu_time: 2s }
                    lua:
                      default_source_code:
                        inline_string: |
                          function envoy_on_request(h)
                            heddle.metric.counter("orders_total", 2, {currency = "EUR", shop = 1})
                            heddle.metric.counter("orders_total", nil, {currency = "USD"})
                            heddle.metric.gauge("stock", 7)
                            heddle.metric.histogram("amount", 12.4)
                            for i = 1, 300 do heddle.metric.counter("many", 1, {i = i}) end
                          end
                """, clusters: ["main": upstream.port])
        #expect(await proxy.get()?.status == 200)
        #expect(await proxy.get()?.status == 200)
        let text = try await proxy.statistics()
        #expect(text.contains("orders_total{currency=EUR,shop=1}: 4\n"))
        #expect(text.contains("orders_total{currency=USD}: 2\n"))
        #expect(text.contains("stock: 7\n"))
        #expect(text.contains("many{i=200}: 2\n"))
        #expect(!text.contains("many{i=201}"))
        #expect(text.contains("many{overflow=true}: 200\n"))
        let prometheus = try await proxy.prometheus()
        #expect(prometheus.contains("# TYPE orders_total counter\norders_total{currency=\"EUR\",shop=\"1\"} 4\norders_total{currency=\"USD\"} 2\n"))
        #expect(prometheus.contains("\namount_count 2\n"))
        await proxy.stop()
    }

    @Test("the table is shared by the scripts of a name and apart from others; log has fields")
    func store() async throws {
        let upstream = TestUpstream()
        let count = "function envoy_on_request(h) local n = heddle.kv.incr('n', 1, 60) h:headers():add('x-n', n) heddle.log('info', 'counted', {n = n, why = 'a b'}) end"
        let proxy = try await TestProxy.start(filters: count.asLuaFilter, clusters: ["main": upstream.port])
        for expected in 1...3 {
            #expect(await proxy.get()?.status == 200)
            #expect(upstream.requests.last?["x-n"] == "\(expected)")
        }
        #expect(proxy.log.contains("envoy.filters.http.lua: counted n=3 why=\"a b\""))
        await proxy.stop()
    }

    @Test("require finds the files of the filter's folder, and nothing else")
    func modules() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "heddle-modules-\(ProcessInfo.processInfo.processIdentifier)")
        try FileManager.default.createDirectory(at: folder.appending(path: "deep"), withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try "runs = (runs or 0) + 1 return {name = ..., deep = require('deep.inner'), again = runs}".write(
            to: folder.appending(path: "outer.lua"), atomically: true, encoding: .utf8)
        try "return 'inner'".write(to: folder.appending(path: "deep/inner.lua"), atomically: true, encoding: .utf8)
        // A link to a file is one; what is no file is none, and a named pipe is not waited for.
        #expect(symlink("outer.lua", folder.appending(path: "linked.lua").path) == 0)
        #expect(mkfifo(folder.appending(path: "pipe.lua").path, 0o600) == 0)
        try "x = = 1".write(to: folder.appending(path: "broken.lua"), atomically: true, encoding: .utf8)
        let upstream = TestUpstream()
        let proxy = try await TestProxy.start(
            filters: """
                - name: lua
                  typed_config:
                    "@type": type.googleapis.com/heddle.filters.http.lua.v1.LuaFilter
                    module_path: \(folder.path)
                    lua:
                      default_source_code:
                        inline_string: |
                          local outer = require("outer")
                          function envoy_on_request(h)
                            local function why(name) return (select(2, pcall(require, name)):gsub("^%[string.-%]:%d+: ", "")) end
                            h:respond({[":status"] = "200"}, table.concat({outer.name, outer.deep, tostring(require("outer") == outer), outer.again,
                              why("../outer"), why("io"), why("broken"), require("linked").deep, why("pipe"), why("outer" .. string.char(0)), why("/etc/passwd"), require("cjson").encode({1})}, "|"))
                          end
                """, clusters: ["main": upstream.port])
        #expect(await proxy.get()?.text == "outer|inner|true|1|module '../outer' not found|module 'io' not found|broken:1: unexpected symbol near '='|inner|module 'pipe' not found|module 'outer\0' not found|module '/etc/passwd' not found|[1]")
        await proxy.stop()
    }

    @Test("what scripts leave outside of their memory is bounded", arguments: [
        ("local m = h:streamInfo():dynamicMetadata() for i = 1, 20 do m:set('a', 'k', ('x'):rep(100000)) end", "dynamicMetadata is full"),
        ("local f = h:streamInfo():filterState() for i = 1, 20 do f:set('k' .. i, 'envoy.string', ('x'):rep(100000)) end", "filterState is full"),
        ("h:stats():counter(('x'):rep(257))", "a statistic's name has at most 256 bytes"),
        ("crypto.sha256(('x'):rep(1048577))", "bad argument #1 to 'sha256' (at most 1048576 bytes can be hashed at a time)"),
        ("crypto.hmac('md5', 'k', ('x'):rep(1048577))", "bad argument #3 to 'hmac' (at most 1048576 bytes can be hashed at a time)"),
        ("heddle.kv.set(('k'):rep(1000000), 1) heddle.kv.set('k', ('v'):rep(1000000)) error(tostring(heddle.kv.get('k')))", "nil"),
    ])
    func bounds(_ body: String, _ message: String) async throws {
        let upstream = TestUpstream()
        let script = "function envoy_on_request(h) local ok, e = pcall(function() \(body) end) h:respond({[':status'] = '200'}, e) end"
        let proxy = try await TestProxy.start(filters: script.asLuaFilter, clusters: ["main": upstream.port])
        let text = await proxy.get()?.text
        #expect(text?.hasSuffix(": " + message) == true, "\(text ?? "no answer")")
        await proxy.stop()
    }

    @Test("a line of the log is cut, however long the message")
    func longLines() async throws {
        let upstream = TestUpstream()
        let script = "function envoy_on_request(h) local s = ('x'):rep(1000000) h:logInfo(s) heddle.log('info', s) print(s) error(s) end"
        let proxy = try await TestProxy.start(filters: script.asLuaFilter, clusters: ["main": upstream.port])
        #expect(await proxy.get()?.status == 200)
        #expect(proxy.log.contains("script log: xxxx"))
        #expect(proxy.log.utf8.count < 100_000)
        await proxy.stop()
    }
}
