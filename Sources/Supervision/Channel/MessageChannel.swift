import CLinux
import Glibc
import Reactor

/// Takes what came over a ``MessageChannel``.
@WorkerActor protocol MessageChannelOwner: AnyObject {
    /// One message; the descriptors belong to the receiver now.
    func received(_ bytes: [UInt8], _ descriptors: [Int32], on channel: MessageChannel)
    /// The other side is gone. Called once.
    func closed(_ channel: MessageChannel)
}

/// A socketpair of messages (SOCK_SEQPACKET): each arrives whole, with the descriptors sent with it (SCM_RIGHTS).
@WorkerActor final class MessageChannel: EventHandler, OrderChannel {
    /// Longest message; what is larger travels in a memory file.
    nonisolated static let maximumMessage = 64 * 1024
    /// Messages that wait for room in the socket; a peer that reads so little is taken for dead.
    static let maximumWaiting = 16 * 1024

    private struct Waiting {
        let bytes: [UInt8]
        let descriptors: [Int32]
    }

    private let loop: EventLoop
    private let socket: Int32
    private weak var owner: (any MessageChannelOwner)?
    private var waiting: [Waiting] = []
    private var isOpen = false
    private var buffer = [UInt8](repeating: 0, count: MessageChannel.maximumMessage)

    /// - Parameter socket: becomes the channel's.
    init(loop: EventLoop, socket: consuming Descriptor) {
        self.loop = loop
        self.socket = socket.release()
    }

    deinit {
        for message in waiting { for descriptor in message.descriptors { Glibc.close(descriptor) } }
        Glibc.close(socket)
    }

    func open(owner: any MessageChannelOwner) throws(SystemError) {
        self.owner = owner
        try loop.watch(socket, .connection, self)
        isOpen = true
    }

    /// Ends the channel without a call of ``MessageChannelOwner/closed(_:)``.
    func close() {
        guard isOpen else { return }
        isOpen = false
        loop.unwatch(socket)
    }

    /// Sends a message; the descriptors stay the caller's.
    func send(_ bytes: [UInt8], _ descriptors: [Int32] = []) {
        precondition(bytes.count <= Self.maximumMessage, "a message of \(bytes.count) bytes")
        if waiting.isEmpty, sendNow(bytes, descriptors) { return }
        guard waiting.count < Self.maximumWaiting else {
            fail()
            return
        }
        // The caller may close its own before there is room.
        waiting.append(Waiting(bytes: bytes, descriptors: descriptors.map { fcntl($0, F_DUPFD_CLOEXEC, 0) }))
    }

    var peerUser: Int64 { heddle_peer_user(socket) }

    func ready(_ readiness: Readiness) {
        if readiness.has(.writable) { flush() }
        if readiness.has(.input) { receive() }
    }

    /// - Returns: false when there is no room now.
    private func sendNow(_ bytes: [UInt8], _ descriptors: [Int32]) -> Bool {
        let sent = heddle_send_descriptors(socket, bytes, bytes.count, descriptors, Int32(descriptors.count))
        // Whether the peer is gone is told by reading.
        return sent >= 0 || (errno != EAGAIN && errno != EINTR && errno != ENOBUFS)
    }

    private func flush() {
        while let first = waiting.first {
            guard sendNow(first.bytes, first.descriptors) else { return }
            for descriptor in first.descriptors { Glibc.close(descriptor) }
            waiting.removeFirst()
        }
    }

    private func receive() {
        var descriptors = [Int32](repeating: -1, count: Int(HEDDLE_MAX_DESCRIPTORS))
        while isOpen {
            var count: Int32 = 0
            let size = heddle_receive_descriptors(socket, &buffer, buffer.count, &descriptors, &count)
            if size > 0 {
                owner?.received(Array(buffer[..<size]), Array(descriptors[..<Int(count)]), on: self)
            } else if size == 0 || (errno != EAGAIN && errno != EINTR) {
                fail()
            } else {
                return
            }
        }
    }

    private func fail() {
        guard isOpen else { return }
        close()
        owner?.closed(self)
    }
}
