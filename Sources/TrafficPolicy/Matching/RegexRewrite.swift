public import Bytes

/// Replaces every match of an expression (`regex_rewrite`): `\1` to `\9` stand for the groups, `\0` for the whole
/// match and `\\` for a backslash, as RE2's GlobalReplace has it.
public struct RegexRewrite: Sendable {
    private enum Part: Sendable {
        case literal([UInt8])
        case group(Int)
    }

    private static let maximumGroups = 10

    private let regex: RegexProgram
    private let parts: [Part]

    /// - Parameter substitution: text with `\1` … `\9` for groups, `\0` for the whole match; one that the pattern
    /// does not have is an error.
    public init(regex: RegexProgram, substitution: String) throws(PolicyError) {
        self.regex = regex
        var parts: [Part] = []
        var literal: [UInt8] = []
        var bytes = Array(substitution.utf8)[...]
        while let byte = bytes.popFirst() {
            guard byte == UInt8(ascii: "\\") else {
                literal.append(byte)
                continue
            }
            switch bytes.popFirst() {
            case UInt8(ascii: "\\"):
                literal.append(byte)
            case .some(let digit) where digit >= 48 && digit <= 57:
                let group = Int(digit - 48)
                guard group <= regex.groupCount else {
                    throw .invalidSubstitution(
                        text: substitution, reason: "the regex has \(regex.groupCount) groups, '\\\(group)' is used")
                }
                if !literal.isEmpty { parts.append(.literal(literal)) }
                literal = []
                parts.append(.group(group))
            default:
                throw .invalidSubstitution(text: substitution, reason: "'\\' must be followed by a digit or '\\'")
            }
        }
        if !literal.isEmpty { parts.append(.literal(literal)) }
        self.parts = parts
    }

    /// Appends `text` with all matches replaced.
    /// - Returns: how many matches there were.
    @discardableResult
    public func apply(to text: UnsafeRawBufferPointer, into output: inout ByteWriter) -> Int {
        withUnsafeTemporaryAllocation(of: Int32.self, capacity: Self.maximumGroups * 2) { offsets in
            replaceAll(text, offsets, &output)
        }
    }

    private func replaceAll(
        _ text: UnsafeRawBufferPointer, _ offsets: UnsafeMutableBufferPointer<Int32>, _ output: inout ByteWriter
    ) -> Int {
        var position = 0
        var lastEnd = -1
        var matches = 0
        while position <= text.count, regex.find(in: text, from: position, offsets: offsets) {
            let start = Int(offsets[0])
            let end = Int(offsets[1])
            output.append(text.slice(position, start))
            if start == lastEnd, start == end {
                // An empty match where the last one ended is none: step over one character.
                guard start < text.count else { return matches }
                let next = Self.characterEnd(in: text, at: start)
                output.append(text.slice(start, next))
                position = next
                continue
            }
            substitute(text, offsets, &output)
            matches += 1
            position = end
            lastEnd = end
        }
        if position < text.count { output.append(text.slice(position, text.count)) }
        return matches
    }

    private func substitute(
        _ text: UnsafeRawBufferPointer, _ offsets: UnsafeMutableBufferPointer<Int32>, _ output: inout ByteWriter
    ) {
        for part in parts {
            switch part {
            case .literal(let bytes): output.append(bytes)
            case .group(let group):
                let start = Int(offsets[2 * group])
                if start >= 0 { output.append(text.slice(start, Int(offsets[2 * group + 1]))) }
            }
        }
    }

    /// Where the UTF-8 character at `index` ends: an expression must not resume inside one.
    private static func characterEnd(in text: UnsafeRawBufferPointer, at index: Int) -> Int {
        var end = index + 1
        while end < text.count, text[end] & 0xC0 == 0x80 { end += 1 }
        return end
    }
}
