import FilterTool
import Foundation
import Observability
import Testing

@Suite("The folder of ready filters", .serialized)
struct ReadyFilterTests {
    private static let folder = Tool.root + "/filters"
    private static let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter {
        !$0.contains(".")
    }.sorted()

    private func text(_ path: String) -> String {
        FileManager.default.contents(atPath: "\(Self.folder)/\(path)").map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    @Test("there are at least ten of them")
    func count() { #expect(Self.names.count >= 10) }

    @Test("each has a script, cases, a page and a line in the index", arguments: names)
    func files(_ name: String) {
        #expect(text("\(name)/\(name).lua").contains("function envoy_on_"))
        #expect(text("\(name)/cases.yaml").contains("expect:"))
        let page = text("\(name)/README.md")
        #expect(page.hasPrefix("# \(name)\n"))
        #expect(page.contains("filters/\(name)/\(name).lua"))
        #expect(
            text("README.md").split(separator: "\n").count { $0.hasPrefix("| [\(name)](\(name)/README.md) | ") } == 1)
    }

    @Test("each setting of the script is in the schema and on the page, and no other is", arguments: names)
    func settings(_ name: String) throws {
        let schema = try #require(
            try JSONSerialization.jsonObject(with: Data(text("\(name)/settings.schema.json").utf8)) as? [String: Any])
        #expect(schema["additionalProperties"] as? Bool == false)
        let properties = Set((schema["properties"] as? [String: Any] ?? [:]).keys)
        let script = text("\(name)/\(name).lua")
        let read = Set(
            script.matches(of: #/(?:settings|context|filterContext\(\)):get\("(\w+)"\)/#).map { String($0.output.1) })
        #expect(read == properties)
        let page = text("\(name)/README.md")
        for property in properties { #expect(page.contains("| `\(property)` |"), "\(property)") }
    }

    /// The configuration that a page shows, with the script's whole path.
    private func configuration(_ name: String) throws -> String {
        let block = try #require(text("\(name)/README.md").firstMatch(of: #/(?s)```yaml\nhttp_filters:\n(.*?)```/#))
            .output.1
        return block.split(separator: "\n").map { $0.dropFirst(2) }.joined(separator: "\n")
            .replacing("filters/\(name)/", with: "\(Self.folder)/\(name)/")
            .replacing("MIIBIjANBgkqhkiG9w0BAQ…", with: "MIIBIjANBgkqhkiG9w0BAQ==")
    }

    @Test(
        "the configuration on its page is taken as it is written, and the script runs without an error",
        arguments: names)
    func page(_ name: String) async throws {
        let upstream = TestUpstream { _ in TestUpstream.ok("fine", "content-type: text/plain") }
        let proxy = try await TestProxy.start(filters: configuration(name), clusters: ["main": upstream.port])
        let status = await proxy.get()?.status
        #expect(
            status == ["api-keys": 401, "jwt-claims": 401, "webhook-hmac": 401, "maintenance": 503][name] ?? 200,
            "\(proxy.log)")
        #expect(await proxy.lua(.errors) == 0)
        await proxy.stop()
    }

    @Test(
        "who decides what gets through lets nothing through unseen",
        arguments: [
            "api-keys", "graphql-router", "json-schema", "jwt-claims", "llm-router", "maintenance", "pii-redaction",
            "webhook-hmac",
        ])
    func closed(_ name: String) { #expect(text("\(name)/README.md").contains("      on_error: FAIL_CLOSED\n")) }

    @Test(
        "the cases hold with Envoy's own API, where the script itself reads JSON and computes hashes", arguments: names)
    func envoysOwn(_ name: String) async throws {
        let script = text("\(name)/\(name).lua")
        guard script.contains("if json then") || script.contains("if crypto then") else { return }
        let folder = try Folder()
        try folder.write("\(name).lua", "local json, crypto\n" + script)
        try folder.write("strict_json.lua", text("strict_json.lua"))
        try folder.write("cases.yaml", "script: \(name).lua\n" + text("\(name)/cases.yaml"))
        let report = await Tool.test([folder.path])
        #expect(report.passed, "\(report.text())")
    }

    private static func filter(_ name: String, _ settings: String, limits: String) -> String {
        """
        - name: lua
          typed_config:
            "@type": type.googleapis.com/heddle.filters.http.lua.v1.LuaFilter
            lua:
              default_source_code: { filename: \(folder)/\(name)/\(name).lua }
              filter_context: { \(settings) }
            limits: { \(limits) }
        """
    }

    /// Bodies that cost a careless script far more than their length.
    private static let hostile: [(type: String, body: String)] = [
        ("json", String(repeating: "a", count: 60_000)), ("json", String(repeating: "[", count: 60_000)),
        ("json", "[" + String(repeating: "[],", count: 40_000) + "0]"),
        ("json", "[" + String(repeating: "{},", count: 40_000) + "0]"),
        ("json", "{\"model\":\"gpt-5\",\"messages\":[" + String(repeating: "1,", count: 60_000) + "1]}"),
        (
            "json",
            "{\"model\":\"gpt-5\",\"messages\":[" + String(repeating: "{\"content\":\"a\"},", count: 7_000) + "1]}"
        ),
        ("json", "{\"query\":\"{ a" + String(repeating: "(", count: 120_000) + "\"}"),
        ("json", "{\"query\":\"{" + String(repeating: " a", count: 60_000) + "}\"}"),
        ("json", "{\"query\":\"{ a(x: \\\"" + String(repeating: "\\\\\\\"", count: 30_000) + "\"}"),
        ("json", "{\"query\":\"\\\"\\\"\\\"" + String(repeating: "\\\\\\\"\\\"\\\"", count: 10_000) + "\"}"),
        (
            "json",
            "{\"query\":\"{...A}" + (0..<500).map { "fragment A\($0) on T{...A\($0 + 1) ...A\($0 + 1)}" }.joined()
                + "\"}"
        ),
        ("text", String(repeating: "4111 1111 1111 1112 ", count: 1000)),
        ("text", String(repeating: "a@", count: 20_000)),
        ("text", String(repeating: "AB12 ", count: 5_000)), ("text", String(repeating: "1", count: 60_000)),
        ("x-www-form-urlencoded", String(repeating: "a", count: 60_000)),
        ("x-www-form-urlencoded", "query=" + String(repeating: "&a", count: 30_000)),
    ]

    @Test(
        "no body makes a script spend what its bounds allow",
        arguments: [
            ("body-router", ""), ("body-router", "format: form"), ("graphql-router", ""), ("pii-redaction", ""),
            ("shop-metrics", ""),
            ("json-schema", "schema: { items: { type: [integer, object] } }"), ("webhook-hmac", "secret: s"),
            ("llm-router", "families: gpt=a, max_chars: 1000, max_tokens: 5"),
        ])
    func bounds(_ name: String, _ settings: String) async throws {
        // Fuel and memory are the same on every machine, and the time is not.
        let fuel =
            text("\(name)/README.md").firstMatch(of: #/      limits: {.* (fuel: [0-9]+)/#).map { "\($0.output.1), " }
            ?? ""
        let isAnswer = ["pii-redaction", "shop-metrics"].contains(name)
        let upstream = TestUpstream { TestUpstream.ok(isAnswer ? $0.text : "fine", "content-type: text/plain") }
        let proxy = try await TestProxy.start(
            filters: Self.filter(name, settings, limits: "\(fuel)cpu_time: 10s"), clusters: ["main": upstream.port], bufferLimit: 1 << 20)
        for (type, body) in Self.hostile {
            let response = await proxy.post(
                body, to: "/cart/checkout", "content-type: application/\(type)", "x-hub-signature-256: 00")
            #expect(response != nil)
            try #require(await proxy.lua(.errors) == 0, "\(body.prefix(40)): \(proxy.log)")
        }
        await proxy.stop()
    }

    @Test("nor does any head", arguments: names)
    func heads(_ name: String) async throws {
        let settings =
            ["api-keys": "keys: k=ada", "jwt-claims": "public_key: MIIB", "webhook-hmac": "secret: s, scheme: stripe"][
                name] ?? ""
        let upstream = TestUpstream { _ in TestUpstream.ok("fine") }
        let proxy = try await TestProxy.start(
            filters: Self.filter(name, settings, limits: "fuel: 2500000, cpu_time: 10s"), clusters: ["main": upstream.port])
        let long = String(repeating: "a", count: 50_000)
        for field in [
            "cookie: " + String(repeating: "a;", count: 25_000), "accept: " + long, "x-canary-user: " + long,
            "authorization: Bearer " + long,
            "authorization: Bearer " + String(repeating: "a.", count: 25_000),
            "x-hub-signature-256: t=1," + String(repeating: "v1=a,", count: 10_000),
            "x-api-key: " + String(repeating: "k=", count: 25_000), "x-maintenance-pass: " + long,
        ] {
            _ = await proxy.get("/", field)
            try #require(await proxy.lua(.errors) == 0, "\(field.prefix(40)): \(proxy.log)")
        }
        for query in [
            String(repeating: "&a", count: 25_000), "query=" + String(repeating: "%7Ba", count: 12_000),
            String(repeating: "..%2f", count: 10_000),
        ] {
            _ = await proxy.get("/?" + query)
            _ = await proxy.get("/" + query)
            try #require(await proxy.lua(.errors) == 0, "\(query.prefix(40)): \(proxy.log)")
        }
        await proxy.stop()
    }

    @Test("the JSON that some of them read is read by the same text")
    func sameJSON() {
        let parts = Self.names.compactMap { name -> String? in
            let script = text("\(name)/\(name).lua")
            guard let start = script.range(of: "-- begin json"), let end = script.range(of: "-- end json") else {
                return nil
            }
            return String(script[start.lowerBound..<end.upperBound])
        }
        #expect(parts.count > 3)
        #expect(Set(parts).count == 1)
    }
}
