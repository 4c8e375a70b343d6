/// Why a format string was refused.
public enum FormatError: Error, Equatable, CustomStringConvertible {
    /// Neither Envoy nor Heddle knows the operator.
    case unknownOperator(String, offset: Int)
    /// Envoy has it and Heddle does not yet.
    case unsupportedOperator(String, offset: Int)
    /// A percent sign that begins no operator; a literal one is written twice.
    case malformed(offset: Int)
    /// What stands in parentheses is not what the operator takes.
    case argument(operator: String, expected: String, found: String)
    case tooLong(limit: Int)

    public var description: String {
        switch self {
        case .unknownOperator(let name, let offset): "unknown operator %\(name)% at offset \(offset)"
        case .unsupportedOperator(let name, let offset):
            "operator %\(name)% at offset \(offset): Envoy has it, Heddle does not support it yet"
        case .malformed(let offset): "'%' at offset \(offset) begins no %OPERATOR%; a literal percent sign is written %%"
        case .argument(let name, let expected, let found): "%\(name)(\(found))%: expected \(expected)"
        case .tooLong(let limit): "the format is longer than \(limit) bytes"
        }
    }
}
