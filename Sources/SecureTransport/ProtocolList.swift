/// ALPN names as they stand on the wire (RFC 7301): each after a byte with its length.
///
/// The bytes keep their address, because OpenSSL's choice points into them.
final class ProtocolList {
    /// A name's length is one byte.
    private static let longestName = 255
    /// The list's length is two bytes on the wire.
    private static let longestList = 65535

    let bytes: UnsafeMutableBufferPointer<UInt8>

    var isEmpty: Bool { bytes.isEmpty }

    init(_ names: [String]) throws(TLSError) {
        var wire: [UInt8] = []
        for name in names {
            let name = Array(name.utf8)
            guard (1...Self.longestName).contains(name.count) else {
                throw TLSError(.applicationProtocols, "ALPN name of \(name.count) bytes (expected 1 to 255)")
            }
            wire.append(UInt8(name.count))
            wire += name
        }
        guard wire.count <= Self.longestList else {
            throw TLSError(.applicationProtocols, "ALPN list of \(wire.count) bytes (expected up to 65535)")
        }
        // Safety: filled here, never written again, freed in deinit.
        bytes = .allocate(capacity: wire.count)
        _ = bytes.initialize(from: wire)
    }

    deinit { bytes.deallocate() }
}
