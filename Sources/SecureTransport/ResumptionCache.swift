import COpenSSL

/// A client's sessions to resume, newest first, at most `capacity` of them.
struct ResumptionCache {
    private struct Entry {
        var peer: String
        var session: ResumableSession
    }

    let capacity: Int
    private var entries: [Entry] = []

    var count: Int { entries.count }

    init(capacity: Int) {
        self.capacity = max(0, capacity)
    }

    /// Keeps a session with this peer; the oldest of all goes when there are too many.
    mutating func insert(_ session: ResumableSession, peer: String) {
        guard capacity > 0 else { return }
        entries.insert(Entry(peer: peer, session: session), at: 0)
        if entries.count > capacity { entries.removeLast() }
    }

    /// The newest session with this peer. A TLS 1.3 ticket is used once (RFC 8446 appendix C.4); a TLS 1.2 one stays.
    mutating func take(peer: String) -> ResumableSession? {
        entries.removeAll { $0.peer == peer && !$0.session.isUsable }
        guard let index = entries.firstIndex(where: { $0.peer == peer }) else { return nil }
        return entries[index].session.isSingleUse ? entries.remove(at: index).session : entries[index].session
    }
}

/// One session as OpenSSL keeps it.
final class ResumableSession {
    let pointer: OpaquePointer

    /// Takes over the caller's reference.
    init(owning pointer: OpaquePointer) {
        self.pointer = pointer
    }

    deinit { SSL_SESSION_free(pointer) }

    var isSingleUse: Bool { SSL_SESSION_get_protocol_version(pointer) >= TLS1_3_VERSION }

    /// Whether OpenSSL would resume it and the server's certificate is still inside its validity: a resumed handshake
    /// does not look at it again.
    var isUsable: Bool {
        guard SSL_SESSION_is_resumable(pointer) == 1 else { return false }
        guard let peer = SSL_SESSION_get0_peer(pointer) else { return true }
        return heddle_x509_is_current(peer)
    }
}
