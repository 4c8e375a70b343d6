/// What Envoy's constraints call header names, header values and paths.
enum HeaderText {
    /// A token (RFC 9110 §5.6.2), with a colon before it for pseudo headers; loosely any text on one line.
    static func isName(_ text: String, isStrict: Bool) -> Bool {
        guard isStrict else { return isValue(text, isStrict: false) }
        var name = text.utf8[...]
        if name.first == .colon { name = name.dropFirst() }
        return !name.isEmpty && name.allSatisfy(isTokenCharacter)
    }

    /// Text without control characters other than tab (RFC 9110 §5.5); loosely without NUL, CR and LF.
    static func isValue(_ text: String, isStrict: Bool) -> Bool {
        text.utf8.allSatisfy { byte in
            isStrict
                ? byte >= .space && byte != 0x7F || byte == .tab
                : byte != 0 && byte != .carriageReturn && byte != .lineFeed
        }
    }

    /// A path of two characters or more without query and fragment that does not end in a slash.
    static func isPathPrefix(_ text: String) -> Bool {
        text.utf8.count > 1 && text.utf8.last != UInt8(ascii: "/") && !text.utf8.contains(.question)
            && !text.utf8.contains(.hash)
    }

    private static func isTokenCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"):
            true
        default: "!#$%&'*+-.^_|~`".utf8.contains(byte)
        }
    }
}
