import Bytes

/// Decides about texts otherwise than by a pattern (`custom`).
public protocol TextPredicate: AnyObject, Sendable, CustomStringConvertible {
    /// Whether `text` matches.
    func matches(_ text: UnsafeRawBufferPointer) -> Bool
}

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
        case custom(any TextPredicate)
    }

    // The pattern in parts of which none is copied, and so counted, to look at another.
    private let kind: Kind
    private let bytes: [UInt8]
    private let program: RegexProgram?
    private let predicate: (any TextPredicate)?
    private let ignoresCase: Bool

    private enum Kind {
        case exact, prefix, suffix, contains, regex, custom
    }

    /// - Parameter ignoresCase: ASCII letters of either case are the same.
    public init(_ pattern: Pattern, ignoresCase: Bool = false) {
        self.ignoresCase = ignoresCase
        if case .custom(let predicate) = pattern { self.predicate = predicate } else { predicate = nil }
        switch pattern {
        case .exact(let bytes): (kind, self.bytes, program) = (.exact, bytes, nil)
        case .prefix(let bytes): (kind, self.bytes, program) = (.prefix, bytes, nil)
        case .suffix(let bytes): (kind, self.bytes, program) = (.suffix, bytes, nil)
        case .contains(let bytes): (kind, self.bytes, program) = (.contains, bytes, nil)
        case .regex(let regex): (kind, bytes, program) = (.regex, [], regex)
        case .custom: (kind, bytes, program) = (.custom, [], nil)
        }
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

    /// Whether `text` matches; no allocation but what a custom matcher makes.
    public func matches(_ text: UnsafeRawBufferPointer) -> Bool {
        switch kind {
        case .regex:
            return program.map { $0.matchesAll(of: text) } ?? false
        case .custom:
            return predicate?.matches(text) ?? false
        case .exact:
            return bytes.count == text.count && equals(text)
        case .prefix:
            return bytes.count <= text.count && equals(text.slice(0, bytes.count))
        case .suffix:
            return bytes.count <= text.count && equals(text.slice(text.count - bytes.count, text.count))
        case .contains:
            guard bytes.count <= text.count else { return false }
            for start in 0...(text.count - bytes.count) where equals(text.slice(start, start + bytes.count)) { return true }
            return false
        }
    }

    private func equals(_ text: UnsafeRawBufferPointer) -> Bool {
        bytes.withUnsafeBytes { ignoresCase ? text.equalsIgnoringCase($0) : text.equals($0) }
    }
}

extension StringMatcher: CustomStringConvertible {
    public var description: String {
        let text = String(decoding: bytes, as: UTF8.self)
        let note = ignoresCase ? " ignoring case" : ""
        return switch kind {
        case .exact: "equal to '\(text)'\(note)"
        case .prefix: "starting with '\(text)'\(note)"
        case .suffix: "ending in '\(text)'\(note)"
        case .contains: "containing '\(text)'\(note)"
        case .custom: "matched by \(predicate.map { "\($0)" } ?? "")"
        case .regex: "matching regex '\(program.map(\.pattern) ?? "")'"
        }
    }
}
