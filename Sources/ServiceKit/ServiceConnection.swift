import Bytes
import HTTPCodec
import HTTPModel
import Reactor

/// One connection to an ``HTTPService``.
@WorkerActor final class ServiceConnection: EventHandler {
    private static let readSize = 16 * 1024
    /// Bytes read in one event; then others get their turn.
    private static let maximumReads = 16

    private let service: HTTPService
    private let descriptor: Int32
    private let remote: SocketAddress
    private var parser = HTTP1Parser(role: .request)
    private var fields = HeaderBlock()
    private var head: HTTP1Head?
    private var request: ServiceRequest?
    private var input: [UInt8] = []
    private var output = ByteWriter(capacity: 1024)
    private var sent = 0
    private var closesWhenSent = false
    private var isOpen = true
    private var idle: LoopTimer?

    init(service: HTTPService, descriptor: consuming Descriptor, remote: SocketAddress) {
        self.service = service
        self.descriptor = descriptor.release()
        self.remote = remote
    }

    func start() {
        let timer = LoopTimer(loop: service.loop) { [unowned self] in self.close() }
        idle = timer
        timer.schedule(after: service.limits.idleTime)
        do throws(SystemError) {
            try service.loop.watch(descriptor, .connection, self)
        } catch {
            close()
        }
    }

    func close() {
        guard isOpen else { return }
        isOpen = false
        idle?.cancel()
        service.loop.unwatch(descriptor)
        _ = Descriptor(descriptor)
        service.ended(self)
    }

    func ready(_ readiness: Readiness) {
        idle?.schedule(after: service.limits.idleTime)
        if readiness.has(.writable) { flush() }
        if readiness.has(.input) { read() }
    }

    private func read() {
        for _ in 0..<Self.maximumReads {
            guard isOpen, !closesWhenSent else { return }
            let before = input.count
            input.append(contentsOf: repeatElement(0, count: Self.readSize))
            let result = input.withUnsafeMutableBytes {
                Socket.receive(descriptor, into: UnsafeMutableRawBufferPointer(rebasing: $0[before...]))
            }
            switch result {
            case .bytes(let count):
                input.removeLast(Self.readSize - count)
                parse()
            case .wouldBlock:
                input.removeLast(Self.readSize)
                return
            case .endOfFile, .failed:
                close()
                return
            }
        }
    }

    /// Reads whole requests out of the input; the next one waits until the answer to the last is written.
    private func parse() {
        var used = 0
        while isOpen, !closesWhenSent, sent == output.count {
            let step = input.withUnsafeBytes { parser.next($0.slice(used, $0.count), into: &fields) }
            let start = used
            used += step.consumed
            switch step.event {
            case .needMore:
                input.removeFirst(used)
                return
            case .head(let head): began(head)
            case .body(let offset, let count):
                guard (request?.body.count ?? 0) + count <= service.limits.bodyBytes else {
                    refuse(413)
                    continue
                }
                request?.body += input[(start + offset)..<(start + offset + count)]
            case .trailers: break
            case .end: answer()
            case .failed(let error): refuse(error.requestStatus)
            }
        }
        if used > 0 { input.removeFirst(used) }
    }

    private func began(_ head: HTTP1Head) {
        self.head = head
        let (path, query) = ServiceRequest.split(fields[":path"] ?? "/")
        request = ServiceRequest(
            method: fields[":method"] ?? "", path: path, query: query, authority: fields[":authority"] ?? "",
            fields: fields.fields, body: [], remote: remote)
        if head.expectContinue {
            HTTP1Writer().writeContinue(to: &output)
            flush()
        }
    }

    private func answer() {
        guard let request, let head else { return }
        self.request = nil
        write(service.handler(request), keepAlive: head.keepAlive, version: head.version, isHead: head.isHead)
    }

    /// Answers what is no valid request and ends the connection.
    private func refuse(_ status: Int) {
        request = nil
        write(ServiceResponse(status, text: "invalid request\n"), keepAlive: false, version: .http11, isHead: false)
    }

    private func write(_ response: ServiceResponse, keepAlive: Bool, version: HTTPVersion, isHead: Bool) {
        var head = HeaderBlock()
        head.append(":status", String(response.status))
        head.append("content-type", response.contentType)
        head.append("cache-control", "no-cache, max-age=0")
        head.append("x-content-type-options", "nosniff")
        if let allow = response.allow { head.append("allow", allow) }
        _ = HTTP1Writer().writeResponseHead(
            head, version: version, framing: .length(UInt64(response.body.count)), connection: keepAlive ? .keepAlive : .close,
            to: &output)
        if !isHead { output.append(response.body) }
        closesWhenSent = !keepAlive
        flush()
    }

    private func flush() {
        while sent < output.count {
            switch Socket.send(descriptor, output.bytes.slice(sent, output.count)) {
            case .bytes(let count): sent += count
            case .wouldBlock: return
            case .endOfFile, .failed:
                close()
                return
            }
        }
        let hadOutput = sent > 0
        // A page of statistics may be large; the connection does not keep its memory.
        if output.capacity > 64 * 1024 { output = ByteWriter(capacity: 1024) }
        output.reset()
        sent = 0
        if closesWhenSent {
            close()
        } else if hadOutput, !input.isEmpty {
            parseLater()
        }
    }

    /// Goes on with pipelined requests when this call has returned.
    private func parseLater() {
        service.loop.atTurnEnd(PipelinedRequests(self))
    }

    fileprivate func parseWaiting() {
        guard isOpen else { return }
        parse()
    }
}

/// Calls a connection back at the end of the turn.
@WorkerActor private final class PipelinedRequests: TurnEndHandler {
    private let connection: ServiceConnection

    init(_ connection: ServiceConnection) { self.connection = connection }

    func turnEnded() { connection.parseWaiting() }
}
