import DataPlane
import Glibc
import Observability
import ProxyModel
import SwiftProtobuf
import TrafficPolicy

/// What `settings.schema.json` beside a script says of its settings (`filter_context`).
///
/// The part of JSON Schema (draft 2020-12) that settings need: `type`, `required`, `properties`, `additionalProperties`,
/// `enum`, `const`, `pattern` (RE2), `minLength`, `maxLength` (characters), `minimum`, `maximum`, `items`, `minItems`,
/// `maxItems`; and `writeOnly`, which marks a secret that no message shows. Words that only describe (`title`, `description`,
/// `default` …) are passed over; any other one is an error, so that nobody relies on what is not looked at.
struct SettingsSchema {
    static let fileName = "settings.schema.json"

    /// Where the schema was read.
    let file: String
    private let root: Rule

    /// The schema in the folder of a script; nil when there is none.
    /// - Throws: what is wrong with the schema.
    static func beside(_ script: String) throws(ConfigProblem) -> SettingsSchema? {
        let folder = script.lastIndex(of: "/").map { String(script[...$0]) } ?? ""
        let file = folder + fileName
        guard access(file, F_OK) == 0 else { return nil }
        var source = Envoy_Config_Core_V3_DataSource()
        source.filename = file
        return try SettingsSchema(String(decoding: try DataSources.bytes(source, fileName), as: UTF8.self), file: file)
    }

    /// - Throws: what is wrong with the schema.
    init(_ text: String, file: String) throws(ConfigProblem) {
        self.file = file
        let schema: Google_Protobuf_Struct
        do {
            schema = try Google_Protobuf_Struct(jsonString: text)
        } catch {
            throw ConfigProblem("\(file): a JSON object is expected, and the text is none", path: Self.path)
        }
        root = try Rule(.object(Metadata.object(schema)), at: "", in: file)
    }

    private static let path = "filter_context"

    /// - Throws: the first thing that is not as the schema says: file, field and what is expected.
    func check(_ settings: [String: MetadataValue]) throws(ConfigProblem) {
        guard let problem = root.problem(.object(settings), at: "") else { return }
        let place = problem.field.isEmpty ? Self.path : "\(Self.path).\(problem.field)"
        throw ConfigProblem("\(problem.text) (\(file))", path: place)
    }

    /// What is expected of one value.
    private final class Rule {
        private enum Others {
            case allowed
            case refused
            case checked(Rule)
        }

        private var types: [String] = []
        private var required: [String] = []
        private var properties: [String: Rule] = [:]
        private var others = Others.allowed
        private var values: [MetadataValue] = []
        private var constant: MetadataValue?
        private var pattern: (text: String, program: RegexProgram)?
        private var minimum: Double?
        private var maximum: Double?
        private var items: Rule?
        private var isSecret = false
        /// How many characters a text has, and how many items a list.
        private var length = 0...Int.max
        private var count = 0...Int.max

        /// Words that say nothing of what is right.
        private static let remarks: Set<String> = [
            "$schema", "$id", "$comment", "title", "description", "default", "examples", "deprecated",
        ]
        private static let typeNames = ["array", "boolean", "integer", "null", "number", "object", "string"]

        init(_ schema: MetadataValue, at place: String, in file: String) throws(ConfigProblem) {
            guard case .object(let words) = schema else {
                throw Self.problem("a schema must be an object", place, file)
            }
            for (word, value) in words.sorted(by: { $0.key < $1.key }) where !Self.remarks.contains(word) {
                let here = place.isEmpty ? word : "\(place).\(word)"
                switch (word, value) {
                case ("type", .string(let name)): types = [name]
                case ("type", .list(let names)): types = try Self.texts(names, here, file)
                case ("required", .list(let names)): required = try Self.texts(names, here, file)
                case ("properties", .object(let fields)):
                    for (name, field) in fields { properties[name] = try Rule(field, at: "\(here).\(name)", in: file) }
                case ("additionalProperties", .bool(let allowed)): others = allowed ? .allowed : .refused
                case ("additionalProperties", .object): others = .checked(try Rule(value, at: here, in: file))
                case ("enum", .list(let list)) where !list.isEmpty: values = list
                case ("const", _): constant = value
                case ("minLength", _), ("maxLength", _): try Self.narrow(&length, word, value, here, file)
                case ("minItems", _), ("maxItems", _): try Self.narrow(&count, word, value, here, file)
                case ("pattern", .string(let text)): pattern = (text, try Self.program(text, here, file))
                case ("minimum", .number(let number)): minimum = number
                case ("maximum", .number(let number)): maximum = number
                case ("writeOnly", .bool(let flag)): isSecret = flag
                case ("items", .object): items = try Rule(value, at: here, in: file)
                case ("type", _), ("required", _), ("properties", _), ("additionalProperties", _), ("enum", _),
                    ("pattern", _),
                    ("minimum", _), ("maximum", _), ("items", _), ("writeOnly", _):
                    throw Self.problem("has a value of the wrong kind", here, file)
                default: throw Self.problem("is a word of JSON Schema that settings cannot have", here, file)
                }
            }
            for name in types where !Self.typeNames.contains(name) {
                throw Self.problem(
                    "\"\(name)\" is no type; expected one of \(Self.typeNames.joined(separator: ", "))", place, file)
            }
        }

        /// Takes a bound from `min…` or `max…`.
        private static func narrow(
            _ range: inout ClosedRange<Int>, _ word: String, _ value: MetadataValue, _ place: String, _ file: String
        ) throws(ConfigProblem) {
            guard case .number(let number) = value, let bound = Int(exactly: number), bound >= 0 else {
                throw problem("a whole number from 0 on is expected", place, file)
            }
            let (lower, upper) = word.hasPrefix("min") ? (bound, range.upperBound) : (range.lowerBound, bound)
            guard lower <= upper else { throw problem("leaves nothing: \(lower) is more than \(upper)", place, file) }
            range = lower...upper
        }

        private static func problem(_ text: String, _ place: String, _ file: String) -> ConfigProblem {
            ConfigProblem("\(file): \(place.isEmpty ? "" : place + ": ")\(text)", path: SettingsSchema.path)
        }

        private static func texts(_ values: [MetadataValue], _ place: String, _ file: String) throws(ConfigProblem)
            -> [String]
        {
            var texts: [String] = []
            for value in values {
                guard case .string(let text) = value else { throw problem("a list of texts is expected", place, file) }
                texts.append(text)
            }
            return texts
        }

        /// A pattern of JSON Schema may match anywhere in a text.
        private static func program(_ pattern: String, _ place: String, _ file: String) throws(ConfigProblem)
            -> RegexProgram
        {
            do throws(PolicyError) {
                return try RegexProgram("(?s:.*?)(?:\(pattern))(?s:.*)")
            } catch {
                throw problem("\(error)", place, file)
            }
        }

        // MARK: Checking

        typealias Problem = (field: String, text: String)

        func problem(_ value: MetadataValue, at field: String) -> Problem? {
            if !types.isEmpty, !types.contains(where: { Self.is(value, $0) }) {
                return (field, "is \(shown(value)); expected \(types.map(Self.named).joined(separator: " or "))")
            }
            if !values.isEmpty, !values.contains(value) {
                return (
                    field, "is \(shown(value)); expected one of \(values.map(Self.shown).joined(separator: ", "))"
                )
            }
            if let constant, value != constant {
                return (field, "is \(shown(value)); expected \(Self.shown(constant))")
            }
            switch value {
            case .object(let fields): return problem(fields, at: field)
            case .list(let list):
                if let problem = Self.problem(list.count, count, "item", "items", at: field) { return problem }
                guard let items else { return nil }
                for (index, item) in list.enumerated() {
                    if let problem = items.problem(item, at: "\(field)[\(index)]") { return problem }
                }
                return nil
            case .number(let number):
                if let minimum, number < minimum {
                    return (field, "is \(shown(value)); expected at least \(Self.shown(.number(minimum)))")
                }
                if let maximum, number > maximum {
                    return (field, "is \(shown(value)); expected at most \(Self.shown(.number(maximum)))")
                }
                return nil
            case .string(let text):
                if let problem = Self.problem(text.unicodeScalars.count, length, "character", "characters", at: field) { return problem }
                guard let pattern else { return nil }
                var copy = text
                let matches = copy.withUTF8 { pattern.program.matchesAll(of: UnsafeRawBufferPointer($0)) }
                return matches ? nil : (field, "is \(shown(value)); expected something like /\(pattern.text)/")
            case .null, .bool, .bytes: return nil
            }
        }

        private static func problem(
            _ count: Int, _ range: ClosedRange<Int>, _ one: String, _ many: String, at field: String
        ) -> Problem? {
            guard !range.contains(count) else { return nil }
            let (word, bound) = count < range.lowerBound ? ("least", range.lowerBound) : ("most", range.upperBound)
            return (field, "has \(count) \(count == 1 ? one : many); expected at \(word) \(bound)")
        }

        private func problem(_ fields: [String: MetadataValue], at field: String) -> Problem? {
            func place(_ name: String) -> String { field.isEmpty ? name : "\(field).\(name)" }
            for name in required where fields[name] == nil { return (place(name), "is missing") }
            for (name, value) in fields.sorted(by: { $0.key < $1.key }) {
                if let rule = properties[name] {
                    if let problem = rule.problem(value, at: place(name)) { return problem }
                    continue
                }
                switch others {
                case .allowed: continue
                case .refused:
                    return (place(name), "is unknown; expected \(properties.keys.sorted().joined(separator: ", "))")
                case .checked(let rule): if let problem = rule.problem(value, at: place(name)) { return problem }
                }
            }
            return nil
        }

        private static func `is`(_ value: MetadataValue, _ type: String) -> Bool {
            switch (value, type) {
            case (.null, "null"), (.bool, "boolean"), (.number, "number"), (.string, "string"), (.list, "array"),
                (.object, "object"):
                true
            case (.number(let number), "integer"): number == number.rounded() && number.magnitude < 1e300
            default: false
            }
        }

        private static func named(_ type: String) -> String {
            switch type {
            case "array": "a list"
            case "boolean": "true or false"
            case "integer": "a whole number"
            case "number": "a number"
            case "object": "an object"
            case "string": "a text"
            default: type
            }
        }

        private func shown(_ value: MetadataValue) -> String { isSecret ? "not shown" : Self.shown(value) }

        /// A value as a message shows it, cut where it is long.
        private static func shown(_ value: MetadataValue) -> String {
            switch value {
            case .null: return "null"
            case .bool(let flag): return flag ? "true" : "false"
            case .number(let number): return Int(exactly: number).map { String($0) } ?? "\(number)"
            case .bytes: return "a text that is not UTF-8"
            case .string(let text): return "\"\(text.count > 100 ? text.prefix(100) + "…" : text[...])\""
            case .list: return "a list"
            case .object: return "an object"
            }
        }
    }
}
