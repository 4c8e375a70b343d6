import Glibc

/// Where a server may listen besides IPv4: blocking exchanges with it.
package enum AnyAddress: Sendable, CustomStringConvertible {
    case ipv4(String, UInt16)
    case ipv6(String, UInt16)
    /// A path, or "@name" in the abstract name space.
    case unix(String)

    package var description: String {
        switch self {
        case .ipv4(let host, let port): "\(host):\(port)"
        case .ipv6(let host, let port): "[\(host)]:\(port)"
        case .unix(let path): path
        }
    }

    /// Whether this machine has IPv6 on loopback.
    package static var hasIPv6: Bool {
        let probe = socket(AF_INET6, Int32(SOCK_STREAM.rawValue), 0)
        guard probe >= 0 else { return false }
        defer { close(probe) }
        return AnyAddress.ipv6("::1", 0).withName { bind(probe, $0, $1) } == 0
    }

    /// A port of the IPv6 loopback address that nothing listens on.
    package static func freeIPv6Port() -> UInt16 {
        let probe = socket(AF_INET6, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(probe) }
        _ = AnyAddress.ipv6("::", 0).withName { bind(probe, $0, $1) }
        var name = sockaddr_in6()
        var size = socklen_t(MemoryLayout<sockaddr_in6>.size)
        _ = withUnsafeMutablePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(probe, $0, &size) }
        }
        return UInt16(bigEndian: name.sin6_port)
    }

    /// Sends a text and reads to the end of the connection. Nil where nobody listens.
    package func ask(_ text: String, deadline: Deadline = Deadline(seconds: 10)) -> String? {
        let family =
            switch self {
            case .ipv4: AF_INET
            case .ipv6: AF_INET6
            case .unix: AF_UNIX
            }
        let descriptor = socket(family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        defer { close(descriptor) }
        guard descriptor >= 0, withName({ connect(descriptor, $0, $1) }) == 0 else { return nil }
        WireSocket.send(Array(text.utf8), to: descriptor)
        var received: [UInt8] = []
        while deadline.waits(for: descriptor, POLLIN) {
            let bytes = WireSocket.receive(from: descriptor)
            if bytes.isEmpty { break }
            received += bytes
        }
        return String(decoding: received, as: UTF8.self)
    }

    private func withName<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        var storage = sockaddr_storage()
        let size = withUnsafeMutableBytes(of: &storage) { memory -> Int in
            switch self {
            case .ipv4(let host, let port):
                memory.storeBytes(of: Loopback.socketAddress(host, port: port), as: sockaddr_in.self)
                return MemoryLayout<sockaddr_in>.size
            case .ipv6(let host, let port):
                var name = sockaddr_in6()
                name.sin6_family = sa_family_t(AF_INET6)
                name.sin6_port = port.bigEndian
                precondition(inet_pton(AF_INET6, host, &name.sin6_addr) == 1, "\(host) is no IPv6 address")
                memory.storeBytes(of: name, as: sockaddr_in6.self)
                return MemoryLayout<sockaddr_in6>.size
            case .unix(let path):
                memory.storeBytes(of: sa_family_t(AF_UNIX), as: sa_family_t.self)
                let isAbstract = path.hasPrefix("@")
                let bytes = isAbstract ? [0] + Array(path.utf8.dropFirst()) : Array(path.utf8) + [0]
                memory[2...].copyBytes(from: bytes)
                return 2 + bytes.count
            }
        }
        return withUnsafePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(size)) }
        }
    }
}
