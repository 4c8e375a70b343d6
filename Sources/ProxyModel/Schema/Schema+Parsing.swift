extension Schema {
    /// Reads the generated table. A line that makes no sense is a mistake in the generator and crashes.
    init(table: String) {
        var reader = SchemaTableReader()
        for line in table.utf8.split(separator: .lineFeed) { reader.read(line) }
        reader.finishMessage()
        reader.finishEnum()
        messages = reader.messages
        enums = reader.enums
        others = reader.others
    }
}

/// Collects the statements of the table line by line.
private struct SchemaTableReader {
    var messages: [String: MessageSchema] = [:]
    var enums: [String: EnumSchema] = [:]
    var others: [Substring] = []

    private var name: String?
    private var isEnum = false
    private var fields: [FieldSchema] = []
    private var oneofs: [String] = []
    private var absent: [AbsentName] = []
    private var values: [(number: Int32, name: String)] = []

    mutating func read(_ line: Substring.UTF8View) {
        if line.first == UInt8(ascii: "t") {
            finishMessage()
            finishEnum()
            others.append(Substring(line))
            return
        }
        let words = line.split(separator: .space).map { Substring($0) }
        switch words[0] {
        case "m", "e":
            finishMessage()
            finishEnum()
            name = String(words[1])
            isEnum = words[0] == "e"
        case "o":
            oneofs.append(String(words[1]))
        case "-":
            absent += words[1...].map(Self.absentName)
        default:
            if isEnum {
                values.append((number: Int32(Self.number(words[0])), name: String(words[1])))
            } else {
                fields.append(Self.field(words))
            }
        }
    }

    mutating func finishMessage() {
        guard let name, !isEnum else { return }
        messages[name] = MessageSchema(name: name, fields: fields, requiredOneofs: oneofs, absent: absent)
        (self.name, fields, oneofs, absent) = (nil, [], [], [])
    }

    mutating func finishEnum() {
        guard let name, isEnum else { return }
        enums[name] = EnumSchema(name: name, values: values, absent: absent)
        (self.name, isEnum, values, absent) = (nil, false, [], [])
    }

    private static func number(_ text: some StringProtocol) -> Int {
        guard let number = Int(text) else { preconditionFailure("the generated schema has no number at \(text)") }
        return number
    }

    private static func absentName(_ word: Substring) -> AbsentName {
        let parts = word.utf8.split(separator: .colon).map { Substring($0) }
        let isDeprecated = parts[1].utf8.last == UInt8(ascii: "!")
        return AbsentName(
            number: number(parts[0]), name: String(isDeprecated ? parts[1].dropLast() : parts[1]),
            isDeprecated: isDeprecated)
    }

    private static func field(_ words: [Substring]) -> FieldSchema {
        var type = words[2]
        var cardinality = FieldSchema.Cardinality.singular
        if type.utf8.first == UInt8(ascii: "*") {
            cardinality = .repeated
            type = type.dropFirst()
        } else if type.hasPrefix("map<string,") {
            cardinality = .map
            type = type.dropFirst("map<string,".count).dropLast()
        }
        var oneof: String?
        var rules: [FieldRule] = []
        for word in words.dropFirst(3) {
            if word.utf8.first == UInt8(ascii: "@") {
                oneof = String(word.dropFirst())
            } else {
                rules.append(FieldRule(word))
            }
        }
        return FieldSchema(
            number: number(words[0]), name: String(words[1]), jsonName: FieldSchema.camelCase(words[1]),
            cardinality: cardinality, type: valueType(type), oneof: oneof, rules: rules)
    }

    private static func valueType(_ word: Substring) -> FieldSchema.ValueType {
        if word.utf8.first == UInt8(ascii: "=") { return .enumeration(String(word.dropFirst())) }
        if let scalar = FieldSchema.ScalarType(rawValue: String(word)) { return .scalar(scalar) }
        return .message(String(word))
    }
}

extension FieldRule {
    /// Reads one constraint of the table, such as `min_items=1` or `item.lte=65535`.
    fileprivate init(_ word: Substring) {
        let halves = word.split(separator: "=", maxSplits: 1)
        var verb = halves[0]
        let argument = halves.count > 1 ? halves[1] : ""
        var subject = Subject.value
        for candidate in [Subject.item, .key] where verb.hasPrefix(candidate.rawValue + ".") {
            subject = candidate
            verb = verb.dropFirst(candidate.rawValue.count + 1)
        }
        if let comparison = Comparison(rawValue: String(verb)), let limit = Self.limit(argument) {
            self = .compare(subject, comparison, limit)
            return
        }
        switch verb {
        case "required": self = .required
        case "ignore_empty": self = .ignoreEmpty
        case "min": self = .minimumLength(subject, Self.count(argument))
        case "max": self = .maximumLength(subject, Self.count(argument))
        case "min_items": self = .minimumItems(Self.count(argument))
        case "max_items": self = .maximumItems(Self.count(argument))
        case "unique": self = .unique
        case "in": self = .oneOf(subject, argument.split(separator: ",").map(String.init))
        case "not_in": self = .noneOf(subject, argument.split(separator: ",").map(Self.count))
        case "const": self = .constant(argument == "true")
        case "header_name": self = .headerName(subject, strict: true)
        case "loose_header_name": self = .headerName(subject, strict: false)
        case "header_value": self = .headerValue(subject, strict: true)
        case "loose_header_value": self = .headerValue(subject, strict: false)
        case "path_prefix": self = .pathPrefix
        default: preconditionFailure("the generated schema has an unknown constraint \(word)")
        }
    }

    private static func limit(_ text: Substring) -> Double? {
        Double(text.hasSuffix("s") ? text.dropLast() : text)
    }

    private static func count(_ text: Substring) -> Int {
        guard let count = Int(text) else { preconditionFailure("the generated schema has no count at \(text)") }
        return count
    }
}
