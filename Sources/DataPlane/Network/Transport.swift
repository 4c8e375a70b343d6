// Size: one state of a socket with its buffers and flags, private to one type; a part elsewhere would open them to all.
package import Bytes
import Glibc
package import Reactor
package import SecureTransport

/// Why a transport ended.
package enum TransportClose: Equatable, Sendable {
    /// We closed it.
    case local
    /// The peer closed it in good order.
    case remote
    /// The peer reset it, or the network failed.
    case reset
    /// It never came up: the value of `errno`, 0 for a time-out.
    case connectFailed(Int32)
    /// TLS ended it; the reason is in ``Transport/tlsFailure``.
    case tlsFailed
}

/// What a transport tells whoever understands its bytes.
@WorkerActor package protocol TransportOwner: AnyObject {
    /// The connection is up and, with TLS, the handshake is done. Comes once, before any bytes.
    func transportOpened(_ transport: Transport)
    /// Bytes came. Those not consumed are kept and given again in front of what comes next.
    /// - Returns: how many were consumed.
    func transport(_ transport: Transport, received bytes: UnsafeRawBufferPointer) -> Int
    /// The peer ended its direction; ours is still open.
    func transportInputEnded(_ transport: Transport)
    /// What waits to be written crossed a watermark.
    func transport(_ transport: Transport, output crossing: Watermark.Crossing)
    /// The connection is gone. Comes once and last, never from inside a call into the transport that did not close it.
    func transportClosed(_ transport: Transport, _ reason: TransportClose)
}

/// An error that almost no transport comes to have.
private final class TLSFailure {
    let error: TLSError

    init(_ error: TLSError) { self.error = error }
}

/// One connected socket with what waits to be written to it, encrypted or not: the only place that reads and writes the
/// sockets of connections.
///
/// Reading is by edges into memory that all transports of the worker share, so that an idle connection holds none.
/// Small writes are gathered until the event that caused them has been handled, so that head and body leave in one
/// system call; large ones go straight to the socket.
@WorkerActor package final class Transport: EventHandler, TurnEndHandler {
    /// Where a transport is in its life; each state may only move down the list.
    package enum State: Int, Sendable {
        case connecting
        case handshaking
        case open
        /// Waits for its output to drain, then ends our direction.
        case flushing
        /// Ours has ended; reads and drops until the peer closes, so that it gets our last bytes instead of a reset.
        case lingering
        case closed
    }

    /// Reads of one event, in buffers: then others get their turn.
    private static let readBudget = 8
    /// A write of this size or more goes to the socket without being copied first.
    private static let directWrite = 8 * 1024
    /// How long a connection that is being closed may take to write its last bytes without any progress, in nanoseconds.
    private static let flushTime: UInt64 = 1_000_000_000

    /// The worker whose loop the socket is on, and what the socket is in.
    package let worker: WorkerContext
    package private(set) var state: State
    /// Whoever gets the bytes, and the TLS session between; nil for plain text.
    // Safety: an owner owns its transport, or sets this to nil before it goes; the transport clears it when it ends.
    package unowned(unsafe) var owner: (any TransportOwner)?
    package private(set) var tls: TLSSession?
    /// What went wrong in TLS, for logs.
    package var tlsFailure: TLSError? { tlsFailureBox?.error }
    package private(set) var watermark: Watermark
    /// Bytes read and written on the wire level (inside TLS: of the plaintext).
    package private(set) var bytesRead: UInt64 = 0
    package private(set) var bytesWritten: UInt64 = 0

    private let descriptor: Descriptor
    /// An object, since almost no connection has one.
    private var tlsFailureBox: TLSFailure?
    private var output: ByteQueue
    /// Input that the owner has not consumed; nil exactly when `hasLeftover` is false.
    private var leftover: ByteWriter?
    private var hasLeftover = false
    private var inputReady = false
    private var outputBlocked = false
    private var hangupSeen = false
    private var inputEnded = false
    /// The peer's direction ended without the word that TLS has for it (close_notify): somebody may have cut it.
    private(set) var isInputTruncated = false
    private var readPauses = 0
    private var isDirty = false
    private var outputEnds = false
    private var turnEndAsked = false
    private var delivering = false
    private var hasYielded = false
    private var lingerTimer: LoopTimer?
    private var closeReason: TransportClose?

    /// Nanoseconds that a closed connection keeps its socket for the peer to read the last bytes
    /// (`delayed_close_timeout`); 0: none.
    package var closeDelay: UInt64 = 1_000_000_000
    /// The peer left that time unused.
    package private(set) var closeTimedOut = false

    /// The socket's number, for calls that only look.
    package var rawDescriptor: Int32 { descriptor.raw }

    /// - Parameters:
    ///   - connected: false while a connect is under way.
    ///   - bufferLimit: where the output's watermark lies, in bytes.
    package init(
        worker: WorkerContext, descriptor: consuming Descriptor, connected: Bool, tls: TLSSession?, bufferLimit: Int
    ) {
        self.worker = worker
        self.descriptor = descriptor
        self.tls = tls
        output = ByteQueue(pool: worker.blocks)
        watermark = Watermark(high: bufferLimit)
        state = connected ? (tls == nil ? .open : .handshaking) : .connecting
    }

    /// Begins to watch the socket. With a connected plaintext socket the owner hears ``TransportOwner/transportOpened(_:)``
    /// at once.
    package func start() throws(SystemError) {
        try worker.loop.watch(descriptor.raw, .connection, self)
        switch state {
        case .open: owner?.transportOpened(self)
        case .handshaking: handshake()
        default: break
        }
    }

    /// Whether bytes may flow.
    package var isOpen: Bool { state == .open }

    // MARK: Readiness

    /// Takes what the poller saw; by edges, so that nothing may be forgotten.
    package func ready(_ readiness: Readiness) {
        worker.eventBegan()
        defer { worker.eventEnded() }
        if readiness.has(.ended) { hangupSeen = true }
        if state == .connecting {
            guard finishConnect(readiness) else { return }
        }
        if readiness.has(.input) { inputReady = true }
        if state == .handshaking { handshake() }
        if readiness.has(.writable), outputBlocked {
            outputBlocked = false
            flush()
        }
        if inputReady { readInput() }
    }

    /// Writes what the turn has gathered, and goes on with input that its budget left.
    package func turnEnded() {
        turnEndAsked = false
        hasYielded = false
        worker.eventBegan()
        defer { worker.eventEnded() }
        if readPauses == 0 { readInput() }
    }

    private func finishConnect(_ readiness: Readiness) -> Bool {
        guard readiness.has(.connectDone) else { return false }
        if let code = Socket.connectError(descriptor.raw) {
            end(.connectFailed(code))
            return false
        }
        guard tls == nil else {
            state = .handshaking
            handshake()
            return state == .open
        }
        opened()
        return state != .closed
    }

    private func handshake() {
        guard let tls else { return }
        switch tls.handshake() {
        case .done:
            // Bytes may have come with the last flight, and no edge will tell of them.
            inputReady = true
            opened()
            askForTurnEnd()
        case .wantRead, .wantWrite:
            outputBlocked = true
            if hangupSeen, inputEndedDuringHandshake() { end(.reset) }
        case .failed:
            tlsFailureBox = tls.failure.map { TLSFailure($0) }
            end(.tlsFailed)
        }
    }

    /// From now on bytes may flow: those that were written before leave, and an end that was asked for before follows them.
    private func opened() {
        let endsAlready = outputEnds
        state = .open
        owner?.transportOpened(self)
        if !output.isEmpty || endsAlready { flush() }
    }

    /// A peer that hung up in mid-handshake makes no further edge.
    private func inputEndedDuringHandshake() -> Bool {
        var byte: UInt8 = 0
        return withUnsafeMutableBytes(of: &byte) { Socket.peek(descriptor.raw, into: $0) } == .endOfFile
    }

    // MARK: Reading

    /// Stops reading until as many calls of ``resumeReading()`` have come; the kernel then slows the peer down. One that
    /// is being closed reads and drops whatever comes: to it neither call means anything, those included that take back
    /// what was asked for before.
    package func pauseReading() {
        guard state.rawValue <= State.open.rawValue else { return }
        readPauses += 1
    }

    /// Takes one ``pauseReading()`` back. Reading goes on after the present event, never inside this call.
    package func resumeReading() {
        guard state.rawValue <= State.open.rawValue else { return }
        precondition(readPauses > 0, "resumed a transport that was not paused")
        readPauses -= 1
        if readPauses == 0 { askForTurnEnd() }
    }

    /// Whether somebody has asked not to be given bytes.
    package var isReadingPaused: Bool { readPauses > 0 }

    /// Gives the owner anew, after the present event, what it did not consume: it can go on now.
    package func resumeIfWaiting() {
        if inputReady || hasLeftover || delivering { askForTurnEnd() }
    }

    /// Leaves what has come, and what else comes in this event, to the end of the turn: others have theirs first.
    package func yieldReading() {
        hasYielded = true
        askForTurnEnd()
    }

    private func askForTurnEnd() {
        guard !turnEndAsked, state != .closed else { return }
        turnEndAsked = true
        worker.loop.atTurnEnd(self)
    }

    private func readInput() {
        guard !delivering, !hasYielded else { return }
        if state == .open, readPauses == 0, hasLeftover { deliver(.empty) }
        var budget = Self.readBudget
        while inputReady, readPauses == 0, !hasYielded, state == .open || state == .flushing || state == .lingering {
            guard budget > 0 else {
                askForTurnEnd()
                return
            }
            budget -= 1
            let buffer = worker.readBuffer
            switch receive(into: buffer) {
            case .bytes(let count):
                guard state == .open else { continue }
                bytesRead += UInt64(count)
                deliver(UnsafeRawBufferPointer(start: buffer.baseAddress, count: count))
            case .wouldBlock:
                inputReady = false
            case .endOfFile:
                inputReady = false
                // Room for output makes an edge of its own, with the end of the input in it once more.
                let isNews = !inputEnded
                inputEnded = true
                switch state {
                case .open: if isNews { owner?.transportInputEnded(self) }
                case .flushing where output.isEmpty: end(.local)
                case .flushing: break
                default: end(.local)
                }
            case .failed:
                end(tlsFailure == nil ? .reset : .tlsFailed)
            }
        }
    }

    private func receive(into buffer: UnsafeMutableRawBufferPointer) -> IOResult {
        guard let tls else {
            let result = Socket.receive(descriptor.raw, into: buffer)
            // A short read has emptied the socket; the next bytes make an edge, unless the peer has hung up.
            if case .bytes(let count) = result, count < buffer.count, !hangupSeen { inputReady = false }
            return result
        }
        switch tls.read(into: buffer) {
        case .bytes(let count, let drained):
            if drained, !hangupSeen { inputReady = false }
            return .bytes(count)
        case .wantRead: return .wouldBlock
        case .wantWrite:
            outputBlocked = true
            return .wouldBlock
        case .closed(let clean):
            isInputTruncated = !clean
            return .endOfFile
        case .failed:
            tlsFailureBox = tls.failure.map { TLSFailure($0) }
            return .failed(EPROTO)
        }
    }

    /// Gives the owner what was left over and what has come, and keeps what it does not consume.
    private func deliver(_ bytes: UnsafeRawBufferPointer) {
        guard let owner else { return }
        delivering = true
        defer { delivering = false }
        guard var waiting = leftover.take() else {
            let consumed = owner.transport(self, received: bytes)
            if consumed < bytes.count { keep(bytes.slice(consumed, bytes.count)) }
            return
        }
        hasLeftover = false
        waiting.append(bytes)
        let consumed = owner.transport(self, received: waiting.bytes)
        guard state == .open, consumed < waiting.count else { return }
        if consumed == 0 {
            leftover = consume waiting
            hasLeftover = true
        } else {
            keep(waiting.bytes.slice(consumed, waiting.count))
        }
    }

    private func keep(_ bytes: UnsafeRawBufferPointer) {
        guard state == .open else { return }
        var rest = ByteWriter(capacity: bytes.count)
        rest.append(bytes)
        leftover = consume rest
        hasLeftover = true
    }

    // MARK: Writing

    /// Bytes that wait for the socket.
    package var outputCount: Int { output.count }

    /// Writes, now or when the present event has been handled or the socket takes more. Never fails: a broken
    /// connection is told of later.
    package func write(_ bytes: UnsafeRawBufferPointer) {
        guard state.rawValue <= State.open.rawValue, !bytes.isEmpty else { return }
        if bytes.count >= Self.directWrite, state == .open, !outputBlocked {
            writeDirectly(bytes)
        } else {
            output.append(bytes)
            markDirty()
        }
        noteLevel()
    }

    /// Moves a whole queue into the output.
    package func write(_ queue: inout ByteQueue) {
        guard state.rawValue <= State.open.rawValue else {
            queue.removeAll()
            return
        }
        queue.moveAll(to: &output)
        markDirty()
        noteLevel()
    }

    private func writeDirectly(_ bytes: UnsafeRawBufferPointer) {
        if !output.isEmpty { flush() }
        var rest = bytes
        while !rest.isEmpty, output.isEmpty, state == .open {
            switch send(rest) {
            case .bytes(let count):
                bytesWritten += UInt64(count)
                rest = rest.slice(count, rest.count)
                continue
            case .wouldBlock:
                outputBlocked = true
            case .endOfFile, .failed:
                failLater()
                return
            }
            break
        }
        if !rest.isEmpty { output.append(rest) }
    }

    private func markDirty() {
        guard !isDirty, !outputBlocked else { return }
        isDirty = true
        worker.addDirty(self)
    }

    /// Writes what waits; called by the worker when an event has been handled.
    func flushDirty() {
        isDirty = false
        flush()
    }

    private func flush() {
        guard state == .open || state == .flushing else { return }
        while !output.isEmpty, !outputBlocked {
            switch sendOutput() {
            case .bytes(let count):
                bytesWritten += UInt64(count)
                output.consume(count)
            case .wouldBlock:
                outputBlocked = true
            case .endOfFile, .failed:
                failLater()
                return
            }
        }
        noteLevel()
        guard output.isEmpty else { return }
        if state == .flushing { beginLingering() } else if outputEnds { shutdownOutput() }
    }

    private func sendOutput() -> IOResult {
        if tls != nil { return send(output.first) }
        let first = output.first
        if first.count == output.count { return Socket.send(descriptor.raw, first) }
        return withUnsafeTemporaryAllocation(of: iovec.self, capacity: 16) { vectors in
            Socket.send(descriptor.raw, vectors: vectors, count: output.fill(vectors))
        }
    }

    private func send(_ bytes: UnsafeRawBufferPointer) -> IOResult {
        guard let tls else { return Socket.send(descriptor.raw, bytes) }
        switch tls.write(bytes) {
        case .bytes(let count): return .bytes(count)
        case .wantWrite: return .wouldBlock
        case .wantRead:
            inputReady = false
            return .wouldBlock
        case .failed:
            tlsFailureBox = tls.failure.map { TLSFailure($0) }
            return .failed(EPIPE)
        }
    }

    private func noteLevel() {
        guard let crossing = watermark.update(output.count) else { return }
        owner?.transport(self, output: crossing)
    }

    // MARK: Ending

    /// Ends our direction after what waits has been written; the peer may go on sending.
    package func endOutput() {
        guard !outputEnds, state.rawValue <= State.open.rawValue else { return }
        outputEnds = true
        if state == .open, output.isEmpty { shutdownOutput() }
    }

    private func shutdownOutput() {
        if let tls, tls.shutdown() == .wantWrite { outputBlocked = true }
        Socket.shutdownWrite(descriptor.raw)
    }

    /// Ends the connection after what waits has been written.
    package func closeAfterFlush() {
        guard state.rawValue < State.flushing.rawValue else { return }
        guard state == .open else {
            end(.local)
            return
        }
        state = .flushing
        leftover = nil
        hasLeftover = false
        readPauses = 0
        armLinger()
        if output.isEmpty { beginLingering() } else { markDirty() }
    }

    /// Ends the connection now; what waits is dropped.
    /// - Parameter reason: `.remote` where that is the answer to the peer's end.
    package func closeNow(_ reason: TransportClose = .local) {
        end(reason)
    }

    /// Ends the connection with a TCP reset, so that the peer cannot take what it got for whole.
    package func abort() {
        aborts = true
        end(.local)
    }

    /// Ends the connection with a reset after what waits has been written: what was sent is not the whole.
    package func abortAfterFlush() {
        aborts = true
        closeAfterFlush()
    }

    private func beginLingering() {
        guard !aborts else {
            end(.local)
            return
        }
        if let tls, tls.shutdown() == .wantWrite { outputBlocked = true }
        Socket.shutdownWrite(descriptor.raw)
        state = .lingering
        if inputEnded || closeDelay == 0 {
            end(.local)
        } else {
            lingerTimer?.schedule(after: closeDelay)
            inputReady = true
            askForTurnEnd()
        }
    }

    /// From here on the connection gets so long to take its last bytes, and no longer without progress.
    private func armLinger() {
        // Safety: the timer is this object\'s alone and goes with it; a freed timer is never called.
        let timer = LoopTimer(loop: worker.loop) { [unowned(unsafe) self] in self.lingerExpired() }
        lingerTimer = timer
        timer.schedule(after: max(closeDelay, Self.flushTime))
        lingerWritten = bytesWritten
    }

    private var lingerWritten: UInt64 = 0
    /// The connection ends with a reset.
    private var aborts = false

    private func lingerExpired() {
        if state == .flushing, bytesWritten > lingerWritten {
            lingerWritten = bytesWritten
            lingerTimer?.schedule(after: max(closeDelay, Self.flushTime))
            return
        }
        closeTimedOut = true
        end(.local)
    }

    /// A write failed: the owner is told when the present event is over, not from inside its own call.
    private func failLater() {
        output.removeAll()
        hangupSeen = true
        guard closeReason == nil else { return }
        closeReason = tlsFailure == nil ? .reset : .tlsFailed
        worker.addFailed(self)
    }

    /// Called by the worker for a transport whose write failed.
    func finishFailed() {
        end(closeReason ?? .reset)
    }

    private func end(_ reason: TransportClose) {
        guard state != .closed else { return }
        let wasLocalClose = state == .flushing || state == .lingering
        state = .closed
        worker.loop.unwatch(descriptor.raw)
        // The descriptor itself is closed with this object, at the end of the event at the earliest.
        if aborts { Socket.reset(descriptor.raw) } else { _ = shutdown(descriptor.raw, Int32(SHUT_RDWR)) }
        output.removeAll()
        leftover = nil
        hasLeftover = false
        lingerTimer = nil
        tls = nil
        let owner = self.owner
        self.owner = nil
        owner?.transportClosed(self, wasLocalClose ? .local : reason)
    }
}
