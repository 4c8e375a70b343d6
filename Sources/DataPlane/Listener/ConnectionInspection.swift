import Bytes
import Reactor
import SecureTransport

/// The listener filters of one connection: look at its first bytes before a filter chain is chosen. Bytes are only
/// peeked at, except for a PROXY protocol header, which is taken off.
@WorkerActor final class ConnectionInspection: EventHandler {
    private let worker: WorkerContext
    private let descriptor: Descriptor
    private(set) var facts: ConnectionFacts
    let config: ListenerConfig
    let began: UInt64
    private unowned let listener: ListenerSocket
    private var inspector = ClientHelloInspector()
    private var readsProxyHeader: Bool
    private var timer: LoopTimer?
    /// Set once, when the filters have what they need or the connection is given up.
    private var isDone = false

    init(
        worker: WorkerContext, descriptor: consuming Descriptor, facts: ConnectionFacts, config: ListenerConfig,
        listener: ListenerSocket
    ) {
        self.worker = worker
        self.descriptor = descriptor
        self.facts = facts
        self.config = config
        self.listener = listener
        readsProxyHeader = config.proxyProtocol.applies(to: facts)
        began = worker.loop.now
        config.stats.inspectionBegan()
    }

    // Whatever became of the connection, also where its listener went away.
    isolated deinit { config.stats.inspectionEnded() }

    func start() {
        do {
            try worker.loop.watch(descriptor.raw, .connection, self)
        } catch {
            fail()
            return
        }
        if config.inspectionTimeout > 0 {
            // Safety: the timer is this object\'s alone and goes with it; a freed timer is never called.
            let timer = LoopTimer(loop: worker.loop) { [unowned(unsafe) self] in self.timedOut() }
            timer.schedule(after: config.inspectionTimeout)
            self.timer = timer
        }
        look()
    }

    func ready(_ readiness: Readiness) {
        worker.eventBegan()
        defer { worker.eventEnded() }
        look()
        // Nothing more will come, and what is there did not suffice.
        if !isDone, readiness.has(.ended) { fail() }
    }

    private func look() {
        while !isDone {
            switch Socket.peek(descriptor.raw, into: worker.readBuffer) {
            case .bytes(let count):
                let bytes = UnsafeRawBufferPointer(start: worker.readBuffer.baseAddress, count: count)
                if readsProxyHeader {
                    guard takeProxyHeader(bytes) else { return }
                    continue
                }
                inspect(bytes)
                return
            case .wouldBlock: return
            case .endOfFile:
                config.stats.closedDuringInspection()
                fail()
                return
            case .failed:
                config.stats.inspectionFailed()
                fail()
                return
            }
        }
    }

    /// - Returns: whether the header is off and there is more to look at.
    private func takeProxyHeader(_ bytes: UnsafeRawBufferPointer) -> Bool {
        switch ProxyProtocolHeader.parse(bytes) {
        case .needMore: return false
        case .absent where config.allowsMissingProxyHeader:
            readsProxyHeader = false
            return inspectsNext()
        case .absent, .malformed:
            fail()
            return false
        case .header(let header, let length):
            // The bytes were just peeked at: they are there.
            let taken = Socket.receive(
                descriptor.raw, into: UnsafeMutableRawBufferPointer(rebasing: worker.readBuffer[..<length]))
            guard taken == .bytes(length) else {
                fail()
                return false
            }
            readsProxyHeader = false
            if let source = header.source { facts.remote = source }
            if let destination = header.destination { facts.local = destination }
            facts.metadata = config.proxyFieldRules.metadata(bytes.slice(header.fields.lowerBound, header.fields.upperBound))
            return inspectsNext()
        }
    }

    /// After the PROXY header, which may have changed the addresses, the client's first bytes are looked at.
    /// - Returns: false when the connection is done with.
    private func inspectsNext() -> Bool {
        if config.clientHello.applies(to: facts) || config.httpInspection.applies(to: facts) { return true }
        finish()
        return false
    }

    private func inspect(_ bytes: UnsafeRawBufferPointer) {
        guard config.clientHello.applies(to: facts) else { return inspectHTTP(bytes) }
        switch inspector.inspect(bytes) {
        case .needMore: break
        case .notTLS: if config.httpInspection.applies(to: facts) { inspectHTTP(bytes) } else { finish() }
        case .malformed: fail()
        case .found(let hello):
            facts.isTLS = true
            facts.serverName = hello.serverName ?? ""
            facts.applicationProtocols = hello.applicationProtocols
            finish()
        }
    }

    private func inspectHTTP(_ bytes: UnsafeRawBufferPointer) {
        switch HTTPInspector.inspect(bytes, isFull: bytes.count == worker.readBuffer.count) {
        case .needMore: break
        case .notHTTP: finish()
        case .found(let name):
            facts.applicationProtocols = [name]
            finish()
        }
    }

    private func timedOut() {
        config.stats.inspectionTimedOut()
        if config.continuesAfterTimeout { finish() } else { fail() }
    }

    private func finish() {
        guard !isDone else { return }
        isDone = true
        timer = nil
        worker.loop.unwatch(descriptor.raw)
        // The transport gets a descriptor of its own: this one is closed with this object.
        do {
            listener.inspected(self, try Socket.duplicate(descriptor.raw), facts)
        } catch {
            listener.inspectionFailed(self)
        }
    }

    private func fail() {
        guard !isDone else { return }
        isDone = true
        timer = nil
        worker.loop.unwatch(descriptor.raw)
        listener.inspectionFailed(self)
    }
}
