import Glibc

/// A blocking TCP socket on loopback; every wait has an end, so that a test fails rather than hangs.
struct PlainSocket: Sendable {
    let raw: Int32

    private static let patience = timeval(tv_sec: 20, tv_usec: 0)

    init(accepted raw: Int32) {
        self.raw = raw
        limitWaits()
    }

    /// - Parameter source: an address of our own; any when nil.
    init?(connectingTo port: UInt16, from source: String? = nil) {
        raw = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        if let source {
            var own = Self.loopback(0)
            inet_pton(AF_INET, source, &own.sin_addr)
            withUnsafePointer(to: &own) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = bind(raw, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
            }
        }
        var address = Self.loopback(port)
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(raw, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
        guard connected == 0 else {
            Glibc.close(raw)
            return nil
        }
        limitWaits()
    }

    private func limitWaits() {
        var limit = Self.patience
        setsockopt(raw, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(raw, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var one: Int32 = 1
        setsockopt(raw, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
    }

    static func loopback(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }

    /// A listening socket and its port.
    static func listening() -> (raw: Int32, port: UInt16) {
        let (raw, port) = bound()
        precondition(listen(raw, 64) == 0, "cannot listen on loopback")
        return (raw, port)
    }

    /// A socket on a port of its own that does not listen.
    static func bound() -> (raw: Int32, port: UInt16) {
        let raw = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = loopback(0)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                precondition(bind(raw, address, size) == 0, "cannot bind on loopback")
                getsockname(raw, address, &size)
            }
        }
        return (raw, UInt16(bigEndian: address.sin_port))
    }

    /// - Returns: whether all was sent.
    @discardableResult
    func send(_ bytes: some Sequence<UInt8>) -> Bool {
        let bytes = Array(bytes)
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(raw, $0.baseAddress.unsafelyUnwrapped + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    /// Some bytes; empty at the end of the stream, or when patience is over.
    func receive() -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 16384)
        let count = recv(raw, &buffer, buffer.count, 0)
        return count > 0 ? Array(buffer[..<count]) : []
    }

    func close() { Glibc.close(raw) }
}

/// A loopback port on which every connection is refused, and that no other test is given while this object lives.
final class RefusingPort {
    let port: UInt16
    private let socket: Int32

    init() { (socket, port) = PlainSocket.bound() }

    deinit { close(socket) }
}
