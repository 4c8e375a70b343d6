import Bytes
import Glibc
import HTTPCodec
import HTTPModel
import Reactor
import SecureTransport

/// A gRPC server on the test's loop that answers as it is told.
@WorkerActor final class GRPCTestServer: EventHandler {
    /// What the server does with a message; nil sends nothing.
    var answer: @WorkerActor (GRPCTestServer, [UInt8]) -> Void = { _, _ in }
    /// What the server does with the head of a call; by default it answers 200.
    var begin: @WorkerActor (GRPCTestServer) -> Void = { $0.respond() }
    private(set) var received: [[UInt8]] = []
    private(set) var fields: [String: String] = [:]
    private(set) var wasReset = false
    /// When PINGs came, by the loop's clock.
    private(set) var pings: [UInt64] = []
    /// Closes the connection as soon as what was answered is sent.
    var cutsWhenSent = false
    /// Reads nothing more when false.
    var reads = true
    let address: SocketAddress
    private let loop: EventLoop
    private let tlsContext: TLSContext?
    private let listener: Int32
    private var connection: Int32 = -1
    private var tls: TLSSession?
    private var session: HTTP2Session?
    private var stream: HTTP2Stream?
    private var reader = GRPCMessageReader(maximumMessageBytes: 64 << 20)
    private var output = ByteQueue(pool: BlockPool())
    private var isDraining = false
    private var buffer = [UInt8](repeating: 0, count: 65536)

    init(loop: EventLoop, address: SocketAddress, tls: TLSContextConfig? = nil) throws {
        self.loop = loop
        tlsContext = try tls.map { config throws in try TLSContext(config) }
        let socket = try Socket.listen(address)
        self.address = address.port == nil ? address : Socket.localAddress(socket.raw) ?? address
        listener = socket.release()
        try loop.watch(listener, .readable, self)
    }

    func close() {
        disconnect()
        loop.unwatch(listener)
        Glibc.close(listener)
    }

    func disconnect() {
        guard connection >= 0 else { return }
        loop.unwatch(connection)
        tls = nil
        session = nil
        stream = nil
        Glibc.close(connection)
        connection = -1
    }

    // MARK: Answers

    func respond(status: Int = 200, endStream: Bool = false, _ more: [(String, String)] = []) {
        guard let session, let stream else { return }
        var head = HeaderBlock()
        head.append(":status", String(status))
        head.append("content-type", "application/grpc")
        for (name, value) in more { head.append(name, value) }
        session.submitResponse(stream, head, endStream: endStream)
        flush()
    }

    func send(_ message: [UInt8], announcing length: Int? = nil) {
        guard let session, let stream else { return }
        var prefix = ByteWriter(capacity: 5)
        GRPCMessageReader.writePrefix(messageLength: length ?? message.count, to: &prefix)
        session.submitData(stream, prefix.bytes, endStream: false)
        message.withUnsafeBytes { session.submitData(stream, $0, endStream: false) }
        flush()
    }

    /// Bytes that wait for the client's window.
    var waiting: Int { (stream?.outboundCount ?? 0) + output.count }

    func finish(status: Int, message: String = "") {
        guard let session, let stream else { return }
        var trailers = HeaderBlock()
        trailers.append("grpc-status", String(status))
        if !message.isEmpty { trailers.append("grpc-message", message) }
        session.submitTrailers(stream, trailers)
        flush()
    }

    // MARK: Bytes

    func ready(_ readiness: Readiness) {
        if connection < 0 {
            guard case .connection(let descriptor, _) = Socket.accept(listener) else { return }
            begin(descriptor.release())
            return
        }
        if let tls {
            switch tls.handshake() {
            case .done: break
            case .failed: return disconnect()
            default: return
            }
        }
        while connection >= 0, reads, read() {}
        flush()
    }

    private func begin(_ descriptor: Int32) {
        connection = descriptor
        do {
            if let tlsContext { tls = try TLSSession(context: tlsContext, descriptor: descriptor) }
            session = HTTP2Session(
                role: .server, options: HTTP2Options(), pool: HTTP2Pool(blocks: BlockPool()), counters: HTTP2Counters(),
                now: loop.now)
            try loop.watch(descriptor, .connection, self)
        } catch {
            preconditionFailure("\(error)")
        }
    }

    private func read() -> Bool {
        let count: Int = buffer.withUnsafeMutableBytes { memory in
            if let tls {
                if case .bytes(let count, _) = tls.read(into: memory) { return count }
                return 0
            }
            if case .bytes(let count) = Socket.receive(connection, into: memory) { return count }
            return 0
        }
        guard count > 0, let session else { return false }
        buffer.withUnsafeBytes { notePings($0.slice(0, count)) }
        _ = buffer.withUnsafeBytes { session.receive($0.slice(0, count), now: loop.now) }
        drain()
        return true
    }

    /// Sees PING frames (RFC 9113 section 6.7) as they come: each is read alone, for the client sends nothing beside it.
    private func notePings(_ bytes: UnsafeRawBufferPointer) {
        if bytes.count == 17, bytes[3] == 6, bytes[4] == 0 { pings.append(loop.now) }
    }

    private func drain() {
        guard !isDraining else { return }
        isDraining = true
        defer { isDraining = false }
        while let session, let event = session.nextEvent() {
            switch event.kind {
            case .headers:
                stream = event.stream
                for (name, value) in event.stream?.fields.fields ?? [] { fields[name] = value }
                begin(self)
            case .data(let piece, _):
                var messages: [[UInt8]] = []
                do {
                    try reader.read(piece) { messages.append([UInt8]($0)) }
                } catch {
                    preconditionFailure("\(error)")
                }
                if let stream = event.stream { session.consumed(stream, piece.count) }
                for message in messages {
                    received.append(message)
                    answer(self, message)
                }
            case .closed(_, let cause):
                stream = nil
                wasReset = cause == .peerReset
            default: break
            }
        }
    }

    private func flush() {
        // What is answered while events are handled goes out when they are.
        guard let session, connection >= 0, reads, !isDraining else { return }
        while true {
            session.produce(into: &output, upTo: 1 << 16)
            drain()
            guard !output.isEmpty, connection >= 0 else { return }
            let count: Int
            if let tls {
                guard case .bytes(let sent) = tls.write(output.first) else { return }
                count = sent
            } else {
                guard case .bytes(let sent) = Socket.send(connection, output.first) else { return }
                count = sent
            }
            output.consume(count)
            if output.isEmpty, cutsWhenSent {
                disconnect()
                return
            }
        }
    }
}
