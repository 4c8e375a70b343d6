import Bytes

/// The request target split as route matching looks at it. A view: valid as long as the bytes it was made of.
public struct RequestPath {
    /// Without query and fragment.
    public let path: UnsafeRawBufferPointer
    /// What stands behind the first `?`, without it.
    public let query: UnsafeRawBufferPointer
    /// Query and fragment with their `?` or `#`: what a rewrite keeps.
    public let suffix: UnsafeRawBufferPointer

    /// Splits a target at its first `?` or `#`; nothing is decoded.
    public init(_ target: UnsafeRawBufferPointer) {
        var end = target.offset(of: UInt8(ascii: "?")) ?? target.count
        if let fragment = target.slice(0, end).offset(of: UInt8(ascii: "#")) { end = fragment }
        path = target.slice(0, end)
        suffix = target.slice(end, target.count)
        if let mark = suffix.offset(of: UInt8(ascii: "?")) {
            query = suffix.slice(mark + 1, suffix.count)
        } else {
            query = .empty
        }
    }

    /// The path up to the first `;` (`ignore_path_parameters_in_path_matching`).
    public var pathWithoutParameters: UnsafeRawBufferPointer {
        guard let mark = path.offset(of: UInt8(ascii: ";")) else { return path }
        return path.slice(0, mark)
    }
}
