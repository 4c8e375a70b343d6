import Bytes
import HTTPModel
import Observability
package import Reactor
import SecureTransport

/// Makes HTTP connection managers of one configuration.
@WorkerActor package final class HTTPConnectionManagerFactory: NetworkFilterFactory {
    package let config: HTTPConnectionConfig

    package init(_ config: HTTPConnectionConfig) { self.config = config }

    /// A manager for one connection.
    package func makeFilter(_ connection: DownstreamConnection) -> any NetworkFilter {
        HTTPConnectionManager(connection: connection, config: config)
    }
}

/// The HTTP side of one downstream connection: finds out which HTTP it is, counts its streams, keeps its age, and drains it.
@WorkerActor package final class HTTPConnectionManager: NetworkFilter {
    package let connection: DownstreamConnection
    /// The present form of the configuration; a stream keeps the one that it began with.
    package private(set) var config: HTTPConnectionConfig
    private(set) var codec: (any DownstreamCodec)?
    private(set) var activeStreams = 0
    private var requests: UInt64 = 0
    private var isDraining = false
    private var isRetired = false
    private var isClosing = false
    private var idleTimer: LoopTimer?
    private var durationTimer: LoopTimer?
    /// What the client showed, once a request has asked.
    private var certificateElement: NamedText?

    init(connection: DownstreamConnection, config: HTTPConnectionConfig) {
        self.connection = connection
        self.config = config
        // Safety: the timer is this object's alone and goes with it; a freed timer is never called.
        idleTimer = LoopTimer(loop: connection.worker.loop) { [unowned(unsafe) self] in self.idleTimeoutExpired() }
    }

    var transport: Transport { connection.transport }
    /// Where the client was going before it was redirected to this proxy; nil when it was not.
    var originalDestination: SocketAddress? { connection.facts.originalDestination }
    /// What listener filters left about the connection.
    package var connectionMetadata: ConnectionMetadata? { connection.facts.metadata }
    var isSecure: Bool { connection.isSecure }
    var isDrainingOrClosing: Bool { isDraining || isRetired || isClosing }

    /// What the client showed, for `x-forwarded-client-cert`.
    func clientCertificate(_ facts: TLSFacts) -> NamedText {
        if let certificateElement { return certificateElement }
        let element = NamedText(config.clientCertificate.element(facts))
        certificateElement = element
        return element
    }

    // MARK: NetworkFilter

    /// Chooses the codec where ALPN or the configuration does; else the first bytes do.
    package func connectionOpened() {
        armIdleTimer()
        transport.closeDelay = config.delayedCloseTimeout
        if config.maxConnectionDuration > 0 {
            // Safety: as above.
            let timer = LoopTimer(loop: connection.worker.loop) { [unowned(unsafe) self] in self.durationReached() }
            timer.schedule(after: config.maxConnectionDuration)
            durationTimer = timer
        }
        if let agreed = transport.tls?.applicationProtocol {
            start(agreed == "h2" ? .http2 : .http1)
        } else if config.codecType != .auto {
            start(config.codecType)
        }
    }

    /// Feeds the codec.
    package func received(_ bytes: UnsafeRawBufferPointer) -> Int {
        if codec == nil {
            guard let type = sniff(bytes) else { return 0 }
            start(type)
        }
        return codec?.receive(bytes) ?? bytes.count
    }

    /// The client sends nothing more; requests under way go on.
    package func inputEnded() {
        guard let codec else {
            close()
            return
        }
        codec.inputEnded()
    }

    /// Tells every stream that the client reads too slowly, or again fast enough.
    package func outputCrossed(_ crossing: Watermark.Crossing) {
        codec?.outputCrossed(crossing)
    }

    /// Ends all streams with the reason of the connection's end.
    package func connectionClosed(_ reason: TransportClose) {
        idleTimer?.cancel()
        durationTimer = nil
        let active = activeStreams
        if let codec {
            config.stats.connectionEnded(
                codec.version, isSecure: connection.tlsFacts != nil, byUs: reason == .local, activeRequests: active,
                age: connection.age, read: transport.bytesRead, written: transport.bytesWritten)
        }
        if transport.closeTimedOut { config.stats.delayedCloseTimeout() }
        codec?.connectionClosed(reason)
        codec = nil
    }

    /// Says so to the client (`Connection: close`, GOAWAY) and closes after the last stream.
    package func drain() {
        guard !isDraining else { return }
        isDraining = true
        if !isRetired { config.stats.drainClose() }
        guard let codec else {
            close()
            return
        }
        codec.drain()
    }

    /// Says so to the client with the next response; an idle HTTP/1 connection waits for it.
    package func retire() {
        guard !isDraining, !isRetired else { return }
        isRetired = true
        config.stats.drainClose()
        codec?.retire()
    }

    /// Streams that begin from now on have the routes and filters of the new form.
    package func adopt(_ factory: any NetworkFilterFactory) {
        if let factory = factory as? HTTPConnectionManagerFactory { config = factory.config }
    }

    // MARK: Which HTTP

    private static let preface = UnsafeRawBufferPointer("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")

    /// The HTTP/2 preface (RFC 9113 section 3.4) tells in its first bytes; everything else is HTTP/1.
    private func sniff(_ bytes: UnsafeRawBufferPointer) -> HTTPConnectionConfig.CodecType? {
        let preface = Self.preface
        let common = min(bytes.count, preface.count)
        guard bytes.slice(0, common).equals(preface.slice(0, common)) else { return .http1 }
        return common == preface.count ? .http2 : nil
    }

    private func start(_ type: HTTPConnectionConfig.CodecType) {
        let codec: any DownstreamCodec
        if type == .http2 {
            guard let http2 = HTTP2ServerCodec(manager: self) else {
                close()
                return
            }
            codec = http2
        } else {
            codec = HTTP1ServerCodec(manager: self)
        }
        self.codec = codec
        config.stats.connectionBegan(codec.version, isSecure: connection.tlsFacts != nil)
        if isDraining { codec.drain() } else if isRetired { codec.retire() }
    }

    // MARK: Streams

    func makeStream(_ codec: any DownstreamCodec) -> Stream {
        activeStreams += 1
        connection.worker.activeStreams += 1
        requests += 1
        idleTimer?.cancel()
        let stream = config.takeStream(self, codec)
        if config.maxRequestsPerConnection > 0, requests >= config.maxRequestsPerConnection, !isDraining {
            config.stats.connectionRequestsReached()
            isDraining = true
            // The codec does not have the stream yet, which is answered before the connection ends.
            codec.retire()
        }
        return stream
    }

    /// A stream has ended: it is counted and logged.
    func streamEnded(_ stream: Stream) {
        activeStreams -= 1
        connection.worker.activeStreams -= 1
        let duration = stream.info.times.end - stream.info.times.start
        config.stats.requestEnded(
            status: Int(stream.info.responseCode), duration: duration, answered: stream.responsePath.delivered != .head)
        if stream.isTunnel { config.stats.upgradeEnded() }
        for log in config.accessLogs { log.write(stream) }
        if activeStreams == 0 { armIdleTimer() }
    }

    // MARK: Ending

    /// Ends the connection when its output has been written.
    func close() {
        isClosing = true
        connection.transport.closeAfterFlush()
    }

    private func armIdleTimer() {
        if config.idleTimeout > 0 { idleTimer?.schedule(after: config.idleTimeout) }
    }

    private func idleTimeoutExpired() {
        guard activeStreams == 0 else { return }
        guard let codec, codec.version == .http2 else {
            config.stats.connectionIdle()
            close()
            return
        }
        guard !isDraining else { return }
        config.stats.connectionIdle()
        // As in Envoy: the client hears of it first, and the connection ends when the grace period of a drain is over.
        isDraining = true
        codec.retire()
    }

    private func durationReached() {
        config.stats.connectionDurationReached()
        drain()
    }
}
