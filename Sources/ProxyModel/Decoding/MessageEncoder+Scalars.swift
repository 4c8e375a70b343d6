extension MessageEncoder {
    /// A scalar field; at its default it is left out when `skipsDefault`.
    mutating func scalar(
        _ node: YAMLNode, _ type: FieldSchema.ScalarType, number: Int, skipsDefault: Bool, into writer: inout WireWriter
    ) {
        switch type {
        case .string:
            guard let text = text(node), !text.isEmpty || !skipsDefault else { return }
            writer.lengthDelimited(number, text.utf8)
        case .bytes:
            guard let text = text(node) else { return }
            guard let bytes = Base64.decode(text) else {
                return fail(node.mark, "expected base64, found \(Self.described(node))")
            }
            if !bytes.isEmpty || !skipsDefault { writer.lengthDelimited(number, bytes) }
        case .bool:
            guard let value = bool(node), value || !skipsDefault else { return }
            writer.varint(number, value ? 1 : 0)
        case .double:
            guard let value = double(node), value != 0 || !skipsDefault else { return }
            writer.fixed64(number, value.bitPattern)
        case .float:
            guard let value = double(node), value != 0 || !skipsDefault else { return }
            writer.fixed32(number, Float(value).bitPattern)
        case .int32, .int64, .uint32, .uint64:
            guard let value = integer(node, type), value != 0 || !skipsDefault else { return }
            writer.varint(number, value)
        }
    }

    /// Text. A number or boolean without quotes is refused, as JSON would: `1.10` would arrive as `1.1`.
    mutating func text(_ node: YAMLNode) -> String? {
        guard case .scalar(let text, let isPlain) = node.content else {
            fail(node.mark, "expected text, found \(Self.described(node))")
            return nil
        }
        if isPlain, CoreScalar(text) != .text {
            fail(node.mark, "expected text, found \(Self.described(node)); put it in quotes")
            return nil
        }
        return text
    }

    /// A boolean.
    private mutating func bool(_ node: YAMLNode) -> Bool? {
        if case .scalar(let text, isPlain: true) = node.content, case .bool(let value) = CoreScalar(text) {
            return value
        }
        var hint = ""
        if case .scalar(let text, isPlain: true) = node.content,
            ["yes", "no", "on", "off", "y", "n"].contains(text.lowercased())
        {
            hint = ", which YAML 1.2 reads as text"
        }
        fail(node.mark, "expected true or false, found \(Self.described(node))\(hint)")
        return nil
    }

    /// A finite number.
    private mutating func double(_ node: YAMLNode) -> Double? {
        guard case .scalar(let text, _) = node.content else {
            fail(node.mark, "expected a number, found \(Self.described(node))")
            return nil
        }
        switch CoreScalar(text) {
        case .integer(_, _, hasLeadingZero: true):
            fail(node.mark, Self.leadingZero(text))
            return nil
        case .integer(let isNegative, let magnitude, _):
            return isNegative ? -Double(magnitude) : Double(magnitude)
        case .float(let value) where value.isFinite:
            return value
        default:
            fail(node.mark, "expected a number, found \(Self.described(node))")
            return nil
        }
    }

    /// A whole number as the bits of a varint. JSON may put it in quotes or write it as `1.0` or `1e3`.
    mutating func integer(_ node: YAMLNode, _ type: FieldSchema.ScalarType) -> UInt64? {
        guard case .scalar(let text, _) = node.content else {
            fail(node.mark, "expected a whole number, found \(Self.described(node))")
            return nil
        }
        var (isNegative, magnitude) = (false, UInt64(0))
        switch CoreScalar(text) {
        case .integer(_, _, hasLeadingZero: true):
            fail(node.mark, Self.leadingZero(text))
            return nil
        case .integer(let sign, let value, _):
            (isNegative, magnitude) = (sign, value)
        case .float(let value):
            guard let exact = UInt64(exactly: value.magnitude) else { fallthrough }
            (isNegative, magnitude) = (value < 0, exact)
        default:
            fail(node.mark, "expected a whole number, found \(Self.described(node))")
            return nil
        }
        let (lowest, highest): (UInt64, UInt64) =
            switch type {
            case .int32: (1 << 31, 1 << 31 - 1)
            case .int64: (1 << 63, 1 << 63 - 1)
            case .uint32: (0, 1 << 32 - 1)
            default: (0, .max)
            }
        guard magnitude <= (isNegative ? lowest : highest) else {
            fail(node.mark, "\(text) is out of range; expected \(lowest == 0 ? "0" : "-\(lowest)") to \(highest)")
            return nil
        }
        return isNegative ? 0 &- magnitude : magnitude
    }

    /// An enum's value, by name or by number.
    mutating func enumValue(_ node: YAMLNode, _ enumeration: EnumSchema) -> Int32? {
        guard case .scalar(let text, let isPlain) = node.content else {
            fail(node.mark, "expected \(Self.list(enumeration.values.map(\.name))), found \(Self.described(node))")
            return nil
        }
        // Case does not count, as with Envoy.
        let name = text.uppercased()
        if let value = enumeration.values.first(where: { $0.name.uppercased() == name }) { return value.number }
        var absent = enumeration.absent.first { $0.name.uppercased() == name }
        if isPlain, case .integer(let isNegative, let magnitude, _) = CoreScalar(text),
            let number = Int32(exactly: magnitude), !isNegative
        {
            if let value = enumeration.values.first(where: { $0.number == number }) { return value.number }
            absent = enumeration.absent.first { $0.number == Int(number) }
        }
        if let absent {
            fail(node.mark, "Envoy has the value \(absent.name), Heddle does not support it yet")
            return nil
        }
        let nearest = NearestName.find(text, among: enumeration.values.map(\.name))
        let hint = nearest.map { "; did you mean \($0)?" } ?? "; expected \(Self.list(enumeration.values.map(\.name)))"
        fail(node.mark, "unknown value \(Self.quoted(text))\(hint)")
        return nil
    }

    static func leadingZero(_ text: String) -> String {
        "\(text) is ambiguous: octal in YAML 1.1, decimal in YAML 1.2; write it without the zero, or with 0o for octal"
    }

    private static func list(_ names: [String]) -> String {
        names.count < 2 ? names.joined() : names.dropLast().joined(separator: ", ") + " or " + names[names.count - 1]
    }
}

/// Base64 as proto3's JSON mapping takes it: the standard or the URL-safe alphabet, with or without padding.
enum Base64 {
    /// The bytes, or nil when the text is not base64.
    static func decode(_ text: String) -> [UInt8]? {
        var characters = text.utf8[...]
        while characters.last == UInt8(ascii: "="), characters.count % 4 == 0 || characters.count % 4 == 3 {
            characters = characters.dropLast()
        }
        guard characters.count % 4 != 1 else { return nil }
        var result: [UInt8] = []
        result.reserveCapacity(characters.count * 3 / 4)
        var (bits, count): (UInt32, Int) = (0, 0)
        for character in characters {
            guard let value = sextet(character) else { return nil }
            bits = bits << 6 | UInt32(value)
            count += 6
            if count >= 8 {
                count -= 8
                result.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            }
        }
        return bits & (1 << UInt32(count) - 1) == 0 ? result : nil
    }

    private static func sextet(_ character: UInt8) -> UInt8? {
        switch character {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): character - UInt8(ascii: "A")
        case UInt8(ascii: "a")...UInt8(ascii: "z"): character - UInt8(ascii: "a") + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0") + 52
        case UInt8(ascii: "+"), UInt8(ascii: "-"): 62
        case UInt8(ascii: "/"), UInt8(ascii: "_"): 63
        default: nil
        }
    }
}
