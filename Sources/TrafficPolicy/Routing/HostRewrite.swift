public import Bytes
public import HTTPModel

/// How a route changes `:authority` before the request goes upstream (`host_rewrite_specifier`).
public enum HostRewrite: Sendable {
    case literal([UInt8])
    /// The value of this lower-case header, when it has one.
    case header([UInt8])
    /// The path without its query, with every match replaced. Works on the path as it is: call before a path rewrite.
    case path(RegexRewrite)
    /// The name of the chosen host (`auto_host_rewrite`), when it has one.
    case upstream

    /// Rewrites `:authority` of a request; nothing changes when the new value would be empty.
    ///
    /// - Parameters:
    ///   - upstreamName: the chosen host's name; needed by ``upstream`` alone.
    ///   - keepsOriginal: the old value goes into `x-envoy-original-host`.
    ///   - appendsForwardedHost: puts the old value at the end of `x-forwarded-host`.
    ///   - scratch: memory to work in; its contents are lost.
    public func apply(
        to head: inout HeaderBlock, upstreamName: UnsafeRawBufferPointer? = nil, appendsForwardedHost: Bool,
        keepsOriginal: Bool = false, scratch: inout ByteWriter
    ) {
        scratch.reset()
        switch self {
        case .literal(let bytes): scratch.append(bytes)
        case .header(let name):
            let value = name.withUnsafeBytes { head.get($0) }
            if let value { scratch.append(value) }
        case .path(let rewrite):
            if let target = head.get(.path) { rewrite.apply(to: RequestPath(target).path, into: &scratch) }
        case .upstream:
            if let upstreamName { scratch.append(upstreamName) }
        }
        let length = scratch.count
        guard length > 0 else { return }
        if appendsForwardedHost { Self.appendForwardedHost(&head, &scratch) }
        if keepsOriginal, let host = head.get(.authority) { head.set(.xEnvoyOriginalHost, host) }
        head.set(.authority, scratch.bytes.slice(0, length))
    }

    /// Adds the present authority to `x-forwarded-host` unless it is its last element already, byte for byte behind the
    /// last comma, as in Envoy. Works behind what `scratch` holds.
    private static func appendForwardedHost(_ head: inout HeaderBlock, _ scratch: inout ByteWriter) {
        guard let host = head.get(.authority), !host.isEmpty else { return }
        let mark = scratch.count
        var next = head.firstIndex(of: .xForwardedHost)
        while let index = next {
            scratch.append(head.value(at: index))
            scratch.append(UInt8(ascii: ","))
            next = head.firstIndex(of: .xForwardedHost, from: index + 1)
        }
        if scratch.count > mark {
            let list = scratch.bytes.slice(mark, scratch.count - 1)
            var start = list.count
            while start > 0, list[start - 1] != UInt8(ascii: ",") { start -= 1 }
            if list.slice(start, list.count).equals(host) { return }
        }
        scratch.append(host)
        head.set(.xForwardedHost, scratch.bytes.slice(mark, scratch.count))
    }
}
