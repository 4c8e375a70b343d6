import Bytes

/// Envoy's StringMatcher (`type.matcher.v3`), compiled.
public struct StringMatcher: Sendable {
    /// How the text is looked at.
    public enum Pattern: Sendable {
        case exact([UInt8])
        case prefix([UInt8])
        case suffix([UInt8])
        case contains([UInt8])
        /// The whole text must match. `ignore_case` does not apply to it (Envoy refuses the pair).
        case regex(RegexProgram)
    }

    private let pattern: Pattern
    private let ignoresCase: Bool

    /// - Parameter ignoresCase: ASCII letters of either case are the same.
    public init(_ pattern: Pattern, ignoresCase: Bool = false) {
        self.pattern = pattern
        self.ignoresCase = ignoresCase
    }

    /// The whole text is this one.
    public static func exact(_ text: String, ignoresCase: Bool = false) -> StringMatcher {
        StringMatcher(.exact(Array(text.utf8)), ignoresCase: ignoresCase)
    }

    /// The text begins so.
    public static func prefix(_ text: String, ignoresCase: Bool = false) -> StringMatcher {
        StringMatcher(.prefix(Array(text.utf8)), ignoresCase: ignoresCase)
    }

    /// The text ends so.
    public static func suffix(_ text: String, ignoresCase: Bool = false) -> StringMatcher {
        StringMatcher(.suffix(Array(text.utf8)), ignoresCase: ignoresCase)
    }

    /// The text has this somewhere.
    public static func contains(_ text: String, ignoresCase: Bool = false) -> StringMatcher {
        StringMatcher(.contains(Array(text.utf8)), ignoresCase: ignoresCase)
    }

    /// RE2; the whole text must match. Throws what RE2 says of a wrong pattern.
    public static func regex(_ pattern: String) throws(PolicyError) -> StringMatcher {
        StringMatcher(.regex(try RegexProgram(pattern)))
    }

    /// Whether `text` matches; no allocation.
    public func matches(_ text: UnsafeRawBufferPointer) -> Bool {
        switch pattern {
        case .regex(let regex):
            return regex.matchesAll(of: text)
        case .exact(let bytes):
            return bytes.count == text.count && equals(text, bytes)
        case .prefix(let bytes):
            return bytes.count <= text.count && equals(text.slice(0, bytes.count), bytes)
        case .suffix(let bytes):
            return bytes.count <= text.count && equals(text.slice(text.count - bytes.count, text.count), bytes)
        case .contains(let bytes):
            guard bytes.count <= text.count else { return false }
            for start in 0...(text.count - bytes.count)
            where equals(text.slice(start, start + bytes.count), bytes) { return true }
            return false
        }
    }

    private func equals(_ text: UnsafeRawBufferPointer, _ bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { ignoresCase ? text.equalsIgnoringCase($0) : text.equals($0) }
    }
}

extension StringMatcher: CustomStringConvertible {
    public var description: String {
        let note = ignoresCase ? " ignoring case" : ""
        return switch pattern {
        case .exact(let bytes): "equal to '\(text(bytes))'\(note)"
        case .prefix(let bytes): "starting with '\(text(bytes))'\(note)"
        case .suffix(let bytes): "ending in '\(text(bytes))'\(note)"
        case .contains(let bytes): "containing '\(text(bytes))'\(note)"
        case .regex(let regex): "matching regex '\(regex.pattern)'"
        }
    }

    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}
