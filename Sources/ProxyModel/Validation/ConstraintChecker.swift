package import SwiftProtobuf

/// Compiles a regular expression; answers why it cannot be used, or nil when it can. Given by whoever has RE2.
package typealias RegexCheck = (_ pattern: String) -> String?

/// Checks a message in binary form against the schema: that Heddle has every field, enum value and type in it, and that
/// Envoy's constraints on each field hold.
///
/// It reads the binary form because that is what a file and a control plane have in common. A field that is not
/// supported is found by its number there, where the generated types would keep it silently.
package struct ConstraintChecker {
    /// Deepest nesting of messages.
    static let maximumDepth = 100

    let schema: Schema
    let marks: ConfigMarks
    let checkRegex: RegexCheck?
    let unknownFields: UnknownFields

    /// Fields that Heddle does not have and that are left aside, as `message.field`, each once and up to a bound.
    private(set) var ignored: [String] = []
    private(set) var errors: [ConfigError] = []
    var path = ConfigPath()
    private var depth = 0

    init(schema: Schema, marks: ConfigMarks, checkRegex: RegexCheck?, unknownFields: UnknownFields = .refused) {
        self.schema = schema
        self.marks = marks
        self.checkRegex = checkRegex
        self.unknownFields = unknownFields
    }

    /// All that is wrong with a message, up to ``ConfigErrors/maximum``; `root` stands before the paths.
    package static func check(
        _ bytes: [UInt8], as type: (some SwiftProtobuf.Message).Type, marks: ConfigMarks,
        root: ConfigPath = ConfigPath(),
        checkRegex: RegexCheck? = nil, unknownFields: UnknownFields = .refused
    ) -> [ConfigError] {
        var checker = ConstraintChecker(
            schema: .shared, marks: marks, checkRegex: checkRegex, unknownFields: unknownFields)
        checker.path = root
        checker.check(bytes[...], checker.schema.message(type.protoMessageName))
        return checker.errors
    }

    mutating func fail(_ message: String) {
        guard errors.count < ConfigErrors.maximum else { return }
        errors.append(marks.error(path, message))
    }

    /// A message's fields, in the order of the .proto file.
    mutating func check(_ bytes: ArraySlice<UInt8>, _ message: MessageSchema, isOptional inherited: Bool = false) {
        guard depth < Self.maximumDepth else { return fail("nested deeper than \(Self.maximumDepth) messages") }
        depth += 1
        defer { depth -= 1 }
        guard let values = fields(of: bytes, message) else { return fail("the bytes are no \(message.name)") }
        // A runtime layer of a kind that is left aside (`admin_layer`) is an empty one.
        let mayBeEmpty = unknownFields == .leftAside && message.name == "envoy.config.bootstrap.v3.RuntimeLayer"
        for oneof in message.requiredOneofs where !mayBeEmpty {
            let members = message.fields.filter { $0.oneof == oneof }
            if !members.contains(where: { values[$0.number] != nil }) { fail(Self.missing(members.map(\.name))) }
        }
        if let config = message.field(named: "typed_config"), config.oneof == "config_type",
            values[config.number] == nil
        {
            path.push(.field(config.name))
            fail("is required")
            path.pop()
        }
        let isOptional = inherited || isTrue("is_optional", message, values)
        for field in message.fields where errors.count < ConfigErrors.maximum {
            path.push(.field(field.name))
            defer { path.pop() }
            check(values[field.number] ?? [], field, of: message, isOptional: isOptional)
        }
        if let checkRegex, message.name == "envoy.type.matcher.v3.RegexMatcher",
            case .bytes(let pattern)? = values[2]?.last,
            let reason = checkRegex(String(decoding: pattern, as: UTF8.self))
        {
            path.push(.field("regex"))
            fail(reason)
            path.pop()
        }
    }

    /// The values of each field by number, or nil when the bytes are malformed. Numbers that Heddle does not have fail.
    private mutating func fields(of bytes: ArraySlice<UInt8>, _ message: MessageSchema) -> [Int: [WireReader.Value]]? {
        var reader = WireReader(bytes)
        var values: [Int: [WireReader.Value]] = [:]
        while !reader.isAtEnd {
            guard let (number, value) = reader.next() else { return nil }
            if message.field(number: number) != nil {
                values[number, default: []].append(value)
            } else if unknownFields.leavesAside(number, of: message) {
                ignore(number, of: message)
            } else if let absent = message.absent.first(where: { $0.number == number }) {
                path.push(.field(absent.name))
                fail(absent.refusal)
                path.pop()
            } else {
                fail("unknown field number \(number) of \(message.name)")
            }
        }
        return values
    }

    private mutating func ignore(_ number: Int, of message: MessageSchema) {
        let field = message.absent.first { $0.number == number }?.name ?? "\(number)"
        ignore("\(message.name).\(field)")
    }

    /// Notes what is left aside, for the log.
    mutating func ignore(_ name: String) {
        if ignored.count < ConfigErrors.maximum, !ignored.contains(name) { ignored.append(name) }
    }

    private func isTrue(_ name: String, _ message: MessageSchema, _ values: [Int: [WireReader.Value]]) -> Bool {
        guard let field = message.field(named: name), case .varint(let value)? = values[field.number]?.last else {
            return false
        }
        return value != 0
    }

    private static func missing(_ names: [String]) -> String {
        names.count == 1 ? "\(names[0]) must be set" : "one of \(names.joined(separator: ", ")) must be set"
    }

    // MARK: - One field

    private mutating func check(
        _ values: [WireReader.Value], _ field: FieldSchema, of message: MessageSchema, isOptional: Bool
    ) {
        switch field.cardinality {
        case .singular:
            guard let value = merged(values, field) else { return checkMissing(field) }
            check(value, field, .value, of: message, isOptional: isOptional)
        case .repeated:
            let items = values.flatMap { Self.unpacked($0, field) }
            checkCount(items.count, field)
            if field.rules.contains(.unique), Self.hasDuplicates(items) { fail("holds the same item twice") }
            for (index, item) in items.enumerated() where errors.count < ConfigErrors.maximum {
                path.push(.index(index))
                check(item, field, .item, of: message, isOptional: false)
                path.pop()
            }
        case .map:
            checkCount(values.count, field)
            for value in values where errors.count < ConfigErrors.maximum { checkEntry(value, field, of: message) }
        }
    }

    /// One value out of those on the wire: the last, or for a message all of them joined, which merges them.
    private func merged(_ values: [WireReader.Value], _ field: FieldSchema) -> WireReader.Value? {
        guard values.count > 1, case .message = field.type else { return values.last }
        var joined: [UInt8] = []
        for case .bytes(let bytes) in values { joined += bytes }
        return .bytes(joined[...])
    }

    private mutating func checkMissing(_ field: FieldSchema) {
        // Of a oneof another field may be set; whether one must be is the message's rule.
        guard field.oneof == nil else { return }
        if field.rules.contains(.required) { return fail("is required") }
        if field.rules.contains(.ignoreEmpty) { return }
        switch field.type {
        case .scalar(.string), .scalar(.bytes): checkText("", field, .value)
        case .scalar: checkNumber(0, field, .value)
        case .enumeration: if field.rules.contains(where: { $0.forbids(0, .value) }) { fail("is required") }
        case .message: break
        }
    }

    private mutating func checkCount(_ count: Int, _ field: FieldSchema) {
        for rule in field.rules {
            switch rule {
            case .minimumItems(let limit) where count < limit:
                fail(limit == 1 ? "must not be empty" : "must hold at least \(limit) items, found \(count)")
            case .maximumItems(let limit) where count > limit:
                fail("must hold at most \(limit) items, found \(count)")
            case .required where count == 0: fail("is required")
            default: break
            }
        }
    }

    private mutating func checkEntry(_ value: WireReader.Value, _ field: FieldSchema, of message: MessageSchema) {
        guard case .bytes(let bytes) = value else { return fail("the bytes are no map entry") }
        var reader = WireReader(bytes)
        var (key, inner): (String, WireReader.Value?) = ("", nil)
        while !reader.isAtEnd {
            switch reader.next() {
            case (1, .bytes(let text))?:
                guard let text = String(validating: text, as: UTF8.self) else { return fail("a key is not UTF-8 text") }
                key = text
            case (2, let value)?: inner = value
            case _?: return fail("the bytes are no map entry")
            case nil: return fail("the bytes are no map entry")
            }
        }
        path.push(.key(key))
        defer { path.pop() }
        checkText(key, field, .key)
        check(inner ?? .bytes([]), field, .item, of: message, isOptional: false)
    }

    /// The single values of a repeated field, whose numbers may be packed into one.
    private static func unpacked(_ value: WireReader.Value, _ field: FieldSchema) -> [WireReader.Value] {
        guard case .bytes(let bytes) = value else { return [value] }
        var reader = WireReader(bytes)
        var items: [WireReader.Value] = []
        switch field.type {
        case .message, .scalar(.string), .scalar(.bytes): return [value]
        case .enumeration, .scalar:
            while !reader.isAtEnd {
                let item: WireReader.Value? =
                    switch field.type {
                    case .scalar(.double): reader.fixed(8).map { .fixed64($0) }
                    case .scalar(.float): reader.fixed(4).map { .fixed32(UInt32($0)) }
                    default: reader.varint().map { .varint($0) }
                    }
                guard let item else { return [value] }
                items.append(item)
            }
            return items
        }
    }

    private static func hasDuplicates(_ items: [WireReader.Value]) -> Bool {
        var seen: Set<[UInt8]> = []
        for case .bytes(let bytes) in items where !seen.insert(Array(bytes)).inserted { return true }
        return false
    }
}
