import Glibc
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

/// Whether a claim comes true within the patience of a test.
func eventually(_ claim: () async -> Bool) async -> Bool {
    for _ in 0..<2_000 {
        if await claim() { return true }
        // The loop gets its turn between two looks.
        await onThread { _ = poll(nil, 0, 5) }
    }
    return false
}
