import Bytes

/// The header that a load balancer puts before a client's bytes to say whose they are (PROXY protocol, versions 1 and
/// 2, haproxy.org/download/2.9/doc/proxy-protocol.txt).
struct ProxyProtocolHeader: Equatable {
    /// Nil for `UNKNOWN` and `LOCAL`: the socket's own addresses hold.
    var source: SocketAddress?
    var destination: SocketAddress?
    /// Where the type-length-value fields of version 2 lie in the header.
    var fields = 0..<0

    enum Parsed: Equatable {
        case needMore
        /// The bytes begin with something else.
        case absent
        case malformed
        /// The header and its length in bytes.
        case header(ProxyProtocolHeader, length: Int)
    }

    /// Longest version 1 line, CRLF included.
    static let maximumLine = 107
    /// Longest version 2 header that is taken: addresses and type-length-value fields.
    static let maximumBinary = 4096

    private static let signature: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]

    static func parse(_ bytes: UnsafeRawBufferPointer) -> Parsed {
        guard let first = bytes.first else { return .needMore }
        return first == 0x0D ? parseBinary(bytes) : parseLine(bytes)
    }

    // MARK: Version 1

    private static func parseLine(_ bytes: UnsafeRawBufferPointer) -> Parsed {
        let prefix = UnsafeRawBufferPointer("PROXY ")
        let common = min(bytes.count, prefix.count)
        guard bytes.slice(0, common).equals(prefix.slice(0, common)) else { return .absent }
        guard let lineFeed = bytes.slice(0, min(bytes.count, maximumLine)).offset(of: 0x0A) else {
            return bytes.count >= maximumLine ? .malformed : .needMore
        }
        guard lineFeed > prefix.count, bytes[lineFeed - 1] == 0x0D else { return .malformed }
        let words = bytes.slice(prefix.count, lineFeed - 1).text.split(separator: " ", omittingEmptySubsequences: false)
        if words.first == "UNKNOWN" { return .header(ProxyProtocolHeader(), length: lineFeed + 1) }
        guard words.count == 5, words[0] == "TCP4" || words[0] == "TCP6",
            let source = address(words[1], words[3], isV6: words[0] == "TCP6"),
            let destination = address(words[2], words[4], isV6: words[0] == "TCP6")
        else { return .malformed }
        return .header(ProxyProtocolHeader(source: source, destination: destination), length: lineFeed + 1)
    }

    private static func address(_ host: Substring, _ port: Substring, isV6: Bool) -> SocketAddress? {
        guard let ip = SocketAddress.IP(String(host)), host.contains(":") == isV6, let number = UInt16(port),
            String(number) == port
        else { return nil }
        return SocketAddress(ip, port: number)
    }

    // MARK: Version 2

    private static func parseBinary(_ bytes: UnsafeRawBufferPointer) -> Parsed {
        let common = min(bytes.count, signature.count)
        for index in 0..<common where bytes[index] != signature[index] { return .absent }
        guard bytes.count >= 16 else { return .needMore }
        guard bytes[12] >> 4 == 2 else { return .malformed }
        let size = Int(bytes[14]) << 8 | Int(bytes[15])
        guard 16 + size <= maximumBinary else { return .malformed }
        guard bytes.count >= 16 + size else { return .needMore }
        let body = bytes.slice(16, 16 + size)
        switch bytes[12] & 15 {
        case 0: return .header(ProxyProtocolHeader(), length: 16 + size)
        case 1: break
        default: return .malformed
        }
        var header: ProxyProtocolHeader
        let addresses: Int
        switch bytes[13] {
        case 0x11:
            addresses = 12
            guard size >= addresses else { return .malformed }
            header = ProxyProtocolHeader(source: v4(body, 0, 8), destination: v4(body, 4, 10))
        case 0x21:
            addresses = 36
            guard size >= addresses else { return .malformed }
            header = ProxyProtocolHeader(source: v6(body, 0, 32), destination: v6(body, 16, 34))
        case 0x00: return .header(ProxyProtocolHeader(), length: 16 + size)
        default: return .malformed
        }
        guard forEachField(body.slice(addresses, size), { _, _ in }) else { return .malformed }
        if size > addresses { header.fields = 16 + addresses..<16 + size }
        return .header(header, length: 16 + size)
    }

    /// Goes through the fields behind the addresses.
    /// - Returns: whether they end where their lengths say.
    @discardableResult
    static func forEachField(_ bytes: UnsafeRawBufferPointer, _ take: (UInt8, UnsafeRawBufferPointer) -> Void) -> Bool {
        var place = 0
        while place < bytes.count {
            guard place + 3 <= bytes.count else { return false }
            let end = place + 3 + (Int(bytes[place + 1]) << 8 | Int(bytes[place + 2]))
            guard end <= bytes.count else { return false }
            take(bytes[place], bytes.slice(place + 3, end))
            place = end
        }
        return true
    }

    private static func port(_ body: UnsafeRawBufferPointer, _ offset: Int) -> UInt16 {
        UInt16(body[offset]) << 8 | UInt16(body[offset + 1])
    }

    private static func v4(_ body: UnsafeRawBufferPointer, _ offset: Int, _ portOffset: Int) -> SocketAddress {
        let raw = UInt32(bigEndian: body.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
        return SocketAddress(.init(v4: raw), port: port(body, portOffset))
    }

    private static func v6(_ body: UnsafeRawBufferPointer, _ offset: Int, _ portOffset: Int) -> SocketAddress {
        SocketAddress(.init(networkBytes: body.slice(offset, offset + 16)), port: port(body, portOffset))
    }
}
