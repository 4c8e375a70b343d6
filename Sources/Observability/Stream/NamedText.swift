public import Bytes

/// A piece of configured text (route, cluster, filter chain name …) as a shared object: compiled once in a snapshot, then
/// held by every stream that needs it without a copy.
public final class NamedText: Sendable {
    /// The text; for callers off the hot path.
    public let text: String
    /// What logs and statistics say in its place (`alt_stat_name` of a cluster); nil: the text itself.
    public let shownAs: NamedText?

    // Safety: `memory` holds `count` initialised bytes, is written in `init` only and freed in `deinit`.
    nonisolated(unsafe) private let memory: UnsafeMutableRawPointer
    private let count: Int

    /// Copies the text once; make it where a snapshot is compiled.
    public init(_ text: String, shownAs: NamedText? = nil) {
        self.text = text
        self.shownAs = shownAs
        let utf8 = Array(text.utf8)
        count = utf8.count
        memory = .allocate(byteCount: max(count, 1), alignment: 1)
        utf8.withUnsafeBytes { memory.copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(memory), byteCount: $0.count) }
    }

    deinit {
        memory.deallocate()
    }

    /// The UTF-8 bytes; valid as long as this object is.
    public var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: memory, count: count) }

    /// Whether there is no text.
    public var isEmpty: Bool { count == 0 }
}

/// Text that costs nothing to keep: a literal of the program, or a shared object for what is made at run time.
public enum TextReference: Sendable, ExpressibleByStringLiteral {
    case absent
    case literal(StaticString)
    case named(NamedText)

    public init(stringLiteral value: StaticString) { self = .literal(value) }

    /// Allocates: for text that exists at run time only, such as an error message of the TLS library.
    public init(copying text: String) { self = .named(NamedText(text)) }

    /// Whether there is nothing to name.
    public var isAbsent: Bool {
        if case .absent = self { return true }
        return false
    }

    /// Appends the text; nothing when absent.
    public func append(to writer: inout ByteWriter) {
        switch self {
        case .absent: break
        case .literal(let literal): writer.append(literal)
        case .named(let named): writer.append(named.bytes)
        }
    }

    /// The text, nil when absent; for callers off the hot path.
    public var text: String? {
        switch self {
        case .absent: nil
        case .literal(let literal): literal.description
        case .named(let named): named.text
        }
    }
}
