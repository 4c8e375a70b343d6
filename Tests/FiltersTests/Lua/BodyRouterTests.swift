import FoundationEssentials
import Observability
import Testing

@Suite("The ready-made filter body-router")
struct BodyRouterTests {
    private static let root = #filePath.split(separator: "/").dropLast(4).reduce("") { $0 + "/" + $1 }

    private func text(_ path: String) throws -> String {
        try String(contentsOfFile: "\(Self.root)/\(path)", encoding: .utf8)
    }

    @Test("finds the field where it is one", arguments: [
        (#"{"model": "large"}"#, "large"),
        (#"{"a": {"model" : "large"}, "model": "small"}"#, "large"),
        (#"{"text": "\"model\": \"small\"", "model": "large"}"#, "large"),
        (#"{"text": "model", "x": "large"}"#, "-"),
        (#"{"model": 5, "b": {"model": "large"}}"#, "large"),
        (#"{"model": "la\"r\\ge"}"#, #"la"r\ge"#),
        (#"{"model": "la\u0072ge"}"#, "-"),
        (#"{"model": "unended"#, "-"),
        (#"{"model": "a\nb"}"#, "-"),
        (#"{"models": "large"}"#, "-"),
        ("model", "-"),
        ("", "-"),
    ])
    func fields(_ body: String, _ expected: String) async throws {
        let upstream = TestUpstream()
        let script = try text("filters/body-router/body-router.lua")
        let proxy = try await TestProxy.start(
            filters: script.luaFilter("filter_context: { header: x-chosen }"), clusters: ["main": upstream.port])
        #expect(await proxy.post(body, to: "/", "x-chosen: forged")?.status == 200)
        #expect(upstream.requests.first?["x-chosen"] ?? "-" == expected, "\(proxy.log)")
        #expect(await proxy.lua(.errors) == 0)
        await proxy.stop()
    }

    @Test("a body that is one long string of quotes costs no more than its length")
    func hostileBody() async throws {
        let upstream = TestUpstream()
        let script = try text("filters/body-router/body-router.lua")
        let proxy = try await TestProxy.start(filters: script.asLuaFilter, clusters: ["main": upstream.port])
        #expect(await proxy.post(String(repeating: "\"", count: 5000))?.status == 200)
        #expect(await proxy.lua(.errors) == 0)
        await proxy.stop()
    }

    @Test("the sample runs as it is written")
    func sample() async throws {
        let (large, small) = (TestUpstream { _ in TestUpstream.ok("large") }, TestUpstream { _ in TestUpstream.ok("small") })
        let sample = try text("samples/lua/envoy.yaml")
            .replacing("filters/body-router/", with: "\(Self.root)/filters/body-router/")
            .replacing("8081", with: "\(large.port)").replacing("8082", with: "\(small.port)")
        let proxy = try await TestProxy.start(bootstrap: sample)
        let first = await proxy.post(#"{"model": "large"}"#)
        #expect(first?.text == "large")
        #expect(first?["x-route"] == "large")
        #expect(first?["x-served-by"] == "heddle")
        let second = await proxy.get("/", "x-heddle-explain: 1")
        #expect(second?.text == "small")
        #expect(second?["x-route"] == "the small one")
        #expect(second?["x-heddle-explain"]?.contains("route=small") == true)
        await proxy.stop()
    }
}
