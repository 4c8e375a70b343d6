import Testing

/// `envoy.string_matcher.lua`
@Suite("A Lua string matcher")
struct LuaMatcherTests {
    private func custom(_ source: String) -> String {
        """
        custom:
          name: envoy.string_matcher.lua
          typed_config:
            "@type": type.googleapis.com/envoy.extensions.string_matcher.lua.v3.Lua
            source_code: { inline_string: "\(source)" }
        """
    }

    /// `x-a` that the script matches is answered with `yes`.
    private func routes(_ source: String, more: String = "") -> String {
        """
        - match:
            prefix: /
            headers:
              - name: x-a
                string_match:
        \(custom(source).indented(10))
        \(more.indented(8))
          direct_response: { status: 200, body: { inline_string: "yes" } }
        - match: { prefix: / }
          direct_response: { status: 200, body: { inline_string: "no" } }
        """
    }

    private func start(_ routes: String) async throws -> TestProxy {
        try await TestProxy.start(filters: "", routes: routes, clusters: ["main": 1])
    }

    private static let values: [(String, String, String)] = [
        ("s == 'v'", "yes", ""), ("s ~= 'v'", "no", ""), ("true, false", "yes", ""), ("false, true", "no", ""),
        ("nil", "no", "did not return a boolean"), ("0", "no", "did not return a boolean"), ("'x'", "no", "did not return a boolean"),
        ("error('boom')", "no", "boom"), ("coroutine.yield()", "no", "script performed an unexpected yield"),
        ("io == nil and os.execute == nil and load == nil", "yes", ""), ("#s == 1 and s:match('^%a$') ~= nil", "yes", ""),
    ]

    @Test("what it says is a match is one, and nothing else", arguments: values)
    func value(_ expression: String, _ expected: String, _ line: String) async throws {
        let proxy = try await start(routes("function envoy_match(s) return \(expression) end"))
        #expect(await proxy.get("/", "x-a: v")?.text == expected, "\(proxy.log)")
        if !line.isEmpty { #expect(proxy.log.contains(line), "\(proxy.log)") }
        await proxy.stop()
    }

    @Test("is not asked of a field that is missing, and can be inverted")
    func missing() async throws {
        let script = "function envoy_match(s) print('asked of [' .. s .. ']') return s == 'v' end"
        let proxy = try await start(routes(script, more: "invert_match: true"))
        #expect(await proxy.get("/")?.text == "no")
        #expect(!proxy.log.contains("asked of"))
        #expect(await proxy.get("/", "x-a: v")?.text == "no")
        #expect(await proxy.get("/", "x-a: w")?.text == "yes")
        await proxy.stop()
    }

    @Test("matches parameters of the query")
    func query() async throws {
        let proxy = try await start(
            """
            - match:
                prefix: /
                query_parameters:
                  - name: q
                    string_match:
            \(custom("function envoy_match(s) return #s > 3 end").indented(14))
              direct_response: { status: 200, body: { inline_string: "yes" } }
            - match: { prefix: / }
              direct_response: { status: 200, body: { inline_string: "no" } }
            """)
        #expect(await proxy.get("/?q=long")?.text == "yes")
        #expect(await proxy.get("/?q=abc")?.text == "no")
        await proxy.stop()
    }

    @Test("one that does not end is no match, and is not asked again after three times")
    func bombs() async throws {
        let proxy = try await start(routes("function envoy_match(s) if s == 'bomb' then while true do end end return true end"))
        #expect(await proxy.get("/", "x-a: v")?.text == "yes")
        for _ in 0..<2 { #expect(await proxy.get("/", "x-a: bomb")?.text == "no") }
        #expect(await proxy.get("/", "x-a: v")?.text == "yes")
        #expect(await proxy.get("/", "x-a: bomb")?.text == "no")
        #expect(await proxy.get("/", "x-a: v")?.text == "no")
        #expect(proxy.log.contains("envoy_match of envoy.string_matcher.lua is not called any longer"), "\(proxy.log)")
        await proxy.stop()
    }

    private static let refusals: [(String, String)] = [
        ("x = = 1", "matcher 'envoy.string_matcher.lua' cannot be made: source_code: [string \"x = = 1\"]:1: unexpected symbol"),
        ("x = 1", "Lua code did not contain a global function named 'envoy_match'"), ("error('x')", "]:1: x"),
        ("while true do end", "script exceeded its budget while it was loaded"),
    ]

    @Test("a script that cannot be loaded and a function that is missing are refused", arguments: refusals)
    func refused(_ source: String, _ expected: String) async {
        do {
            await (try await start(routes(source))).stop()
            Issue.record("is accepted")
        } catch {
            #expect("\(error)".contains(expected), "\(error)")
        }
    }

    @Test("stands only where texts of requests are matched")
    func elsewhere() async {
        let problem = await TestProxy.problem(
            filters: """
                - name: mutation
                  typed_config:
                    "@type": type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation
                    mutations:
                      request_mutations:
                        - remove_on_match:
                            key_matcher:
                \(custom("function envoy_match(s) return true end").indented(14))
                """)
        #expect(problem.contains("a custom matcher cannot be used here"), "\(problem)")
    }

    private static let settings: [(settings: String, source: String, answer: String)] = [
        ("on_error: MATCH", "error('boom')", "yes"), ("on_error: NO_MATCH", "error('boom')", "no"), ("on_error: MATCH", "while true do end", "yes"),
        ("on_error: MATCH", "return false", "no"), ("on_error: MATCH", "return nil", "no"),
        ("limits: { fuel: 1000000000, cpu_time: 5s }", "for i = 1, 3000000 do end return true", "yes"),
        ("on_error: NO_MATCH", "for i = 1, 3000000 do end return true", "no"), ("trust: TRUSTED", "return io ~= nil", "yes"),
    ]

    @Test("limits, trust and what an error says can be chosen", arguments: settings)
    func ownSettings(_ settings: String, _ source: String, _ expected: String) async throws {
        let routes = routes("function envoy_match(s) \(source) end")
            .replacing("envoy.extensions.string_matcher.lua.v3.Lua", with: "heddle.string_matcher.lua.v1.LuaStringMatcher")
            .replacing("source_code: {", with: "\(settings)\n              lua: { source_code: {").replacing("end\" }", with: "end\" } }")
        let proxy = try await start(routes)
        #expect(await proxy.get("/", "x-a: v")?.text == expected, "\(proxy.log)")
        await proxy.stop()
    }
}
