import Glibc

/// A TCP connection to a process on this machine, for one question that has so much time.
final class LoopbackConnection {
    private static let chunk = 16 * 1024

    private let descriptor: Int32
    private let interrupt: Int32?
    private let seconds: Double
    private let watch = Stopwatch()

    /// Connects; nil where nobody listens.
    ///
    /// - Parameters:
    ///   - seconds: for all that is asked, and for the answer.
    ///   - interrupt: a descriptor that ends the waiting when it can be read.
    init?(host: String, port: Int, seconds: Double, interrupt: Int32? = nil) {
        self.seconds = seconds
        self.interrupt = interrupt
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        // On Linux the limit for sending holds for connecting too.
        var limit = timeval(tv_sec: Int(seconds), tv_usec: Int((seconds - seconds.rounded(.down)) * 1_000_000))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port)).bigEndian
        guard inet_pton(AF_INET, host, &address.sin_addr) == 1 else { return nil }
        let connected = withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else { return nil }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    func send(_ bytes: [UInt8]) -> Bool {
        Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count
    }

    /// What comes next; nil at the end, when the time is over and when someone interrupts.
    func receive() -> [UInt8]? {
        let ready = Stopwatch.wait(for: [descriptor] + (interrupt.map { [$0] } ?? []), seconds: seconds - watch.seconds)
        guard ready.contains(descriptor) else { return nil }
        var bytes = [UInt8](repeating: 0, count: Self.chunk)
        let count = recv(descriptor, &bytes, bytes.count, 0)
        return count > 0 ? Array(bytes[..<count]) : nil
    }
}
