import Glibc

/// A port that takes no connection and refuses none: its queue is full and nobody accepts, so that a connect to it goes on
/// until whoever connects gives up.
package final class FullListener: Sendable {
    /// On ``Loopback/address``.
    package let port: UInt16
    private let descriptors: [Int32]

    package init() {
        port = Loopback.freePort()
        let listener = Self.open()
        var descriptors = [listener]
        var name = Loopback.socketAddress(port: port)
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listens = withUnsafePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(listener, $0, size) == 0 && listen(listener, 0) == 0 }
        }
        precondition(listens, "the full listener cannot listen")
        // One more than the queue holds is the first that waits.
        var waits = false
        while !waits {
            let filler = Self.open(Int32(SOCK_NONBLOCK.rawValue))
            descriptors.append(filler)
            _ = withUnsafePointer(to: &name) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(filler, $0, size) }
            }
            waits = !Deadline(seconds: 0.2).waits(for: filler, POLLOUT)
            precondition(descriptors.count < 64, "the queue of a listener does not fill")
        }
        self.descriptors = descriptors
    }

    deinit { for descriptor in descriptors { close(descriptor) } }

    private static func open(_ flags: Int32 = 0) -> Int32 {
        socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | flags, 0)
    }
}
