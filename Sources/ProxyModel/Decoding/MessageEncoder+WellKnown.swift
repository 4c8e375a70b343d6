/// The messages of protobuf's own package that have a JSON form of their own.
enum WellKnownType: String {
    case duration = "google.protobuf.Duration"
    case structure = "google.protobuf.Struct"
    case value = "google.protobuf.Value"
    case any = "google.protobuf.Any"
    case bool = "google.protobuf.BoolValue"
    case uint32 = "google.protobuf.UInt32Value"
    case uint64 = "google.protobuf.UInt64Value"
    case double = "google.protobuf.DoubleValue"

    /// The type of the one field of a wrapper.
    var wrapped: FieldSchema.ScalarType? {
        switch self {
        case .bool: .bool
        case .uint32: .uint32
        case .uint64: .uint64
        case .double: .double
        case .duration, .structure, .value, .any: nil
        }
    }
}

extension MessageEncoder {
    /// The binary form of a well-known message, or nil for a message of another kind.
    mutating func wellKnown(_ node: YAMLNode, _ name: String) -> [UInt8]? {
        guard let type = WellKnownType(rawValue: name) else { return nil }
        if let wrapped = type.wrapped {
            var writer = WireWriter()
            scalar(node, wrapped, number: 1, skipsDefault: true, into: &writer)
            return writer.bytes
        }
        switch type {
        case .duration: return duration(node)
        case .structure: return structure(node)
        default: return value(node)
        }
    }

    /// A duration such as `5s` or `0.25s`.
    private mutating func duration(_ node: YAMLNode) -> [UInt8] {
        guard case .scalar(let text, _) = node.content, let parsed = DurationText.parse(text) else {
            fail(node.mark, "expected a duration in seconds such as \"1.5s\", found \(Self.described(node))")
            return []
        }
        var writer = WireWriter()
        if parsed.seconds != 0 { writer.varint(1, UInt64(bitPattern: parsed.seconds)) }
        if parsed.nanoseconds != 0 { writer.varint(2, UInt64(bitPattern: Int64(parsed.nanoseconds))) }
        return writer.bytes
    }

    /// A free mapping.
    private mutating func structure(_ node: YAMLNode) -> [UInt8] {
        guard case .mapping(let entries) = node.content else {
            fail(node.mark, "expected a mapping, found \(Self.described(node))")
            return []
        }
        var writer = WireWriter()
        for entry in entries.sorted(by: { $0.key < $1.key }) {
            var pair = WireWriter()
            pair.lengthDelimited(1, entry.key.utf8)
            path.push(.key(entry.key))
            pair.lengthDelimited(2, value(entry.value))
            path.pop()
            writer.lengthDelimited(1, pair.bytes)
        }
        return writer.bytes
    }

    /// Any value that JSON has.
    private mutating func value(_ node: YAMLNode) -> [UInt8] {
        var writer = WireWriter()
        switch node.content {
        case .mapping:
            writer.lengthDelimited(5, structure(node))
        case .sequence(let items):
            var list = WireWriter()
            for (index, item) in items.enumerated() {
                path.push(.index(index))
                list.lengthDelimited(1, value(item))
                path.pop()
            }
            writer.lengthDelimited(6, list.bytes)
        case .scalar(let text, isPlain: false):
            writer.lengthDelimited(3, text.utf8)
        case .scalar(let text, isPlain: true):
            switch CoreScalar(text) {
            case .null: writer.varint(1, 0)
            case .bool(let flag): writer.varint(4, flag ? 1 : 0)
            case .integer(_, _, hasLeadingZero: true): fail(node.mark, Self.leadingZero(text))
            case .integer(let isNegative, let magnitude, _):
                let number = Double(magnitude)
                writer.fixed64(2, (isNegative ? -number : number).bitPattern)
            case .float(let number) where number.isFinite: writer.fixed64(2, number.bitPattern)
            case .float: fail(node.mark, "JSON has no number \(text)")
            case .text:
                if let flag = CoreScalar.oldBoolean(text) { writer.varint(4, flag ? 1 : 0) } else { writer.lengthDelimited(3, text.utf8) }
            }
        }
        return writer.bytes
    }

    /// A message that names its own type; nil when nothing is to be written.
    mutating func any(_ node: YAMLNode, isOptional: Bool) -> [UInt8]? {
        guard case .mapping = node.content else {
            fail(node.mark, "expected a mapping with \"@type\", found \(Self.described(node))")
            return nil
        }
        guard let typeNode = node.value(for: "@type") else {
            fail(
                node.mark, "needs \"@type\", such as type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
            )
            return nil
        }
        path.push(.field("@type"))
        let url = text(typeNode)
        path.pop()
        guard let url else { return nil }
        let outer = TypeRegistry.messageName(ofTypeURL: url)
        let name = InertExtension.wrappers.contains(outer) ? wrapped(node) : outer
        var writer = WireWriter()
        writer.lengthDelimited(1, "type.googleapis.com/\(name)".utf8)
        if let message = schema.messages[name] {
            let content = self.message(node, message, isTyped: true)
            if !content.isEmpty { writer.lengthDelimited(2, content) }
        } else if let inert = InertExtension.named(name) {
            // Its settings are not looked at, but whether there are any.
            warn(typeNode.mark, inert.description)
            if inert.mustBeEmpty, node.hasMore(than: "@type") { writer.lengthDelimited(2, [0]) }
        } else if WellKnownType(rawValue: name) != nil, let inner = node.value(for: "value") {
            if let content = wellKnown(inner, name) { writer.lengthDelimited(2, content) }
        } else if isOptional {
            warn(typeNode.mark, "\(unknownType(name)); left out, as it is optional")
        } else {
            fail(typeNode.mark, unknownType(name))
            return nil
        }
        return writer.bytes
    }

    /// The type that a wrapper names; its own when it names none.
    private mutating func wrapped(_ node: YAMLNode) -> String {
        guard let typeNode = node.value(for: "type_url") ?? node.value(for: "typeUrl"), let url = text(typeNode) else {
            return InertExtension.wrappers.min() ?? ""
        }
        return TypeRegistry.messageName(ofTypeURL: url)
    }

    /// What to say of a type that Heddle does not have.
    private func unknownType(_ name: String) -> String {
        if schema.onlyEnvoyHas(message: name) { return "Envoy has the type \(name), Heddle does not support it yet" }
        let nearest = NearestName.find(name, among: TypeRegistry.names)
        return "unknown type \(Self.quoted(name))" + (nearest.map { "; did you mean \($0)?" } ?? "")
    }
}
