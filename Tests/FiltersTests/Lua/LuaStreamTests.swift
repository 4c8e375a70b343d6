import Observability
import Testing

@Suite("What Lua sees and says of a stream")
struct LuaStreamTests {
    @Test("counters, gauges and histograms may be kept from request to request")
    func keptStatistics() async throws {
        let upstream = TestUpstream()
        let script = """
            local c, g, d
            function envoy_on_request(h)
              c = c or h:stats():counter("kept")
              g = g or h:stats():gauge("level")
              d = d or h:stats():histogram("spread")
              c:inc()
              g:set(g:value() + 5)
              d:recordValue(c:value())
            end
            function envoy_on_response(h) c:add(10) end
            """
        let proxy = try await TestProxy.start(filters: script.asLuaFilter, clusters: ["main": upstream.port])
        for _ in 0..<3 { #expect(await proxy.get()?.status == 200) }
        let text = try await proxy.statistics()
        #expect(text.contains("http.test.lua.kept: 33\n"))
        #expect(text.contains("http.test.lua.level: 15\n"))
        #expect(await proxy.lua(.errors) == 0, "\(proxy.log)")
        await proxy.stop()
    }

    @Test("setUpstreamOverrideHost picks the host, or none")
    func override() async throws {
        let first = TestUpstream { _ in TestUpstream.ok("first") }
        let second = TestUpstream { _ in TestUpstream.ok("second") }
        let script = """
            function envoy_on_request(h)
              local host = h:headers():get("x-host")
              if host then h:setUpstreamOverrideHost(host, h:headers():get("x-strict") ~= nil) end
            end
            """
        let proxy = try await TestProxy.start(filters: script.asLuaFilter, clusters: ["main": [first.port, second.port]])
        for _ in 0..<3 {
            #expect(await proxy.get("/", "x-host: 127.0.0.1:\(second.port)")?.text == "second")
            #expect(await proxy.get("/", "x-host: 127.0.0.1:\(first.port)", "x-strict: 1")?.text == "first")
        }
        #expect(await proxy.get("/", "x-host: 127.0.0.1:1")?.status == 200)
        let none = await proxy.get("/", "x-host: 127.0.0.1:1", "x-strict: 1")
        #expect(none?.status == 503)
        #expect(none?.text == "no healthy upstream")
        await proxy.stop()
    }

    @Test("stats() counts below the filter's own name, and the number of names is bounded")
    func stats() async throws {
        let upstream = TestUpstream()
        let proxy = try await TestProxy.start(
            filters: """
                function envoy_on_request(h)
                  local s = h:stats()
                  s:counter("orders"):add(2)
                  s:gauge("open"):set(7)
                  s:gauge("open"):dec()
                  s:histogram("size", "bytes"):recordValue(100)
                  if h:headers():get("x-many") then for i = 1, 300 do s:counter("c" .. i):inc() end end
                end
                """.luaFilter("stat_prefix: shop"), clusters: ["main": upstream.port])
        #expect(await proxy.get()?.status == 200)
        #expect(await proxy.get("/", "x-many: 1")?.status == 200)
        let text = try await proxy.statistics()
        #expect(text.contains("http.test.lua.shop.orders: 4\n"))
        #expect(text.contains("http.test.lua.shop.open: 6\n"))
        #expect(text.contains("http.test.lua.shop.size: P0(nan,"))
        #expect(text.contains("http.test.lua.shop.c253: 1\n"))
        #expect(!text.contains("http.test.lua.shop.c254"))
        #expect(proxy.log.contains("a filter can have 256 statistics of its own"))
        await proxy.stop()
    }

    @Test("filter state reaches the response hook; the connection is drained on demand")
    func filterState() async throws {
        let upstream = TestUpstream()
        let proxy = try await TestProxy.start(
            filters: """
                function envoy_on_request(h)
                  h:streamInfo():filterState():set("my.key", "envoy.string", "kept")
                  h:streamInfo():drainConnectionUponCompletion()
                end
                function envoy_on_response(h)
                  h:headers():add("x-state", h:streamInfo():filterState():get("my.key"))
                end
                """.asLuaFilter, clusters: ["main": upstream.port])
        let answer = await proxy.get()
        #expect(answer?["x-state"] == "kept")
        #expect(answer?["connection"] == "close")
        await proxy.stop()
    }

    @Test("verifySignature knows a good signature from a bad one")
    func signature() async throws {
        let upstream = TestUpstream()
        let proxy = try await TestProxy.start(
            filters: """
                function envoy_on_request(h)
                  local der = h:base64Decode("\(SignatureFixture.key)")
                  local signature = h:base64Decode("\(SignatureFixture.signature)")
                  local key = h:importPublicKey(der, #der)
                  local function check(hash, data, other)
                    local ok, message = h:verifySignature(hash, other or key:get(), signature, #signature, data, #data)
                    return tostring(ok) .. " " .. tostring(message)
                  end
                  h:respond({[":status"] = "200"}, table.concat({
                    check("SHA256", "signed by heddle"), check("sha256", "signed by Heddle"), check("sha1", "signed by heddle"),
                    check("nohash", "x"), tostring(key:get() == der),
                    check("sha256", "signed by heddle", key), tostring(select(2, pcall(check, "sha256", "x", "another key")))}, "|"))
                end
                """.asLuaFilter, clusters: ["main": upstream.port])
        let bad = "false Failed to verify digest. Error code: 0"
        let text = await proxy.get()?.text
        let place = #"[string "function envoy_on_request(h)..."]:6: "#
        #expect(text == "true nil|\(bad)|\(bad)|false nohash is not supported.|true|true nil|\(place)invalid public key")
        await proxy.stop()
    }
}
