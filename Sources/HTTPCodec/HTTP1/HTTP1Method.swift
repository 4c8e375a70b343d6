import Bytes

/// Request methods that are taken unless all are allowed: those that Envoy takes, for what it refuses must not be
/// forwarded; case matters.
enum HTTP1Method {
    private static let registered: [StaticString] = [
        "PUT", "DELETE", "TRACE", "PATCH",
        "ACL", "BIND", "CHECKOUT", "COPY", "LINK", "LOCK", "MERGE", "MKACTIVITY", "MKCALENDAR", "MKCOL", "MOVE",
        // Envoy's spelling.
        "MSEARCH",
        "NOTIFY", "PROPFIND", "PROPPATCH", "PURGE", "REBIND", "REPORT", "SEARCH", "SOURCE", "SUBSCRIBE", "UNBIND",
        "UNLINK", "UNLOCK", "UNSUBSCRIBE",
    ]

    /// Longest method that is looked at; a longer token is none.
    static let maximumLength = 64

    /// What the parser must know of a method.
    enum Kind { case head, connect, options, other, unregistered }

    static func kind(_ method: UnsafeRawBufferPointer) -> Kind {
        // The two that make up nearly all traffic, without the list.
        if method.count == 3, method[0] == 0x47, method[1] == 0x45, method[2] == 0x54 { return .other }
        if method.count == 4 {
            // "POST" and "HEAD".
            let word = method.loadUnaligned(as: UInt32.self)
            if word == 0x5453_4F50 { return .other }
            if word == 0x4441_4548 { return .head }
        }
        if method.equals("CONNECT") { return .connect }
        if method.equals("OPTIONS") { return .options }
        for name in registered where method.equals(name) { return .other }
        return .unregistered
    }
}
