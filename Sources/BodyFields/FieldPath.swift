/// Why the place of a field, as a configuration or a script names it, is none.
public enum FieldPathError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A JSON pointer that is not empty begins with "/".
    case pointerWithoutSlash(String)
    /// `~` stands in a JSON pointer only as `~0` and `~1`.
    case pointerEscape(String)
    /// A gRPC path is field numbers from 1 to 2^29-1 with dots between them.
    case fieldNumber(String)
    /// One gRPC path is the beginning of another, so that a field would be a value and a message.
    case messageAndValue(String, String)
    /// The name of a form field is empty.
    case emptyName

    public var description: String {
        switch self {
        case .pointerWithoutSlash(let text): "\"\(text)\" is no JSON pointer: it does not begin with \"/\""
        case .pointerEscape(let text): "\"\(text)\" is no JSON pointer: \"~\" stands only in \"~0\" and \"~1\""
        case .fieldNumber(let text): "\"\(text)\" is no path of field numbers such as \"3.1\""
        case .messageAndValue(let outer, let inner): "\"\(outer)\" is a message in \"\(inner)\" and cannot be a value too"
        case .emptyName: "a form field needs a name"
        }
    }
}

/// A JSON pointer (RFC 6901), cut into its steps.
public struct JSONPointer: Hashable, Sendable {
    /// Decoded steps from the outermost value inwards; none for the whole document.
    public let steps: [[UInt8]]

    /// - Throws: where the text is no pointer.
    public init(_ text: String) throws(FieldPathError) {
        guard !text.isEmpty else {
            steps = []
            return
        }
        var steps: [[UInt8]] = []
        var isEscape = false
        for byte in text.utf8 {
            if isEscape {
                guard byte == UInt8(ascii: "0") || byte == UInt8(ascii: "1") else { throw .pointerEscape(text) }
                steps[steps.count - 1].append(byte == UInt8(ascii: "0") ? UInt8(ascii: "~") : UInt8(ascii: "/"))
                isEscape = false
            } else if byte == UInt8(ascii: "/") {
                steps.append([])
            } else {
                guard !steps.isEmpty else { throw .pointerWithoutSlash(text) }
                isEscape = byte == UInt8(ascii: "~")
                if !isEscape { steps[steps.count - 1].append(byte) }
            }
        }
        guard !isEscape else { throw .pointerEscape(text) }
        self.steps = steps
    }

    /// A step as the index of an array: decimal without leading zeros.
    static func arrayIndex(_ step: [UInt8]) -> Int? {
        guard (1...9).contains(step.count), step.count == 1 || step[0] != UInt8(ascii: "0") else { return nil }
        var index = 0
        for byte in step {
            guard byte &- UInt8(ascii: "0") < 10 else { return nil }
            index = index * 10 + Int(byte - UInt8(ascii: "0"))
        }
        return index
    }
}

/// A field of a protobuf message by the numbers of the fields on the way: `3.1` is field 1 of the message in field 3.
public struct GRPCFieldPath: Hashable, Sendable {
    /// From the outermost message inwards; at least one.
    public let numbers: [Int]

    /// - Throws: where the text is no path.
    public init(_ text: String) throws(FieldPathError) {
        var numbers: [Int] = []
        for part in text.split(separator: ".", omittingEmptySubsequences: false) {
            guard part.allSatisfy({ $0.isASCII && $0.isNumber }), let number = Int(part), (1..<1 << 29).contains(number) else {
                throw .fieldNumber(text)
            }
            numbers.append(number)
        }
        self.numbers = numbers
    }

    var text: String { numbers.map(String.init).joined(separator: ".") }
}
