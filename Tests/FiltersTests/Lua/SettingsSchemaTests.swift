import Observability
import Testing

@testable import Filters

@Suite("The schema of a filter's settings")
struct SettingsSchemaTests {
    private func problem(_ schema: String, _ value: MetadataValue) throws -> String? {
        try SettingsSchema(Array(schema.utf8), path: "settings_schema").problem(value)
    }

    private static let cases: [(String, MetadataValue, String?)] = [
        (#"{"type": "string"}"#, .string("x"), nil), (#"{"type": "string"}"#, .number(1), "the settings must be of type string"),
        (#"{"type": ["integer", "null"]}"#, .number(2), nil), (#"{"type": ["integer", "null"]}"#, .null, nil),
        (#"{"type": ["integer", "null"]}"#, .number(2.5), "the settings must be of type integer or null"),
        (#"{"enum": ["a", 1]}"#, .number(1), nil), (#"{"enum": ["a", 1]}"#, .string("b"), "the settings must be one of the values that the schema lists"),
        (#"{"const": true}"#, .bool(false), "the settings must be one of the values that the schema lists"),
        (#"{"minimum": 2}"#, .number(2), nil), (#"{"minimum": 2}"#, .number(1.9), "the settings must be at least 2.0"),
        (#"{"exclusiveMinimum": 2}"#, .number(2), "the settings must be above 2.0"), (#"{"maximum": 2}"#, .number(3), "the settings must be at most 2.0"),
        (#"{"exclusiveMaximum": 2}"#, .number(2), "the settings must be below 2.0"),
        (#"{"minLength": 2, "maxLength": 3}"#, .string("äöü"), nil),
        (#"{"minLength": 2}"#, .string("ä"), "the settings has 1 characters; expected at least 2"),
        (#"{"maxLength": 3}"#, .string("abcd"), "the settings has 4 characters; expected at most 3"),
        (#"{"pattern": "^a|b$"}"#, .string("xb"), nil), (#"{"pattern": "^a|b$"}"#, .string("xa"), "the settings does not match the schema's pattern"),
        (#"{"pattern": "b"}"#, .string("a\nb\nc"), nil),
        (#"{"items": {"type": "number"}, "maxItems": 2}"#, .list([.number(1), .string("x")]), "[1] must be of type number"),
        (#"{"maxItems": 1}"#, .list([.null, .null]), "the settings has 2 items; expected at most 1"),
        (#"{"minItems": 1}"#, .list([]), "the settings has 0 items; expected at least 1"),
        (#"{"required": ["a"]}"#, .object([:]), "a is required"),
        (#"{"properties": {"a": {"properties": {"b": {"type": "string"}}}}}"#, .object(["a": .object(["b": .null])]), "a.b must be of type string"),
        (#"{"properties": {"a": {}}, "additionalProperties": false}"#, .object(["z": .null]), "there is no setting z; known are a"),
        (#"{"additionalProperties": {"type": "string"}}"#, .object(["z": .null]), "z must be of type string"),
        (#"{"properties": {"a": {}}}"#, .object(["z": .null]), nil),
    ]

    @Test("each keyword says what does not fit, and where", arguments: cases.indices)
    func keywords(_ index: Int) throws {
        let (schema, value, expected) = Self.cases[index]
        #expect(try problem(schema, value) == expected)
    }

    @Test("a schema that is not understood is refused", arguments: [
        (#"{"oneOf": []}"#, "oneOf: this keyword is not supported"), (#"{"properties": {"a": {"$ref": "x"}}}"#, "properties.a.$ref: this keyword is not supported"),
        (#"{"type": "text"}"#, "type: there is no type \"text\""), ("[]", "a schema is an object"), ("{", "is no JSON: line 1: "),
        (#"{"minLength": -1}"#, "minLength: expected a whole number"), (#"{"pattern": "("}"#, "pattern: "), (#"{"required": "a"}"#, "required: expected a list"),
    ])
    func refused(_ schema: String, _ expected: String) {
        do {
            _ = try problem(schema, .null)
            Issue.record("is accepted")
        } catch {
            #expect("\(error)".hasPrefix("settings_schema: \(expected)"), "\(error)")
        }
    }
}
