/// Tells from the first bytes of a connection whether it speaks HTTP and which (Envoy's `http_inspector`).
struct HTTPInspector {
    enum Finding: Equatable {
        case needMore
        case notHTTP
        /// Envoy's name of the protocol: `http/1.0`, `http/1.1` or `h2c`.
        case found(String)
    }

    private static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
    /// Longest method of a request line.
    private static let maximumMethod = 32

    /// - Parameters:
    ///   - bytes: everything that has come.
    ///   - isFull: whether no more can be looked at.
    static func inspect(_ bytes: UnsafeRawBufferPointer, isFull: Bool) -> Finding {
        guard !bytes.isEmpty else { return .needMore }
        if zip(bytes, preface).allSatisfy({ $0 == $1 }) {
            return bytes.count >= preface.count ? .found("h2c") : .needMore
        }
        guard let space = bytes.prefix(maximumMethod + 1).firstIndex(of: 0x20) else {
            let isMethod = bytes.count <= maximumMethod && bytes.allSatisfy(isToken)
            return isMethod && !isFull ? .needMore : .notHTTP
        }
        guard space > 0, bytes[..<space].allSatisfy(isToken) else { return .notHTTP }
        guard let end = bytes.firstIndex(of: 0x0A) else { return isFull ? .notHTTP : .needMore }
        let line = end > 0 && bytes[end - 1] == 0x0D ? bytes[..<(end - 1)] : bytes[..<end]
        guard line.count > space + 10 else { return .notHTTP }
        switch String(decoding: line.suffix(9), as: UTF8.self) {
        case " HTTP/1.1": return .found("http/1.1")
        case " HTTP/1.0": return .found("http/1.0")
        default: return .notHTTP
        }
    }

    /// A character of a token (RFC 9110 section 5.6.2).
    private static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        case 0x21, 0x23, 0x24, 0x25, 0x26, 0x27, 0x2A, 0x2B, 0x2D, 0x2E, 0x5E, 0x5F, 0x60, 0x7C, 0x7E: true
        default: false
        }
    }
}
