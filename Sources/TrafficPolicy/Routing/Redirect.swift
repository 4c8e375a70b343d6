public import Bytes
public import HTTPModel

/// An answer that sends the client elsewhere (`config.route.v3.RedirectAction`), compiled.
public struct Redirect: Sendable {
    /// What becomes of the path.
    public enum Path: Sendable {
        case keep
        /// A whole path (`path_redirect`). With a query of its own it takes the place of the request's.
        case literal([UInt8])
        case rewrite(PathRewrite)
    }

    /// `https`, or another scheme; nil keeps the request's.
    public var scheme: [UInt8]?
    public var host: [UInt8]?
    public var port: UInt16?
    public var path: Path
    public var stripsQuery: Bool
    /// 301, 302, 303, 307 or 308.
    public var code: Int

    /// Without arguments, the request comes again where it was.
    public init(
        scheme: String? = nil, host: String? = nil, port: UInt16? = nil, path: Path = .keep, stripsQuery: Bool = false,
        code: Int = 301
    ) {
        self.scheme = scheme.map { Array($0.utf8) }
        self.host = host.map { Array($0.utf8) }
        self.port = port
        self.path = path
        self.stripsQuery = stripsQuery
        self.code = code
    }

    /// Appends the value of the `location` header.
    ///
    /// - Parameter matchedLength: bytes of the path that the route matched, for a prefix rewrite.
    public func appendLocation(
        for head: borrowing HeaderBlock, matchedLength: Int, into output: inout ByteWriter
    ) {
        let requestScheme = head.get(.xForwardedProto) ?? head.get(.scheme) ?? UnsafeRawBufferPointer("http")
        let schemeStart = output.count
        if let scheme { output.append(scheme) } else { output.append(requestScheme) }
        let schemeEnd = output.count
        output.append("://")
        if let host {
            output.append(host)
        } else if let requestHost = head.get(.authority) {
            let newScheme = output.bytes.slice(schemeStart, schemeEnd)
            output.append(keptHost(requestHost, requestScheme: requestScheme, newScheme: newScheme))
        }
        if let port {
            output.append(UInt8(ascii: ":"))
            output.append(decimal: port)
        }
        appendPath(head.get(.path) ?? UnsafeRawBufferPointer("/"), matchedLength, &output)
    }

    /// The request's host; its port goes when another is set, and when it was the default of a scheme that changes.
    private func keptHost(
        _ host: UnsafeRawBufferPointer, requestScheme: UnsafeRawBufferPointer, newScheme: UnsafeRawBufferPointer
    ) -> UnsafeRawBufferPointer {
        guard let colon = HostPort.portStart(in: host) else { return host }
        if port != nil { return host.slice(0, colon) }
        guard !newScheme.equals(requestScheme) else { return host }
        let old = host.slice(colon, host.count)
        let isDefault =
            (requestScheme.equals("https") && old.equals(":443")) || (requestScheme.equals("http") && old.equals(":80"))
        return isDefault ? host.slice(0, colon) : host
    }

    private func appendPath(_ target: UnsafeRawBufferPointer, _ matchedLength: Int, _ output: inout ByteWriter) {
        let start = output.count
        switch path {
        case .keep:
            output.append(target)
        case .literal(let bytes):
            output.append(bytes)
            // A query of its own is kept even when queries are stripped, as in Envoy.
            if bytes.contains(UInt8(ascii: "?")) { return }
            if let mark = target.offset(of: UInt8(ascii: "?")) { output.append(target.slice(mark, target.count)) }
        case .rewrite(let rewrite):
            rewrite.append(rewritten: target, matchedLength: matchedLength, into: &output)
        }
        guard stripsQuery else { return }
        let written = output.bytes.slice(start, output.count)
        if let mark = written.offset(of: UInt8(ascii: "?")) { output.truncate(to: start + mark) }
    }
}
