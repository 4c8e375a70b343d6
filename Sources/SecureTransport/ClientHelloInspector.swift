/// Finds the ClientHello at the start of a connection, for the `tls_inspector` listener filter.
///
/// It is shown the connection's first bytes from the very first one on, each time at least as many as before: what a
/// peek at the socket gives. It takes nothing away. What it has understood it does not read again, so that a client
/// who sends byte by byte costs no more than one who does not.
///
///     needMore --> needMore | found | notTLS | malformed      (the last three are final)
package struct ClientHelloInspector {
    /// What the bytes so far are.
    package enum Finding: Equatable, Sendable {
        /// A beginning of a ClientHello; show more bytes when there are.
        case needMore
        /// Not the beginning of a TLS connection.
        case notTLS
        case found(ClientHello)
        /// The beginning of a TLS connection, but no server would accept it, or it is larger than `bound`.
        case malformed
    }

    /// Handshake message bytes a ClientHello may have (Envoy's `max_client_hello_size`).
    package static let bound = 16 * 1024
    /// As many bytes of a connection as it takes to decide: the message with its header in records of, on average, 64
    /// bytes. Peeking at more is of no use.
    package static let peekBound = bound + 4 + (bound / 64) * 5

    private static let recordHeader = 5
    private static let messageHeader = 4
    /// RFC 8446 section 5.1.
    private static let largestRecord = 1 << 14
    private static let handshakeRecord: UInt8 = 22
    private static let clientHelloMessage: UInt8 = 1

    /// Bytes of whole records understood so far.
    private var recordsEnd = 0
    /// The message, when it does not lie in one record.
    private var message: [UInt8] = []

    package init() {}

    /// Looks at the connection's first bytes.
    package mutating func inspect(_ bytes: UnsafeRawBufferPointer) -> Finding {
        while bytes.count > recordsEnd {
            switch Self.record(in: UnsafeRawBufferPointer(rebasing: bytes[recordsEnd...])) {
            case .partial:
                if recordsEnd == 0, bytes.count > Self.recordHeader,
                    bytes[Self.recordHeader] != Self.clientHelloMessage
                {
                    return .notTLS
                }
                return bytes.count < Self.peekBound ? .needMore : .malformed
            case .other: return recordsEnd == 0 ? .notTLS : .malformed
            case .whole(let payload):
                // Nearly always the message lies in one record and is read where it is.
                if recordsEnd == 0, let finding = Self.judge(payload) { return finding }
                message.append(contentsOf: payload)
                if let finding = message.withUnsafeBytes(Self.judge) { return finding }
                recordsEnd += Self.recordHeader + payload.count
            }
        }
        return recordsEnd < Self.peekBound ? .needMore : .malformed
    }

    private enum Record {
        case whole(UnsafeRawBufferPointer)
        case partial
        /// Anything but a handshake record.
        case other
    }

    /// The handshake record that these bytes, at least one, begin with. Its first bytes already tell what is none.
    private static func record(in bytes: UnsafeRawBufferPointer) -> Record {
        guard bytes[0] == handshakeRecord, bytes.count < 2 || bytes[1] == 3 else { return .other }
        guard bytes.count >= recordHeader else { return .partial }
        let length = Int(bytes[3]) << 8 | Int(bytes[4])
        guard (1...largestRecord).contains(length) else { return .other }
        guard bytes.count >= recordHeader + length else { return .partial }
        return .whole(UnsafeRawBufferPointer(rebasing: bytes[recordHeader..<recordHeader + length]))
    }

    /// What the message bytes so far, at least one, amount to; nil when more are needed.
    private static func judge(_ bytes: UnsafeRawBufferPointer) -> Finding? {
        guard bytes[0] == clientHelloMessage else { return .notTLS }
        guard bytes.count >= messageHeader else { return nil }
        let length = Int(bytes[1]) << 16 | Int(bytes[2]) << 8 | Int(bytes[3])
        guard length <= bound else { return .malformed }
        guard bytes.count >= messageHeader + length else { return nil }
        // A server refuses bytes after the message in the same flight: nothing may follow before it answers.
        guard bytes.count == messageHeader + length else { return .malformed }
        guard let hello = ClientHello(message: UnsafeRawBufferPointer(rebasing: bytes[messageHeader...])) else {
            return .malformed
        }
        return .found(hello)
    }
}
