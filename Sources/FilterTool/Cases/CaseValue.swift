import LuaRuntime
import ProxyModel

/// A value of a file of cases, whether it was written in YAML or in Lua.
package indirect enum CaseValue: Sendable {
    case null
    case bool(Bool)
    /// As it was written.
    case number(String)
    case text(String)
    case list([CaseValue])
    case map([Member])

    /// One pair of a map.
    package struct Member: Sendable {
        package let key: String
        package let value: CaseValue
        /// Line of the file; 0 where nobody knows.
        package let line: Int
    }

    /// - Parameters:
    ///   - depth: of mappings around it.
    ///   - isSetting: it is read as the proxy reads a filter's settings.
    init(_ node: YAMLNode, depth: Int = 0, isSetting: Bool = false) {
        switch node.content {
        case .scalar(let text, isPlain: false): self = .text(text)
        case .scalar(let text, isPlain: true):
            switch CoreScalar(text) {
            case .null: self = .null
            case .bool(let flag): self = .bool(flag)
            case .integer, .float: self = .number(text)
            case .text: self = (isSetting ? CoreScalar.oldBoolean(text) : nil).map { .bool($0) } ?? .text(text)
            }
        case .sequence(let nodes): self = .list(nodes.map { CaseValue($0, depth: depth, isSetting: isSetting) })
        case .mapping(let entries):
            // The settings of a file, or of one of its cases.
            self = .map(
                entries.map { entry in
                    let isSetting = isSetting || (entry.key == "settings" && depth < 2)
                    let value = CaseValue(entry.value, depth: depth + 1, isSetting: isSetting)
                    return Member(key: entry.key, value: value, line: entry.mark.line)
                })
        }
    }

    init(_ value: LuaValue) {
        switch value {
        case .nil: self = .null
        case .boolean(let flag): self = .bool(flag)
        case .number(let number):
            self = .number(number == number.rounded() && abs(number) < 1e15 ? String(Int(number)) : String(number))
        case .string(let bytes): self = .text(String(decoding: bytes, as: UTF8.self))
        case .array(let values): self = .list(values.map { CaseValue($0) })
        case .map(let fields):
            self = .map(
                fields.map { Member(key: String(decoding: $0.key, as: UTF8.self), value: CaseValue($0.value), line: 0) })
        }
    }

    /// The value under a key.
    subscript(_ key: String) -> CaseValue? {
        guard case .map(let members) = self else { return nil }
        return members.first { $0.key == key }?.value
    }

    /// Text, or a number or boolean as it was written.
    var plain: String? {
        switch self {
        case .text(let text), .number(let text): text
        case .bool(let flag): flag ? "true" : "false"
        case .null, .list, .map: nil
        }
    }

    /// As JSON, which is YAML too.
    package var json: String {
        switch self {
        case .null: "null"
        case .bool(let flag): flag ? "true" : "false"
        case .number(let text): text
        case .text(let text): Self.quoted(text)
        case .list(let values): "[" + values.map(\.json).joined(separator: ", ") + "]"
        case .map(let members): "{" + members.map { "\(Self.quoted($0.key)): \($0.value.json)" }.joined(separator: ", ") + "}"
        }
    }

    /// JSON that is the same for the same value: names in their order, numbers as they are and not as they were written.
    var canonical: String {
        switch self {
        case .number(let text): Double(text).map { "\($0)" } ?? text
        case .list(let values): "[" + values.map(\.canonical).joined(separator: ",") + "]"
        case .map(let members):
            "{" + members.sorted { $0.key < $1.key }.map { "\(Self.quoted($0.key)):\($0.value.canonical)" }.joined(separator: ",") + "}"
        case .null, .bool, .text: json
        }
    }

    /// Text as a JSON string.
    static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case ..<" ":
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }

    /// Every text or number under `key`, wherever it stands.
    func values(of key: String) -> [String] {
        switch self {
        case .list(let values): values.flatMap { $0.values(of: key) }
        case .map(let members):
            members.flatMap { ($0.key == key ? $0.value.plain.map { [$0] } ?? [] : []) + $0.value.values(of: key) }
        case .null, .bool, .number, .text: []
        }
    }
}
