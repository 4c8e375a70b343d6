/// What an ``HTTP1Parser`` lets pass and where it stops. The defaults are the strictest that real peers live with.
public struct HTTP1Options: Equatable, Sendable {
    /// What to do with a field whose name holds an underscore (Envoy's `headers_with_underscores_action`).
    public enum Underscores: UInt8, Sendable {
        case allow, rejectMessage, dropField
    }

    /// Bytes of one head, start line included (Envoy's `max_request_headers_kb`).
    public var maximumHeadBytes = 60 * 1024
    /// Fields of one head or trailer section (Envoy's `max_headers_count`).
    public var maximumFields = 100
    /// Bytes of one trailer section.
    public var maximumTrailerBytes = 60 * 1024
    /// Bytes of chunk extensions, blanks included, that one body may carry.
    public var maximumChunkExtensionBytes = 16 * 1024
    /// Heads with a 1xx status before the final one.
    public var maximumInformationalHeads = 32
    /// Takes a lone LF for the end of a line in a head. Never in chunk framing.
    public var allowBareLF = false
    /// Answers HTTP/1.0 instead of asking for an upgrade (426).
    public var acceptHTTP10 = true
    /// Takes a request target in absolute form.
    public var allowAbsoluteURL = true
    /// Takes a message with both `Content-Length` and `Transfer-Encoding: chunked`: the length is dropped and the
    /// connection closed after it.
    public var allowChunkedLength = false
    /// Takes methods that are not registered.
    public var allowCustomMethods = false
    /// Takes `\` in the path of a request target (it is always taken in the query).
    public var allowBackslashInPath = false
    public var underscores = Underscores.allow

    public init() {}
}
