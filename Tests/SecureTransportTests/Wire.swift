import Glibc

@testable import SecureTransport

/// A wire with a hole in the middle: each side has a socket of its own, and bytes cross only when the test moves them,
/// so that it can cut them small, count them, keep them, or lose them.
final class Wire {
    let client: Int32
    let server: Int32
    private let clientPeer: Int32
    private let serverPeer: Int32
    /// What has crossed from client to server.
    private(set) var fromClient: [UInt8] = []
    /// Bytes on the way that did not fit into the socket they go to.
    private var toServer: [UInt8] = []
    private var toClient: [UInt8] = []

    init(bufferSize: Int32? = nil) {
        (client, clientPeer) = Self.pair(bufferSize)
        (server, serverPeer) = Self.pair(bufferSize)
    }

    deinit { for descriptor in [client, server, clientPeer, serverPeer] { close(descriptor) } }

    /// Moves up to so many bytes each way; answers whether any moved.
    @discardableResult
    func move(upTo limit: Int = 1 << 20) -> Bool {
        let forth = moveToServer(upTo: limit)
        let back = Self.move(from: serverPeer, to: clientPeer, upTo: limit, held: &toClient)
        return !forth.isEmpty || !back.isEmpty
    }

    private func moveToServer(upTo limit: Int) -> [UInt8] {
        let moved = Self.move(from: clientPeer, to: serverPeer, upTo: limit, held: &toServer)
        fromClient += moved
        return moved
    }

    /// The client's end of the wire says that nothing more comes, as a lost host or an attacker would.
    func cutTowardsClient() { Glibc.shutdown(clientPeer, Int32(SHUT_WR)) }

    /// Puts bytes on the wire that no session has sent.
    func injectTowardsServer(_ bytes: [UInt8]) { precondition(send(serverPeer, bytes, bytes.count, 0) == bytes.count) }

    func closeServerEnd() { Glibc.shutdown(serverPeer, Int32(SHUT_RDWR)) }

    private static func pair(_ bufferSize: Int32?) -> (Int32, Int32) {
        var ends: [Int32] = [0, 0]
        precondition(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0, &ends) == 0)
        if var size = bufferSize {
            for end in ends { setsockopt(end, SOL_SOCKET, SO_SNDBUF, &size, socklen_t(MemoryLayout<Int32>.size)) }
        }
        return (ends[0], ends[1])
    }

    private static func move(from source: Int32, to target: Int32, upTo limit: Int, held: inout [UInt8]) -> [UInt8] {
        if held.isEmpty {
            var bytes = [UInt8](repeating: 0, count: min(limit, 1 << 16))
            let count = recv(source, &bytes, bytes.count, 0)
            if count > 0 { held = Array(bytes.prefix(count)) }
        }
        guard !held.isEmpty else { return [] }
        let sent = send(target, held, min(held.count, limit), Int32(MSG_NOSIGNAL))
        guard sent > 0 else { return [] }
        defer { held.removeFirst(sent) }
        return Array(held.prefix(sent))
    }
}

/// A client and a server session at the two ends of a wire.
struct Duo {
    let wire: Wire
    let client: TLSSession
    let server: TLSSession

    init(
        _ clientContext: TLSContext, _ serverContext: TLSContext, serverName: String? = nil, peer: String = "",
        wire: Wire = Wire()
    ) throws {
        self.wire = wire
        client = try TLSSession(context: clientContext, descriptor: wire.client, serverName: serverName, peer: peer)
        server = try TLSSession(context: serverContext, descriptor: wire.server)
    }

    /// Both handshakes, to their ends; `limit` bytes cross at a time.
    func shake(upTo limit: Int = 1 << 20) -> (client: TLSSession.Progress, server: TLSSession.Progress) {
        var result = (client: TLSSession.Progress.wantRead, server: TLSSession.Progress.wantRead)
        // A handshake has fewer than 64 KiB, and each round moves a byte or is the last.
        for _ in 0..<65536 {
            if result.client != .done && result.client != .failed { result.client = client.handshake() }
            if result.server != .done && result.server != .failed { result.server = server.handshake() }
            if !wire.move(upTo: limit) { break }
        }
        return result
    }

    /// Handshakes and lets the tickets that come after it arrive.
    func connect() -> Bool {
        let result = shake()
        wire.move()
        _ = client.readAll()
        return result == (.done, .done)
    }
}

extension TLSSession {
    /// Reads until there is nothing more; what came and how it ended.
    func readAll(capacity: Int = 1 << 16) -> (bytes: [UInt8], end: ReadResult) {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: capacity)
        while true {
            let result = buffer.withUnsafeMutableBytes { read(into: $0) }
            guard case .bytes(let count, _) = result else { return (bytes, result) }
            bytes += buffer.prefix(count)
        }
    }

    func write(_ bytes: [UInt8]) -> WriteResult { bytes.withUnsafeBytes { write($0) } }
}

extension TLSContextConfig {
    static func server(_ identities: TestIdentity..., with change: (inout TLSContextConfig) -> Void = { _ in }) -> Self {
        var config = TLSContextConfig(role: .server)
        config.certificates = identities.enumerated().map { $1.source("certificate \($0)") }
        change(&config)
        return config
    }

    static func client(with change: (inout TLSContextConfig) -> Void = { _ in }) -> Self {
        var config = TLSContextConfig(role: .client)
        change(&config)
        return config
    }
}
