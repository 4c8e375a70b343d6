/// Tells text that is an IP address from text that is not, without resolving anything.
enum IPAddressText {
    /// The two versions of the protocol.
    enum Version {
        case v4, v6
    }

    /// The version of an address in its usual text form (RFC 3986 §3.2.2 for IPv4, RFC 4291 §2.2 for IPv6).
    static func version(_ text: String) -> Version? {
        if isV4(text.utf8[...]) { return .v4 }
        return isV6(text.utf8[...]) ? .v6 : nil
    }

    private static func isV4(_ text: Substring.UTF8View) -> Bool {
        let parts = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        return parts.count == 4
            && parts.allSatisfy { part in
                (1...3).contains(part.count) && part.allSatisfy(isDigit)
                    && !(part.count > 1 && part.first == UInt8(ascii: "0"))
                    && Int(Substring(part)).map { $0 <= 255 } == true
            }
    }

    private static func isV6(_ text: Substring.UTF8View) -> Bool {
        var groups = text.split(separator: .colon, omittingEmptySubsequences: false)[...]
        guard groups.count >= 3 else { return false }
        var expected = 8
        if let last = groups.last, last.contains(UInt8(ascii: ".")) {
            guard isV4(last) else { return false }
            groups = groups.dropLast()
            expected = 6
        }
        // The empty part before a leading "::" and the one after a trailing "::" are no gaps of their own.
        if groups.first?.isEmpty == true {
            groups = groups.dropFirst()
            guard groups.first?.isEmpty == true else { return false }
        }
        if expected == 8, groups.last?.isEmpty == true {
            groups = groups.dropLast()
            guard groups.last?.isEmpty == true else { return false }
        }
        let gaps = groups.count { $0.isEmpty }
        let isShort = groups.allSatisfy { $0.count <= 4 && $0.allSatisfy(isHexadecimal) }
        return isShort && (gaps == 0 ? groups.count == expected : gaps == 1 && groups.count <= expected)
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte | 0x20)
    }
}
