import Bytes
import Glibc
import Reactor
import Synchronization

/// One client connection that stays open between requests.
final class TestConnection: Sendable {
    private let socket: PlainSocket
    private let reader: Mutex<MessageReader>

    fileprivate init(_ socket: PlainSocket) {
        self.socket = socket
        reader = Mutex(MessageReader(socket))
    }

    deinit { socket.close() }

    func send(_ text: String) { socket.send(text.utf8) }

    /// Sends and reads one response; nil when the connection ended before it was whole.
    func ask(_ text: String) async -> Message? {
        await onThread { [self] in
            socket.send(text.utf8)
            return reader.withLock { $0.next() }
        }
    }

    /// Whether the proxy has closed; waits for it.
    var isEnded: Bool {
        get async { await onThread { [self] in socket.receive().isEmpty } }
    }
}

extension TestProxy {
    /// - Parameter address: of 127.0.0.0/8.
    nonisolated func connect(from address: String = "127.0.0.1") async -> TestConnection? {
        let port = port
        return await onThread { PlainSocket(connectingTo: port, from: address).map { TestConnection($0) } }
    }
}

extension TestProxy {
    /// A connection that another worker accepts and passes to this one.
    nonisolated func connect(passedTo listener: String) async throws -> TestConnection? {
        let other = try Socket.listen(SocketAddress(host: "127.0.0.1", port: 0) ?? SocketAddress(unixPath: ""))
        let port = Socket.localAddress(other.raw)?.port ?? 0
        let client = await onThread { PlainSocket(connectingTo: port).map { TestConnection($0) } }
        let accepted = accept(other.raw, nil, nil)
        _ = fcntl(accepted, F_SETFL, O_NONBLOCK)
        await take(accepted, listener: listener)
        return client
    }
}

/// Whether a claim comes true within the patience of a test.
func eventually(_ claim: () async -> Bool) async -> Bool {
    for _ in 0..<2_000 {
        if await claim() { return true }
        // The loop gets its turn between two looks.
        await onThread { _ = poll(nil, 0, 5) }
    }
    return false
}
