/// One supported field of a message.
struct FieldSchema: Sendable {
    /// How many values the field holds, and under what.
    enum Cardinality: Sendable, Equatable {
        /// At most one value.
        case singular
        /// A list.
        case repeated
        /// Values under text keys. No message that Heddle supports has keys of another type.
        case map
    }

    /// The type of one value.
    enum ValueType: Sendable, Equatable {
        /// A number, a boolean, text or bytes.
        case scalar(ScalarType)
        /// A value of the enum of this full name.
        case enumeration(String)
        /// A message of this full name.
        case message(String)
    }

    /// The scalar types that the supported messages use.
    enum ScalarType: String, Sendable {
        case double, float, int32, int64, uint32, uint64, bool, string, bytes
    }

    /// Envoy's field number.
    let number: Int
    /// The name in snake_case.
    let name: String
    /// The name in camelCase.
    let jsonName: String
    /// How many values it holds.
    let cardinality: Cardinality
    /// The type of one of them.
    let type: ValueType
    /// The oneof that it belongs to.
    let oneof: String?
    /// What Envoy demands of it.
    let rules: [FieldRule]

    /// The lowerCamelCase name that proto3's JSON mapping gives to a snake_case name.
    static func camelCase(_ name: some StringProtocol) -> String {
        var result = ""
        var capitalise = false
        for character in name.unicodeScalars {
            if character == "_" {
                capitalise = true
            } else if capitalise, ("a"..."z").contains(character), let upper = Unicode.Scalar(character.value - 32) {
                result.unicodeScalars.append(upper)
                capitalise = false
            } else {
                result.unicodeScalars.append(character)
                capitalise = false
            }
        }
        return result
    }
}

/// What Envoy demands of a field's value.
enum FieldRule: Sendable, Equatable {
    /// What a rule looks at: the field's value, each item of a list or map, or each key of a map.
    enum Subject: String, Sendable, Equatable {
        case value = ""
        case item = "item"
        case key = "key"
    }

    /// A comparison with a number.
    enum Comparison: String, Sendable, Equatable {
        case atLeast = "gte"
        case atMost = "lte"
        case above = "gt"
        case below = "lt"
    }

    /// The field must be set.
    case required
    /// The other rules do not hold for an empty value.
    case ignoreEmpty
    /// A number, or the seconds of a duration, compared with a limit.
    case compare(Subject, Comparison, Double)
    /// At least so many bytes.
    case minimumLength(Subject, Int)
    /// At most so many bytes.
    case maximumLength(Subject, Int)
    /// At least so many items.
    case minimumItems(Int)
    /// At most so many items.
    case maximumItems(Int)
    /// No item twice.
    case unique
    /// One of these words.
    case oneOf(Subject, [String])
    /// Of an enum: not one of these numbers.
    case noneOf(Subject, [Int])
    /// Exactly this boolean.
    case constant(Bool)
    /// A header name (RFC 9110 §5.1), or with `strict` off any text without NUL, CR and LF.
    case headerName(Subject, strict: Bool)
    /// A header value, or with `strict` off any text without NUL, CR and LF.
    case headerValue(Subject, strict: Bool)
    /// A path without query and fragment that does not end in a slash.
    case pathPrefix
}
