import Bytes
import HTTPCodec
import HTTPModel
import Reactor

/// One end of a connection to the worker that is tried out: sends bytes, reads whole messages.
@WorkerActor final class WirePeer: EventHandler {
    private static let readSize = 16 * 1024
    /// Bytes of a message that a case may come to.
    static let maximumBody = 16 << 20

    private let loop: EventLoop
    private let descriptor: Int32
    private var parser: HTTP1Parser
    private var block = HeaderBlock()
    private var input: [UInt8] = []
    private var output: [UInt8] = []
    private var message: WireMessage?
    private var isOpen = true
    private let received: @WorkerActor (WirePeer, WireMessage) -> Void
    private let ended: @WorkerActor (WirePeer) -> Void

    /// - Parameters:
    ///   - received: called with each message that is whole.
    ///   - ended: called once, when the other side closed or broke the protocol.
    init(
        _ descriptor: consuming Descriptor, _ role: HTTP1Parser.Role, _ loop: EventLoop,
        received: @escaping @WorkerActor (WirePeer, WireMessage) -> Void, ended: @escaping @WorkerActor (WirePeer) -> Void
    ) throws(SystemError) {
        self.loop = loop
        self.descriptor = descriptor.release()
        self.received = received
        self.ended = ended
        parser = HTTP1Parser(role: role)
        try loop.watch(self.descriptor, [.readable, .writable, .readHangup, .edgeTriggered], self)
    }

    /// Says that a response to HEAD, or to another request, is the next message.
    func expectResponse(toHead: Bool) { parser.expectResponse(toHead: toHead) }

    func send(_ bytes: [UInt8]) {
        output += bytes
        flush()
    }

    /// Closes this end; nothing is told any more.
    func close() {
        guard isOpen else { return }
        isOpen = false
        loop.unwatch(descriptor)
        _ = Descriptor(descriptor)
    }

    func ready(_ readiness: Readiness) {
        if readiness.has(.writable) { flush() }
        if readiness.has(.input) { read() }
    }

    private func flush() {
        while isOpen, !output.isEmpty {
            switch output.withUnsafeBytes({ Socket.send(descriptor, $0) }) {
            case .bytes(let count): output.removeFirst(count)
            case .wouldBlock: return
            case .endOfFile, .failed: return end()
            }
        }
    }

    private func read() {
        var piece = [UInt8](repeating: 0, count: Self.readSize)
        while isOpen {
            switch piece.withUnsafeMutableBytes({ Socket.receive(descriptor, into: $0) }) {
            case .bytes(let count):
                input += piece[..<count]
                parse()
            case .wouldBlock: return
            case .endOfFile, .failed:
                if parser.endOfInput() == .end { finish() }
                return end()
            }
        }
    }

    private func parse() {
        var used = 0
        while isOpen {
            let step = input.withUnsafeBytes { parser.next($0.slice(used, $0.count), into: &block) }
            let start = used
            used += step.consumed
            switch step.event {
            case .needMore:
                input.removeFirst(used)
                return
            case .head(let head): if !head.informational { message = WireMessage(fields: Self.fields(block)) }
            case .body(let offset, let count):
                guard let size = message?.body.count, size + count <= Self.maximumBody else { return end() }
                message?.body += input[(start + offset)..<(start + offset + count)]
            case .trailers: message?.trailers = Self.fields(block)
            case .end: finish()
            case .failed: return end()
            }
        }
    }

    private func finish() {
        guard let whole = message else { return }
        message = nil
        received(self, whole)
    }

    private func end() {
        guard isOpen else { return }
        close()
        ended(self)
    }

    private static func fields(_ block: borrowing HeaderBlock) -> [WireMessage.Field] {
        (0..<block.count).map { WireMessage.Field(block.name(at: $0).text, block.value(at: $0).text) }
    }
}
