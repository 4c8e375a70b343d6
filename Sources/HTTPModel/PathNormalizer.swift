import Bytes

/// Gives a request path its one canonical form, by which it is routed, authorised and forwarded
/// (Envoy's `normalize_path`, `merge_slashes` and `path_with_escaped_slashes_action`).
///
/// The query is never touched. Where Envoy's result is not stable, ours is: a dot segment is recognised after its escapes
/// are decoded, also with path parameters behind it (`/.%2e;x/`); decoding never makes a new escape (`%%32e`); and a path
/// of slashes only merges to one.
public struct PathNormalizer: Equatable, Sendable {
    /// What to do with `%2f` and `%5c`.
    public enum EscapedSlashes: UInt8, Sendable {
        case keep, reject, unescapeAndRedirect, unescapeAndForward
    }

    /// What normalising came to.
    public enum Outcome: Equatable, Sendable {
        case unchanged
        /// The block has the canonical path now.
        case changed
        /// The block has the canonical path now, and the client is to come again with it (307).
        case redirect
        /// Answer 400 (`path_normalization_failed`).
        case rejected
    }

    /// Resolves dot segments, makes `\` a slash, decodes unreserved characters, escapes what RFC 3986 has no place for.
    public var normalizesPath: Bool
    public var mergesSlashes: Bool
    public var escapedSlashes: EscapedSlashes

    public init(
        normalizesPath: Bool = true, mergesSlashes: Bool = true, escapedSlashes: EscapedSlashes = .unescapeAndRedirect
    ) {
        self.normalizesPath = normalizesPath
        self.mergesSlashes = mergesSlashes
        self.escapedSlashes = escapedSlashes
    }

    /// Brings `:path` of a request into canonical form. A missing path (CONNECT) and `*` stay.
    public func apply(to fields: inout HeaderBlock) -> Outcome {
        guard let index = fields.firstIndex(of: .path) else { return .unchanged }
        let whole = fields.value(at: index)
        switch look(whole) {
        case .plain: return .unchanged
        case .fragment: return .rejected
        case .unusual: break
        }
        if whole.equals("*") { return .unchanged }
        let end = whole.offset(of: UInt8(ascii: "?")) ?? whole.count
        guard whole.first == UInt8(ascii: "/") else { return normalizesPath ? .rejected : .unchanged }

        // An escaped character takes three bytes, so this holds every result.
        return withUnsafeTemporaryAllocation(byteCount: 3 * end + whole.count - end, alignment: 1) { memory in
            var rewriter = PathRewriter(rules: self, output: memory)
            guard rewriter.rewrite(whole.slice(0, end)) else { return .rejected }
            memory.baseAddress.unsafelyUnwrapped.advanced(by: rewriter.count)
                .copyMemory(from: whole.baseAddress.unsafelyUnwrapped + end, byteCount: whole.count - end)
            let result = UnsafeRawBufferPointer(memory).slice(0, rewriter.count + whole.count - end)
            guard !result.equals(whole) else { return .unchanged }
            fields.replaceValue(at: index, result)
            return rewriter.hasUnescapedSlash && escapedSlashes == .unescapeAndRedirect ? .redirect : .changed
        }
    }

    private enum Look { case plain, unusual, fragment }

    /// Says by one glance whether a path needs no work, as nearly all do.
    private func look(_ whole: UnsafeRawBufferPointer) -> Look {
        guard whole.first == UInt8(ascii: "/") else {
            return whole.offset(of: UInt8(ascii: "#")) == nil ? .unusual : .fragment
        }
        // Once for all bytes: a static property asks on each use whether it was made.
        let kinds = PathBytes.kinds
        var unusual = false
        var previous: UInt8 = 0
        for index in 0..<whole.count {
            let byte = whole[index]
            switch kinds[Int(byte)] {
            case .plain: break
            case .slashOrDot: if previous == UInt8(ascii: "/") { unusual = true }
            case .suspect: unusual = true
            case .fragment: return .fragment
            case .query:
                if whole.slice(index, whole.count).offset(of: UInt8(ascii: "#")) != nil { return .fragment }
                return unusual ? .unusual : .plain
            }
            previous = byte
        }
        return unusual ? .unusual : .plain
    }
}

/// Kinds of bytes in a path.
enum PathBytes {
    enum Kind: UInt8 { case plain, slashOrDot, suspect, query, fragment }

    // Safety: written once, then read only.
    nonisolated(unsafe) static let kinds: UnsafePointer<Kind> = {
        let table = UnsafeMutablePointer<Kind>.allocate(capacity: 256)
        table.initialize(repeating: .suspect, count: 256)
        for byte in 0x21...0x7E { table[byte] = .plain }
        for byte in "%\\{}|\"<>^`".utf8 { table[Int(byte)] = .suspect }
        for byte in "/.".utf8 { table[Int(byte)] = .slashOrDot }
        table[Int(UInt8(ascii: "?"))] = .query
        table[Int(UInt8(ascii: "#"))] = .fragment
        return UnsafePointer(table)
    }()

    /// Letters, digits and `-._~`: an escape of one of these means the same as the character (RFC 3986 section 2.3).
    static func isUnreserved(_ byte: UInt8) -> Bool {
        byte &- 48 < 10 || (byte | 0x20) &- 97 < 26 || byte == 0x2D || byte == 0x2E || byte == 0x5F || byte == 0x7E
    }
}

/// One path on its way into canonical form.
struct PathRewriter {
    let rules: PathNormalizer
    // Safety: three times the length of the path, given by the caller for the time of the call.
    let output: UnsafeMutableRawBufferPointer
    private(set) var count = 0
    private(set) var hasUnescapedSlash = false
    /// Where the last `%` that begins no escape was put.
    private var lonePercent = -3

    init(rules: PathNormalizer, output: UnsafeMutableRawBufferPointer) {
        self.rules = rules
        self.output = output
    }

    /// - Returns: false when the path is to be rejected.
    mutating func rewrite(_ path: UnsafeRawBufferPointer) -> Bool {
        var segment = 0
        var index = 0
        while index < path.count {
            var byte = path[index]
            var size = 1
            if byte == UInt8(ascii: "%") {
                switch escape(path, at: index) {
                case .rejected: return false
                case .character(let decoded): (byte, size) = (decoded, 3)
                case .kept:
                    putEscape(path, at: index)
                    index += 3
                    continue
                case .lone: lonePercent = count
                }
            }
            if rules.normalizesPath, byte == UInt8(ascii: "\\") { byte = UInt8(ascii: "/") }
            index += size
            if byte == UInt8(ascii: "/") {
                endSegment(&segment, isLast: false)
            } else if rules.normalizesPath, PathBytes.kinds[Int(byte)] == .suspect, byte != UInt8(ascii: "%") {
                putEscaped(byte)
            } else {
                put(byte)
            }
        }
        endSegment(&segment, isLast: true)
        if rules.mergesSlashes { mergeSlashes() }
        return true
    }

    /// Comes last, as in Envoy: a dot segment takes an empty segment away like any other.
    private mutating func mergeSlashes() {
        var kept = 1
        for index in 1..<max(count, 1) where output[index] != UInt8(ascii: "/") || output[kept - 1] != UInt8(ascii: "/")
        {
            output[kept] = output[index]
            kept += 1
        }
        count = min(count, kept)
    }

    private enum Escape {
        /// Decoded.
        case character(UInt8)
        case kept, lone, rejected
    }

    private mutating func escape(_ path: UnsafeRawBufferPointer, at index: Int) -> Escape {
        guard index + 2 < path.count, let high = ASCII.hexadecimal(path[index + 1]),
            let low = ASCII.hexadecimal(path[index + 2])
        else { return .lone }
        let byte = high << 4 | low
        if byte == UInt8(ascii: "/") || byte == UInt8(ascii: "\\") {
            switch rules.escapedSlashes {
            case .keep: return .kept
            case .reject: return .rejected
            case .unescapeAndForward, .unescapeAndRedirect:
                hasUnescapedSlash = true
                return .character(byte)
            }
        }
        guard rules.normalizesPath else { return .kept }
        if byte == 0 { return .rejected }
        // Behind a lone percent sign a decoded digit would make an escape that was not there.
        return PathBytes.isUnreserved(byte) && count - lonePercent > 2 ? .character(byte) : .kept
    }

    /// Begins a new segment, or ends the path; `segment` is where the current one begins in the output.
    private mutating func endSegment(_ segment: inout Int, isLast: Bool) {
        if rules.normalizesPath, segment > 0 {
            switch dots(from: segment) {
            case 0: break
            case 1:
                // "/." is nothing; the slash before it stays and begins the next segment.
                count = segment
                return
            default:
                // "/.." takes the segment before it away, down to the slash that begins that.
                count = segment - 1
                while count > 0, output[count - 1] != UInt8(ascii: "/") { count -= 1 }
                if count == 0 { put(UInt8(ascii: "/")) }
                segment = count
                lonePercent = -3
                return
            }
        }
        if isLast { return }
        put(UInt8(ascii: "/"))
        segment = count
    }

    /// 1 or 2 when the segment is that many dots, path parameters left aside; otherwise 0.
    private func dots(from segment: Int) -> Int {
        var length = 0
        while segment + length < count, output[segment + length] == UInt8(ascii: ".") { length += 1 }
        guard length > 0, length < 3 else { return 0 }
        let end = segment + length
        return end == count || output[end] == UInt8(ascii: ";") ? length : 0
    }

    private mutating func put(_ byte: UInt8) {
        output[count] = byte
        count += 1
    }

    private mutating func putEscape(_ path: UnsafeRawBufferPointer, at index: Int) {
        for offset in 0..<3 { put(path[index + offset]) }
    }

    private mutating func putEscaped(_ byte: UInt8) {
        let digits: StaticString = "0123456789ABCDEF"
        put(UInt8(ascii: "%"))
        put(digits.utf8Start[Int(byte >> 4)])
        put(digits.utf8Start[Int(byte & 15)])
    }
}
