import Foundation
import Glibc
import Synchronization

/// An HTTP/1 or cleartext HTTP/2 server that answers by script and keeps what it was sent, byte by byte.
///
/// It reads with blocking calls on threads of its own and shares no code with the proxy, so that what it says about a
/// request is a second opinion.
package final class RecordingUpstream: Sendable {
    /// What came over one connection since somebody last asked.
    package struct Connection: Sendable {
        /// Counted from the start of the upstream.
        package let number: Int
        package var bytes: [UInt8] = []
        /// Requests whose head was whole, in order.
        package var requests: [WireMessage] = []
        /// Why the bytes are not what a strict server takes.
        package var malformed: String?
    }

    /// Which script answers a request.
    package typealias Choice = @Sendable (WireMessage) -> UpstreamScript

    /// The port on loopback that the kernel chose.
    package let port: UInt16
    private let listener: Int32
    private let isHTTP2: Bool
    private let choice: Choice
    private let state = Mutex(State())

    private struct State {
        var accepted = 0
        var connections: [Int: Connection] = [:]
        var open: Set<Int32> = []
        var isStopped = false
    }

    /// Listens at once.
    package init(http2: Bool = false, choice: @escaping Choice) {
        signal(SIGPIPE, SIG_IGN)
        isHTTP2 = http2
        self.choice = choice
        port = Loopback.freePort()
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var on: Int32 = 1
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        var name = Loopback.socketAddress(port: port)
        let isBound = withUnsafePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        precondition(isBound == 0 && listen(listener, 1024) == 0, "the upstream cannot listen")
        Thread.detachNewThread { self.acceptAll() }
    }

    /// Ends all connections and listens no more.
    package func stop() {
        state.withLock { state in
            state.isStopped = true
            for descriptor in state.open { shutdown(descriptor, Int32(SHUT_RDWR)) }
        }
        shutdown(listener, Int32(SHUT_RDWR))
    }

    /// What came since the last call, by connection in the order of their numbers.
    package func take() -> [Connection] {
        state.withLock { state in
            defer { state.connections = [:] }
            return state.connections.values.sorted { $0.number < $1.number }
        }
    }

    /// Whether all that came since the last call of ``take()`` has become a request; one that broke off does when its
    /// connection ends.
    package var isSettled: Bool {
        state.withLock { state in
            state.connections.values.allSatisfy { $0.bytes.isEmpty || !$0.requests.isEmpty || $0.malformed != nil }
        }
    }

    /// How many connections there were.
    package var acceptedConnections: Int { state.withLock { $0.accepted } }

    /// The requests of all connections since the last call.
    package func takeRequests() -> [WireMessage] { take().flatMap(\.requests) }

    // MARK: For the connections

    func record(_ number: Int, _ change: (inout Connection) -> Void) {
        state.withLock { change(&$0.connections[number, default: Connection(number: number)]) }
    }

    func script(for request: WireMessage) -> UpstreamScript { choice(request) }

    private func acceptAll() {
        while true {
            let descriptor = accept(listener, nil, nil)
            if descriptor < 0 {
                if errno == EINTR || errno == ECONNABORTED { continue }
                break
            }
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            var on: Int32 = 1
            setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
            let number = state.withLock { state in
                state.accepted += 1
                state.open.insert(descriptor)
                return state.accepted
            }
            Thread.detachNewThread {
                if self.isHTTP2 {
                    UpstreamHTTP2Connection(self, descriptor, number).serve()
                } else {
                    UpstreamHTTP1Connection(self, descriptor, number).serve()
                }
                self.state.withLock { _ = $0.open.remove(descriptor) }
                close(descriptor)
            }
        }
        close(listener)
    }
}

/// One HTTP/1 connection of a recording upstream, on its own thread.
struct UpstreamHTTP1Connection {
    private let upstream: RecordingUpstream
    private let descriptor: Int32
    private let number: Int

    init(_ upstream: RecordingUpstream, _ descriptor: Int32, _ number: Int) {
        self.upstream = upstream
        self.descriptor = descriptor
        self.number = number
    }

    func serve() {
        var pending: [UInt8] = []
        var answered = false
        while true {
            let isOpen = receive(&pending)
            while true {
                let parsed: WireMessage?
                do throws(WireMessage.Malformed) {
                    parsed = try WireMessage.parse(pending[...], answering: nil, isEnded: !isOpen)
                } catch {
                    upstream.record(number) { $0.malformed = error.reason }
                    return
                }
                guard let request = parsed else { break }
                let script = upstream.script(for: request)
                // Before the answer: whoever has it may ask for the record at once.
                if request.isComplete { upstream.record(number) { $0.requests.append(request) } }
                if !answered, script.start == .afterHead || request.isComplete {
                    answered = true
                    guard answer(request, script) else { return finish(script.ending, &pending) }
                }
                if !request.isComplete {
                    if !isOpen { upstream.record(number) { $0.requests.append(request) } }
                    break
                }
                pending.removeFirst(request.length)
                answered = false
                if script.echoes { return echo(&pending) }
            }
            if !isOpen { return }
        }
    }

    /// False when nothing more is answered on this connection.
    private func answer(_ request: WireMessage, _ script: UpstreamScript) -> Bool {
        // One that is answered early, and then the connection ended, is not read to its end.
        if script.ending != .keep, !request.isComplete { upstream.record(number) { $0.requests.append(request) } }
        for piece in script.http1(answering: request.method) where !WireSocket.send(piece, to: descriptor) { break }
        return script.ending == .keep
    }

    private func finish(_ ending: UpstreamScript.Ending, _ pending: inout [UInt8]) {
        switch ending {
        case .keep, .silence:
            while receive(&pending) {}
        case .close:
            // Reading on until the peer has closed too: unread bytes would make the close a reset.
            shutdown(descriptor, Int32(SHUT_WR))
            while receive(&pending) {}
        case .reset: WireSocket.resetWhenClosed(descriptor)
        }
    }

    private func echo(_ pending: inout [UInt8]) {
        repeat {
            WireSocket.send(pending, to: descriptor)
            pending = []
        } while receive(&pending)
    }

    private func receive(_ pending: inout [UInt8]) -> Bool {
        let bytes = WireSocket.receive(from: descriptor)
        guard !bytes.isEmpty else { return false }
        upstream.record(number) { $0.bytes += bytes }
        pending += bytes
        return true
    }
}

/// Blocking calls on a socket.
enum WireSocket {
    /// Nothing when the peer has closed.
    static func receive(from descriptor: Int32) -> [UInt8] {
        Array(unsafeUninitializedCapacity: 65536) { buffer, count in
            repeat { count = recv(descriptor, buffer.baseAddress, 65536, 0) } while count < 0 && errno == EINTR
            count = max(0, count)
        }
    }

    @discardableResult
    static func send(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        var offset = 0
        while offset < bytes.count {
            let sent = bytes.withUnsafeBytes {
                Glibc.send(
                    descriptor, $0.baseAddress.unsafelyUnwrapped + offset, $0.count - offset, Int32(MSG_NOSIGNAL))
            }
            if sent <= 0 { return false }
            offset += sent
        }
        return true
    }

    static func resetWhenClosed(_ descriptor: Int32) {
        var hard = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &hard, socklen_t(MemoryLayout<linger>.size))
    }
}
