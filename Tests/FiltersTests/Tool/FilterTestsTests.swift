import FilterTool
import FoundationEssentials
import Glibc
import Reactor
import Testing

@Suite("heddle filter test", .serialized)
struct FilterTestsTests {
    @Test("the cases of every ready filter are as they must be")
    func readyFilters() async throws {
        let report = await Tool.test([Tool.root + "/filters"])
        #expect(report.passed, "\(report.text())")
        #expect(report.files.reduce(0) { $0 + $1.outcomes.count } > 5)
    }

    @Test("each kind of expectation fails where it does not hold", arguments: [
        ("status: 404", "response :status is \"200\"; expected \"404\""),
        ("headers: { x-none: here }", "response x-none is missing; expected \"here\""),
        ("headers: { x-answer: null }", "response x-answer must not be there, and is \"yes\""),
        ("headers: { x-answer: { matches: 'n.*' } }", "response x-answer is \"yes\"; expected something like /n.*/"),
        ("headers: { x-answer: { lacks: es } }", "response x-answer is \"yes\"; expected something without \"es\" in it"),
        ("body: { contains: bye }", "response body is \"hello\"; expected something with \"bye\" in it"),
        ("cluster: other", "cluster is main; expected other"), ("cluster: none", "cluster is main; expected none"),
        ("request: { path: /other }", "request :path is \"/\"; expected \"/other\""),
        ("request: { body: x }", "request body is \"\"; expected \"x\""),
        ("request: { headers: { x-set: no } }", "request x-set is \"yes\"; expected \"no\""),
        ("calls: { other: { path: / } }", "other was not called"), ("log: missing", "the log has no line with \"missing\""),
        ("metrics: { made: 2 }", "counter made rose by 1; expected 2"), ("errors: 1", "0 script errors; expected 1"),
    ])
    func failures(_ expectation: String, _ failure: String) async throws {
        let folder = try Folder()
        try folder.write("script.lua", "function envoy_on_request(h) h:headers():add('x-set', 'yes'); h:stats():counter('made'):inc() end")
        try folder.write(
            "cases.yaml",
            "cases:\n  - name: one\n    upstream: { headers: { x-answer: yes }, body: hello }\n    expect: { \(expectation) }\n")
        let report = await Tool.test([folder.path])
        #expect(!report.passed)
        let outcome = try #require(report.files.first?.outcomes.first)
        #expect(outcome.failures == [failure])
        #expect(outcome.place == "\(folder.path)/cases.yaml:2")
    }

    @Test("a file that is not what it should be is an error with file and line", arguments: [
        ("cases: []", ":1: needs a list \"cases\""), ("case: x", ":1: the file has no \"case\"; it may have script"),
        ("cases:\n- name: x\n  expct: {}", ":3: a case has no \"expct\""), ("cases:\n- name: x\n", ":2: needs \"expect\""),
        ("cases:\n- name: x\n  expect: {}", ":3: \"expect\" is empty"), ("cases:\n- expect: { status: 200 }", "a case needs a \"name\""),
        ("cases:\n- name: x\n  expect: { status: [1] }", ":3: status: expected text"),
        ("cases:\n- name: x\n  request: { file: none.http }\n  expect: { status: 200 }", ":3: none.http cannot be read"), ("{", ":1: "),
    ])
    func problems(_ text: String, _ problem: String) async throws {
        let folder = try Folder()
        try folder.write("script.lua", "function envoy_on_request(h) end")
        try folder.write("cases.yaml", text)
        let report = await Tool.test([folder.path])
        #expect(!report.passed)
        #expect(report.files.first?.problem?.contains(problem) == true, "\(report.text())")
    }

    @Test("errors and counters of filters with a stat_prefix are seen, wherever the filter stands")
    func statPrefix() async throws {
        let folder = try Folder()
        try folder.write("script.lua", "function envoy_on_request(h) h:stats():counter('made'):inc() heddle.metric.counter('sold_total', 2, {unit = 'x'}) error('oops') end")
        try folder.write(
            "a.cases.yaml",
            "config: { stat_prefix: x }\ncases:\n  - { name: one, expect: { status: 200, metrics: { made: 1, 'sold_total{unit=x}': 2 } } }\n")
        let lua = "{ name: lua, typed_config: { \"@type\": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua, stat_prefix: y, "
            + "default_source_code: { filename: \(folder.path)/script.lua } } }"
        try folder.write("b.cases.yaml", "filters: [\(lua)]\ncases:\n  - { name: two, expect: { errors: 1, metrics: { made: 1 } } }\n")
        let report = await Tool.test([folder.path])
        #expect(report.files.first?.outcomes.first?.failures == ["1 script error; expected 0"], "\(report.text())")
        #expect(report.files.last?.outcomes.first?.failures == [], "\(report.text())")
    }

    @Test("cases may be written in Lua, keep state from request to request, and say where a script failed")
    func lua() async throws {
        let folder = try Folder()
        try folder.write(
            "count.lua",
            "-- counts\nlocal n = 0\nfunction envoy_on_request(h)\n  n = n + 1\n  if h:headers():get('x-fail') then error('broken') end\n  h:headers():add('x-n', n)\nend\n")
        try folder.write(
            "cases.lua",
            """
            for _, method in ipairs { "GET", "PUT" } do
              case {
                name = method, request = { method = method, headers = { ["x-gone"] = "1" } },
                expect = { status = 200, request = { method = method, headers = { ["x-n"] = 1, ["x-none"] = none } } },
                ["then"] = { { request = { path = "/two" }, expect = { request = { headers = { ["x-n"] = 2 } } } } },
              }
            end
            case { name = "fails", request = { headers = { ["x-fail"] = "1" } }, expect = { errors = 1, log = "count.lua:5: broken" } }
            """)
        let report = await Tool.test([folder.path])
        let outcomes = try #require(report.files.first?.outcomes, "\(report.text())")
        #expect(outcomes.map(\.name) == ["GET", "PUT", "fails"])
        #expect(outcomes.prefix(2).allSatisfy { $0.passed }, "\(report.text())")
        // The log that failed cases show names the file and has a stack.
        try folder.write("cases.lua", "case { name = 'fails', request = { headers = { ['x-fail'] = '1' } }, expect = { status = 200 } }")
        let failed = await Tool.test([folder.path])
        let log = try #require(failed.files.first?.outcomes.first?.log.joined(separator: "\n"))
        #expect(log.contains("count.lua:5: broken"), "\(log)")
        #expect(log.contains("in function"), "\(log)")
    }

    @Test("a recorded request is sent as it was")
    func recorded() async throws {
        let folder = try Folder()
        try folder.write("script.lua", "function envoy_on_request(h) end")
        try folder.write("login.http", "POST /login?a=1 HTTP/1.1\r\nHost: shop.example.com\nX-Kind: form\n\nuser=a&pass=b")
        try folder.write(
            "cases.yaml",
            """
            cases:
              - name: recorded
                request: { file: login.http, headers: { x-more: 1 } }
                expect:
                  request:
                    { method: POST, path: '/login?a=1', host: shop.example.com, headers: { x-kind: form, x-more: 1 }, body: user=a&pass=b }
            """)
        let report = await Tool.test([folder.path])
        #expect(report.passed, "\(report.text())")
    }

    @Test("a recorded body in chunks is what they hold", arguments: [
        ("3\r\nabc\r\n4;x=y\r\n\r\nde\r\n0\r\n\r\n", "abc\r\nde"), ("3\nabc\n0\n\n", "abc"), ("0\r\n\r\n", ""),
        // Not chunks, or cut off: as it is.
        ("abc", "abc"), ("5\r\nabc\r\n", "5\r\nabc\r\n"), ("3\r\nabcd\r\n", "3\r\nabcd\r\n"), ("-1\r\nabc", "-1\r\nabc"),
    ])
    func chunks(_ body: String, _ expected: String) throws {
        let message = try WireMessage(recorded: Array("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\(body)".utf8))
        #expect(message.text == expected)
        #expect(message["transfer-encoding"] == nil)
    }

    @Test("calls of other services are answered and looked at")
    func calls() async throws {
        let folder = try Folder()
        try folder.write(
            "script.lua",
            """
            function envoy_on_request(h)
              local headers, body = h:httpCall("auth", { [":method"] = "GET", [":path"] = "/check", [":authority"] = "auth" }, nil, 1000)
              h:headers():add("x-auth", headers[":status"] .. " " .. (body or ""))
            end
            """)
        try folder.write(
            "cases.yaml",
            """
            upstreams: { auth: { status: 201, body: fine } }
            cases:
              - name: calls
                expect: { request: { headers: { x-auth: 201 fine } }, calls: { auth: { path: /check, host: auth } } }
            """)
        let report = await Tool.test([folder.path])
        #expect(report.passed, "\(report.text())")
    }

    @Test("no cases are no success, and the folder without them is told beside one with some")
    func nothing() async throws {
        let (folder, other) = (try Folder(), try Folder())
        try folder.write("script.lua", "function envoy_on_request(h) end")
        try folder.write("cases.yaml", "cases: [{ name: a, expect: { status: 200 } }]")
        #expect(await Tool.test([folder.path]).passed)
        let report = await Tool.test([folder.path, other.path])
        #expect(!report.passed)
        #expect(report.text().contains("FAILED \(other.path) has no cases"), "\(report.text())")
    }

    @Test("a script finds the files that it requires in its own folder, or where config says")
    func modules() async throws {
        let folder = try Folder()
        try folder.write("script.lua", "local prices = require 'prices'\nfunction envoy_on_request(h) h:headers():add('x-price', prices.a) end")
        try folder.write("prices.lua", "return { a = 5 }")
        let cases = "cases: [{ name: a, expect: { request: { headers: { x-price: '5' } } } }]"
        try folder.write("cases.yaml", "script: script.lua\n\(cases)")
        let report = await Tool.test([folder.path])
        #expect(report.passed, "\(report.text())")
        let nested = try Folder()
        try FileManager.default.createDirectory(atPath: "\(nested.path)/lib", withIntermediateDirectories: false)
        try nested.write("script.lua", "local prices = require 'prices'\nfunction envoy_on_request(h) h:headers():add('x-price', prices.a) end")
        try nested.write("lib/prices.lua", "return { a = 5 }")
        try nested.write("cases.yaml", "config: { module_path: lib }\n\(cases)")
        let other = await Tool.test([nested.path])
        #expect(other.passed, "\(other.text())")
    }

    @Test("the configuration of a case may have what is Heddle's own, and an unknown field is told as the author wrote it")
    func config() async throws {
        let folder = try Folder()
        try folder.write("script.lua", "function envoy_on_request(h) error('no') end")
        try folder.write("cases.yaml", "config: { on_error: FAIL_CLOSED, limits: { fuel: 100000 } }\ncases: [{ name: a, expect: { status: 500, cluster: none, errors: 1 } }]")
        let report = await Tool.test([folder.path])
        #expect(report.passed, "\(report.text())")
        try folder.write("cases.yaml", "config: { clear_route_cach: false }\ncases: [{ name: a, expect: { status: 200 } }]")
        let text = await Tool.test([folder.path]).text()
        #expect(text.contains("cases.yaml:2: clear_route_cach: unknown field; did you mean \"clear_route_cache\"?"), "\(text)")
        try folder.write("cases.yaml", "settings: [a]\ncases: [{ name: a, expect: { status: 200 } }]")
        #expect(await Tool.test([folder.path]).text().contains("cases.yaml:2: filter_context: expected a mapping, found a list"))
    }

    @Test("a body can be compared as JSON", arguments: [
        ("{ json: { id: 7, of: [a, { c: null, b: 1.0 }] } }", true), ("{ json: { id: 8 } }", false), ("{ json: [] }", false),
    ])
    func json(_ expected: String, _ passes: Bool) async throws {
        let folder = try Folder()
        try folder.write("script.lua", #"function envoy_on_request(h) h:respond({[":status"] = "200"}, '{"of": ["a", {"b":1, "c": null}], "id": 7}') end"#)
        try folder.write("cases.yaml", "cases: [{ name: a, expect: { body: \(expected) } }]")
        let report = await Tool.test([folder.path])
        #expect(report.passed == passes, "\(report.text())")
        #expect(passes || report.text().contains("expected JSON of "))
    }

    @Test("timers run before a request that comes later")
    func timers() async throws {
        let folder = try Folder()
        try folder.write(
            "script.lua",
            """
            local known = {}
            heddle.every(30, function(job)
              local headers, body = job:httpCall("keys", { [":method"] = "GET", [":path"] = "/keys", [":authority"] = "keys" }, nil, 2000)
              known[body] = true
            end)
            function envoy_on_request(h)
              if not known[h:headers():get("x-key")] then h:respond({ [":status"] = "403" }, "no") end
            end
            """)
        try folder.write(
            "cases.yaml",
            """
            upstreams: { keys: { body: k-1 } }
            cases:
              - name: nothing is known at first
                request: { headers: { x-key: k-1 } }
                expect: { status: 403 }
                then:
                  - after: 0.2
                    request: { headers: { x-key: k-1 } }
                    expect: { status: 200, calls: { keys: { path: /keys } } }
            """)
        let report = await Tool.test([folder.path])
        #expect(report.passed, "\(report.text())")
        try folder.write("cases.yaml", "cases: [{ name: a, after: 11, expect: { status: 200 } }]")
        #expect(await Tool.test([folder.path]).text().contains("\"after\" is a number of seconds from 0 to 10"))
    }

    @Test("a script that is given in the place of its cases is told to be none")
    func script() async throws {
        let folder = try Folder()
        try folder.write("script.lua", "function envoy_on_request(h) end")
        let text = await Tool.test(["\(folder.path)/script.lua"]).text()
        #expect(text.contains("script.lua: makes no case"), "\(text)")
    }
}
