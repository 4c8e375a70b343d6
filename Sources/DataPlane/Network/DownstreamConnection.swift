import Bytes
package import Observability
package import Reactor
import SecureTransport

/// A client's connection: the owner of its transport, between the listener that accepted it and the network filter that
/// understands it.
@WorkerActor package final class DownstreamConnection: TransportOwner {
    package let worker: WorkerContext
    package let id: UInt64
    /// The filter chain, in its present form.
    package private(set) var chain: FilterChain
    package let facts: ConnectionFacts
    /// The configuration that the connection was accepted under.
    let listenerConfig: ListenerConfig
    /// The socket, and what its TLS handshake came to; nil without TLS and before the handshake has ended.
    package private(set) var transport: Transport
    package private(set) var tlsFacts: TLSFacts?
    private var filter: (any NetworkFilter)?
    private let acceptedAt: UInt64
    // Safety: the listener's socket object outlives its connections, which it lists.
    private unowned(unsafe) let host: any DownstreamConnectionHost
    private var handshakeTimer: LoopTimer?
    /// SNI of the client.
    private(set) var serverName = TextReference.absent
    /// When the connection of a chain that is gone is closed; nil while its chain is in force.
    var retiredUntil: UInt64?
    /// Position in the host's list, for removal at no cost.
    var slot = 0
    private var record: ConnectionRecord?

    /// Takes over an accepted socket; nothing is read before ``start()``.
    package init(
        worker: WorkerContext, chain: FilterChain, transport: Transport, facts: ConnectionFacts,
        host: any DownstreamConnectionHost, config: ListenerConfig
    ) {
        self.worker = worker
        self.chain = chain
        self.transport = transport
        self.facts = facts
        listenerConfig = config
        self.host = host
        id = worker.nextConnectionID()
        acceptedAt = worker.loop.now
    }

    /// Starts to read. A listener filter that looked has left its bytes in the socket.
    package func start() throws(SystemError) {
        filter = chain.networkFilter.makeFilter(self)
        transport.owner = self
        if chain.tls != nil, chain.handshakeTimeout > 0 {
            // Safety: the timer is this object\'s alone and goes with it; a freed timer is never called.
            let timer = LoopTimer(loop: worker.loop) { [unowned(unsafe) self] in self.handshakeTimedOut() }
            timer.schedule(after: chain.handshakeTimeout)
            handshakeTimer = timer
        }
        try transport.start()
    }

    /// Whether the connection speaks TLS.
    package var isSecure: Bool { transport.tls != nil }

    /// Nanoseconds since it was accepted.
    package var age: UInt64 { worker.loop.now - acceptedAt }

    /// Fills in what a stream's log line says of its connection.
    func describe(_ info: inout StreamInfo) {
        info.connectionID = id
        info.downstreamDirectRemoteAddress = facts.directRemote
        info.downstreamRemoteAddress = facts.remote
        info.downstreamLocalAddress = facts.local
        info.filterChainName = chain.name
        info.downstreamTLS = tlsFacts
        info.requestedServerName = serverName
    }

    /// Which filter chain the connection has and why, for an explanation.
    package var chainExplanation: String {
        let why = listenerConfig.defaultChain === chain ? "no other chain matches" : chain.matchText
        return "\(chain.name?.text ?? "unnamed") (\(why))"
    }

    /// What is logged of the connection as a whole, made now when nobody has asked for it yet.
    func recordForWriting() -> ConnectionRecord {
        if let record { return record }
        let fresh = ConnectionRecord(worker: worker, facts: facts, age: age)
        record = fresh
        return fresh
    }

    /// The connection is over: what its listener logs of it.
    private func log(_ transport: Transport) {
        guard record != nil || !listenerConfig.accessLogs.isEmpty else { return }
        let record = recordForWriting()
        describe(&record.info)
        record.info.downstreamWireBytesReceived = transport.bytesRead
        record.info.downstreamWireBytesSent = transport.bytesWritten
        if let failure = transport.tlsFailure { record.info.downstreamTransportFailureReason = .init(copying: failure.openSSLText) }
    }

    /// Takes no new request and closes after the last one.
    package func drain() {
        filter?.drain()
    }

    /// The chain that took the connection is gone: it closes when that costs no request, and at that time in any case.
    func retire(until deadline: UInt64) {
        retiredUntil = deadline
        filter?.retire()
    }

    /// The chain has a new form, which new streams are served under.
    func adopt(_ chain: FilterChain) {
        self.chain = chain
        filter?.adopt(chain.networkFilter)
    }

    /// The proxy fails its health check: the connection closes with its next response.
    func closeAfterResponse() { filter?.retire() }

    private func handshakeTimedOut() {
        handshakeTimer = nil
        guard transport.state == .handshaking else { return }
        chain.listenerStats.handshakeTimeout()
        transport.abort()
    }

    // MARK: TransportOwner

    /// The handshake is done, or there is none: the network filter begins.
    package func transportOpened(_ transport: Transport) {
        handshakeTimer = nil
        if let tls = transport.tls {
            tlsFacts = TLSFacts(tls)
            if let name = tls.serverName { serverName = .init(copying: name) }
            chain.listenerStats.handshakeDone(tls)
        }
        filter?.connectionOpened()
    }

    /// Hands bytes to the network filter; what it does not take comes again with the next ones.
    package func transport(_ transport: Transport, received bytes: UnsafeRawBufferPointer) -> Int {
        filter?.received(bytes) ?? bytes.count
    }

    /// The client has ended its direction.
    package func transportInputEnded(_ transport: Transport) {
        filter?.inputEnded()
    }

    /// Tells the network filter that the client reads too slowly, or again fast enough.
    package func transport(_ transport: Transport, output crossing: Watermark.Crossing) {
        filter?.outputCrossed(crossing)
    }

    /// Tells the network filter and the listener that nothing more comes.
    package func transportClosed(_ transport: Transport, _ reason: TransportClose) {
        handshakeTimer = nil
        if reason == .tlsFailed { chain.listenerStats.handshakeFailed(transport.tlsFailure) }
        log(transport)
        let filter = self.filter
        self.filter = nil
        filter?.connectionClosed(reason)
        if !listenerConfig.accessLogs.isEmpty { record?.write(to: listenerConfig.accessLogs) }
        host.connectionEnded(self)
    }
}

/// Who keeps the list of open connections: the listener.
@WorkerActor package protocol DownstreamConnectionHost: AnyObject {
    func connectionEnded(_ connection: DownstreamConnection)
}
