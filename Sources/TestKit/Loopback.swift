package import Glibc
import Synchronization

/// The corner of 127.0.0.0/8 that belongs to this process, so that two test runs on one machine never meet.
package enum Loopback {
    /// An address that no other living process uses: the process id is in it.
    package static let address = address(64)
    /// Another such address.
    package static let otherAddress = address(128)

    private static func address(_ first: UInt32) -> String {
        let id = UInt32(getpid())
        return "127.\(first + (id >> 16) % 64).\((id >> 8) & 0xFF).\(id & 0xFF)"
    }

    private static let given = Mutex<Set<UInt16>>([])

    /// A port of ``address`` that nothing listens on and that was not given out before.
    package static func freePort() -> UInt16 {
        while true {
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(descriptor) }
            var name = socketAddress(port: 0)
            let isBound = withUnsafePointer(to: &name) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            precondition(isBound == 0, "no free port on \(address)")
            let port = boundPort(descriptor)
            if given.withLock({ $0.insert(port).inserted }) { return port }
        }
    }

    /// ``address`` and a port as the system's calls want it.
    package static func socketAddress(_ host: String = Loopback.address, port: UInt16) -> sockaddr_in {
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_port = port.bigEndian
        precondition(inet_pton(AF_INET, host, &name.sin_addr) == 1, "\(host) is no IPv4 address")
        return name
    }

    /// The port that a socket is bound to.
    package static func boundPort(_ descriptor: Int32) -> UInt16 {
        var name = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = withUnsafeMutablePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) }
        }
        return UInt16(bigEndian: name.sin_port)
    }
}
