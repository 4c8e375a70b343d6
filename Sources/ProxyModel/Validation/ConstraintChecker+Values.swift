extension ConstraintChecker {
    /// One value of a field: its form, the rules on it, and what is inside.
    mutating func check(
        _ value: WireReader.Value, _ field: FieldSchema, _ subject: FieldRule.Subject, of message: MessageSchema,
        isOptional: Bool
    ) {
        switch (field.type, value) {
        case (.scalar(.string), .bytes(let bytes)):
            guard let text = String(validating: bytes, as: UTF8.self) else { return fail("is not UTF-8 text") }
            checkText(text, field, subject)
        case (.scalar(.bytes), .bytes(let bytes)):
            checkLength(bytes.count, field, subject)
        case (.scalar(let type), _):
            guard let number = Self.number(value, type) else { return fail("the bytes are no \(type.rawValue)") }
            guard number.isFinite else { return fail("must be finite") }
            checkNumber(number, field, subject)
        case (.enumeration(let name), .varint(let bits)):
            let number = Int(Int32(truncatingIfNeeded: bits))
            if field.rules.contains(where: { $0.forbids(number, subject) }) { return fail("must not be \(number)") }
            checkEnum(number, schema.enumeration(name))
        case (.message("google.protobuf.Any"), .bytes(let bytes)):
            checkAny(bytes, of: message, isOptional: isOptional)
        case (.message(let name), .bytes(let bytes)):
            if let wellKnown = WellKnownType(rawValue: name) {
                check(bytes, wellKnown, field, subject)
            } else {
                check(bytes, schema.message(name), isOptional: isOptional && name == MessageEncoder.extensionName)
            }
        default:
            fail("the bytes are no value of this field")
        }
    }

    /// The rules on a number.
    mutating func checkNumber(_ number: Double, _ field: FieldSchema, _ subject: FieldRule.Subject, unit: String = "") {
        for rule in field.rules {
            switch rule {
            case .compare(subject, let comparison, let limit) where !comparison.holds(number, limit):
                fail("must be \(comparison.words) \(Self.text(limit))\(unit), found \(Self.text(number))\(unit)")
            case .constant(let expected) where (number != 0) != expected:
                fail("must be \(expected), if it is set")
            default: break
            }
        }
    }

    /// The rules on text.
    mutating func checkText(_ text: String, _ field: FieldSchema, _ subject: FieldRule.Subject) {
        if text.isEmpty, field.rules.contains(.ignoreEmpty) { return }
        checkLength(text.utf8.count, field, subject)
        for rule in field.rules {
            switch rule {
            case .oneOf(subject, let words) where !words.contains(text):
                fail("must be one of \(words.joined(separator: ", ")), found \(MessageEncoder.quoted(text))")
            case .headerName(subject, let isStrict) where !HeaderText.isName(text, isStrict: isStrict):
                fail("is no header name: \(MessageEncoder.quoted(text))")
            case .headerValue(subject, let isStrict) where !HeaderText.isValue(text, isStrict: isStrict):
                fail("holds characters that a header cannot have: \(MessageEncoder.quoted(text))")
            case .pathPrefix where !HeaderText.isPathPrefix(text):
                fail("must not end in \"/\" nor hold \"?\" or \"#\", found \(MessageEncoder.quoted(text))")
            default: break
            }
        }
    }

    private mutating func checkLength(_ count: Int, _ field: FieldSchema, _ subject: FieldRule.Subject) {
        for rule in field.rules {
            switch rule {
            case .minimumLength(subject, let limit) where count < limit:
                fail(limit == 1 ? "must not be empty" : "must have at least \(limit) bytes, found \(count)")
            case .maximumLength(subject, let limit) where count > limit:
                fail("must have at most \(limit) bytes, found \(count)")
            default: break
            }
        }
    }

    private mutating func checkEnum(_ number: Int, _ enumeration: EnumSchema) {
        if enumeration.values.contains(where: { Int($0.number) == number }) { return }
        if let absent = enumeration.absent.first(where: { $0.number == number }) {
            fail("Envoy has the value \(absent.name), Heddle does not support it yet")
        } else {
            fail("unknown value \(number) of \(enumeration.name)")
        }
    }

    /// Wrappers and durations; free-form values have no rules.
    private mutating func check(
        _ bytes: ArraySlice<UInt8>, _ type: WellKnownType, _ field: FieldSchema, _ subject: FieldRule.Subject
    ) {
        guard type == .duration || type.wrapped != nil else { return }
        var reader = WireReader(bytes)
        var values: [Int: UInt64] = [:]
        var number: Double?
        while !reader.isAtEnd {
            switch reader.next() {
            case (let number, .varint(let value))? where type != .double: values[number] = value
            case (1, .fixed64(let bits))? where type == .double: number = Double(bitPattern: bits)
            default: return fail("the bytes are no \(type.rawValue)")
            }
        }
        if let number, !number.isFinite { return fail("must be finite") }
        guard type == .duration else {
            return checkNumber(number ?? Double(values[1] ?? 0), field, subject)
        }
        let seconds = Int64(bitPattern: values[1] ?? 0)
        let nanoseconds = Int64(bitPattern: values[2] ?? 0)
        guard (0...DurationText.maximumSeconds).contains(seconds), (0..<1_000_000_000).contains(nanoseconds) else {
            return fail("a duration cannot be negative or longer than 10,000 years")
        }
        checkNumber(Double(seconds) + Double(nanoseconds) / 1e9, field, subject, unit: "s")
    }

    /// A message that names its own type: whether Heddle has it, whether it may stand here, and what is inside.
    private mutating func checkAny(_ bytes: ArraySlice<UInt8>, of message: MessageSchema, isOptional: Bool) {
        if bytes.isEmpty, AnyPlace.mayBeEmpty(of: message) { return }
        var reader = WireReader(bytes)
        var (url, content): (String?, ArraySlice<UInt8>) = (nil, [])
        while !reader.isAtEnd {
            switch reader.next() {
            case (1, .bytes(let text))?: url = String(validating: text, as: UTF8.self)
            case (2, .bytes(let value))?: content = value
            default: return fail("the bytes are no google.protobuf.Any")
            }
        }
        guard let url, !url.isEmpty else { return fail("needs a type URL") }
        let outer = TypeRegistry.messageName(ofTypeURL: url)
        let name = InertExtension.innerName(outer, content)
        if let inert = InertExtension.named(name) {
            if let problem = inert.problem(in: message.name, content: content) { return fail(problem) }
            return ignore(inert.description)
        }
        guard name == outer else {
            return fail("a \(outer) is taken only for extensions that do nothing here; found \(MessageEncoder.quoted(name))")
        }
        if let prefixes = AnyPlace.prefixes(field: path, of: message), !prefixes.contains(where: name.hasPrefix) {
            if !isOptional || schema.messages[name] != nil {
                return fail("\(name) cannot stand here; expected a type of \(prefixes.joined(separator: " or "))*")
            }
        }
        if let inner = schema.messages[name] {
            check(content, inner)
        } else if !isOptional, WellKnownType(rawValue: name) == nil {
            fail(
                schema.onlyEnvoyHas(message: name)
                    ? "Envoy has the type \(name), Heddle does not support it yet"
                    : "unknown type \(MessageEncoder.quoted(name))")
        }
    }

    private static func number(_ value: WireReader.Value, _ type: FieldSchema.ScalarType) -> Double? {
        switch (type, value) {
        case (.double, .fixed64(let bits)): Double(bitPattern: bits)
        case (.float, .fixed32(let bits)): Double(Float(bitPattern: bits))
        case (.int32, .varint(let bits)): Double(Int32(truncatingIfNeeded: bits))
        case (.int64, .varint(let bits)): Double(Int64(bitPattern: bits))
        case (.uint32, .varint(let bits)): Double(UInt32(truncatingIfNeeded: bits))
        case (.uint64, .varint(let bits)): Double(bits)
        case (.bool, .varint(let bits)): bits == 0 ? 0 : 1
        default: nil
        }
    }

    private static func text(_ number: Double) -> String {
        Int64(exactly: number).map(String.init) ?? "\(number)"
    }
}

extension FieldRule.Comparison {
    /// Whether the number is on the right side of the limit.
    fileprivate func holds(_ number: Double, _ limit: Double) -> Bool {
        switch self {
        case .atLeast: number >= limit
        case .atMost: number <= limit
        case .above: number > limit
        case .below: number < limit
        }
    }

    /// The comparison in words.
    fileprivate var words: String {
        switch self {
        case .atLeast: "at least"
        case .atMost: "at most"
        case .above: "above"
        case .below: "below"
        }
    }
}

extension FieldRule {
    /// Whether an enum's value must not be this number.
    func forbids(_ number: Int, _ subject: Subject) -> Bool {
        guard case .noneOf(subject, let numbers) = self else { return false }
        return numbers.contains(number)
    }
}
