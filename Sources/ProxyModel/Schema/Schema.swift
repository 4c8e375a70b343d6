/// What Heddle and Envoy know about each message, read from the generated table.
///
/// The table has one line a statement, told apart by the first word:
///
/// | line | meaning |
/// |---|---|
/// | `m NAME` | a message; the lines up to the next `m`, `e` or `t` belong to it |
/// | `NUMBER NAME TYPE [@ONEOF] [CONSTRAINT…]` | a field; `*TYPE` is a list, `=TYPE` an enum, `map<KEY,TYPE>` a map |
/// | `o NAME` | a oneof of which one field must be set |
/// | `- NUMBER:NAME[!] …` | fields or enum values that Envoy has and Heddle does not; `!` means deprecated by Envoy |
/// | `e NAME` | an enum; its values follow as `NUMBER NAME` |
/// | `t PACKAGE NAME…` | Envoy's messages that Heddle does not have |
///
/// Constraints are those that Envoy enforces (protoc-gen-validate); ``FieldRule`` lists them.
struct Schema: Sendable {
    /// The one schema of this build.
    static let shared = Schema(table: envoySchemaTable.description)

    /// The messages that Heddle supports, by full name.
    let messages: [String: MessageSchema]

    /// The enums that those messages use, by full name.
    let enums: [String: EnumSchema]

    /// Envoy's messages that Heddle does not have, as the table's lines; they are looked at only for an error's message.
    let others: [Substring]

    /// The message of this name, which the table itself mentions.
    func message(_ name: String) -> MessageSchema {
        guard let message = messages[name] else { preconditionFailure("the generated schema has no message \(name)") }
        return message
    }

    /// The enum of this name, which the table itself mentions.
    func enumeration(_ name: String) -> EnumSchema {
        guard let found = enums[name] else { preconditionFailure("the generated schema has no enum \(name)") }
        return found
    }

    /// Whether Envoy has a message of this full name that Heddle does not have.
    func onlyEnvoyHas(message name: String) -> Bool {
        guard let dot = name.lastIndex(of: ".") else { return false }
        let (package, last) = (name[..<dot], name[name.index(after: dot)...])
        return others.contains { line in
            let words = line.split(separator: " ")
            return words[1] == package && words.dropFirst(2).contains(last)
        }
    }
}

/// A name that Envoy has and Heddle does not.
struct AbsentName: Sendable, Equatable {
    /// Envoy's number for it.
    let number: Int
    /// Envoy's name for it.
    let name: String
    /// Whether Envoy itself advises against it.
    let isDeprecated: Bool

    /// What to say to who uses it.
    var refusal: String {
        if isDeprecated { return "deprecated in Envoy; Heddle does not support it" }
        guard Self.ofInternalListeners.contains(name) else { return "Envoy has this field, Heddle does not support it yet" }
        return "internal listeners, by which Istio's ambient mode chains proxies in one process, are not supported by Heddle yet"
    }

    private static let ofInternalListeners: Set<String> = ["internal_listener", "envoy_internal_address"]
}

/// One message: its fields, and what Envoy's message has besides.
struct MessageSchema: Sendable {
    /// The full name, such as `envoy.config.listener.v3.Listener`.
    let name: String
    /// The supported fields in the order of the .proto file.
    let fields: [FieldSchema]
    /// The oneofs of which one field must be set.
    let requiredOneofs: [String]
    /// The fields that only Envoy has.
    let absent: [AbsentName]

    private let positions: [String: Int]

    init(name: String, fields: [FieldSchema], requiredOneofs: [String], absent: [AbsentName]) {
        self.name = name
        self.fields = fields
        self.requiredOneofs = requiredOneofs
        self.absent = absent
        var positions: [String: Int] = [:]
        for (position, field) in fields.enumerated() {
            positions[field.name] = position
            positions[field.jsonName] = position
        }
        self.positions = positions
    }

    /// The field of this name, in snake_case or camelCase.
    func field(named name: String) -> FieldSchema? {
        positions[name].map { fields[$0] }
    }

    /// The field of this number.
    func field(number: Int) -> FieldSchema? {
        fields.first { $0.number == number }
    }

    /// The field that only Envoy has under this name, in snake_case or camelCase.
    func absentField(named name: String) -> AbsentName? {
        absent.first { $0.name == name || FieldSchema.camelCase($0.name) == name }
    }
}

/// One enum: the values that Heddle supports, and those that only Envoy has.
struct EnumSchema: Sendable {
    /// The full name.
    let name: String
    /// The supported values.
    let values: [(number: Int32, name: String)]
    /// The values that only Envoy has.
    let absent: [AbsentName]
}
