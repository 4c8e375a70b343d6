import Bytes

/// Request methods that are registered (RFC 9110 section 9, RFC 4918 and their kin); case matters.
enum HTTP1Method {
    private static let registered: [StaticString] = [
        "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY",
        "ACL", "BIND", "CHECKOUT", "COPY", "LINK", "LOCK", "MERGE", "MKACTIVITY", "MKCALENDAR", "MKCOL", "MKREDIRECTREF",
        "MOVE", "M-SEARCH", "NOTIFY", "ORDERPATCH", "PROPFIND", "PROPPATCH", "PURGE", "REBIND", "REPORT", "SEARCH", "SOURCE",
        "SUBSCRIBE", "UNBIND", "UNLINK", "UNLOCK", "UNSUBSCRIBE", "UPDATE", "UPDATEREDIRECTREF", "VERSION-CONTROL",
        "BASELINE-CONTROL", "LABEL", "UNCHECKOUT", "MKWORKSPACE",
    ]

    /// Longest method that is looked at; a longer token is none.
    static let maximumLength = 64

    static func isRegistered(_ method: UnsafeRawBufferPointer) -> Bool {
        // The four that make up nearly all traffic, without the list.
        switch method.count {
        case 3:
            if method[0] == 0x47, method[1] == 0x45, method[2] == 0x54 { return true }
        case 4:
            if method.loadUnaligned(as: UInt32.self) == 0x5453_4F50 { return true }
        default: break
        }
        for name in registered where method.equals(name) { return true }
        return false
    }
}
