import Bytes
import HTTPModel

/// What RFC 9113 section 8.3 and its neighbours ask of a request and the library does not check.
///
/// The library has already refused: pseudo-header fields that are unknown, twice, missing, late or in trailers; names
/// that are not lower-case tokens; values with control characters or white space at an end; connection-specific
/// fields; `te` other than `trailers`; a `content-length` that is no number or that the body does not match.
enum HTTP2FieldRules {
    /// Checks a request head and puts it in the form that the data plane expects: no `host`, one `cookie`, scheme in
    /// lower case. `scratch` is overwritten.
    static func admitRequest(
        _ fields: inout HeaderBlock, allowConnect: Bool, scratch: inout ByteWriter
    ) -> Bool {
        guard let method = fields.get(.method), HeaderRules.isValidName(method) else { return false }
        let isConnect = method.equals("CONNECT")
        if isConnect, !allowConnect { return false }
        guard admitAuthority(&fields, isConnect: isConnect) else { return false }
        if !isConnect || fields.has(.protocol) {
            guard admitScheme(&fields), isValidPath(in: fields) else { return false }
        }
        joinCookies(in: &fields, scratch: &scratch)
        return true
    }

    /// Makes `:authority` the only word on the host: `host` is ignored beside it (as Envoy and HAProxy do) and takes
    /// its place when it is absent.
    private static func admitAuthority(_ fields: inout HeaderBlock, isConnect: Bool) -> Bool {
        if !fields.has(.authority), let host = fields.get(.host) {
            if isConnect { return false }
            fields.append(.authority, host)
        }
        fields.remove(.host)
        guard let authority = fields.get(.authority) else { return false }
        return isValidAuthority(authority)
    }

    /// Whether `authority` is a host with an optional port, without user information (RFC 9113 section 8.3.1) and without
    /// the comma that lists of hosts would have.
    static func isValidAuthority(_ authority: UnsafeRawBufferPointer) -> Bool {
        guard !authority.isEmpty else { return false }
        for byte in authority {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: "%"),
                UInt8(ascii: ":"), UInt8(ascii: "["), UInt8(ascii: "]"),
                UInt8(ascii: "!"), UInt8(ascii: "$"), UInt8(ascii: "&"), UInt8(ascii: "'"), UInt8(ascii: "("),
                UInt8(ascii: ")"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: ";"), UInt8(ascii: "="):
                continue
            default:
                return false
            }
        }
        return true
    }

    private static func admitScheme(_ fields: inout HeaderBlock) -> Bool {
        guard let scheme = fields.get(.scheme) else { return false }
        if scheme.equals("https") || scheme.equals("http") { return true }
        if scheme.equalsIgnoringCase("https") {
            fields.set(.scheme, "https")
        } else if scheme.equalsIgnoringCase("http") {
            fields.set(.scheme, "http")
        } else {
            return false
        }
        return true
    }

    /// Origin form, or `*` for OPTIONS, without a fragment; what the path means is not looked at here.
    private static func isValidPath(in fields: borrowing HeaderBlock) -> Bool {
        guard let path = fields.get(.path), !path.isEmpty else { return false }
        if path[0] != UInt8(ascii: "/") {
            return path.equals("*") && fields.get(.method)?.equals("OPTIONS") == true
        }
        for byte in path where byte <= 0x20 || byte >= 0x7F || byte == UInt8(ascii: "#") { return false }
        return true
    }

    /// Cookie crumbs become one field again (RFC 9113 section 8.2.3), which HTTP/1.1 and filters need.
    private static func joinCookies(in fields: inout HeaderBlock, scratch: inout ByteWriter) {
        guard let first = fields.firstIndex(of: .cookie), var next = fields.firstIndex(of: .cookie, from: first + 1) else {
            return
        }
        scratch.reset()
        scratch.append(fields.value(at: first))
        while true {
            scratch.append("; ")
            scratch.append(fields.value(at: next))
            guard let another = fields.firstIndex(of: .cookie, from: next + 1) else { break }
            next = another
        }
        fields.set(.cookie, scratch.bytes)
    }

    /// Removes from trailers what may not stand there.
    static func cleanTrailers(_ fields: inout HeaderBlock) {
        let forbidden = HTTP2FieldSet.shared.forbiddenTrailers
        var index = 0
        while index < fields.count {
            if let name = fields.knownName(at: index), forbidden.contains(name) {
                fields.remove(at: index)
            } else {
                index += 1
            }
        }
    }
}
