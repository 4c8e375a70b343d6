public import Bytes
public import HTTPModel

/// How a route changes the path before it goes upstream or into a redirect. Query and fragment are kept.
public enum PathRewrite: Sendable {
    /// Replaces what the route matched by (`prefix_rewrite`).
    case prefix([UInt8])
    /// Replaces every match in the path without its query (`regex_rewrite`).
    case regex(RegexRewrite)
    /// Replaces the path without its query.
    case whole([UInt8])

    /// Appends the new path with the old query.
    ///
    /// Where a regex leaves nothing, the path stays as it was (as in Envoy 1.40).
    ///
    /// A result that does not begin with `/` gets one (Envoy sends it as it is): a captured part of the path must not
    /// become a request target of another form, such as `http://other/`.
    ///
    /// - Parameter matchedLength: bytes of the path that the route matched (``RouteTable/matchedLength(_:path:)``).
    public func append(
        rewritten target: UnsafeRawBufferPointer, matchedLength: Int, into output: inout ByteWriter
    ) {
        let split = RequestPath(target)
        switch self {
        case .prefix(let bytes):
            let rest = split.path.slice(min(matchedLength, split.path.count), split.path.count)
            if (bytes.first ?? rest.first) != UInt8(ascii: "/") { output.append(UInt8(ascii: "/")) }
            output.append(bytes)
            output.append(rest)
        case .whole(let bytes):
            if bytes.first != UInt8(ascii: "/") { output.append(UInt8(ascii: "/")) }
            output.append(bytes)
        case .regex(let rewrite):
            let start = output.count
            rewrite.apply(to: split.path, into: &output)
            if output.count == start {
                output.append(split.path)
            } else if output.bytes[start] != UInt8(ascii: "/") {
                output.truncate(to: start)
                output.append(UInt8(ascii: "/"))
                rewrite.apply(to: split.path, into: &output)
            }
        }
        output.append(split.suffix)
    }

    /// Rewrites `:path` of a request.
    ///
    /// - Parameters:
    ///   - keepsOriginal: puts the old path into `x-envoy-original-path`.
    ///   - scratch: memory to work in; its contents are lost.
    public func apply(
        to head: inout HeaderBlock, matchedLength: Int, keepsOriginal: Bool, scratch: inout ByteWriter
    ) {
        guard let target = head.get(.path) else { return }
        scratch.reset()
        append(rewritten: target, matchedLength: matchedLength, into: &scratch)
        if keepsOriginal { head.set(.xEnvoyOriginalPath, target) }
        head.set(.path, scratch.bytes)
    }
}
