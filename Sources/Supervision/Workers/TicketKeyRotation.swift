import Glibc
import SecureTransport

/// The session ticket keys of a proxy: one that seals, the one before it, whose tickets are still about, and the one that
/// comes next. A worker that hears of a change a moment later than another knows the key already that the other seals
/// with. Pure: it is given its keys.
struct TicketKeyRotation: Equatable, Sendable {
    /// The key that seals, the next one, and the one before unless there was none.
    private(set) var keys: [TicketKey]

    init(first: TicketKey, next: TicketKey) { keys = [first, next] }

    /// Goes on with the keys of another program; nil when they are no such keys.
    init?(continuing keys: [TicketKey]) {
        guard keys.count == 2 || keys.count == 3 else { return nil }
        self.keys = keys
    }

    /// The next key seals from now on.
    mutating func rotate(next: TicketKey) { keys = [keys[1], next, keys[0]] }
}

extension TicketKey {
    /// A key that nobody can guess.
    static func fresh() -> TicketKey {
        var bytes = [UInt8](repeating: 0, count: length)
        precondition(getentropy(&bytes, bytes.count) == 0, "the kernel gives no random bytes")
        guard let key = TicketKey(bytes) else { preconditionFailure("a key of \(bytes.count) bytes") }
        return key
    }
}

extension FrameWriter {
    mutating func put(_ key: TicketKey) {
        for byte in key.bytes { put(byte) }
    }
}

extension FrameReader {
    mutating func ticketKey() throws(FrameError) -> TicketKey {
        var bytes: [UInt8] = []
        for _ in 0..<TicketKey.length { bytes.append(try byte()) }
        guard let key = TicketKey(bytes) else { throw FrameError(offset: offset) }
        return key
    }
}
