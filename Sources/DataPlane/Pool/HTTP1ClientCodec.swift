import Bytes
import HTTPCodec
import HTTPModel
import Observability
import Reactor

/// The client side of HTTP/1 on one connection: one request at a time.
@WorkerActor final class HTTP1ClientCodec: UpstreamCodec, UpstreamCodecInput {
    let number: Int
    let connectionID: UInt64
    let transport: Transport
    // Safety: the connection owns its codec and clears this when it ends.
    unowned(unsafe) var connection: UpstreamConnection?
    private(set) var requestCount: UInt64 = 0
    let capacity = 1
    let version = HTTPVersion.http11

    private let worker: WorkerContext
    private let pool: ConnectionPool
    private let cluster: Cluster
    private var parser: HTTP1Parser
    private var request: UpstreamRequest?
    private var requestFraming = HTTP1Framing.none
    private var requestEnded = true
    private var responsePauses = 0
    private var keepAlive = true
    private var isTunnel = false
    private var isDraining = false
    private var brokeOff = false
    /// Bytes have come since the request began.
    private(set) var hasResponseBytes = false

    init(transport: Transport, pool: ConnectionPool, cluster: Cluster, number: Int, id: UInt64) {
        self.transport = transport
        self.pool = pool
        self.cluster = cluster
        worker = cluster.worker
        self.number = number
        connectionID = id
        parser = HTTP1Parser(role: .response, options: cluster.config.http1)
    }

    var isBusy: Bool { request != nil || brokeOff }

    func opened() {
        connection?.idleChanged(true)
    }

    // MARK: The request

    func sendHeaders(_ request: UpstreamRequest, _ fields: inout HeaderBlock, endStream: Bool) -> StreamReset? {
        precondition(self.request == nil, "two requests on one HTTP/1 connection")
        let isConnect = fields.get(.method, is: "CONNECT")
        requestFraming = framing(&fields, endStream: endStream, isUpgrade: request.isUpgrade || isConnect)
        worker.scratchText.reset()
        let isWritten = cluster.config.http1Writer.writeRequestHead(
            fields, framing: requestFraming, connection: request.isUpgrade ? .upgrade : .keepAlive,
            to: &worker.scratchText)
        guard isWritten else {
            // There is nothing to make the request line of. Of the connection nothing has been used.
            pool.ended(number, reusable: true)
            return .local
        }
        connection?.idleChanged(false)
        self.request = request
        requestCount += 1
        hasResponseBytes = false
        requestEnded = endStream
        keepAlive = true
        isTunnel = false
        parser.expectResponse(toHead: fields.get(.method, is: "HEAD"), toConnect: isConnect)
        request.headWritten(worker.scratchText.count)
        transport.write(worker.scratchText.bytes)
        return nil
    }

    private func framing(_ fields: inout HeaderBlock, endStream: Bool, isUpgrade: Bool) -> HTTP1Framing {
        fields.remove(.transferEncoding)
        if isUpgrade { return .none }
        if endStream {
            // A method that usually has a body says that there is none (RFC 9110 section 8.6); so does who said it already.
            if fields.has(.contentLength) { return .length(0) }
            guard let method = fields.get(.method) else { return .none }
            return method.equals("POST") || method.equals("PUT") || method.equals("PATCH") ? .length(0) : .none
        }
        if let length = fields.get(.contentLength)?.decimal { return .length(length) }
        fields.remove(.contentLength)
        return .chunked
    }

    func sendData(_ request: UpstreamRequest, _ bytes: UnsafeRawBufferPointer, endStream: Bool) {
        guard self.request === request else { return }
        if requestFraming == .chunked, !isTunnel {
            worker.scratchText.reset()
            if !bytes.isEmpty {
                cluster.config.http1Writer.writeChunkPrefix(bytes.count, to: &worker.scratchText)
                transport.write(worker.scratchText.bytes)
                transport.write(bytes)
                worker.scratchText.reset()
                cluster.config.http1Writer.writeChunkSuffix(to: &worker.scratchText)
            }
            if endStream { cluster.config.http1Writer.writeLastChunk(to: &worker.scratchText) }
            transport.write(worker.scratchText.bytes)
        } else {
            transport.write(bytes)
        }
        if endStream { requestDone() }
    }

    func sendTrailers(_ request: UpstreamRequest, _ fields: borrowing HeaderBlock) {
        guard self.request === request else { return }
        if requestFraming == .chunked {
            worker.scratchText.reset()
            if cluster.config.http1AllowsTrailers {
                cluster.config.http1Writer.writeLastChunk(trailers: fields, to: &worker.scratchText)
            } else {
                cluster.config.http1Writer.writeLastChunk(to: &worker.scratchText)
            }
            transport.write(worker.scratchText.bytes)
        }
        requestDone()
    }

    private func requestDone() {
        requestEnded = true
        // The other direction of a tunnel stays open until the host ends it.
        if isTunnel { transport.endOutput() }
    }

    func abandon(_ request: UpstreamRequest) {
        guard self.request === request else { return }
        self.request = nil
        brokeOff = true
        // The rest of the exchange is of no use to anybody, and only the end of the connection says so.
        transport.closeNow()
    }

    // MARK: The response

    func receive(_ bytes: UnsafeRawBufferPointer) -> Int {
        var offset = 0
        hasResponseBytes = true
        while transport.isOpen {
            if responsePauses > 0 { break }
            let input = bytes.slice(offset, bytes.count)
            guard let request else {
                // Bytes that nobody asked for: what they answer cannot be known (response queue poisoning).
                if !input.isEmpty { fail(.unexpectedData) }
                return bytes.count
            }
            let step = parser.next(input, into: &worker.scratchFields)
            offset += step.consumed
            switch step.event {
            case .needMore: return offset
            case .head(let head): receiveHead(head, request)
            case .body(let at, let count): request.receiveData(input.slice(at, at + count), endStream: false)
            case .trailers:
                // The parser still has its end to tell; the next response must not begin with it.
                endIsDue = true
                end(request) {
                    if cluster.config.http1AllowsTrailers {
                        request.receiveTrailers(&worker.scratchFields)
                    } else {
                        request.receiveData(.empty, endStream: true)
                    }
                }
            case .end: end(request) { request.receiveData(.empty, endStream: true) }
            case .failed(let error):
                fail(error)
                return bytes.count
            }
        }
        return transport.isOpen ? offset : bytes.count
    }

    /// The message is over, and the parser has not said so yet.
    private var endIsDue = false

    private func receiveHead(_ head: HTTP1Head, _ request: UpstreamRequest) {
        if head.informational {
            request.receiveInterim(&worker.scratchFields)
            return
        }
        keepAlive = head.keepAlive
        let status = worker.scratchFields.status
        if request.isUpgrade && status == 101 || head.isConnect && status < 300 {
            // A protocol that nobody asked for (RFC 9110 section 7.8): what follows is not what the client would take it for.
            guard head.isConnect || isAsked(request) else { return fail(.unexpectedData) }
            isTunnel = true
            keepAlive = false
            parser.becomeTunnel()
            if head.hasHopByHop { HopByHop.strip(&worker.scratchFields, keepUpgrade: true) }
            request.receiveHeaders(&worker.scratchFields, endStream: false)
            return
        }
        // Nobody asked for another protocol (RFC 9110 section 15.2.2): what follows is no HTTP.
        if status == 101 { return fail(.unexpectedData) }
        if head.hasHopByHop { HopByHop.strip(&worker.scratchFields, keepUpgrade: false) }
        worker.scratchFields.remove(.transferEncoding)
        let hasBody = head.framing.hasBody && !head.isHead
        if hasBody {
            request.receiveHeaders(&worker.scratchFields, endStream: false)
        } else {
            // The parser's end follows at once; the connection is free before the response goes on, so that the client's
            // next request can use it.
            endIsDue = true
            end(request) { request.receiveHeaders(&worker.scratchFields, endStream: true) }
        }
    }

    /// Whether the head names the protocol that the request asked for, and no other.
    private func isAsked(_ request: UpstreamRequest) -> Bool {
        guard let asked = request.upgradeToken, let index = worker.scratchFields.firstIndex(of: .upgrade) else { return false }
        return worker.scratchFields.value(at: index).equalsIgnoringCase(asked)
            && worker.scratchFields.firstIndex(of: .upgrade, from: index + 1) == nil
    }

    /// The response is complete: the connection goes back to the pool, unless the request is not, and then `last` is told.
    private func end(_ request: UpstreamRequest, _ last: () -> Void) {
        guard !isDoneAlready else { return }
        self.request = nil
        let reusable = keepAlive && requestEnded && !isDraining && !isTunnel
        consumeEnd()
        last()
        request.released()
        if reusable { connection?.idleChanged(true) }
        pool.ended(number, reusable: reusable)
    }

    private var isDoneAlready: Bool { request == nil }

    /// Takes the parser's end of a message without a body or with trailers, so that it is idle for the next one.
    private func consumeEnd() {
        guard endIsDue else { return }
        endIsDue = false
        _ = parser.next(.empty, into: &worker.scratchFields)
    }

    private func fail(_ error: HTTP1Error) {
        cluster.stats[.upstreamCxProtocolError].add()
        let request = self.request
        self.request = nil
        brokeOff = request != nil
        transport.closeNow()
        request?.receiveReset(.protocolError, detail: error.detail)
    }

    func inputEnded() {
        guard let request else {
            transport.closeNow(.remote)
            return
        }
        switch parser.endOfInput() {
        case .end where transport.isInputTruncated && !isTunnel:
            // A body that ends with the connection is whole only if TLS says that it has ended (RFC 9112 section 9.8).
            transport.closeNow(.remote)
        case .end:
            keepAlive = false
            end(request) { request.receiveData(.empty, endStream: true) }
        default:
            // A message that broke off is malformed; where none began, the host has only hung up.
            if hasResponseBytes { fail(.incomplete) } else { transport.closeNow(.remote) }
        }
    }

    // MARK: Backpressure

    func pauseResponse(_ request: UpstreamRequest) {
        guard self.request === request else { return }
        responsePauses += 1
        transport.pauseReading()
    }

    func resumeResponse(_ request: UpstreamRequest) {
        guard self.request === request, responsePauses > 0 else { return }
        responsePauses -= 1
        transport.resumeReading()
    }

    func outputCrossed(_ crossing: Watermark.Crossing) {
        switch crossing {
        case .above: request?.hostBlocked()
        case .below: request?.hostUnblocked()
        }
    }

    // MARK: Ending

    func drain() {
        isDraining = true
        guard request == nil else { return }
        // A host that has ended its direction of a tunnel may still read what the client said before.
        if isTunnel { transport.closeAfterFlush() } else { transport.closeNow() }
    }

    func connectionClosed(_ reason: TransportClose) {
        guard let request else { return }
        self.request = nil
        request.receiveReset(
            .connectionTermination, detail: "upstream_reset_before_response_started{connection_termination}")
    }
}
