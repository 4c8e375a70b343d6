/// Turns a YAML tree into the binary form of a message, by the schema, following proto3's JSON mapping.
///
/// The binary form is what everything else works on: the generated types are made from it, two configurations are
/// merged by joining theirs, and ``ConstraintChecker`` reads it whether it came from a file or from a control plane.
struct MessageEncoder {
    let schema: Schema
    let file: String
    let unknownFields: UnknownFields

    /// What was found wrong so far.
    private(set) var errors: [ConfigError] = []
    /// What is accepted but probably not meant.
    private(set) var warnings: [ConfigError] = []
    /// The value that is being read.
    var path = ConfigPath()

    /// An encoder for the values of one file.
    init(schema: Schema, file: String, unknownFields: UnknownFields = .refused) {
        self.schema = schema
        self.file = file
        self.unknownFields = unknownFields
    }

    /// Whether the bound on errors is reached; nothing more is looked at then.
    var isFull: Bool { errors.count >= ConfigErrors.maximum }

    /// Notes an error at the current path.
    mutating func fail(_ mark: ConfigMark, _ message: String) {
        guard !isFull else { return }
        errors.append(ConfigError(file: file, mark: mark, path: path, message: message))
    }

    /// Notes a warning at the current path.
    mutating func warn(_ mark: ConfigMark, _ message: String) {
        guard warnings.count < ConfigErrors.maximum else { return }
        warnings.append(ConfigError(file: file, mark: mark, path: path, message: message))
    }

    /// The fields of a message from a mapping; `@type` is left to whoever asked when `isTyped`.
    mutating func message(
        _ node: YAMLNode, _ message: MessageSchema, isTyped: Bool = false, isOptional: Bool = false
    ) -> [UInt8] {
        guard case .mapping(let entries) = node.content else {
            fail(node.mark, "expected a mapping of \(message.name)'s fields, found \(Self.described(node))")
            return []
        }
        var fields: [(number: Int, bytes: [UInt8])] = []
        var seen: [Int: String] = [:]
        var oneofs: [String: String] = [:]
        for entry in entries where !isFull {
            if isTyped, entry.key == "@type" { continue }
            path.push(.field(entry.key))
            defer { path.pop() }
            guard let field = message.field(named: entry.key) else {
                if unknownFields.leavesAside(entry.key, of: message) {
                    warn(entry.mark, "\(unknownField(entry.key, message)); left aside")
                } else {
                    fail(entry.mark, unknownField(entry.key, message))
                }
                continue
            }
            if let other = seen.updateValue(entry.key, forKey: field.number) {
                fail(entry.mark, "the same field as \"\(other)\", set twice")
                continue
            }
            // JSON's null stands for a field that is not set, except where null is a value.
            if Self.isNull(entry.value), !field.takesNull { continue }
            if let oneof = field.oneof, let other = oneofs.updateValue(field.name, forKey: oneof) {
                fail(entry.mark, "cannot be set together with \"\(other)\" (oneof \(oneof))")
                continue
            }
            var writer = WireWriter()
            if field.name == "config", AnyPlace.mayBeEmpty(of: message), case .mapping(let inner) = entry.value.content, inner.isEmpty {
                writer.lengthDelimited(field.number, [])
            } else {
                encode(entry.value, field, isOptional: isOptional || Self.isOptional(node), into: &writer)
            }
            fields.append((field.number, writer.bytes))
        }
        // In one order whatever the text's, so that equal configurations have equal bytes.
        return fields.sorted { $0.number < $1.number }.flatMap(\.bytes)
    }

    /// One field with all its values.
    private mutating func encode(
        _ node: YAMLNode, _ field: FieldSchema, isOptional: Bool, into writer: inout WireWriter
    ) {
        switch (field.cardinality, node.content) {
        case (.singular, _):
            single(node, field, isOptional: isOptional, into: &writer)
        case (.repeated, .sequence(let items)) where field.isPacked:
            packed(items, field, into: &writer)
        case (.repeated, .sequence(let items)):
            for (index, item) in items.enumerated() where !isFull {
                path.push(.index(index))
                defer { path.pop() }
                if Self.isNull(item), !field.takesNull {
                    fail(item.mark, "a list cannot hold null")
                } else {
                    value(item, field, isOptional: false, skipsDefault: false, into: &writer)
                }
            }
        case (.map, .mapping(let entries)):
            for entry in entries.sorted(by: { $0.key < $1.key }) where !isFull {
                path.push(.key(entry.key))
                defer { path.pop() }
                var pair = WireWriter()
                pair.lengthDelimited(1, entry.key.utf8)
                if Self.isNull(entry.value), !field.takesNull {
                    fail(entry.mark, "a map cannot hold null")
                } else {
                    let inner = field.mapValue
                    value(entry.value, inner, isOptional: false, skipsDefault: false, into: &pair)
                }
                writer.lengthDelimited(field.number, pair.bytes)
            }
        case (.repeated, _):
            fail(node.mark, "expected a list, found \(Self.described(node))")
        case (.map, _):
            fail(node.mark, "expected a mapping, found \(Self.described(node))")
        }
    }

    /// Numbers and enums of a list, which stand together behind one tag.
    private mutating func packed(_ items: [YAMLNode], _ field: FieldSchema, into writer: inout WireWriter) {
        var numbers: [UInt64] = []
        for (index, item) in items.enumerated() where !isFull {
            path.push(.index(index))
            defer { path.pop() }
            if case .enumeration(let name) = field.type {
                if let value = enumValue(item, schema.enumeration(name)) {
                    numbers.append(UInt64(bitPattern: Int64(value)))
                }
            } else if case .scalar(let type) = field.type, let value = integer(item, type) {
                numbers.append(value)
            }
        }
        if !numbers.isEmpty { writer.packed(field.number, numbers) }
    }

    private mutating func single(
        _ node: YAMLNode, _ field: FieldSchema, isOptional: Bool, into writer: inout WireWriter
    ) {
        // A plain scalar at its default is not written (proto3), so that it does not win over another file's value.
        value(node, field, isOptional: isOptional, skipsDefault: field.oneof == nil, into: &writer)
    }

    /// One value of a field.
    private mutating func value(
        _ node: YAMLNode, _ field: FieldSchema, isOptional: Bool, skipsDefault: Bool, into writer: inout WireWriter
    ) {
        switch field.type {
        case .scalar(let type):
            scalar(node, type, number: field.number, skipsDefault: skipsDefault, into: &writer)
        case .enumeration(let name):
            guard let value = enumValue(node, schema.enumeration(name)), value != 0 || !skipsDefault else { return }
            writer.varint(field.number, UInt64(bitPattern: Int64(value)))
        case .message("google.protobuf.Any"):
            if let bytes = any(node, isOptional: isOptional) { writer.lengthDelimited(field.number, bytes) }
        case .message(let name):
            // What wraps an extension is as optional as what names it.
            let isOptional = isOptional && name == Self.extensionName
            if let bytes = wellKnown(node, name) ?? message(node, named: name, isOptional: isOptional) {
                writer.lengthDelimited(field.number, bytes)
            }
        }
    }

    private mutating func message(_ node: YAMLNode, named name: String, isOptional: Bool) -> [UInt8]? {
        WellKnownType(rawValue: name) == nil ? message(node, schema.message(name), isOptional: isOptional) : nil
    }

    /// The message of an extension that a name goes with.
    static let extensionName = "envoy.config.core.v3.TypedExtensionConfig"

    /// Whether a mapping says of itself that it may be left out, as an HTTP filter can.
    private static func isOptional(_ node: YAMLNode) -> Bool {
        for name in ["is_optional", "isOptional"] {
            if case .scalar(let text, isPlain: true)? = node.value(for: name)?.content {
                return CoreScalar(text) == .bool(true)
            }
        }
        return false
    }

    /// What to say of a field that Heddle does not have.
    private func unknownField(_ name: String, _ message: MessageSchema) -> String {
        if let absent = message.absentField(named: name) {
            return absent.refusal
        }
        let isCamelCase = name.contains { $0.isUppercase }
        let own = message.fields.map { isCamelCase ? $0.jsonName : $0.name }
        if let nearest = NearestName.find(name, among: own) {
            return "unknown field; did you mean \"\(nearest)\"?"
        }
        if let nearest = NearestName.find(name, among: message.absent.map(\.name)) {
            return "unknown field; Envoy has \"\(nearest)\", which Heddle does not support yet"
        }
        return "unknown field of \(message.name)"
    }

    /// Whether a node is JSON's null.
    static func isNull(_ node: YAMLNode) -> Bool {
        guard case .scalar(let text, isPlain: true) = node.content else { return false }
        return CoreScalar(text) == .null
    }

    /// What a node is, for messages.
    static func described(_ node: YAMLNode) -> String {
        switch node.content {
        case .sequence: return "a list"
        case .mapping: return "a mapping"
        case .scalar(let text, isPlain: false): return "the text \(quoted(text))"
        case .scalar(let text, isPlain: true):
            switch CoreScalar(text) {
            case .null: return "null"
            case .bool: return "the boolean \(text)"
            case .integer, .float: return "the number \(quoted(text, with: ""))"
            case .text: return "the text \(quoted(text))"
            }
        }
    }

    /// A short piece of the text, for messages.
    static func quoted(_ text: String, with quote: String = "\"") -> String {
        let limit = 60
        let short = text.prefix(limit)
        return quote + short + (short.count < text.count ? "…" : "") + quote
    }
}

extension FieldSchema {
    /// Whether null is a value of this field rather than its absence.
    fileprivate var takesNull: Bool { type == .message("google.protobuf.Value") }

    /// Whether the items of a list stand together behind one tag, as numbers do in proto3.
    fileprivate var isPacked: Bool {
        switch type {
        case .enumeration, .scalar(.int32), .scalar(.int64), .scalar(.uint32), .scalar(.uint64): true
        case .message, .scalar: false
        }
    }

    /// The field of a map entry that holds the value.
    fileprivate var mapValue: FieldSchema {
        FieldSchema(
            number: 2, name: name, jsonName: jsonName, cardinality: .singular, type: type, oneof: nil, rules: [])
    }
}
