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

    @Test("finds the field of a form", arguments: [
        ("email=a%40example.org&country=Germany", "Germany"),
        ("country=United+States", "United States"),
        ("a=country%3DFrance&country=Germany", "Germany"),
        ("country=Germany&country=France", "Germany"),
        ("c%6Funtry=Germany", "Germany"),
        ("countryx=Germany&xcountry=France", "-"),
        ("country=%0d%0aevil", "-"),
        ("country", "-"),
        ("", "-"),
    ])
    func form(_ body: String, _ expected: String) async throws {
        #expect(try await chosen(of: body, type: "application/x-www-form-urlencoded", "format: form, field: country") == expected)
    }

    @Test("takes what stands behind a text", arguments: [("email=a%40example.org", "example.org"), ("email=nobody", "-")])
    func after(_ body: String, _ expected: String) async throws {
        let context = #"format: form, field: email, after: "@""#
        #expect(try await chosen(of: body, type: "application/x-www-form-urlencoded; charset=utf-8", context) == expected)
    }

    @Test("looks only where it is told to", arguments: [("/", "Germany"), ("/other", "-"), ("/?a", "Germany")])
    func path(_ path: String, _ expected: String) async throws {
        let form = "application/x-www-form-urlencoded"
        #expect(try await chosen(of: "country=Germany", at: path, type: form, #"format: form, field: country, path: "/""#) == expected)
        #expect(try await chosen(of: "country=Germany", type: "text/plain", "format: form, field: country") == "-")
    }

    /// A request to charge 5 euros, with a card, as a gRPC message.
    private static let charge = "\u{0}\u{0}\u{0}\u{0}\u{11}\u{a}\u{7}\u{a}\u{3}EUR\u{10}\u{5}\u{12}\u{6}\u{a}\u{4}4432"

    @Test("finds the field of a gRPC message", arguments: [
        (charge, "1.1", "EUR"),
        (charge, "2.1", "4432"),
        (charge, "1.2", "-"),
        (charge, "3.1", "-"),
        // Two of a field: the last one counts. A number, eight bytes and four bytes are passed over.
        ("\u{0}\u{0}\u{0}\u{0}\u{a}\u{a}\u{3}EUR\u{a}\u{3}USD", "1", "USD"),
        ("\u{0}\u{0}\u{0}\u{0}\u{15}\u{18}\u{7f}\u{21}12345678\u{2d}1234\u{a}\u{3}EUR", "1", "EUR"),
        // Compressed, cut off, a length beyond the message, a kind that there is not.
        ("\u{1}\u{0}\u{0}\u{0}\u{5}\u{a}\u{3}EUR", "1", "-"),
        ("\u{0}\u{0}\u{0}\u{0}\u{6}\u{a}\u{3}EUR", "1", "-"),
        ("\u{0}\u{0}\u{0}\u{0}\u{5}\u{a}\u{4}EUR", "1", "-"),
        ("\u{0}\u{0}\u{0}\u{0}\u{5}\u{b}\u{3}EUR", "1", "-"),
        ("\u{0}\u{0}", "1", "-"),
        ("", "1", "-"),
    ])
    func grpc(_ body: String, _ field: String, _ expected: String) async throws {
        #expect(try await chosen(of: body, type: "application/grpc", "format: grpc, field: \"\(field)\"") == expected)
    }

    @Test("a gRPC message that is cut anywhere has no field and is no error")
    func cutMessage() async throws {
        for length in 0..<Self.charge.utf8.count {
            let cut = String(Self.charge.prefix(length))
            #expect(try await chosen(of: cut, type: "application/grpc", "format: grpc, field: \"1.1\"") == "-")
        }
    }

    /// What the header has after a POST of `body`; "-" where it is absent.
    private func chosen(of body: String, at path: String = "/", type: String, _ context: String) async throws -> String {
        let upstream = TestUpstream()
        let script = try text("filters/body-router/body-router.lua")
        let proxy = try await TestProxy.start(
            filters: script.luaFilter("filter_context: { \(context), header: x-chosen }"), clusters: ["main": upstream.port])
        #expect(await proxy.post(body, to: path, "content-type: \(type)\r\nx-chosen: forged")?.status == 200)
        #expect(await proxy.lua(.errors) == 0, "\(proxy.log)")
        await proxy.stop()
        return upstream.requests.first?["x-chosen"] ?? "-"
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
