import DataPlane
import FilterTool
import Observability
import Testing

@testable import Filters

@Suite("The schema of a filter's settings")
struct SettingsSchemaTests {
    private static let schema = """
        {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Settings", "type": "object", "required": ["key"],
         "properties": {
           "key": {"type": "string", "pattern": "^k-[0-9]+$"}, "part": {"type": "string", "pattern": "b+"}, "mode": {"enum": ["on", 1, null]},
           "count": {"type": "integer", "minimum": 1, "maximum": 10}, "share": {"type": ["number", "boolean"]},
           "names": {"type": "array", "items": {"type": "string", "minLength": 1, "maxLength": 2}, "minItems": 0, "maxItems": 2},
           "pair": {"type": "array", "minItems": 2}, "kind": {"const": "a"}, "none": {"const": null, "default": null},
           "deep": {"type": "object", "additionalProperties": {"type": "number", "minimum": 0.5}}},
         "additionalProperties": false}
        """

    private static let good: [String: MetadataValue] = ["key": .string("k-1")]

    private func problem(_ settings: [String: MetadataValue]) throws -> String {
        let schema = try SettingsSchema(Self.schema, file: "f/settings.schema.json")
        do {
            try schema.check(settings)
            return ""
        } catch {
            return error.description
        }
    }

    @Test(
        "lets pass what it describes",
        arguments: [
            [:], ["part": .string("abc\nd")], ["mode": .null], ["mode": .number(1)], ["count": .number(1)], ["count": .number(10)],
            ["share": .bool(true)], ["share": .number(0.5)], ["names": .list([])],
            ["names": .list([.string("a")]), "deep": .object(["x": .number(0.5)])],
            ["names": .list([.string("äö"), .string("x")])], ["pair": .list([.null, .number(1)])], ["kind": .string("a"), "none": .null],
        ] as [[String: MetadataValue]])
    func passes(_ settings: [String: MetadataValue]) throws {
        #expect(try problem(Self.good.merging(settings) { $1 }) == "")
    }

    @Test(
        "names the field, what it is and what is expected",
        arguments: [
            ([:], "filter_context.key: is missing"), (["key": .number(1)], "filter_context.key: is 1; expected a text"),
            (["key": .string("x-1")], "filter_context.key: is \"x-1\"; expected something like /^k-[0-9]+$/"),
            (["key": .string("k-1\n")], "filter_context.key: is \"k-1\n\"; expected something like /^k-[0-9]+$/"),
            (["part": .string("ac")], "filter_context.part: is \"ac\"; expected something like /b+/"),
            (["mode": .string("off")], "filter_context.mode: is \"off\"; expected one of \"on\", 1, null"),
            (["count": .number(1.5)], "filter_context.count: is 1.5; expected a whole number"),
            (["count": .number(0)], "filter_context.count: is 0; expected at least 1"),
            (["count": .number(11)], "filter_context.count: is 11; expected at most 10"),
            (["share": .string("x")], "filter_context.share: is \"x\"; expected a number or true or false"),
            (["names": .list([.string("a"), .number(2)])], "filter_context.names[1]: is 2; expected a text"),
            (["names": .list([.string("")])], "filter_context.names[0]: has 0 characters; expected at least 1"),
            (["names": .list([.string("a"), .string("äöü")])], "filter_context.names[1]: has 3 characters; expected at most 2"),
            (["names": .list([.number(1), .number(2), .number(3)])], "filter_context.names: has 3 items; expected at most 2"),
            (["pair": .list([.null])], "filter_context.pair: has 1 item; expected at least 2"),
            (["kind": .string("b")], "filter_context.kind: is \"b\"; expected \"a\""),
            (["none": .bool(false)], "filter_context.none: is false; expected null"),
            (["deep": .object(["x": .number(0)])], "filter_context.deep.x: is 0; expected at least 0.5"),
            (["other": .null], "filter_context.other: is unknown; expected count, deep, key, kind, mode, names, none, pair, part, share"),
        ] as [([String: MetadataValue], String)])
    func refuses(_ settings: [String: MetadataValue], _ expected: String) throws {
        let all = settings.isEmpty ? settings : Self.good.merging(settings) { $1 }
        #expect(try problem(all) == expected + " (f/settings.schema.json)")
    }

    @Test(
        "that says what nobody looks at is refused itself",
        arguments: [
            ("[]", "f: a JSON object is expected"), ("{", "f: a JSON object is expected"),
            (#"{"oneOf": []}"#, "f: oneOf: is a word of JSON Schema that settings cannot have"),
            (
                #"{"properties": {"a": {"format": "uri"}}}"#,
                "f: properties.a.format: is a word of JSON Schema that settings cannot have"
            ),
            (#"{"properties": {"a": {"type": "text"}}}"#, "\"text\" is no type; expected one of array, boolean"),
            (#"{"properties": {"a": 1}}"#, "f: properties.a: a schema must be an object"),
            (#"{"minimum": "1"}"#, "f: minimum: has a value of the wrong kind"),
            (#"{"writeOnly": 1}"#, "f: writeOnly: has a value of the wrong kind"),
            (#"{"minLength": -1}"#, "f: minLength: a whole number from 0 on is expected"),
            (#"{"maxItems": "1"}"#, "f: maxItems: a whole number from 0 on is expected"),
            (#"{"minItems": 1.5}"#, "f: minItems: a whole number from 0 on is expected"),
            (#"{"maxLength": 1, "minLength": 2}"#, "f: minLength: leaves nothing: 2 is more than 1"),
            (#"{"exclusiveMinimum": 1}"#, "f: exclusiveMinimum: is a word of JSON Schema that settings cannot have"),
            (#"{"required": [1]}"#, "f: required: a list of texts is expected"), (#"{"pattern": "("}"#, "f: pattern: "),
        ])
    func badSchema(_ text: String, _ expected: String) {
        let error = #expect(throws: ConfigProblem.self) { try SettingsSchema(text, file: "f") }
        #expect(error?.description.contains(expected) == true, "\(String(describing: error))")
    }

    @Test("does not show a secret, whatever is wrong with it", arguments: [
        (MetadataValue.string("k-123"), "is not shown; expected something like /^[a-z]+$/"), (.number(123), "is not shown; expected a text"),
        (.string("kkkkkk"), "has 6 characters; expected at most 5"),
    ])
    func secrets(_ value: MetadataValue, _ expected: String) throws {
        let schema = try SettingsSchema(
            #"{"properties": {"key": {"type": "string", "pattern": "^[a-z]+$", "maxLength": 5, "writeOnly": true}}}"#, file: "f")
        let error = #expect(throws: ConfigProblem.self) { try schema.check(["key": value]) }
        #expect(error?.description == "filter_context.key: \(expected) (f)")
    }

    @Test("holds for the filter and for its routes, wherever it is configured from a folder that has one")
    func configured() async throws {
        let folder = try Folder()
        try folder.write(
            "script.lua",
            "function envoy_on_request(h) h:headers():add('x-count', tostring(h:filterContext():get('count'))) end")
        try folder.write(
            "settings.schema.json", #"{"properties": {"count": {"type": "integer"}}, "additionalProperties": false}"#)
        func filter(_ settings: String) -> String {
            """
            - name: lua
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua
                default_source_code: { filename: \(folder.path)/script.lua }
                \(settings)
            """
        }
        func route(_ config: String) -> String {
            """
            - match: { prefix: / }
              route: { cluster: main }
              typed_per_filter_config:
                lua: { "@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.LuaPerRoute, \(config) }
            """
        }
        func problem(_ settings: String, _ config: String = "filter_context: { count: 2 }") async -> String {
            do {
                let proxy = try await TestProxy.start(
                    filters: filter(settings), routes: route(config), clusters: ["main": 1])
                await proxy.stop()
                return ""
            } catch {
                return "\(error)"
            }
        }
        let own = "source_code: { filename: \(folder.path)/script.lua }"
        #expect(await problem("") == "")
        #expect(await problem("filter_context: { count: 1 }") == "")
        #expect(
            await problem("filter_context: { count: x }").contains(
                "filter_context.count: is \"x\"; expected a whole number (\(folder.path)/settings.schema.json)"))
        #expect(
            await problem("", "filter_context: { cuont: 1 }").contains(
                "filter_context.cuont: is unknown; expected count"))
        #expect(await problem("", "\(own), filter_context: { count: 1.5 }").contains("filter_context.count: is 1.5"))
        #expect(await problem("", own) == "")
    }

    @Test("is looked at by heddle filter test and run")
    func tool() async throws {
        let folder = try Folder()
        try folder.write("script.lua", "function envoy_on_request(h) end")
        try folder.write("settings.schema.json", #"{"properties": {"count": {"type": "integer"}}}"#)
        try folder.write(
            "cases.yaml",
            "cases:\n  - { name: good, settings: { count: 1 }, expect: { status: 200 } }\n  - { name: bad, settings: { count: x }, expect: { status: 200 } }\n"
        )
        let report = await Tool.test([folder.path])
        let outcomes = try #require(report.files.first?.outcomes)
        #expect(outcomes.map(\.passed) == [true, false])
        #expect(
            outcomes[1].failures.first?.contains("filter_context.count: is \"x\"; expected a whole number") == true,
            "\(report.text())")
    }
}
