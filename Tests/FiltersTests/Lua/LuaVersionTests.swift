import FilterTool
import Filters
import FoundationEssentials
import Glibc
import Observability
import ProxyModel
import Testing

@Suite("Versions of a Lua filter", .serialized)
struct LuaVersionTests {
    private typealias Config = Heddle_Filters_Http_Lua_V1_LuaFilter

    private static func script(_ version: Int) -> String {
        """
        function envoy_on_request(h) h:headers():add("x-request-version", \(version)) end
        function envoy_on_response(h) h:headers():add("x-version", \(version)) end
        """
    }

    /// A filter with version 1 in force and, with `percent`, version 2 beside it.
    private static func config(_ first: String = script(1), _ second: String = script(2), percent: Double? = nil, more: String = "", of candidate: String = "") -> String {
        let beside = percent.map {
            """
            candidate:
              version: "2"
              percent: \($0)
            \(candidate.indented(2))
              source_code:
                inline_string: |
            \(second.indented(6))
            """
        }
        return """
            lua:
              stat_prefix: p
              filter_context: { name: one }
              default_source_code:
                inline_string: |
            \(first.indented(6))
            version: "1"
            \(more)
            \(beside ?? "")
            """
    }

    private static func filter(_ config: String) -> String {
        """
        - name: versioned
          typed_config:
            "@type": type.googleapis.com/heddle.filters.http.lua.v1.LuaFilter
        \(config.indented(4))
        """
    }

    private func proxy(_ config: String, _ upstream: TestUpstream) async throws -> TestProxy {
        try await TestProxy.start(filters: Self.filter(config), clusters: ["main": upstream.port])
    }

    /// A counter of a version.
    private func count(_ proxy: TestProxy, _ version: Int, _ name: String) async throws -> Int? {
        let name = "http.test.lua.p.version.\(version).\(name): "
        let line = try await proxy.statistics().split(separator: "\n").first { $0.hasPrefix(name) }
        return line.flatMap { Int($0.dropFirst(name.count)) }
    }

    @Test("a candidate takes its percentage, both hooks of a request run the same version, and both are counted")
    func percent() async throws {
        let upstream = TestUpstream()
        for (percent, range) in [(0.0, 0...0), (25, 11...49), (100, 120...120)] {
            let proxy = try await proxy(Self.config(percent: percent), upstream)
            var second = 0
            for _ in 0..<120 {
                let version = await proxy.get()?["x-version"]
                #expect(version == upstream.requests.last?["x-request-version"])
                if version == "2" { second += 1 }
            }
            #expect(range.contains(second), "\(second) of 120 at \(percent) %")
            #expect(try await count(proxy, 1, "requests") == 120 - second)
            #expect(try await count(proxy, 2, "requests") == second)
            #expect(try await count(proxy, 2, "failed") == 0)
            await proxy.stop()
        }
    }

    @Test("a candidate that is rolled back gets no request from then on, and keeps those that it has")
    func rolledBack() async throws {
        let gate = Gate()
        let upstream = TestUpstream { request in
            if request.target == "/slow" { gate.wait() }
            return TestUpstream.ok("hello")
        }
        // The line break at the end of the script is a part of it.
        let config = Self.config(percent: 100) + "\n"
        let proxy = try await proxy(config, upstream)
        async let slow = proxy.get("/slow")
        while !upstream.requests.contains(where: { $0.target == "/slow" }) { #expect(await proxy.get()?["x-version"] == "2") }
        let message: Config = try ConfigDecoder.decode(Config.self, from: [ConfigSource(text: config, file: "filter.yaml", format: .yaml)]).message
        await proxy.rollBack([message.candidateKey(filter: "versioned", statPrefix: "test")])
        #expect(await proxy.get()?["x-version"] == "1")
        gate.open()
        #expect(await slow?["x-version"] == "2")
        await proxy.stop()
        // A worker that compiles it later does not begin with it.
        let later = try await TestProxy.start(
            filters: Self.filter(config), clusters: ["main": upstream.port],
            rolledBack: [message.candidateKey(filter: "versioned", statPrefix: "test")])
        #expect(await later.get()?["x-version"] == "1")
        await later.stop()
    }

    @Test("the key of a candidate changes with everything that is configured of it")
    func keys() throws {
        func key(_ config: String, _ filter: String = "f", _ prefix: String = "p") throws -> String {
            let source = ConfigSource(text: config, file: "filter.yaml", format: .yaml)
            return try ConfigDecoder.decode(Config.self, from: [source]).message.candidateKey(filter: filter, statPrefix: prefix)
        }
        let plain = Self.config(percent: 10)
        let keys = try [
            key(plain), key(plain, "g"), key(plain, "f", "q"), key(Self.config(percent: 20)), key(Self.config(Self.script(1), Self.script(3), percent: 10)),
            key(Self.config(percent: 10, of: "filter_context: { a: 1 }")), key(Self.config(percent: 10, of: "max_kills: 1")),
        ]
        #expect(Set(keys).count == keys.count)
        #expect(try key(plain) == keys[0])
    }

    @Test("errors, kills and responses of 500 are counted for the version, and a candidate's kills leave the filter in the chain")
    func figures() async throws {
        let upstream = TestUpstream { $0.target == "/500" ? "HTTP/1.1 500 X\r\ncontent-length: 0\r\n\r\n" : TestUpstream.ok("hello") }
        let script = """
            function envoy_on_request(h)
              local path = h:headers():get(":path")
              if path == "/error" then error("x") end
              while path == "/kill" do end
            end
            """
        for (percent, version) in [(100.0, 2), (0, 1)] {
            let proxy = try await proxy(Self.config(script, script, percent: percent, more: "kills_before_detach: 4"), upstream)
            for path in ["/", "/error", "/kill", "/kill", "/kill", "/500"] { _ = await proxy.get(path) }
            #expect(try await count(proxy, version, "requests") == 6)
            #expect(try await count(proxy, version, "failed") == 5)
            #expect(try await count(proxy, version, "errors") == 4)
            #expect(try await count(proxy, version, "kills") == 3)
            _ = await proxy.get("/kill")
            #expect(try await proxy.statistics().contains("http.test.lua.p.detached: \(version == 1 ? 1 : 0)\n"))
            await proxy.stop()
        }
    }

    @Test("the time in which hooks hold a message counts, with what they wait for")
    func holdTime() async throws {
        let upstream = TestUpstream { request in
            if request.target == "/wait" { _ = poll(nil, 0, 30) }
            return TestUpstream.ok("hello")
        }
        let waiting = """
            function envoy_on_request(h)
              h:httpCall("main", {[":method"] = "GET", [":path"] = "/wait", [":authority"] = "a"}, nil, 5000)
            end
            """
        let proxy = try await proxy(Self.config(waiting), upstream)
        #expect(await proxy.get()?.status == 200)
        let text = try await proxy.statistics()
        let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("http.test.lua.p.version.1.hold_time: ") })
        #expect(line.contains(#/P50\([^,]*,(2[5-9]|[3-9]\d|\d{3,})/#), "\(line)")
        await proxy.stop()
    }

    @Test("a candidate may have its own context and limits; a route's own context stays")
    func ownSettings() async throws {
        let upstream = TestUpstream()
        let script = "function envoy_on_response(h) h:headers():add('x-name', h:filterContext():get('name')) end"
        let route = """
            - match: { prefix: /own }
              route: { cluster: main }
              typed_per_filter_config:
                versioned:
                  "@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.LuaPerRoute
                  filter_context: { name: route }
            - { match: { prefix: / }, route: { cluster: main } }
            """
        for (candidate, expected) in [("", "one"), ("filter_context: { name: two }", "two"), ("limits: { fuel: 1 }", nil)] {
            let proxy = try await TestProxy.start(
                filters: Self.filter(Self.config(script, script.replacing("(h)", with: "(h) for i = 1, 1e4 do end"), percent: 100, of: candidate)),
                routes: route, clusters: ["main": upstream.port])
            #expect(await proxy.get()?["x-name"] == expected)
            if expected != nil { #expect(await proxy.get("/own")?["x-name"] == "route") }
            await proxy.stop()
        }
    }

    @Test("Prometheus has the version as a label")
    func prometheus() async throws {
        let proxy = try await proxy(Self.config(percent: 100), TestUpstream())
        _ = await proxy.get()
        #expect(
            try await proxy.prometheus().contains(
                #"envoy_http_lua_version_requests{envoy_http_conn_manager_prefix="test",envoy_lua_stat_prefix="p",heddle_lua_version="2"} 1"#))
        await proxy.stop()
    }

    private static let digest = "6dcd4ce23d88e2ee9568ba546c007c63d9131c1b"

    private static let refusals: [(String, String)] = [
        (config(more: "sha256: '\(String(repeating: "0", count: 64))'"), "the script's SHA-256 is "),
        (config(more: "sha256: '\(String(repeating: "0", count: 64))'"), ", expected \(String(repeating: "0", count: 64))"),
        (config(more: "sha256: \(digest)"), "sha256: must be 64 hexadecimal digits"),
        (config(percent: 5, of: "sha256: '\(String(repeating: "1", count: 64))'"), "candidate"),
        (config(percent: 101), "candidate.percent: must be between 0 and 100"), (config(percent: -1), "candidate.percent: must be"),
        (config(percent: 5, of: "max_error_ratio_increase: 1.5"), "candidate.max_error_ratio_increase: must be between 0 and 1"),
        (config(percent: 5, of: "max_latency_ratio: 0.5"), "candidate.max_latency_ratio: must be between 1 and"),
        (config(script(1), "syntax(", percent: 5), "candidate.source_code: script load error"),
        (config(percent: 5).replacing("version: \"2\"", with: "version: \"1\""), "candidate.version: needs a name, and another than \"1\""),
        (config(percent: 5).replacing("version: \"1\"", with: ""), "version: is required beside a candidate"),
        (config().replacing("version: \"1\"", with: "version: \"a b\""), "version: must have at most 64 bytes, and no blanks"),
        ("version: \"1\"", "lua: there is no script"),
        (config(percent: 5, more: "reload_interval: 1s"), "reload_interval: a version does not change"),
        (config(more: "settings_schema: { inline_string: '{\"properties\": {\"name\": {\"type\": \"number\"}}}' }"), "filter_context.name: is \"one\"; expected a number (settings_schema)"),
        (config(percent: 5, of: "settings_schema: { inline_string: '{\"required\": [\"more\"]}' }"), "candidate.filter_context.more: is missing (settings_schema)"),
    ]

    @Test("what makes no sense is refused, with both values where they differ", arguments: refusals)
    func refused(_ config: String, _ expected: String) async throws {
        let problem = await TestProxy.problem(filters: Self.filter(config))
        #expect(problem.contains(expected), "\(problem)")
    }

    @Test("cases run against the configured version, with its settings where a case has none, and tell what differs")
    func cases() async throws {
        let folder = try Folder()
        try folder.write(
            "cases.yaml",
            """
            cases:
              - name: tells its version
                expect: { headers: { x-version: 1 } }
              - name: has its settings
                settings: { name: case }
                expect: { headers: { x-name: case } }
              - name: has the configured settings
                expect: { headers: { x-name: one } }
            """)
        let more = "\nfunction envoy_on_response(h) h:headers():add('x-version', v) h:headers():add('x-name', h:filterContext():get('name')) end"
        let text = Self.config("v = 1" + more, "v = 2" + more, percent: 5, more: "cases: \(folder.path)")
        let config = try ConfigDecoder.decode(Config.self, from: [ConfigSource(text: text, file: "filter.yaml", format: .yaml)]).message
        let orders = LuaCaseOrder.all(filter: "versioned", config)
        #expect(orders.map(\.title) == ["filter versioned version 1", "filter versioned version 2"])
        #expect(orders.map(\.path) == ["cases", "cases"])
        let problems = await Tool.problems(orders)
        #expect(problems == ["", "filter versioned version 2: case \"tells its version\" (\(folder.path)/cases.yaml:2): response x-version is \"2\"; expected \"1\""])
        try folder.write("cases.yaml", "filters: []\ncases: [{ name: x, expect: { status: 200 } }]")
        #expect(await Tool.problems(orders).allSatisfy { $0.contains("these are no cases of the configured one") })
        try FileManager.default.removeItem(atPath: "\(folder.path)/cases.yaml")
        #expect(await Tool.problems(orders).allSatisfy { $0.contains("\(folder.path) has no cases") })
    }

    @Test("the sample works, its digests are right, and its cases hold for both versions")
    func sample() async throws {
        let upstream = TestUpstream()
        let text = FileManager.default.contents(atPath: Tool.root + "/samples/lua-versions/envoy.yaml").map { String(decoding: $0, as: UTF8.self) } ?? ""
        let sample = text.replacing("samples/lua-versions/", with: Tool.root + "/samples/lua-versions/")
            .replacing("port_value: 8081", with: "port_value: \(upstream.port)").replacing("percent: 20", with: "percent: 100")
        let proxy = try await TestProxy.start(bootstrap: sample)
        #expect(await proxy.get("/", "x-name: Ada")?["x-greeting"] == "servus Ada")
        await proxy.stop()
        let listener = try #require(try ConfigDecoder.decodeBootstrap(sample, file: "sample").bootstrap.staticResources.listeners.first)
        let manager = try #require(listener.filterChains.first?.filters.first?.typedConfig)
            .unpack(Envoy_Extensions_Filters_Network_HttpConnectionManager_V3_HttpConnectionManager.self)
        let config = try #require(manager.httpFilters.first?.typedConfig).unpack(Config.self)
        #expect(await Tool.problems(LuaCaseOrder.all(filter: "greeting", config)) == ["", ""])
        #expect(await Tool.test([Tool.root + "/samples/lua-versions"]).passed)
        #expect(await Tool.lint([Tool.root + "/samples/lua-versions"]).isEmpty)
    }
}
