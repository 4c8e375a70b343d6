import Bytes
import HTTPCodec
import HTTPModel
import Observability
import Reactor

/// The server side of HTTP/1 on one connection: one request at a time, those behind it wait unread.
@WorkerActor final class HTTP1ServerCodec: DownstreamCodec {
    /// Requests that begin in one event; then other connections have their turn, and finished streams are used again.
    private static let requestsPerEvent = 64

    // Safety: the manager owns its codec and outlives it.
    private unowned(unsafe) let manager: HTTPConnectionManager
    private let transport: Transport
    private let worker: WorkerContext
    private var parser: HTTP1Parser
    private var stream: Stream?
    private var head = HTTP1Head()
    private var framing = HTTP1Framing.none
    private var requestPauses = 0
    /// The request is over for the parser, or nobody wants the rest of it.
    private var requestEnded = false
    private var responseEnded = false
    private var responsePaused = false
    private var isDraining = false
    private var closesAfterResponse = false
    private var sentContinue = false
    private var pipelineHeld = false
    private var pipelineYielded = false
    private var headTimer: LoopTimer?

    init(manager: HTTPConnectionManager) {
        self.manager = manager
        transport = manager.transport
        worker = manager.connection.worker
        parser = HTTP1Parser(rules: manager.config.http1Rules)
    }

    var version: HTTPVersion { head.version }

    // MARK: The request

    func receive(_ bytes: UnsafeRawBufferPointer) -> Int {
        var offset = 0
        var begun = 0
        pipelineYielded = false
        while transport.isOpen {
            // The next request waits until this one is answered; a paused one until somebody takes its body.
            if requestEnded || requestPauses > 0 {
                if requestEnded, offset < bytes.count { holdPipelined() }
                break
            }
            if stream == nil, offset < bytes.count {
                // Answers wait for the client: another one would have no bound.
                if transport.watermark.isAbove {
                    holdPipelined()
                    break
                }
                if begun == Self.requestsPerEvent {
                    pipelineYielded = true
                    transport.yieldReading()
                    break
                }
            }
            let input = bytes.slice(offset, bytes.count)
            let step = parser.next(input, into: &worker.scratchFields)
            offset += step.consumed
            switch step.event {
            case .needMore:
                if stream == nil, offset < bytes.count { armHeadTimer() }
                return offset
            case .head(let head):
                if parser.droppedFields > 0 { worker.http1Counters.droppedFields(UInt64(parser.droppedFields)) }
                begun += 1
                begin(head)
            case .body(let at, let count):
                stream?.receiveData(input.slice(at, at + count), endStream: false)
            case .trailers:
                guard let stream else { continue }
                requestEnded = true
                swap(&stream.requestTrailers, &worker.scratchFields)
                if manager.config.http1AllowsTrailers, !stream.requestTrailers.isEmpty {
                    stream.receiveTrailers()
                } else {
                    stream.requestTrailers.reset()
                    stream.receiveData(.empty, endStream: true)
                }
            case .end:
                end()
            case .failed(let error):
                fail(error)
                return bytes.count
            }
        }
        return transport.isOpen ? offset : bytes.count
    }

    /// A client that sends requests ahead is not read any further until this one is answered, and until it has taken
    /// enough of the answers before it.
    private func holdPipelined() {
        guard !pipelineHeld else { return }
        pipelineHeld = true
        transport.pauseReading()
    }

    private func releasePipelined() {
        guard pipelineHeld else { return }
        pipelineHeld = false
        transport.resumeReading()
    }

    private func begin(_ head: HTTP1Head) {
        headTimer?.cancel()
        self.head = head
        framing = .none
        requestEnded = false
        responseEnded = false
        responsePaused = false
        sentContinue = false
        closesAfterResponse = !head.keepAlive
        let stream = manager.makeStream(self)
        self.stream = stream
        swap(&stream.requestHeaders, &worker.scratchFields)
        let hasBody = head.framing.hasBody || head.isConnect || head.hasUpgrade
        // The parser lets no other expectation pass; one without a body asks for nothing.
        if !manager.config.proxy100Continue, stream.requestHeaders.has(.expect) {
            stream.requestHeaders.remove(.expect)
            if head.expectContinue, hasBody { sendContinue() }
        }
        if head.hasHopByHop { HopByHop.strip(&stream.requestHeaders, keepUpgrade: head.hasUpgrade) }
        stream.requestHeaders.remove(.transferEncoding)
        if !hasBody { requestEnded = true }
        stream.receiveHeaders(endStream: !hasBody)
    }

    /// The parser's end of a message: for a request without a body it was told with the head.
    private func end() {
        guard !requestEnded, let stream else { return }
        requestEnded = true
        stream.receiveData(.empty, endStream: true)
    }

    private func sendContinue() {
        sentContinue = true
        transport.write(UnsafeRawBufferPointer("HTTP/1.1 100 Continue\r\n\r\n"))
    }

    private func fail(_ error: HTTP1Error) {
        manager.config.stats.protocolError()
        worker.http1Counters.refused(error)
        headTimer?.cancel()
        if let stream {
            // The body broke: the host must not take it for whole.
            closesAfterResponse = true
            requestEnded = true
            if stream.responsePath.delivered == .head {
                stream.info.responseFlags.insert(.downstreamProtocolError)
                stream.reply(
                    LocalReply(
                        status: error.requestStatus, body: "Bad Request", details: error.detail,
                        flags: .downstreamProtocolError))
            } else {
                stream.receiveReset(.protocolError)
                manager.close()
            }
            return
        }
        refuse(
            LocalReply(
                status: error.requestStatus, body: error.replyBody, details: error.detail, flags: .downstreamProtocolError))
    }

    /// No stream yet: one is made for the answer, so that it is counted and logged like any other.
    private func refuse(_ reply: LocalReply) {
        head = HTTP1Head(version: head.version, keepAlive: false)
        closesAfterResponse = true
        requestEnded = true
        responseEnded = false
        let stream = manager.makeStream(self)
        self.stream = stream
        manager.config.stats.requestBegan(.http11)
        stream.requestPath.iteration.endSeen = true
        stream.reply(reply)
    }

    func inputEnded() {
        if let stream {
            if stream.isTunnel, !requestEnded {
                requestEnded = true
                stream.receiveData(.empty, endStream: true)
                return
            }
            // A client that has sent its request and closed its direction does not wait for an answer (as Envoy takes it).
            stream.receiveReset(.connectionTermination)
        }
        manager.close()
    }

    private func armHeadTimer() {
        let timeout = manager.config.requestHeadersTimeout
        guard timeout > 0, headTimer?.isArmed != true else { return }
        // Made for the first head that comes in pieces. Safety: the timer is this object's alone and goes with it; a
        // freed timer is never called.
        let timer = headTimer ?? LoopTimer(loop: worker.loop) { [unowned(unsafe) self] in self.headTimeoutExpired() }
        headTimer = timer
        timer.schedule(after: timeout)
    }

    private func headTimeoutExpired() {
        guard stream == nil else { return }
        manager.config.stats.requestHeadersTimeout()
        refuse(LocalReply(status: 408, body: "request header timeout", details: "request_header_timeout"))
    }

    // MARK: The response

    func sendInterim(_ stream: Stream, status: Int) {
        if status == 100 {
            if !sentContinue { sendContinue() }
            return
        }
        guard head.version == .http11 else { return }
        worker.scratchText.reset()
        let isWritten = manager.config.http1Writer.writeResponseHead(
            stream.responseHeaders, framing: .none, to: &worker.scratchText)
        if isWritten { transport.write(worker.scratchText.bytes) }
    }

    func sendHeaders(_ stream: Stream, endStream: Bool) {
        let status = stream.responseHeaders.status
        if status == 101, stream.upgrade != nil || head.isConnect { becomeTunnel(stream) }
        if head.isConnect, status >= 200, status < 300 { becomeTunnel(stream) }
        if !stream.isTunnel {
            let endsHere = stream.isMalformed && !manager.config.http1KeepsMalformed
            // A client that asked for another protocol may have begun to speak it: what follows is no request.
            let isOver = !requestEnded || head.hasUpgrade || endsHere
            if isOver || manager.isDrainingOrClosing || isDraining { closesAfterResponse = true }
            framing = responseFraming(stream, status, endStream: endStream)
        }
        let connection: HTTP1Connection =
            stream.isTunnel && status == 101 ? .upgrade : closesAfterResponse && !stream.isTunnel ? .close : .keepAlive
        worker.scratchText.reset()
        // A closure handed to the array is checked for its isolation at run time; almost no response needs one.
        let isWritten =
            stream.reasonPhrase.isEmpty
            ? writeHead(stream, connection, reason: nil)
            : stream.reasonPhrase.withUnsafeBytes { writeHead(stream, connection, reason: $0) }
        precondition(isWritten, "a response without a status")
        stream.info.downstreamHeaderBytesSent += UInt64(worker.scratchText.count)
        transport.write(worker.scratchText.bytes)
        if endStream { responseEnded = true }
    }

    private func writeHead(_ stream: Stream, _ connection: HTTP1Connection, reason: UnsafeRawBufferPointer?) -> Bool {
        manager.config.http1Writer.writeResponseHead(
            stream.responseHeaders, version: head.version, framing: stream.isTunnel ? .none : framing, reason: reason,
            connection: connection, to: &worker.scratchText)
    }

    /// How the client will find the end: by length if it is known, by chunks, or, for HTTP/1.0, by the connection's end.
    private func responseFraming(_ stream: Stream, _ status: Int, endStream: Bool) -> HTTP1Framing {
        stream.responseHeaders.remove(.transferEncoding)
        if status == 204 || status == 304 || status < 200 {
            if status != 304 { stream.responseHeaders.remove(.contentLength) }
            return .none
        }
        if head.isHead { return .none }
        if endStream {
            if !stream.responseHeaders.has(.contentLength) { stream.responseHeaders.append(.contentLength, "0") }
            return .none
        }
        if let length = stream.responseHeaders.get(.contentLength)?.decimal { return .length(length) }
        stream.responseHeaders.remove(.contentLength)
        if head.version == .http10 {
            closesAfterResponse = true
            return .untilClose
        }
        return .chunked
    }

    private func becomeTunnel(_ stream: Stream) {
        stream.isTunnel = true
        manager.config.stats.upgraded()
        framing = .untilClose
        closesAfterResponse = true
        parser.becomeTunnel()
        requestEnded = false
        if requestPauses == 0 { transport.resumeIfWaiting() }
    }

    func sendData(_ stream: Stream, _ bytes: UnsafeRawBufferPointer, endStream: Bool) {
        guard !head.isHead || stream.isTunnel else {
            if endStream { responseEnded = true }
            return
        }
        switch framing {
        case .none: break
        case .length, .untilClose: transport.write(bytes)
        case .chunked:
            worker.scratchText.reset()
            if !bytes.isEmpty {
                manager.config.http1Writer.writeChunkPrefix(bytes.count, to: &worker.scratchText)
                transport.write(worker.scratchText.bytes)
                transport.write(bytes)
                worker.scratchText.reset()
                manager.config.http1Writer.writeChunkSuffix(to: &worker.scratchText)
            }
            if endStream { manager.config.http1Writer.writeLastChunk(to: &worker.scratchText) }
            transport.write(worker.scratchText.bytes)
        }
        if endStream { responseEnded = true }
    }

    func sendTrailers(_ stream: Stream) {
        responseEnded = true
        guard framing == .chunked else { return }
        worker.scratchText.reset()
        if manager.config.http1AllowsTrailers, head.version == .http11 {
            manager.config.http1Writer.writeLastChunk(trailers: stream.responseTrailers, to: &worker.scratchText)
        } else {
            manager.config.http1Writer.writeLastChunk(to: &worker.scratchText)
        }
        transport.write(worker.scratchText.bytes)
    }

    func reset(_ stream: Stream, _ reason: StreamReset) {
        // What was promised cannot be kept; only the end of the connection says so in HTTP/1.
        closesAfterResponse = true
        responseEnded = false
    }

    func streamFinished(_ stream: Stream) {
        guard self.stream === stream else { return }
        self.stream = nil
        if requestPauses > 0 {
            for _ in 0..<requestPauses { transport.resumeReading() }
            requestPauses = 0
        }
        guard responseEnded, requestEnded, !closesAfterResponse else {
            if !requestEnded, responseEnded { manager.config.stats.responseBeforeRequestComplete() }
            // Only a reset tells a client apart a body that ends with the connection from one that broke off.
            if !responseEnded, framing == .untilClose { transport.abortAfterFlush() } else { manager.close() }
            return
        }
        requestEnded = false
        releasePipelined()
        // Bytes of the next request may have come already.
        transport.resumeIfWaiting()
    }

    // MARK: Backpressure

    func pauseRequest(_ stream: Stream) {
        guard self.stream === stream else { return }
        requestPauses += 1
        manager.config.stats.readingPaused()
        transport.pauseReading()
    }

    func resumeRequest(_ stream: Stream) {
        guard self.stream === stream, requestPauses > 0 else { return }
        requestPauses -= 1
        manager.config.stats.readingResumed()
        transport.resumeReading()
    }

    func outputCrossed(_ crossing: Watermark.Crossing) {
        guard let stream else {
            if crossing == .below { releasePipelined() }
            return
        }
        switch crossing {
        case .above where !responsePaused:
            responsePaused = true
            stream.router.pauseResponse()
        case .below where responsePaused:
            responsePaused = false
            stream.router.resumeResponse()
        default: break
        }
    }

    // MARK: Ending

    func drain() {
        isDraining = true
        // The answer to a request that has come and waits says that the connection ends.
        if stream == nil, !pipelineHeld, !pipelineYielded { manager.close() }
    }

    /// Whether the next response closes is asked when it is written; see ``HTTPConnectionManager/isDrainingOrClosing``.
    func retire() {}

    func connectionClosed(_ reason: TransportClose) {
        headTimer?.cancel()
        guard let stream else { return }
        stream.receiveReset(.connectionTermination)
    }
}
