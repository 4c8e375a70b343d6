import Bytes
import HTTPCodec
import HTTPModel
import Observability
import Reactor
import SecureTransport

/// A connection to a host from its connect to its end: owns the transport, chooses the codec when it is up, and keeps
/// the connect timeout and the idle timeout. The codec is a part that only this object drives.
@WorkerActor final class UpstreamConnection: TransportOwner {
    let pool: ConnectionPool
    let number: Int
    let id: UInt64
    let transport: Transport
    private(set) var codec: any UpstreamCodec & UpstreamCodecInput
    private let cluster: Cluster
    private let startedAt: UInt64
    private var timer: LoopTimer?
    private var timedOut = false
    private let isNegotiated: Bool
    private var durationTimer: LoopTimer?
    private(set) var isUp = false
    /// What the handshake with the host came to, for logs; nil without TLS.
    private(set) var tlsFacts: TLSFacts?

    init(pool: ConnectionPool, connections: PoolConnections, number: Int) throws {
        self.pool = pool
        self.number = number
        cluster = connections.cluster
        let worker = cluster.worker
        let config = cluster.config
        id = worker.nextConnectionID()
        startedAt = worker.loop.now
        isNegotiated = connections.version == nil
        let descriptor = try Socket.connect(to: connections.host.address, from: config.sourceAddress)
        if let keepalive = config.keepalive {
            try Socket.setKeepalive(
                descriptor.raw, probes: keepalive.probes, time: keepalive.time, interval: keepalive.interval)
        }
        var session: TLSSession?
        let socket = connections.host.socket
        if let reference = socket.tls {
            guard let tls = reference.current else { throw SecretMissing() }
            let wanted = connections.serverName
            session = try TLSSession(
                context: tls, descriptor: descriptor.raw,
                serverName: wanted?.indication ?? socket.serverName(of: connections.host),
                peer: connections.host.address.description, protocols: wanted?.protocols ?? [],
                verifiedNames: wanted?.verified ?? [])
        }
        transport = Transport(
            worker: worker, descriptor: descriptor, connected: false, tls: session, bufferLimit: config.bufferLimit)
        if connections.version == .http2 {
            guard let http2 = HTTP2ClientCodec(transport: transport, pool: pool, cluster: cluster, number: number, id: id) else {
                throw SystemError("nghttp2_session_client_new", code: 12)
            }
            codec = http2
        } else {
            codec = HTTP1ClientCodec(transport: transport, pool: pool, cluster: cluster, number: number, id: id)
        }
        codec.connection = self
        // Safety: the timer is this object's alone and goes with it; a freed timer is never called.
        timer = LoopTimer(loop: worker.loop) { [unowned(unsafe) self] in self.timerExpired() }
    }

    func start() throws(SystemError) {
        transport.owner = self
        if cluster.config.connectTimeout > 0 { timer?.schedule(after: cluster.config.connectTimeout) }
        try transport.start()
    }

    /// The connection has nothing to do (or has again): the idle timeout runs only meanwhile.
    func idleChanged(_ isIdle: Bool) {
        guard isUp else { return }
        if isIdle, cluster.config.idleTimeout > 0 { timer?.schedule(after: cluster.config.idleTimeout) } else { timer?.cancel() }
    }

    private func timerExpired() {
        guard isUp else {
            timedOut = true
            cluster.stats[.upstreamCxConnectTimeout].add()
            transport.closeNow()
            return
        }
        cluster.stats[.upstreamCxIdleTimeout].add()
        // By way of the pool: while the connection says good-bye nothing new may come to it.
        pool.drained(number)
    }

    /// After its time the connection takes no more requests, and closes after those that it has.
    private func limitDuration() {
        guard cluster.config.maxConnectionDuration > 0 else { return }
        // Safety: as with the other timer.
        let timer = LoopTimer(loop: cluster.worker.loop) { [unowned(unsafe) self] in
            self.cluster.stats[.upstreamCxMaxDurationReached].add()
            self.pool.drained(self.number)
        }
        timer.schedule(after: cluster.config.maxConnectionDuration)
        durationTimer = timer
    }

    // MARK: TransportOwner

    func transportOpened(_ transport: Transport) {
        isUp = true
        // Where ALPN decides, HTTP/1 was a guess.
        if isNegotiated, transport.tls?.applicationProtocol == "h2",
            let http2 = HTTP2ClientCodec(transport: transport, pool: pool, cluster: cluster, number: number, id: id)
        {
            codec.connection = nil
            codec = http2
            codec.connection = self
        }
        timer?.cancel()
        limitDuration()
        cluster.tlsStats?.done(transport.tls)
        tlsFacts = transport.tls.map { TLSFacts($0) }
        let stats = cluster.stats
        stats[.upstreamCxConnectMS].record(nanoseconds: cluster.worker.loop.now - startedAt)
        stats[codec.version == .http2 ? .upstreamCxHTTP2Total : .upstreamCxHTTP1Total].add()
        codec.opened()
        pool.connected(number, capacity: codec.capacity)
    }

    func transport(_ transport: Transport, received bytes: UnsafeRawBufferPointer) -> Int {
        codec.receive(bytes)
    }

    func transportInputEnded(_ transport: Transport) {
        codec.inputEnded()
    }

    func transport(_ transport: Transport, output crossing: Watermark.Crossing) {
        codec.outputCrossed(crossing)
    }

    func transportClosed(_ transport: Transport, _ reason: TransportClose) {
        timer?.cancel()
        durationTimer = nil
        let stats = cluster.stats
        stats[.upstreamCxRxBytesTotal].add(transport.bytesRead)
        stats[.upstreamCxTxBytesTotal].add(transport.bytesWritten)
        stats[reason == .local ? .upstreamCxDestroyLocal : .upstreamCxDestroyRemote].add()
        guard isUp else {
            stats[.upstreamCxConnectFail].add()
            if reason == .tlsFailed { cluster.tlsStats?.failed(transport.tlsFailure) }
            codec.connectionClosed(reason)
            codec.connection = nil
            pool.connectFailed(number, failure(reason))
            return
        }
        if reason == .tlsFailed { cluster.tlsStats?.failed(transport.tlsFailure) }
        stats[.upstreamCxLengthMS].record(nanoseconds: cluster.worker.loop.now - startedAt)
        stats[.upstreamRqPerCx].record(codec.requestCount)
        if codec.isBusy {
            stats[.upstreamCxDestroyWithActiveRq].add()
            stats[reason == .local ? .upstreamCxDestroyLocalWithActiveRq : .upstreamCxDestroyRemoteWithActiveRq].add()
        }
        // The pool first: a request that is sent again because of this end must get another connection.
        pool.closed(number)
        codec.connectionClosed(reason)
        codec.connection = nil
    }

    private func failure(_ reason: TransportClose) -> ConnectFailure {
        if timedOut { return ConnectFailure(reason: "connection timeout", detail: nil, isTimeout: true) }
        switch reason {
        case .tlsFailed:
            return ConnectFailure(reason: "remote connection failure", detail: transport.tlsFailure?.openSSLText ?? "TLS_error")
        case .connectFailed(let code):
            return ConnectFailure(
                reason: "remote connection failure", detail: "delayed connect error: \(SystemError.text(code))")
        default:
            return ConnectFailure(reason: "remote connection failure", detail: "connection reset during connect")
        }
    }
}

/// What a client codec gets from its connection.
@WorkerActor protocol UpstreamCodecInput: AnyObject {
    var connection: UpstreamConnection? { get set }
    /// Requests that may be under way at once.
    var capacity: Int { get }
    /// Whether a request is under way, or was broken off with the connection.
    var isBusy: Bool { get }
    func opened()
    func receive(_ bytes: UnsafeRawBufferPointer) -> Int
    func inputEnded()
    func outputCrossed(_ crossing: Watermark.Crossing)
    func connectionClosed(_ reason: TransportClose)
}

extension UpstreamCodecInput {
    var tlsFacts: TLSFacts? { connection?.tlsFacts }
}
