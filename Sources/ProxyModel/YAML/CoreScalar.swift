/// What plain text means by YAML 1.2's core schema (§10.3.2): `no` is text, `010` is ten, `1_000` is text.
package enum CoreScalar: Equatable, Sendable {
    /// Nothing, `~` or `null`.
    case null
    /// `true` or `false`.
    case bool(Bool)
    /// A whole number with its sign, and whether zeros lead it, which YAML 1.1 took for octal.
    case integer(isNegative: Bool, magnitude: UInt64, hasLeadingZero: Bool)
    /// A number with a fraction or an exponent, a whole number too large for 64 bits, an infinity or not a number.
    case float(Double)
    /// Anything else.
    case text

    /// Reads plain text.
    package init(_ text: String) {
        switch text {
        case "", "~", "null", "Null", "NULL": self = .null
        case "true", "True", "TRUE": self = .bool(true)
        case "false", "False", "FALSE": self = .bool(false)
        case ".nan", ".NaN", ".NAN": self = .float(.nan)
        case ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF": self = .float(.infinity)
        case "-.inf", "-.Inf", "-.INF": self = .float(-.infinity)
        default: self = Self.number(text) ?? .text
        }
    }

    /// What a plain word stands for that is text in YAML 1.2 and a boolean in YAML 1.1, and so for Envoy where any value
    /// may stand (`google.protobuf.Value`).
    package static func oldBoolean(_ text: String) -> Bool? {
        switch text {
        case "y", "Y", "yes", "Yes", "YES", "on", "On", "ON": true
        case "n", "N", "no", "No", "NO", "off", "Off", "OFF": false
        default: nil
        }
    }

    /// The name of the core schema's tag for it.
    var tag: String {
        switch self {
        case .null: "null"
        case .bool: "bool"
        case .integer: "int"
        case .float: "float"
        case .text: "str"
        }
    }

    private static func number(_ text: String) -> CoreScalar? {
        var digits = text.utf8[...]
        guard let first = digits.first, first <= UInt8(ascii: "9") else { return nil }
        if text.hasPrefix("0o") { return radix(text.dropFirst(2), 8) }
        if text.hasPrefix("0x") { return radix(text.dropFirst(2), 16) }
        let isNegative = first == .dash
        if isNegative || first == UInt8(ascii: "+") { digits = digits.dropFirst() }
        let whole = digits.prefix(while: isDigit)
        let rest = digits.dropFirst(whole.count)
        if rest.isEmpty {
            guard let magnitude = UInt64(Substring(whole)) else { return whole.isEmpty ? nil : Double(text).map(float) }
            let hasLeadingZero = whole.count > 1 && whole.first == UInt8(ascii: "0")
            return .integer(isNegative: isNegative, magnitude: magnitude, hasLeadingZero: hasLeadingZero)
        }
        return isFraction(rest, afterDigits: !whole.isEmpty) ? Double(padded(text)).map(float) : nil
    }

    /// Swift reads neither `.5` nor `5.`, both of which the core schema has.
    private static func padded(_ text: String) -> String {
        var result = ""
        var previous: Character = "+"
        for character in text {
            if character == ".", !previous.isNumber { result.append("0") }
            if previous == ".", !character.isNumber { result.append("0") }
            result.append(character)
            previous = character
        }
        return previous == "." ? result + "0" : result
    }

    /// `(\.[0-9]*)?([eE][-+]?[0-9]+)?`, with a digit somewhere before the exponent.
    private static func isFraction(_ text: Substring.UTF8View, afterDigits: Bool) -> Bool {
        var rest = text
        var hasDigits = afterDigits
        if rest.first == UInt8(ascii: ".") {
            let fraction = rest.dropFirst().prefix(while: isDigit)
            hasDigits = hasDigits || !fraction.isEmpty
            rest = rest.dropFirst(1 + fraction.count)
        }
        guard hasDigits else { return false }
        guard let exponent = rest.first else { return true }
        guard exponent == UInt8(ascii: "e") || exponent == UInt8(ascii: "E") else { return false }
        rest = rest.dropFirst()
        if rest.first == .dash || rest.first == UInt8(ascii: "+") { rest = rest.dropFirst() }
        return !rest.isEmpty && rest.allSatisfy(isDigit)
    }

    private static func radix(_ digits: Substring, _ radix: Int) -> CoreScalar? {
        guard digits.utf8.first != .dash, digits.utf8.first != UInt8(ascii: "+") else { return nil }
        guard let magnitude = UInt64(digits, radix: radix) else { return nil }
        return .integer(isNegative: false, magnitude: magnitude, hasLeadingZero: false)
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
}
