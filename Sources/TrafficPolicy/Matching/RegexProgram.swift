import Bytes
import CRE2

/// A compiled regular expression (RE2 syntax): linear time whatever the input, and no allocation a match once warm.
public final class RegexProgram: Sendable {
    /// Most instructions that a compiled expression may have. Expressions come from tenants: this bounds the memory
    /// and the constant of RE2's linear time.
    public static let maximumSize = 10_000

    /// The expression as written.
    public let pattern: String

    // Safety: made in `init`, freed in `deinit`, never changed; RE2's const operations may run on several threads.
    nonisolated(unsafe) private let handle: OpaquePointer

    /// - Throws: ``PolicyError/invalidRegex(pattern:reason:)`` or ``PolicyError/regexTooLarge(pattern:size:maximum:)``.
    public init(_ pattern: String, caseSensitive: Bool = true, maximumSize: Int = maximumSize) throws(PolicyError) {
        var error = [CChar](repeating: 0, count: 256)
        var errorLength = 0
        var copy = pattern
        let compiled = copy.withUTF8 { text in
            text.withMemoryRebound(to: CChar.self) {
                heddle_regex_compile($0.baseAddress, $0.count, caseSensitive, &error, error.count, &errorLength)
            }
        }
        guard let compiled else {
            let reason = String(decoding: error[..<errorLength].map { UInt8(bitPattern: $0) }, as: UTF8.self)
            throw .invalidRegex(pattern: pattern, reason: reason)
        }
        let size = Int(heddle_regex_program_size(compiled))
        guard size <= maximumSize else {
            heddle_regex_free(compiled)
            throw .regexTooLarge(pattern: pattern, size: size, maximum: maximumSize)
        }
        self.pattern = pattern
        handle = compiled
    }

    deinit {
        heddle_regex_free(handle)
    }

    /// Number of capturing groups, the whole match not counted.
    public var groupCount: Int { Int(heddle_regex_group_count(handle)) }

    /// Whether the expression matches the whole of `text`.
    public func matchesAll(of text: UnsafeRawBufferPointer) -> Bool {
        let characters = text.assumingMemoryBound(to: CChar.self)
        return heddle_regex_full_match(handle, characters.baseAddress, characters.count)
    }

    /// Whether the expression matches any part of `text`.
    public func matchesPart(of text: String) -> Bool {
        var text = text
        return withUnsafeTemporaryAllocation(of: Int32.self, capacity: 2) { offsets in
            text.withUTF8 { find(in: UnsafeRawBufferPointer($0), from: 0, offsets: offsets) }
        }
    }

    /// The groups of the first match in `text`, as ranges of its bytes; nil for a group that took no part. No match, no
    /// groups.
    public func firstGroups(in text: String) -> [Range<Int>?] {
        var text = text
        let groups = 1 + groupCount
        return withUnsafeTemporaryAllocation(of: Int32.self, capacity: 2 * groups) { offsets in
            let found = text.withUTF8 { find(in: UnsafeRawBufferPointer($0), from: 0, offsets: offsets) }
            guard found else { return [] }
            return (1..<groups).map { offsets[2 * $0] < 0 ? nil : Int(offsets[2 * $0])..<Int(offsets[2 * $0 + 1]) }
        }
    }

    /// Finds the first match at or after `start`; writes begin and end of the whole match and of the groups, two
    /// numbers each, -1 for a group that took no part.
    func find(in text: UnsafeRawBufferPointer, from start: Int, offsets: UnsafeMutableBufferPointer<Int32>) -> Bool {
        let characters = text.assumingMemoryBound(to: CChar.self)
        return heddle_regex_find(
            handle, characters.baseAddress, characters.count, start, offsets.baseAddress, Int32(offsets.count / 2))
    }
}
