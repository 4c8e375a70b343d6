import Bytes

/// What may stand in `:path` and `:scheme` of a request, whatever protocol it came by (RFC 9113 section 8.3.1).
public enum RequestTarget {
    /// Whether `path` is a path and query in origin form, or the `*` of OPTIONS: visible ASCII without a fragment.
    public static func isValidPath(_ path: UnsafeRawBufferPointer, isOptions: Bool = false) -> Bool {
        guard let first = path.first else { return false }
        guard first == UInt8(ascii: "/") else { return isOptions && path.equals("*") }
        for byte in path where byte &- 0x21 >= 0x5E || byte == UInt8(ascii: "#") { return false }
        return true
    }

    /// Whether `scheme` is one we forward, of either case.
    public static func isValidScheme(_ scheme: UnsafeRawBufferPointer) -> Bool {
        scheme.equalsIgnoringCase("http") || scheme.equalsIgnoringCase("https")
    }
}
