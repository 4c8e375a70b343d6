import Bytes
import HTTPModel
import Observability
import ProxyModel
import Reactor
import SecureTransport
import SwiftProtobuf
import TrafficPolicy

/// `tcp_proxy` in its compiled form.
@WorkerActor final class TCPProxyConfig {
    enum Target {
        case cluster(ClusterReference)
        case weighted([ClusterReference], WeightedChoice)
    }

    let target: Target
    let stats: TCPStats
    /// Nanoseconds without a byte in either direction; 0 switches off.
    var idleTimeout: UInt64 = 3_600_000_000_000
    var maxConnectAttempts = 1
    var maxDuration: UInt64 = 0
    var bufferLimit = 1024 * 1024
    /// What writes a line for each connection.
    var accessLogs: [any AccessLogSink] = []

    init(target: Target, stats: TCPStats) {
        self.target = target
        self.stats = stats
    }
}

@WorkerActor final class TCPProxyFactory: NetworkFilterFactory {
    private let config: TCPProxyConfig

    init(_ config: TCPProxyConfig) { self.config = config }

    func makeFilter(_ connection: DownstreamConnection) -> any NetworkFilter {
        TCPProxy(connection: connection, config: config)
    }
}

/// Carries the bytes of one connection to a host of a cluster and back; each side's slowness slows the other down, and
/// each direction ends by itself.
@WorkerActor final class TCPProxy: NetworkFilter {
    private let connection: DownstreamConnection
    private let config: TCPProxyConfig
    private var upstream: Transport?
    private var relay: Relay?
    private var host: Host?
    private var attempts = 0
    private var clientEnded = false
    private var hostEnded = false
    private var clientPaused = false
    private var hostPaused = false
    private var isClosed = false
    private var isHostOpen = false
    private var timer: LoopTimer?
    private var durationTimer: LoopTimer?
    private var connectBegan: UInt64 = 0
    /// Nil when nobody logs the connection.
    private let record: ConnectionRecord?

    init(connection: DownstreamConnection, config: TCPProxyConfig) {
        self.connection = connection
        self.config = config
        record =
            config.accessLogs.isEmpty && connection.listenerConfig.accessLogs.isEmpty ? nil : connection.recordForWriting()
        // Safety: the timer is this object's alone and goes with it; a freed timer is never called.
        timer = LoopTimer(loop: connection.worker.loop) { [unowned(unsafe) self] in self.timerExpired() }
    }

    private var client: Transport { connection.transport }

    // MARK: The client's side

    func connectionOpened() {
        config.stats[.downstreamCxTotal].add()
        if config.maxDuration > 0 {
            // Safety: as above.
            let timer = LoopTimer(loop: connection.worker.loop) { [unowned(unsafe) self] in self.durationReached() }
            timer.schedule(after: config.maxDuration)
            durationTimer = timer
        }
        connect()
    }

    func received(_ bytes: UnsafeRawBufferPointer) -> Int {
        noteActivity()
        guard let upstream else { return bytes.count }
        config.stats[.downstreamCxRxBytesTotal].add(UInt64(bytes.count))
        record?.info.bytesReceived += UInt64(bytes.count)
        upstream.write(bytes)
        return bytes.count
    }

    func inputEnded() {
        clientEnded = true
        upstream?.endOutput()
        endIfBothEnded()
    }

    func outputCrossed(_ crossing: Watermark.Crossing) {
        switch crossing {
        case .above where !hostPaused:
            hostPaused = true
            upstream?.pauseReading()
        case .below where hostPaused:
            hostPaused = false
            upstream?.resumeReading()
        default: break
        }
    }

    func connectionClosed(_ reason: TransportClose) {
        isClosed = true
        timer?.cancel()
        durationTimer = nil
        let upstream = self.upstream
        release()
        if reason == .reset { upstream?.abort() } else { upstream?.closeAfterFlush() }
        if !config.accessLogs.isEmpty { record?.write(to: config.accessLogs) }
    }

    /// Connections of other protocols know no end between two messages; they end with their owner or the drain's deadline.
    func drain() {}
    /// As ``drain()``.
    func retire() {}
    /// Nothing of its configuration is taken anew while it runs, so that no other form is ever like its own.
    func adopt(_ factory: any NetworkFilterFactory) {}

    // MARK: The host's side

    private func connect() {
        let reference: ClusterReference
        switch config.target {
        case .cluster(let only): reference = only
        case .weighted(let all, let choice): reference = all[choice.pick(connection.worker.random.next())]
        }
        guard let cluster = reference.cluster else {
            config.stats[.downstreamCxNoRoute].add()
            fail(.noClusterFound)
            return
        }
        attempts += 1
        record?.info.clusterName = cluster.config.name
        guard cluster.limits.canOpenConnection else {
            cluster.stats[.upstreamCxOverflow].add()
            fail(.upstreamOverflow)
            return
        }
        guard let host = cluster.pickForConnection(to: connection.facts.originalDestination) else {
            fail(.noHealthyUpstream)
            return
        }
        self.host = host
        record?.info.upstreamRemoteAddress = host.address
        record?.info.upstreamHostName = host.hostname
        record?.info.upstreamAttemptCount = UInt32(clamping: attempts)
        connectBegan = connection.worker.loop.now
        do {
            try open(host, cluster)
        } catch {
            cluster.stats[.upstreamCxConnectFail].add()
            noteFailure("\(error)")
            giveHostBack()
            if attempts >= config.maxConnectAttempts { cluster.stats[.upstreamCxConnectAttemptsExceeded].add() }
            retryOrEnd()
        }
    }

    /// The client gets nothing: there is no host for it.
    private func fail(_ flag: ResponseFlags) {
        record?.info.responseFlags.insert(flag)
        client.abort()
    }

    private func noteFailure(_ reason: String) {
        guard let record else { return }
        record.info.responseFlags.insert(.upstreamConnectionFailure)
        record.info.upstreamTransportFailureReason = .init(copying: reason)
    }

    private func open(_ host: Host, _ cluster: Cluster) throws {
        let descriptor = try Socket.connect(to: host.address, from: cluster.config.sourceAddress)
        var session: TLSSession?
        if let reference = host.socket.tls {
            guard let tls = reference.current else { throw SecretMissing() }
            session = try TLSSession(
                context: tls, descriptor: descriptor.raw, serverName: host.socket.serverName(of: host),
                peer: host.address.description)
        }
        let transport = Transport(
            worker: connection.worker, descriptor: descriptor, connected: false, tls: session,
            bufferLimit: cluster.config.bufferLimit)
        let relay = Relay(self)
        transport.owner = relay
        self.relay = relay
        upstream = transport
        cluster.stats[.upstreamCxTotal].add()
        cluster.stats[.upstreamCxActive].add()
        host.stats[.cxTotal].add()
        host.stats[.cxActive].add()
        isCounted = cluster.limits.connectionOpened()
        if cluster.config.connectTimeout > 0 { timer?.schedule(after: cluster.config.connectTimeout) }
        // Until the host answers, what the client sends waits in the transport up to its watermark.
        try transport.start()
    }

    private var isCounted = false

    private func giveHostBack() {
        guard let host else { return }
        if upstream != nil {
            host.cluster.stats[.upstreamCxActive].subtract()
            host.cluster.stats[.upstreamCxDestroy].add()
            host.stats[.cxActive].subtract()
            if isCounted { host.cluster.limits.connectionClosed() }
        }
        isCounted = false
        host.cluster.connectionEnded(host)
        self.host = nil
    }

    private func release() {
        giveHostBack()
        upstream?.owner = nil
        upstream = nil
        relay = nil
    }

    private func retryOrEnd() {
        guard attempts < config.maxConnectAttempts else {
            if !isClosed { fail(.upstreamRetryLimitExceeded) }
            return
        }
        connect()
    }

    fileprivate func hostOpened() {
        isHostOpen = true
        timer?.cancel()
        host?.cluster.tlsStats?.done(upstream?.tls)
        noteActivity()
        host?.cluster.stats[.upstreamCxConnectMS].record(nanoseconds: connection.worker.loop.now - connectBegan)
        if let record, let upstream {
            record.info.times.upstreamConnectionReady = connection.worker.loop.now
            record.info.upstreamLocalAddress = Socket.localAddress(upstream.rawDescriptor)
            record.info.upstreamTLS = upstream.tls.map { TLSFacts($0) }
        }
        if clientEnded { upstream?.endOutput() }
    }

    fileprivate func hostReceived(_ bytes: UnsafeRawBufferPointer) -> Int {
        noteActivity()
        config.stats[.downstreamCxTxBytesTotal].add(UInt64(bytes.count))
        record?.info.bytesSent += UInt64(bytes.count)
        client.write(bytes)
        return bytes.count
    }

    fileprivate func hostInputEnded() {
        hostEnded = true
        client.endOutput()
        endIfBothEnded()
    }

    fileprivate func hostOutputCrossed(_ crossing: Watermark.Crossing) {
        switch crossing {
        case .above where !clientPaused:
            clientPaused = true
            config.stats[.downstreamFlowControlPausedReadingTotal].add()
            client.pauseReading()
        case .below where clientPaused:
            clientPaused = false
            config.stats[.downstreamFlowControlResumedReadingTotal].add()
            client.resumeReading()
        default: break
        }
    }

    fileprivate func hostClosed(_ reason: TransportClose) {
        let wasOpen = isHostOpen
        isHostOpen = false
        if !wasOpen {
            host?.cluster.stats[.upstreamCxConnectFail].add()
            host?.stats[.cxConnectFail].add()
            noteFailure(failureText(reason))
            if reason == .tlsFailed { host?.cluster.tlsStats?.failed(upstream?.tlsFailure) }
        }
        let stats = host?.cluster.stats
        release()
        guard !isClosed else { return }
        if !wasOpen {
            if attempts >= config.maxConnectAttempts { stats?[.upstreamCxConnectAttemptsExceeded].add() }
            retryOrEnd()
        } else if reason == .reset {
            client.abort()
        } else {
            client.closeAfterFlush()
        }
    }

    private func failureText(_ reason: TransportClose) -> String {
        switch reason {
        case .tlsFailed: upstream?.tlsFailure?.openSSLText ?? "TLS_error"
        // Nobody but the timer closes a connection that is not up yet and still has an owner.
        case .connectFailed(0), .local: "connection timeout"
        case .connectFailed(let code): "delayed connect error: \(SystemError.text(code))"
        default: "connection reset during connect"
        }
    }

    // MARK: Time and end

    private func noteActivity() {
        if config.idleTimeout > 0, upstream?.isOpen == true { timer?.schedule(after: config.idleTimeout) }
    }

    private func timerExpired() {
        guard let upstream else { return }
        if !upstream.isOpen {
            host?.cluster.stats[.upstreamCxConnectTimeout].add()
            upstream.closeNow()
            return
        }
        config.stats[.idleTimeout].add()
        end()
    }

    private func durationReached() {
        guard !isClosed else { return }
        config.stats[.maxDownstreamConnectionDuration].add()
        record?.info.responseFlags.insert(.durationTimeout)
        end()
    }

    private func end() {
        guard !isClosed else { return }
        client.closeAfterFlush()
    }

    private func endIfBothEnded() {
        if clientEnded, hostEnded { end() }
    }

    /// The transport's owner on the host's side.
    private final class Relay: TransportOwner {
        private unowned let proxy: TCPProxy

        init(_ proxy: TCPProxy) { self.proxy = proxy }

        func transportOpened(_ transport: Transport) { proxy.hostOpened() }
        func transport(_ transport: Transport, received bytes: UnsafeRawBufferPointer) -> Int { proxy.hostReceived(bytes) }
        func transportInputEnded(_ transport: Transport) { proxy.hostInputEnded() }
        func transport(_ transport: Transport, output crossing: Watermark.Crossing) { proxy.hostOutputCrossed(crossing) }
        func transportClosed(_ transport: Transport, _ reason: TransportClose) { proxy.hostClosed(reason) }
    }
}

extension SnapshotCompiler {
    func tcpProxy(
        _ message: Envoy_Extensions_Filters_Network_TcpProxy_V3_TcpProxy
    ) throws(ConfigProblem) -> any NetworkFilterFactory {
        let target: TCPProxyConfig.Target
        switch message.clusterSpecifier {
        case .cluster(let name): target = .cluster(worker.clusters.reference(name))
        case .weightedClusters(let weighted):
            do throws(PolicyError) {
                target = .weighted(
                    weighted.clusters.map { worker.clusters.reference($0.name) },
                    try WeightedChoice(weights: weighted.clusters.map(\.weight)))
            } catch {
                throw ConfigProblem("\(error)", path: "weighted_clusters")
            }
        case nil: throw ConfigProblem("one of cluster, weighted_clusters is required")
        }
        let config = TCPProxyConfig(target: target, stats: stats.tcp(prefix: message.statPrefix))
        if message.hasIdleTimeout { config.idleTimeout = message.idleTimeout.nanoseconds }
        if message.hasMaxConnectAttempts { config.maxConnectAttempts = Int(message.maxConnectAttempts.value) }
        if message.hasMaxDownstreamConnectionDuration {
            config.maxDuration = message.maxDownstreamConnectionDuration.nanoseconds
        }
        for (index, log) in message.accessLog.enumerated() {
            do throws(ConfigProblem) {
                config.accessLogs.append(try accessLog(log))
            } catch {
                throw error.within("access_log[\(index)]")
            }
        }
        return TCPProxyFactory(config)
    }
}
