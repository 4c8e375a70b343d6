import Bytes
import Glibc
import HTTPCodec
import HTTPModel
package import Reactor
import SecureTransport

/// What a ``GRPCCall`` tells.
@WorkerActor package protocol GRPCCallOwner: AnyObject {
    /// The connection is up and the call is on it.
    func callOpened(_ call: GRPCCall)
    /// A message came.
    func call(_ call: GRPCCall, received message: [UInt8])
    /// The call is over, and the connection closed. Comes once and last; not after ``GRPCCall/cancel()``.
    func call(_ call: GRPCCall, ended end: GRPCEnd)
}

/// One call with messages both ways (bidirectional streaming) on an HTTP/2 connection of its own.
///
/// ```
/// connecting ──► handshaking (TLS) ──► open ──► closed
/// ```
///
/// Who cannot take more messages pauses the call: then no window is given back, so that the server waits.
@WorkerActor package final class GRPCCall: EventHandler, TurnEndHandler {
    private enum State {
        case connecting, handshaking, open, closed
    }

    private static let readSize = 64 * 1024
    /// Reads of one event; then others get their turn.
    private static let maximumReads = 16
    private static let window: Int32 = 1 << 20

    /// Where it goes.
    package let target: GRPCTarget
    private let loop: EventLoop
    // Safety: the owner cancels its call before it goes, as ``cancel()`` asks.
    private unowned(unsafe) let owner: any GRPCCallOwner
    private var state = State.connecting
    private var descriptor: Int32 = -1
    private var tls: TLSSession?
    private var session: HTTP2Session?
    private var stream: HTTP2Stream?
    private var reader: GRPCMessageReader
    private var output: ByteQueue
    private var inputReady = false
    private var outputBlocked = false
    private var turnEndAsked = false
    private var isDelivering = false
    private var status: GRPCEnd?
    /// Messages that came while the owner was busy; the window bounds them.
    private var waiting: [[UInt8]] = []
    private var unconsumed = 0
    private var isPaused = false
    private var timer: LoopTimer?
    /// Nil before the connection is up.
    private var keepalive: GRPCKeepalive?
    private var buffer: [UInt8]

    /// Prepares a call; the owner must outlive it or ``cancel()`` it.
    package init(loop: EventLoop, target: GRPCTarget, owner: any GRPCCallOwner) {
        self.loop = loop
        self.target = target
        self.owner = owner
        reader = GRPCMessageReader(maximumMessageBytes: target.limits.messageBytes)
        output = ByteQueue(pool: BlockPool())
        buffer = [UInt8](repeating: 0, count: Self.readSize)
    }

    /// Connects. The owner hears of the outcome later, never during this call.
    package func start() {
        let timer = LoopTimer(loop: loop) { [unowned self] in self.timeCame() }
        self.timer = timer
        do {
            let socket = try Socket.connect(to: target.address)
            if target.address.ip != nil { try Socket.setKeepalive(socket.raw, probes: 3, time: 60, interval: 10) }
            if let config = target.tls {
                tls = try TLSSession(
                    context: TLSContext(config), descriptor: socket.raw, serverName: target.serverName,
                    peer: target.address.description)
            }
            descriptor = socket.release()
            try loop.watch(descriptor, .connection, self)
            timer.schedule(after: target.limits.connectTime)
        } catch {
            failed = GRPCEnd(code: GRPCStatus.unavailable.rawValue, message: "\(target.address): \(error)")
            timer.schedule(after: 0)
        }
    }

    /// Why the call could not even begin; told when `start` has returned.
    private var failed: GRPCEnd?

    /// Ends the call without a word to the owner.
    package func cancel() {
        guard state != .closed else { return }
        if let stream, let session {
            session.reset(stream, .cancel)
            self.stream = nil
            writeOut()
        }
        close()
    }

    /// Sends a message.
    package func send(_ message: [UInt8]) {
        guard state == .open, let session, let stream else { return }
        var prefix = ByteWriter(capacity: GRPCMessageParser.prefixLength)
        GRPCMessageReader.writePrefix(messageLength: message.count, to: &prefix)
        session.submitData(stream, prefix.bytes, endStream: false)
        message.withUnsafeBytes { session.submitData(stream, $0, endStream: false) }
        guard stream.outboundCount <= target.limits.outboundBytes else {
            end(.resourceExhausted, "more than \(target.limits.outboundBytes) bytes wait to be sent")
            return
        }
        askForTurnEnd()
    }

    /// Takes no more messages until ``resume()``; some that are under way may still come later.
    package func pause() { isPaused = true }

    /// Goes on after ``pause()``.
    package func resume() {
        if isPaused { askForTurnEnd() }
        isPaused = false
    }

    // MARK: Readiness

    /// The socket is ready.
    package func ready(_ readiness: Readiness) {
        if state == .connecting {
            guard readiness.has(.connectDone) else { return }
            if let code = Socket.connectError(descriptor) { return end(.unavailable, "\(target.address): \(SystemError.text(code))") }
            state = .handshaking
        }
        if readiness.has(.input) { inputReady = true }
        if readiness.has(.writable) { outputBlocked = false }
        if state == .handshaking { handshake() }
        if state == .open { work() }
    }

    /// Goes on with what the turn has gathered.
    package func turnEnded() {
        turnEndAsked = false
        if state == .open { work() }
    }

    private func askForTurnEnd() {
        guard !turnEndAsked, state == .open else { return }
        turnEndAsked = true
        loop.atTurnEnd(self)
    }

    private func handshake() {
        if let tls {
            switch tls.handshake() {
            case .wantRead, .wantWrite: return
            case .failed: return end(.unavailable, "\(target.address): \(tls.failure?.description ?? "TLS failed")")
            case .done: inputReady = true
            }
        }
        begin()
    }

    private func begin() {
        var options = HTTP2Options()
        options.initialStreamWindow = Self.window
        options.initialConnectionWindow = Self.window
        let pool = HTTP2Pool(blocks: BlockPool(), maximumFree: 4)
        guard
            let session = HTTP2Session(
                role: .client, options: options, pool: pool, counters: HTTP2Counters(), now: loop.now),
            let stream = session.submitRequest(head(), endStream: false, context: nil)
        else { return end(.internal, "no memory for a session") }
        self.session = session
        self.stream = stream
        state = .open
        keepalive = GRPCKeepalive(target.limits, now: loop.now)
        scheduleKeepalive()
        owner.callOpened(self)
    }

    private func head() -> HeaderBlock {
        var head = HeaderBlock()
        head.append(":method", "POST")
        head.append(":scheme", target.tls == nil ? "http" : "https")
        head.append(":path", target.path)
        head.append(":authority", target.authority)
        head.append("content-type", "application/grpc")
        head.append("te", "trailers")
        for field in target.metadata { head.append(field.name, field.value) }
        return head
    }

    // MARK: Bytes

    /// Delivers, reads, and writes, until nothing moves.
    private func work() {
        guard !isDelivering else { return askForTurnEnd() }
        deliverWaiting()
        var reads = 0
        while state == .open, inputReady {
            guard reads < Self.maximumReads else {
                askForTurnEnd()
                break
            }
            reads += 1
            read()
        }
        if state == .open { writeOut() }
    }

    private func writeOut() {
        produce()
        flush()
    }

    private func read() {
        let result: IOResult = buffer.withUnsafeMutableBytes { memory in
            guard let tls else { return Socket.receive(descriptor, into: memory) }
            switch tls.read(into: memory) {
            case .bytes(let count, _): return .bytes(count)
            case .wantRead: return .wouldBlock
            case .wantWrite:
                outputBlocked = true
                return .wouldBlock
            case .closed: return .endOfFile
            case .failed: return .failed(EPROTO)
            }
        }
        switch result {
        case .bytes(let count):
            guard let session else { return }
            let failure = buffer.withUnsafeBytes { session.receive($0.slice(0, count), now: loop.now) }
            drainEvents()
            if let failure, state == .open {
                writeOut()
                if state == .open { end(.unavailable, "the server breaks HTTP/2: \(failure)") }
            }
        case .wouldBlock: inputReady = false
        case .endOfFile: end(.unavailable, "the server closed the connection")
        case .failed(let code): end(.unavailable, tls?.failure?.description ?? SystemError.text(code))
        }
    }

    private func drainEvents() {
        while let session, let event = session.nextEvent() {
            switch event.kind {
            case .headers(let endStream): headers(event.stream, isTrailers: endStream)
            case .data(let piece, _): data(piece)
            case .trailers: headers(event.stream, isTrailers: true)
            case .closed(let code, let cause):
                stream = nil
                closed(code, cause)
                return
            case .pingAck(let opaque):
                keepalive?.answered(opaque, now: loop.now)
                scheduleKeepalive()
            // After GOAWAY the stream may go on; what follows tells.
            case .interim, .writable, .goAway, .settingsChanged: break
            }
            guard state == .open else { return }
        }
    }

    /// A head or trailers; of a call that fails at once they are the same (Trailers-Only).
    private func headers(_ stream: HTTP2Stream?, isTrailers: Bool) {
        if let stream, let end = GRPCEnd(fields: stream.fields, isTrailers: isTrailers) { status = end }
    }

    private func data(_ piece: UnsafeRawBufferPointer) {
        // An answer that is not gRPC's has a body that nobody wants.
        guard status == nil else { return consume(piece.count) }
        unconsumed += piece.count
        do throws(GRPCError) {
            try reader.read(piece) { waiting.append([UInt8]($0)) }
        } catch {
            return end(error.status, "the server breaks gRPC's framing: \(error)")
        }
        deliverWaiting()
    }

    /// Gives the owner what came, until it pauses; then the window stays closed.
    private func deliverWaiting() {
        guard !isDelivering else { return }
        isDelivering = true
        while state == .open, !isPaused, !waiting.isEmpty { owner.call(self, received: waiting.removeFirst()) }
        isDelivering = false
        // The rest of a message that has begun must come, however large it is.
        if waiting.isEmpty {
            consume(unconsumed)
            unconsumed = 0
        }
    }

    private func consume(_ count: Int) {
        if let session, let stream, count > 0 { session.consumed(stream, count) }
    }

    private func produce() {
        session?.produce(into: &output, upTo: 1 << 20)
        drainEvents()
    }

    private func flush() {
        while state != .closed, !output.isEmpty, !outputBlocked {
            let result: IOResult
            if let tls {
                switch tls.write(output.first) {
                case .bytes(let count): result = .bytes(count)
                case .wantWrite: result = .wouldBlock
                case .wantRead:
                    inputReady = false
                    result = .wouldBlock
                case .failed: result = .failed(EPIPE)
                }
            } else {
                result = Socket.send(descriptor, output.first)
            }
            switch result {
            case .bytes(let count):
                output.consume(count)
                if output.isEmpty, session?.wantsWrite == true { produce() }
            case .wouldBlock: outputBlocked = true
            case .endOfFile, .failed:
                // What the server said before it closed is still to be read.
                output.removeAll()
                inputReady = true
                askForTurnEnd()
                return
            }
        }
    }

    // MARK: Time

    private func scheduleKeepalive() {
        if let deadline = keepalive?.deadline { timer?.schedule(at: deadline) } else { timer?.cancel() }
    }

    private func timeCame() {
        if let failed { return finish(failed) }
        guard state == .open, let session else {
            return end(.unavailable, "\(target.address): no connection within \(target.limits.connectTime / 1_000_000) ms")
        }
        switch keepalive?.due(now: loop.now) {
        case .giveUp: return end(.unavailable, "the server does not answer a PING")
        case .ping(let opaque):
            session.ping(opaque)
            work()
        case .nothing, nil: break
        }
        if state == .open { scheduleKeepalive() }
    }

    // MARK: The end

    private func closed(_ code: HTTP2ErrorCode, _ cause: HTTP2CloseCause) {
        if let error = status { return finish(error) }
        switch cause {
        case .complete:
            finish(GRPCEnd(code: GRPCStatus.unknown.rawValue, message: "the server ended the call without a status"))
        case .connectionLost: end(.unavailable, "the connection is lost")
        default: end(code == .cancel ? .cancelled : .unavailable, "the server reset the stream: \(code)")
        }
    }

    private func end(_ code: GRPCStatus, _ message: String) {
        finish(status ?? GRPCEnd(code: code.rawValue, message: message))
    }

    private func finish(_ end: GRPCEnd) {
        guard state != .closed || failed != nil else { return }
        failed = nil
        // Whole messages that came before the end are good.
        let rest = waiting
        waiting = []
        for message in rest { owner.call(self, received: message) }
        guard state != .closed else { return }
        close()
        owner.call(self, ended: end)
    }

    private func close() {
        state = .closed
        failed = nil
        timer?.cancel()
        waiting = []
        stream = nil
        guard descriptor >= 0 else { return }
        loop.unwatch(descriptor)
        session?.connectionLost()
        session = nil
        tls = nil
        _ = Descriptor(descriptor)
        descriptor = -1
    }
}
