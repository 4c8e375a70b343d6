import FoundationEssentials
import Observability
import Testing

@Suite("body_route")
struct BodyRouteFilterTests {
    private static let root = #filePath.split(separator: "/").dropLast(4).reduce("") { $0 + "/" + $1 }

    private func filter(_ fields: String, _ more: String = "") -> String {
        """
        - name: body_route
          typed_config:
            "@type": type.googleapis.com/heddle.filters.http.body_route.v1.BodyRoute
            fields: [\(fields)]
        \(more.indented(4))
        """
    }

    private static let model = "{ json_pointer: /model, header: x-model }"

    private func ask(
        _ proxy: TestProxy, _ body: [UInt8], _ type: String = "application/json", pieces: Int? = nil, _ fields: String = ""
    ) async -> Message? {
        let head = "POST / HTTP/1.1\r\nhost: test\r\ncontent-type: \(type)\r\n\(fields)content-length: \(body.count)\r\n\r\n"
        return await proxy.ask(Array(head.utf8) + body, pieces: pieces)
    }

    // MARK: Values

    @Test("copies fields of each format into a header, and nothing that a client sent there", arguments: [
        ("application/json", #"{"model": "large"}"#, "large"),
        ("Application/JSON; charset=utf-8", #"{"model": "large"}"#, "large"),
        ("application/problem+json", #"{"model": 12}"#, "12"),
        ("text/json", #"{"model": true}"#, "true"),
        ("application/json", #"{"model": null}"#, "null"),
        ("application/json", #"{"model": {"name": "large"}}"#, "-"),
        ("application/json", #"{"other": "large"}"#, "-"),
        ("application/json", #"{"model": "la\nrge"}"#, "-"),
        ("application/json", #"{"model": " large"}"#, "-"),
        ("application/json", #"{"model": "large\u0000"}"#, "-"),
        ("application/json", #"{"model": "la\u0072ge é"}"#, "large é"),
        ("application/json", #"{"model": "large""#, "-"),
        ("application/json", "", "-"),
        ("text/plain", #"{"model": "large"}"#, "-"),
        ("application/jsonx", #"{"model": "large"}"#, "-"),
        ("text/plain\r\ncontent-type: application/json", #"{"model": "large"}"#, "large"),
        ("application/x-www-form-urlencoded", "a=b&model=la%72ge", "large"),
        ("application/x-www-form-urlencoded", "model=%", "-"),
        ("application/grpc", "\u{0}\u{0}\u{0}\u{0}\u{9}\u{1A}\u{7}\u{0A}\u{5}large", "large"),
        ("application/grpc+proto", "\u{0}\u{0}\u{0}\u{0}\u{4}\u{1A}\u{2}\u{8}\u{5}", "5"),
        ("application/grpc", "\u{1}\u{0}\u{0}\u{0}\u{0}", "-"),
    ])
    func formats(_ type: String, _ body: String, _ expected: String) async throws {
        let upstream = TestUpstream()
        let fields = "\(Self.model), { form_field: model, header: X-Model }, { grpc_field: '3.1', header: x-model }"
        let proxy = try await TestProxy.start(filters: filter(fields), clusters: ["main": upstream.port])
        for pieces in [nil, 1, 7] {
            #expect(await ask(proxy, Array(body.utf8), type, pieces: pieces, "x-model: forged\r\n")?.status == 200)
        }
        #expect(upstream.requests.map { $0["x-model"] ?? "-" } == [expected, expected, expected])
        #expect(upstream.requests.allSatisfy { $0.body == Array(body.utf8) })
        await proxy.stop()
    }

    @Test("hostile bodies neither get through as a value nor cost more than their length", arguments: [
        String(repeating: "[", count: 60000), String(repeating: #"{"model":"#, count: 6000), String(repeating: "\"", count: 60000),
        #"{"model": "# + String(repeating: "9", count: 50000) + "}", #"{"model": "\ud800"}"#, #"{"model": "large"} {"model": "small"}"#,
        #"{"model": ""# + String(repeating: "\\u0041", count: 9000) + #""}"#, #"{"model": 1e999999999999}"# + String(repeating: " ", count: 50000) + "x",
    ])
    func hostile(_ body: String) async throws {
        let upstream = TestUpstream()
        let proxy = try await TestProxy.start(filters: filter(Self.model), clusters: ["main": upstream.port])
        #expect(await ask(proxy, Array(body.utf8))?.status == 200)
        #expect(upstream.requests.first?["x-model"] == nil)
        #expect(upstream.requests.first?.body.count == body.utf8.count)
        await proxy.stop()
    }

    @Test("a body that is no UTF-8 has no fields")
    func encoding() async throws {
        let upstream = TestUpstream()
        let proxy = try await TestProxy.start(filters: filter(Self.model), clusters: ["main": upstream.port])
        #expect(await ask(proxy, Array(#"{"model": "large", "x": ""#.utf8) + [0xC0, 0xAF] + Array("\"}".utf8))?.status == 200)
        #expect(upstream.requests.first?["x-model"] == nil)
        await proxy.stop()
    }

    @Test("values become typed metadata")
    func metadata() async throws {
        let upstream = TestUpstream()
        let fields = """
            { json_pointer: /a, metadata: { filter: shop, key: a } }, { json_pointer: /b, metadata: { key: b } }
            """
        let mutation = """
            - name: header_mutation
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation
                mutations:
                  request_mutations:
                    - append: { header: { key: x-a, value: "%DYNAMIC_METADATA(shop:a)%" } }
                    - append: { header: { key: x-b, value: "%DYNAMIC_METADATA(body_route)%" } }
            """
        let proxy = try await TestProxy.start(filters: filter(fields) + "\n" + mutation, clusters: ["main": upstream.port])
        #expect(await ask(proxy, Array(#"{"a": "text", "b": 12.5}"#.utf8))?.status == 200)
        #expect(upstream.requests.first?["x-a"] == "text")
        #expect(upstream.requests.first?["x-b"] == #"{"b":12.5}"#)
        // No number that there is.
        #expect(await ask(proxy, Array(#"{"a": 1e999, "b": -1e999}"#.utf8))?.status == 200)
        #expect(upstream.requests.last?["x-a"] == "1e999")
        #expect(upstream.requests.last?["x-b"] == #"{"b":"-1e999"}"#)
        await proxy.stop()
    }

    // MARK: Policies

    @Test("a field that is there twice is refused, left away or taken first, as configured", arguments: [
        ("", 400, nil), ("on_duplicate: BAD_REQUEST", 400, nil), ("on_duplicate: NO_VALUE", 200, "-"), ("on_duplicate: FIRST_VALUE", 200, "a"),
    ] as [(String, Int, String?)])
    func duplicates(_ policy: String, _ status: Int, _ expected: String?) async throws {
        let upstream = TestUpstream()
        let proxy = try await TestProxy.start(filters: filter(Self.model, policy), clusters: ["main": upstream.port])
        let response = await ask(proxy, Array(#"{"model": "a", "mod\u0065l": "b"}"#.utf8))
        #expect(response?.status == status)
        if status == 400 { #expect(response?.text == "a field to route by is there more than once\n") }
        #expect(upstream.requests.first.map { $0["x-model"] ?? "-" } == expected)
        await proxy.stop()
    }

    @Test("what must be there and what must be valid is answered with 400", arguments: [
        (#"{"model": "large"}"#, 200, ""), (#"{"other": 1}"#, 400, "a field to route by is missing: /model\n"),
        ("", 400, "a field to route by is missing: /model\n"), (#"{"model": 1"#, 400, "invalid body: unexpected end at byte 11\n"),
        (#"{"model": ["large"]}"#, 400, "a field to route by is missing: /model\n"),
        (#"{"model": ""# + String(repeating: "x", count: 17) + #""}"#, 400, "a field to route by is missing: /model\n"),
    ])
    func required(_ body: String, _ status: Int, _ text: String) async throws {
        let upstream = TestUpstream()
        let field = "{ json_pointer: /model, header: x-model, required: true, max_bytes: 16 }"
        let proxy = try await TestProxy.start(filters: filter(field, "reject_invalid: true"), clusters: ["main": upstream.port])
        let response = await ask(proxy, Array(body.utf8))
        #expect(response?.status == status)
        if status == 400 { #expect(response?.text == text) }
        #expect(upstream.requests.count == (status == 200 ? 1 : 0))
        await proxy.stop()
    }

    @Test("a body that only a lenient reader can read does not get by what must be there", arguments: [
        "\u{FEFF}{\"model\": \"large\"}", #"{"model": "large",}"#, #"{"model": "large"} x"#, #"{'model': 'large'}"#, #"{"model": "large" /**/}"#,
        #"{"model": "large", "x": NaN}"#, #"{"model": "large", "x": "\ud800"}"#,
    ])
    func requiredOfInvalid(_ body: String) async throws {
        let upstream = TestUpstream()
        let proxy = try await TestProxy.start(
            filters: filter("{ json_pointer: /model, header: x-model, required: true }, { form_field: model, header: x-model }"),
            clusters: ["main": upstream.port])
        for pieces in [nil, 1] {
            let response = await ask(proxy, Array(body.utf8), pieces: pieces)
            #expect(response?.status == 400)
            #expect(response?.text == "a field to route by is missing: /model\n")
        }
        #expect(upstream.requests.isEmpty)
        // Nothing is required of a form.
        #expect(await ask(proxy, Array("model=%".utf8), "application/x-www-form-urlencoded")?.status == 200)
        await proxy.stop()
    }

    @Test("a body over the limit goes on, or is refused, as configured", arguments: [
        ("", 200, "-"), ("on_overflow: USE_FOUND", 200, "large"), ("on_overflow: PAYLOAD_TOO_LARGE", 413, "-"),
        ("on_duplicate: FIRST_VALUE", 200, "large"),
    ])
    func overflow(_ policy: String, _ status: Int, _ expected: String) async throws {
        let upstream = TestUpstream()
        let proxy = try await TestProxy.start(
            filters: filter(Self.model, "scan_limit_bytes: 100\n" + policy), clusters: ["main": upstream.port])
        for length in [100, 101, 5000] {
            let start = #"{"model": "large", "x": ""#
            let body = start + String(repeating: "x", count: length - start.utf8.count - 2) + "\"}"
            for chunked in [false, true] {
                let head = "POST / HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\n"
                let response = await proxy.ask(
                    chunked
                        ? head + "transfer-encoding: chunked\r\n\r\n\(String(length, radix: 16))\r\n\(body)\r\n0\r\n\r\n"
                        : head + "content-length: \(length)\r\n\r\n\(body)")
                #expect(response?.status == (length == 100 ? 200 : status), "\(length)")
                guard response?.status == 200 else { continue }
                #expect(upstream.requests.last?["x-model"] ?? "-" == (length == 100 ? "large" : expected), "\(length)")
                #expect(upstream.requests.last?.text == body)
            }
        }
        await proxy.stop()
    }

    @Test("the first byte of a long body goes on before its last has come", arguments: ["", "on_overflow: USE_FOUND", "on_duplicate: FIRST_VALUE"])
    func streams(_ policy: String) async throws {
        let (listener, upstreamPort) = PlainSocket.listening()
        let proxy = try await TestProxy.start(
            filters: filter(Self.model, "scan_limit_bytes: 1000\n" + policy), clusters: ["main": upstreamPort])
        let port = proxy.port
        let seen = await onThread { () -> String in
            guard let client = PlainSocket(connectingTo: port) else { return "no connection" }
            defer { client.close() }
            client.send(
                Array("POST / HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n".utf8))
            // The rest of this body is never sent.
            client.send(Array(("7d0\r\n" + #"{"model": "large", "x": ""# + String(repeating: "x", count: 1975) + "\r\n").utf8))
            let upstream = PlainSocket(accepted: TestSupport.accept(listener))
            defer { upstream.close() }
            var bytes: [UInt8] = []
            while bytes.count < 2000 {
                let more = upstream.receive()
                guard !more.isEmpty else { return "the upstream got \(bytes.count) bytes" }
                bytes += more
            }
            return String(decoding: bytes, as: UTF8.self)
        }
        #expect(seen.contains("xxxx"))
        #expect(seen.contains("x-model: large") == !policy.isEmpty)
        await proxy.stop()
    }

    @Test("a long body's limit is never above the listener's, which would refuse it")
    func bufferLimit() async throws {
        let upstream = TestUpstream()
        let proxy = try await TestProxy.start(
            filters: filter(Self.model, "scan_limit_bytes: 1000000"), clusters: ["main": upstream.port], bufferLimit: 500)
        let body = #"{"model": "large", "x": ""# + String(repeating: "x", count: 5000) + "\"}"
        #expect(await ask(proxy, Array(body.utf8), pieces: 100)?.status == 200)
        #expect(upstream.requests.first?.text == body)
        await proxy.stop()
    }

    @Test("any content type is read when told so")
    func contentType() async throws {
        let upstream = TestUpstream()
        let proxy = try await TestProxy.start(
            filters: filter(Self.model, "ignore_content_type: true"), clusters: ["main": upstream.port])
        #expect(await ask(proxy, Array(#"{"model": "large"}"#.utf8), "application/x-www-form-urlencoded")?.status == 200)
        #expect(upstream.requests.first?["x-model"] == "large")
        await proxy.stop()
    }

    // MARK: Routes

    private static let byModel = """
        - { match: { prefix: /, headers: [{ name: x-model, string_match: { exact: large } }] }, route: { cluster: large } }
        - { match: { prefix: / }, route: { cluster: small } }
        """

    @Test("the route is computed anew by the header", arguments: [("", "large"), ("keep_route: true", "small")])
    func routes(_ more: String, _ expected: String) async throws {
        let (large, small) = (TestUpstream { _ in TestUpstream.ok("large") }, TestUpstream { _ in TestUpstream.ok("small") })
        // The explaining filter in front has the route computed before.
        let script = "function envoy_on_request(handle) handle:streamInfo():routeName(); handle:metadata() end".luaFilter()
        let proxy = try await TestProxy.start(
            filters: script + "\n" + filter(Self.model, more), routes: Self.byModel, clusters: ["large": large.port, "small": small.port])
        #expect(await ask(proxy, Array(#"{"model": "large"}"#.utf8))?.text == expected)
        #expect(await ask(proxy, Array(#"{"model": "tiny"}"#.utf8), "application/json", "x-model: large\r\n")?.text == "small")
        await proxy.stop()
    }

    @Test("a route has fields of its own or none, and a forged header does not choose it")
    func perRoute() async throws {
        let upstream = TestUpstream()
        let routes = """
            - match: { prefix: /, headers: [{ name: x-model, string_match: { exact: open } }] }
              route: { cluster: main }
              typed_per_filter_config:
                body_route: { "@type": type.googleapis.com/heddle.filters.http.body_route.v1.BodyRoutePerRoute, disabled: true }
            - match: { prefix: /off }
              route: { cluster: main }
              typed_per_filter_config:
                body_route: { "@type": type.googleapis.com/heddle.filters.http.body_route.v1.BodyRoutePerRoute, disabled: true }
            - match: { prefix: /own }
              route: { cluster: main }
              typed_per_filter_config:
                body_route:
                  "@type": type.googleapis.com/heddle.filters.http.body_route.v1.BodyRoutePerRoute
                  config: { fields: [{ json_pointer: /other, header: x-other }] }
            - { match: { prefix: / }, route: { cluster: main } }
            """
        let proxy = try await TestProxy.start(filters: filter(Self.model), routes: routes, clusters: ["main": upstream.port])
        for path in ["/", "/off", "/own"] {
            _ = await proxy.post(
                #"{"model": "large", "other": 5}"#, to: path, "content-type: application/json", "x-model: open", "x-other: forged")
        }
        #expect(upstream.requests.map { $0["x-model"] ?? "-" } == ["large", "-", "-"])
        #expect(upstream.requests.map { $0["x-other"] ?? "-" } == ["forged", "forged", "5"])
        await proxy.stop()
    }

    // MARK: Configuration

    @Test("a configuration that cannot work is refused, with its place", arguments: [
        ("", "", "fields: at least one field is required"),
        ("{ json_pointer: model, header: x }", "", "fields[0]: \"model\" is no JSON pointer: it does not begin with \"/\""),
        ("{ json_pointer: /a }", "", "fields[0]: one of header, metadata is required"),
        ("{ header: x }", "", "fields[0]: one of json_pointer, form_field, grpc_field is required"),
        ("{ json_pointer: /a, header: content-length }", "", "fields[0].header: \"content-length\" belongs to the connection"),
        ("{ json_pointer: /a, header: ':path' }", "", "fields[0].header: \":path\" is no header name"),
        ("{ grpc_field: '0', header: x }", "", "fields[0]: \"0\" is no path of field numbers"),
        ("{ grpc_field: '3', header: x }, { grpc_field: '3.1', header: y }", "", "fields: \"3\" is a message in \"3.1\""),
        ("{ form_field: '', header: x }", "", "fields[0]: a form field needs a name"),
        ("{ json_pointer: /a, metadata: { filter: x } }", "", "fields[0].metadata.key: is required"),
        ("{ json_pointer: /a, header: x, max_bytes: 0 }", "", "fields[0].max_bytes: must be from 1 to 8192"),
        ("{ json_pointer: /a, header: x, max_bytes: 8193 }", "", "fields[0].max_bytes: must be from 1 to 8192"),
        ("{ json_pointer: /a, header: x }", "scan_limit_bytes: 0", "scan_limit_bytes: must be greater than 0"),
        ("{ json_pointer: /a, header: x }, { form_field: a, header: x }", "ignore_content_type: true", "ignore_content_type: fields of one format"),
    ])
    func problems(_ fields: String, _ more: String, _ expected: String) async {
        let problem = await TestProxy.problem(filters: filter(fields, more))
        #expect(problem.contains(expected), "\(problem)")
    }

    @Test("the sample runs as it is written")
    func sample() async throws {
        let (large, small) = (TestUpstream { _ in TestUpstream.ok("large") }, TestUpstream { _ in TestUpstream.ok("small") })
        let sample = try String(contentsOfFile: "\(Self.root)/samples/body-route/envoy.yaml", encoding: .utf8)
            .replacing("8081", with: "\(large.port)").replacing("8082", with: "\(small.port)")
        let proxy = try await TestProxy.start(bootstrap: sample)
        #expect(await ask(proxy, Array(#"{"model": "large"}"#.utf8))?.text == "large")
        #expect(await ask(proxy, Array("model=large".utf8), "application/x-www-form-urlencoded")?.text == "large")
        #expect(await ask(proxy, Array(#"{"model": "tiny"}"#.utf8))?.text == "small")
        #expect(await proxy.get("/", "x-model: large")?.text == "small")
        let refused = await ask(proxy, Array(#"{"model": "tiny", "model": "large"}"#.utf8))
        #expect(refused?.status == 400)
        await proxy.stop()
    }
}
