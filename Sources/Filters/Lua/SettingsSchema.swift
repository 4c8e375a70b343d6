import DataPlane
import Observability
import ProxyModel
import TrafficPolicy

/// A JSON Schema for the settings of a filter: the part of it that settings need. A keyword that is not known is refused,
/// since a schema that is half understood lets through what it forbids.
struct SettingsSchema {
    private enum Rule {
        case types([String])
        case oneOf([MetadataValue])
        case minimum(Double, isExclusive: Bool)
        case maximum(Double, isExclusive: Bool)
        case length(ClosedRange<Int>)
        case count(ClosedRange<Int>)
        case pattern(RegexProgram)
        case items(SettingsSchema)
        case required([String])
        case properties([String: SettingsSchema], others: Others)
    }

    /// What is said of fields that `properties` does not name.
    private enum Others {
        case allowed, refused
        case schema(SettingsSchema)
    }

    /// Keywords that say nothing about what is valid.
    private static let annotations: Set<String> = [
        "$schema", "$id", "$comment", "title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "format",
    ]
    private static let types: Set<String> = ["null", "boolean", "number", "integer", "string", "array", "object"]

    private var rules: [Rule] = []

    /// - Parameter path: where the schema stands in the configuration.
    init(_ text: [UInt8], path: String) throws(ConfigProblem) {
        let root: YAMLNode
        do throws(YAMLError) {
            root = try YAMLParser.parse(String(decoding: text, as: UTF8.self), format: .json)
        } catch {
            throw ConfigProblem("is no JSON: line \(error.mark.line): \(error.message)", path: path)
        }
        do throws(ConfigProblem) {
            self = try SettingsSchema(root)
        } catch {
            throw ConfigProblem("\(error)", path: path)
        }
    }

    private init(_ node: YAMLNode) throws(ConfigProblem) {
        guard case .mapping(let entries) = node.content else { throw ConfigProblem("a schema is an object") }
        var properties: [String: SettingsSchema] = [:]
        var others: Others?
        for entry in entries {
            do throws(ConfigProblem) {
                switch entry.key {
                case "properties": properties = try Self.schemas(entry.value)
                case "additionalProperties": others = try Self.others(entry.value)
                case let key where Self.annotations.contains(key): break
                default: rules.append(try Self.rule(entry.key, entry.value))
                }
            } catch {
                throw error.within(entry.key)
            }
        }
        if !properties.isEmpty || others != nil { rules.append(.properties(properties, others: others ?? .allowed)) }
    }

    private static func rule(_ keyword: String, _ node: YAMLNode) throws(ConfigProblem) -> Rule {
        switch keyword {
        case "type": return .types(try typeNames(node))
        case "enum": return .oneOf(try list(node).map(value))
        case "const": return .oneOf([value(node)])
        case "minimum", "exclusiveMinimum": return .minimum(try number(node), isExclusive: keyword == "exclusiveMinimum")
        case "maximum", "exclusiveMaximum": return .maximum(try number(node), isExclusive: keyword == "exclusiveMaximum")
        case "minLength": return .length(try count(node)...Int.max)
        case "maxLength": return .length(0...(try count(node)))
        case "minItems": return .count(try count(node)...Int.max)
        case "maxItems": return .count(0...(try count(node)))
        case "items": return .items(try SettingsSchema(node))
        case "required": return .required(try texts(node))
        case "pattern":
            guard case .string(let pattern) = value(node) else { throw ConfigProblem("expected text") }
            do throws(PolicyError) {
                // A pattern matches anywhere in the text, as the standard wants it.
                return .pattern(try RegexProgram("(?s:.*)(?:\(pattern))(?s:.*)"))
            } catch {
                throw ConfigProblem("\(error)")
            }
        default: throw ConfigProblem("this keyword is not supported")
        }
    }

    // MARK: Reading

    private static func schemas(_ node: YAMLNode) throws(ConfigProblem) -> [String: SettingsSchema] {
        guard case .mapping(let entries) = node.content else { throw ConfigProblem("expected an object") }
        var result: [String: SettingsSchema] = [:]
        for entry in entries {
            do throws(ConfigProblem) {
                result[entry.key] = try SettingsSchema(entry.value)
            } catch {
                throw error.within(entry.key)
            }
        }
        return result
    }

    private static func others(_ node: YAMLNode) throws(ConfigProblem) -> Others {
        if case .bool(let isAllowed) = value(node) { return isAllowed ? .allowed : .refused }
        return .schema(try SettingsSchema(node))
    }

    private static func typeNames(_ node: YAMLNode) throws(ConfigProblem) -> [String] {
        let names: [String]
        if case .string(let name) = value(node) { names = [name] } else { names = try texts(node) }
        for name in names where !types.contains(name) { throw ConfigProblem("there is no type \"\(name)\"") }
        return names
    }

    private static func list(_ node: YAMLNode) throws(ConfigProblem) -> [YAMLNode] {
        guard case .sequence(let nodes) = node.content else { throw ConfigProblem("expected a list") }
        return nodes
    }

    private static func texts(_ node: YAMLNode) throws(ConfigProblem) -> [String] {
        var result: [String] = []
        for item in try list(node) {
            guard case .string(let text) = value(item) else { throw ConfigProblem("expected a list of texts") }
            result.append(text)
        }
        return result
    }

    private static func number(_ node: YAMLNode) throws(ConfigProblem) -> Double {
        guard case .number(let number) = value(node) else { throw ConfigProblem("expected a number") }
        return number
    }

    private static func count(_ node: YAMLNode) throws(ConfigProblem) -> Int {
        guard let count = Int(exactly: try number(node)), count >= 0 else { throw ConfigProblem("expected a whole number") }
        return count
    }

    private static func value(_ node: YAMLNode) -> MetadataValue {
        switch node.content {
        case .scalar(let text, isPlain: false): .string(text)
        case .scalar(let text, isPlain: true):
            switch CoreScalar(text) {
            case .null: .null
            case .bool(let flag): .bool(flag)
            case .integer(let isNegative, let magnitude, _): .number(isNegative ? -Double(magnitude) : Double(magnitude))
            case .float(let number): .number(number)
            case .text: .string(text)
            }
        case .sequence(let nodes): .list(nodes.map(value))
        case .mapping(let entries): .object(Dictionary(entries.map { ($0.key, value($0.value)) }) { _, last in last })
        }
    }

    // MARK: Checking

    /// Where a value does not fit, and what was expected; nil when it fits.
    func problem(_ value: MetadataValue, at path: String = "") -> String? {
        for rule in rules {
            if let problem = problem(value, rule, path) { return problem }
        }
        return nil
    }

    private func problem(_ value: MetadataValue, _ rule: Rule, _ path: String) -> String? {
        let place = path.isEmpty ? "the settings" : path
        switch (rule, value) {
        case (.types(let names), _):
            return names.contains { Self.isOf($0, value) } ? nil : "\(place) must be of type \(names.joined(separator: " or "))"
        case (.oneOf(let values), _): return values.contains(value) ? nil : "\(place) must be one of the values that the schema lists"
        case (.minimum(let bound, let isExclusive), .number(let number)):
            return isExclusive ? number > bound ? nil : "\(place) must be above \(bound)" : number >= bound ? nil : "\(place) must be at least \(bound)"
        case (.maximum(let bound, let isExclusive), .number(let number)):
            return isExclusive ? number < bound ? nil : "\(place) must be below \(bound)" : number <= bound ? nil : "\(place) must be at most \(bound)"
        case (.length(let range), .string(let text)):
            return range.contains(text.unicodeScalars.count) ? nil : "\(place) has \(text.unicodeScalars.count) characters; \(Self.text(range))"
        case (.count(let range), .list(let items)):
            return range.contains(items.count) ? nil : "\(place) has \(items.count) items; \(Self.text(range))"
        case (.pattern(let pattern), .string(var text)):
            let matches = text.withUTF8 { pattern.matchesAll(of: UnsafeRawBufferPointer($0)) }
            return matches ? nil : "\(place) does not match the schema's pattern"
        case (.items(let schema), .list(let items)):
            for (index, item) in items.enumerated() {
                if let problem = schema.problem(item, at: "\(path)[\(index)]") { return problem }
            }
            return nil
        case (.required(let names), .object(let fields)):
            let missing = names.first { fields[$0] == nil }
            return missing.map { "\(Self.place(path, $0)) is required" }
        case (.properties(let schemas, let others), .object(let fields)): return Self.problem(fields, schemas, others, path)
        default: return nil
        }
    }

    private static func problem(_ fields: [String: MetadataValue], _ schemas: [String: SettingsSchema], _ others: Others, _ path: String) -> String? {
        for (name, value) in fields.sorted(by: { $0.key < $1.key }) {
            let place = place(path, name)
            if let schema = schemas[name] {
                if let problem = schema.problem(value, at: place) { return problem }
                continue
            }
            switch others {
            case .allowed: break
            case .refused: return "there is no setting \(place); known are \(schemas.keys.sorted().joined(separator: ", "))"
            case .schema(let schema): if let problem = schema.problem(value, at: place) { return problem }
            }
        }
        return nil
    }

    private static func place(_ path: String, _ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }

    private static func text(_ range: ClosedRange<Int>) -> String {
        range.upperBound == .max ? "expected at least \(range.lowerBound)" : "expected at most \(range.upperBound)"
    }

    private static func isOf(_ type: String, _ value: MetadataValue) -> Bool {
        switch value {
        case .null: type == "null"
        case .bool: type == "boolean"
        case .number(let number): type == "number" || (type == "integer" && number == number.rounded())
        case .string: type == "string"
        case .list: type == "array"
        case .object: type == "object"
        }
    }
}
