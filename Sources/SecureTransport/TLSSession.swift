import COpenSSL

/// One TLS connection over a non-blocking socket that stays the caller's.
///
/// OpenSSL itself calls `recv` and `send`, so that each answer is the socket's edge: `.wantRead` means wait for
/// readable, `.wantWrite` wait for writable, and then *make the same call again*:
/// - what `write` did not count as written is given to it again, in front of what comes after; it may have moved and
///   may be cut anew. Part of it may be sealed already and is then not sealed twice, so it must be the same bytes;
/// - `read` can answer `.wantWrite`: TLS 1.3 has answers to give, and the socket has long been full.
///
/// Measured with `Benchmarks/TLSTransport` (TLS 1.3, AES-128, loopback, one core of a 2-core machine), CPU for a write
/// and a read of 1 KiB and of 64 KiB, and instructions in user space for 1 KiB:
///
/// | way to the socket | 1 KiB | 64 KiB | instructions |
/// |---|---|---|---|
/// | this one: OpenSSL calls `recv` and `send` through our BIO, with read-ahead | 6.8 µs | 55 µs | 18,700 |
/// | the same without read-ahead (two `recv` a record) | 8.4 µs | 58 µs | 20,600 |
/// | OpenSSL's own socket BIO, with read-ahead (no short-read knowledge, no `MSG_MORE`) | 7.8 µs | 64 µs | 20,100 |
/// | the caller's `recv` and `send` over two memory BIOs | 7.4 µs | 55 µs | 23,000 |
/// | the caller's `recv` and `send` over two shared buffers of 64 KiB | 7.0 µs | 50 µs | 20,900 |
///
/// The last wins at 64 KiB by one copy for three system calls, but it needs every session's ciphertext to pass through the caller. An idle server session holds 14.1 KB resident, 7.6 of them OpenSSL's `SSL` itself; 24.5 KB without
/// `RELEASE_BUFFERS`.
///
/// A dead session (`.failed`) keeps its `failure` and answers `.failed` for ever.
package final class TLSSession {
    /// What a step of the handshake or of the close came to.
    package enum Progress: Equatable, Sendable {
        case done
        case wantRead
        case wantWrite
        /// `failure` says why.
        case failed
    }

    /// What `read` came to.
    package enum ReadResult: Equatable, Sendable {
        /// So many bytes are there. `drained`: the socket gave all it had, so reading on before the next edge is a
        /// wasted call, unless the peer is known to have hung up (`EPOLLRDHUP`), which makes no second edge.
        case bytes(Int, drained: Bool)
        case wantRead
        case wantWrite
        /// The peer is done. Not `clean`: its bytes ended without close_notify, so that somebody may have cut them.
        case closed(clean: Bool)
        /// `failure` says why.
        case failed
    }

    /// What `write` came to.
    package enum WriteResult: Equatable, Sendable {
        /// So many bytes are on their way; fewer than given: the socket is full, wait for writable.
        case bytes(Int)
        case wantRead
        case wantWrite
        /// `failure` says why.
        case failed
    }

    /// What the session was made from; kept for as long as it lives.
    package let context: TLSContext
    /// Whose sessions this one may resume and leave its own to.
    let resumptionPeer: String
    /// The peer's certificate must be made out to one of these; empty: to anything.
    let verifiedNames: [String]
    /// Where in the peer's chain the verification failed; 0 is the leaf.
    var rejectedDepth = 0
    /// What spoke against the peer, whose chain was fine.
    var objection: PeerObjection?
    let ssl: OpaquePointer
    /// A sealed record waits for the socket.
    private var recordWaits = false
    /// How far `shutdown` has come; nil before it.
    private var closing: Progress?
    /// Why the session is dead.
    package private(set) var failure: TLSError?

    /// A session over this socket, in the context's role.
    ///
    /// - Parameters:
    ///   - serverName: a client's SNI.
    ///   - protocols: what a client offers in ALPN in the place of the context's list; empty for that one.
    ///   - verifiedNames: host names, addresses or URIs of which one must stand in the peer's certificate.
    ///   - peer: whom a client connects to, for the resumption: tickets of one host are of no use to another.
    package init(
        context: TLSContext, descriptor: Int32, serverName: String? = nil, peer: String = "", protocols: [String] = [],
        verifiedNames: [String] = []
    ) throws(TLSError) {
        guard let ssl = heddle_tls_new(context.handle.pointer, descriptor) else {
            throw .fromQueue(.resources, "no memory for a TLS session")
        }
        self.ssl = ssl
        self.context = context
        self.verifiedNames = verifiedNames
        resumptionPeer = context.config.role == .client
            ? "\(serverName ?? "") \(verifiedNames.joined(separator: ",")) \(protocols.joined(separator: ",")) \(peer)" : ""
        // Safety: `ssl` is freed in deinit, before this object is gone.
        SSL_set_ex_data(ssl, appDataIndex, Unmanaged.passUnretained(self).toOpaque())
        switch context.config.role {
        case .server: SSL_set_accept_state(ssl)
        case .client: try prepareClient(serverName, protocols)
        }
    }

    deinit {
        // Without this OpenSSL takes a session with no close_notify for broken and forbids to resume it.
        if failure == nil { SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN) }
        SSL_free(ssl)
    }

    /// The session that OpenSSL calls back for.
    static func of(_ ssl: OpaquePointer) -> TLSSession? {
        guard let this = SSL_get_ex_data(ssl, appDataIndex) else { return nil }
        return Unmanaged<TLSSession>.fromOpaque(this).takeUnretainedValue()
    }

    /// Goes on with the handshake.
    package func handshake() -> Progress {
        guard failure == nil else { return .failed }
        switch heddle_tls_handshake(ssl) {
        case .done, .drained: return .done
        case .wantRead: return .wantRead
        case .wantWrite: return .wantWrite
        case .closed, .truncated:
            failure = TLSError(.closedDuringHandshake, "the peer closed the connection during the TLS handshake")
            return .failed
        case .failed:
            failure = describeFailure()
            return .failed
        }
    }

    /// Moves what has come, from as many records as are at hand, into the buffer, which must not be empty.
    package func read(into buffer: UnsafeMutableRawBufferPointer) -> ReadResult {
        guard failure == nil else { return .failed }
        guard let start = buffer.baseAddress, !buffer.isEmpty else { preconditionFailure("read into nothing") }
        var count = 0
        let status = heddle_tls_read(ssl, start, buffer.count, &count)
        if status == .failed { failure = describeFailure() }
        // What came before a close or a failure is handed over first; the next call tells of the end.
        if count > 0 { return .bytes(count, drained: status == .drained) }
        switch status {
        case .done, .drained, .wantRead: return .wantRead
        case .wantWrite: return .wantWrite
        case .closed: return .closed(clean: true)
        case .truncated: return .closed(clean: false)
        case .failed: return .failed
        }
    }

    /// Seals and sends, a record of up to 16 KiB after the other.
    ///
    /// - Parameter moreFollows: promises another write at once, so that the kernel may wait for it to fill a segment.
    package func write(_ bytes: UnsafeRawBufferPointer, moreFollows: Bool = false) -> WriteResult {
        guard failure == nil else { return .failed }
        guard let start = bytes.baseAddress, !bytes.isEmpty else { return .bytes(0) }
        var count = 0
        let status = heddle_tls_write(ssl, start, bytes.count, moreFollows, &count)
        recordWaits = status == .wantWrite
        if status == .failed { failure = describeFailure() }
        if count > 0 { return .bytes(count) }
        switch status {
        case .done, .drained, .wantWrite: return .wantWrite
        case .wantRead: return .wantRead
        case .closed, .truncated, .failed:
            failure = failure ?? describeFailure()
            return .failed
        }
    }

    /// Says close_notify, once; the peer's is not waited for, and reading may go on.
    ///
    /// Nothing is said, and the answer is `.done`, when the handshake never ended or a sealed record still waits (see
    /// `write`): then the peer must be able to tell that something is missing.
    package func shutdown() -> Progress {
        guard failure == nil else { return .failed }
        guard closing != .done, !recordWaits, SSL_is_init_finished(ssl) == 1 else { return .done }
        switch heddle_tls_shutdown(ssl) {
        case .done, .drained, .closed, .truncated: closing = .done
        case .wantRead, .wantWrite: closing = .wantWrite
        case .failed:
            failure = describeFailure()
            closing = .failed
        }
        return closing ?? .done
    }

    /// Bytes of an opened record that `read` has not handed over yet.
    package var pending: Int { Int(SSL_pending(ssl)) }
}
