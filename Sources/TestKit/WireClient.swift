import COpenSSLSystem
import Glibc

/// A client that sends exactly the bytes it is told to, over TCP or TLS, and says how the connection went on.
package final class WireClient {
    /// What reading came to.
    package enum Arrival: Equatable, Sendable {
        case bytes
        /// The peer closed its direction in order.
        case ended
        /// The peer broke the connection off.
        case reset
        case nothing
    }

    /// What a client says in its handshake.
    package struct TLS: Sendable {
        package var serverName: String
        package var protocols: [String]
        /// TLS 1.3 if the server has it.
        package var allowsTLS13 = true
        /// A session to resume.
        package var ticket: TLSTicket?
        /// What the client shows when it is asked.
        package var certificate: TestCertificate?

        /// - Parameter protocols: for ALPN, the most wanted first; none for no ALPN.
        package init(serverName: String, protocols: [String] = []) {
            self.serverName = serverName
            self.protocols = protocols
        }
    }

    /// What came and nobody has taken yet.
    package var received: [UInt8] = []
    /// How the peer ended the connection, if it has.
    package private(set) var ending: Arrival?
    private let descriptor: Int32
    private var session: OpaquePointer?
    // Safety: OpenSSL counts references to a context with atomics, and nobody changes this one after it is made.
    private nonisolated(unsafe) static let context = SSL_CTX_new(TLS_client_method())

    /// Connects, and shakes hands where `tls` says so. Nil where nobody listens or the handshake fails.
    package init?(port: UInt16, host: String = Loopback.address, tls: TLS? = nil, receiveBuffer: Int32? = nil) {
        signal(SIGPIPE, SIG_IGN)
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        // The port is chosen when connecting, so that each peer has all ports to offer.
        var late: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_IP), 24, &late, socklen_t(MemoryLayout<Int32>.size))
        if var size = receiveBuffer {
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        }
        // From an address of our own: 127.0.0.1, which is everybody's, is a special case in proxies.
        var own = Loopback.socketAddress(port: 0)
        _ = withUnsafePointer(to: &own) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        var name = Loopback.socketAddress(host, port: port)
        let isConnected = withUnsafePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard isConnected == 0 else { return nil }
        var on: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
        if let tls, !shakeHands(tls) { return nil }
    }

    deinit {
        if let session {
            // OpenSSL takes a session whose connection was not ended in order for one that must not be resumed.
            SSL_set_shutdown(session, SSL_SENT_SHUTDOWN)
            SSL_free(session)
        }
        if descriptor >= 0 { close(descriptor) }
    }

    /// Sends all of it, or says that the connection broke on the way.
    @discardableResult
    package func send(_ bytes: some Collection<UInt8>, deadline: Deadline = Deadline(seconds: 10)) -> Bool {
        var rest = Array(bytes)[...]
        while !rest.isEmpty {
            let count = sendSome(rest, deadline: deadline)
            if count == 0 { return false }
            rest.removeFirst(count)
        }
        return true
    }

    /// Sends as much as goes at once, when anything does.
    /// - Returns: how many bytes went; 0 when the connection broke or the time is over.
    package func sendSome(_ bytes: ArraySlice<UInt8>, deadline: Deadline) -> Int {
        while true {
            guard deadline.waits(for: descriptor, POLLOUT) else { return 0 }
            let sent = bytes.withUnsafeBytes { bytes -> Int in
                if let session { return Int(SSL_write(session, bytes.baseAddress, Int32(bytes.count))) }
                return Glibc.send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
            }
            if sent > 0 { return sent }
            if session.map({ !Self.wantsMore($0, sent) }) ?? (errno != EAGAIN && errno != EINTR) { return 0 }
        }
    }

    /// Sends the bytes of a text.
    @discardableResult
    package func send(_ text: String) -> Bool { send(Array(text.utf8)) }

    /// Waits for more bytes, or the end.
    package func receive(_ deadline: Deadline) -> Arrival {
        if let ending { return ending }
        var count = 0
        while true {
            if session.map({ SSL_pending($0) == 0 }) ?? true, !deadline.waits(for: descriptor, POLLIN) {
                return .nothing
            }
            count = receiveOnce()
            // A record that holds none of the peer's bytes, a session ticket for instance.
            guard let session, count <= 0 else { break }
            if Self.wantsMore(session, count) { continue }
            count = SSL_get_error(session, Int32(count)) == SSL_ERROR_ZERO_RETURN ? 0 : -1
            break
        }
        if count > 0 { return .bytes }
        ending = count == 0 ? .ended : .reset
        return ending ?? .ended
    }

    private func receiveOnce() -> Int {
        let size = 65536
        var count = 0
        received.append(
            contentsOf: Array(unsafeUninitializedCapacity: size) { buffer, used in
                if let session {
                    count = Int(SSL_read(session, buffer.baseAddress, Int32(size)))
                } else {
                    count = recv(descriptor, buffer.baseAddress, size, 0)
                }
                used = Swift.max(0, count)
            })
        return count
    }

    private static func wantsMore(_ session: OpaquePointer, _ result: Int) -> Bool {
        let reason = SSL_get_error(session, Int32(result))
        return reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE
    }

    /// Reads until `isEnough` of what came, the end, or the deadline; says which of them it was.
    @discardableResult
    package func receive(_ deadline: Deadline = Deadline(seconds: 10), until isEnough: ([UInt8]) -> Bool) -> Arrival {
        while !isEnough(received) {
            let arrival = receive(deadline)
            if arrival != .bytes { return arrival }
        }
        return .bytes
    }

    /// Reads to the end of the connection. `.nothing` when it did not come in time.
    package func receiveEnd(_ deadline: Deadline = Deadline(seconds: 10)) -> Arrival {
        receive(deadline) { _ in false }
    }

    /// Whether the handshake took a session up again.
    package var isResumed: Bool { session.map { SSL_session_reused($0) == 1 } ?? false }

    /// The digest of the peer's certificate in lower-case hexadecimal, as ``TestCertificate/sha256``.
    package var peerSHA256: String? {
        guard let session, let certificate = SSL_get1_peer_certificate(session) else { return nil }
        defer { X509_free(certificate) }
        var digest = [UInt8](repeating: 0, count: 32)
        guard X509_digest(certificate, EVP_sha256(), &digest, nil) == 1 else { return nil }
        return digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// The newest session that can be resumed. In TLS 1.3 it comes with the first bytes of the server.
    package var ticket: TLSTicket? {
        guard let session, let held = SSL_get1_session(session) else { return nil }
        return TLSTicket(held)
    }

    /// Ends our direction; the peer's goes on.
    package func finishSending() {
        if let session { SSL_shutdown(session) }
        shutdown(descriptor, Int32(SHUT_WR))
    }

    /// Makes the coming end of the connection a reset.
    package func resetWhenGone() {
        var hard = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &hard, socklen_t(MemoryLayout<linger>.size))
    }

    private func shakeHands(_ tls: TLS) -> Bool {
        // A peer that closes without close_notify has broken the connection off, which `receive` tells by itself.
        session = SSL_new(Self.context)
        // SSL_MODE_RELEASE_BUFFERS: tests have thousands of clients.
        _ = SSL_ctrl(session, SSL_CTRL_MODE, 16, nil)
        SSL_set_fd(session, descriptor)
        tls.serverName.withCString { name in
            _ = SSL_ctrl(
                session, SSL_CTRL_SET_TLSEXT_HOSTNAME, Int(TLSEXT_NAMETYPE_host_name),
                UnsafeMutableRawPointer(mutating: name))
        }
        let list = tls.protocols.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
        if !tls.allowsTLS13 { _ = SSL_ctrl(session, SSL_CTRL_SET_MAX_PROTO_VERSION, Int(TLS1_2_VERSION), nil) }
        if let pair = tls.certificate {
            let certificate = pair.certificate.withBIO { PEM_read_bio_X509($0, nil, nil, nil) }
            let key = pair.key.withBIO { PEM_read_bio_PrivateKey($0, nil, nil, nil) }
            SSL_use_certificate(session, certificate)
            SSL_use_PrivateKey(session, key)
            X509_free(certificate)
            EVP_PKEY_free(key)
        }
        if let ticket = tls.ticket { SSL_set_session(session, ticket.pointer) }
        if !list.isEmpty { SSL_set_alpn_protos(session, list, UInt32(list.count)) }
        guard SSL_connect(session) == 1 else { return false }
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
        return true
    }
}

extension String {
    /// Lends the text as something that OpenSSL reads from.
    fileprivate func withBIO<Result>(_ read: (OpaquePointer?) -> Result) -> Result {
        let bytes = Array(utf8)
        let input = BIO_new_mem_buf(bytes, Int32(bytes.count))
        defer { BIO_free(input) }
        return read(input)
    }
}
