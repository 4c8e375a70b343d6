import COpenSSL

/// A session ticket key in the layout of Envoy's files: 16 bytes of name, 32 of HMAC key, 32 of AES key.
package struct TicketKey: Sendable, Hashable {
    package static let length = 80

    /// The key as it stands in the file. A secret: neither logged nor shown.
    package let bytes: [UInt8]

    /// Nil unless there are exactly `length` bytes.
    package init?(_ bytes: [UInt8]) {
        guard bytes.count == Self.length else { return nil }
        self.bytes = bytes
    }
}

/// The session ticket keys that the contexts of one thread share: the first seals, all open. What is replaced here holds
/// for every context at once, so that a change of the keys concerns no configuration.
package final class TicketKeyring {
    /// Most keys at a time.
    package static let maximumKeys = Int(HEDDLE_TLS_MAX_TICKET_KEYS)

    // Safety: never nil and held until `deinit`; contexts that use it hold it too.
    let pointer: OpaquePointer

    /// An empty keyring: without a key no tickets are given out.
    package init() throws(TLSError) {
        guard let made = heddle_tls_keyring_new() else { throw .fromQueue(.resources, "no memory for session ticket keys") }
        pointer = made
    }

    deinit { heddle_tls_keyring_release(pointer) }

    /// Seals new tickets with the first key and opens old ones with any of them from now on.
    package func replace(_ keys: [TicketKey]) throws(TLSError) {
        guard !keys.isEmpty else { throw TLSError(.ticketKeys, "session ticket keys: at least one is needed") }
        guard heddle_tls_keyring_replace(pointer, keys.flatMap(\.bytes), keys.count) else {
            throw TLSError(.ticketKeys, "session ticket keys: \(Self.maximumKeys) are the most, not \(keys.count)")
        }
    }
}
