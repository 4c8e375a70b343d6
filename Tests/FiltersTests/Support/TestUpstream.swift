import Glibc
import Synchronization

/// A blocking HTTP/1.1 server on loopback: keeps what it was asked and answers as it is told.
final class TestUpstream: Sendable {
    let port: UInt16
    private let listener: Int32
    private let answer: @Sendable (Message) -> String
    private let seen = Mutex<[Message]>([])

    /// - Parameters:
    ///   - closes: the connection ends with each answer.
    ///   - answer: the whole response as it goes over the wire; empty closes the connection without one.
    init(closes: Bool = false, _ answer: @escaping @Sendable (Message) -> String = { _ in TestUpstream.ok("hello") }) {
        let (raw, port) = PlainSocket.listening()
        listener = raw
        self.port = port
        self.answer = answer
        detachThread { [weak self] in
            while true {
                let accepted = accept(raw, nil, nil)
                guard accepted >= 0 else { return }
                detachThread { [weak self] in
                    let socket = PlainSocket(accepted: accepted)
                    var reader = MessageReader(socket)
                    while let request = reader.next(), let self {
                        self.seen.withLock { $0.append(request) }
                        let response = self.answer(request)
                        if response.isEmpty || !socket.send(response.utf8) || closes { break }
                    }
                    socket.close()
                }
            }
        }
    }

    deinit {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }

    /// The requests so far.
    var requests: [Message] { seen.withLock { $0 } }

    static func ok(_ body: String, _ fields: String...) -> String {
        "HTTP/1.1 200 OK\r\n" + fields.map { $0 + "\r\n" }.joined() + "content-length: \(body.utf8.count)\r\n\r\n" + body
    }
}
